//! Homes that can't be written, and folders that can't be read.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::{BASIC, User, is_calm, set_mode};

/// Nobody's number, on most systems.
const NOBODY: u32 = 65_534;

/// A user whom permissions bind, though the tests be run by root.
struct Ordinary {
    user: User,
    /// A dgw that they can run, and all that is theirs.
    place: tempfile::TempDir,
}

impl Ordinary {
    fn new() -> Self {
        let user = BASIC.user();
        let place = tempfile::tempdir().expect("a folder");
        set_mode(place.path(), 0o755);
        let dgw = place.path().join("dgw");
        fs::copy(env!("CARGO_BIN_EXE_dgw"), &dgw).expect("copied");
        set_mode(&dgw, 0o755);
        let new = Self { user, place };
        let configuration = fs::read(new.user.configuration()).expect("a configuration");
        for folder in ["", ".config", ".config/dask", ".local", "tmp"] {
            let folder = new.home().join(folder);
            fs::create_dir(&folder).expect("a folder");
            set_mode(&folder, 0o700);
        }
        fs::write(new.configuration(), configuration).expect("written");
        set_mode(&new.configuration(), 0o600);
        if is_root() {
            give_away(&new.home());
        }
        new
    }

    fn home(&self) -> PathBuf {
        self.place.path().join("home")
    }

    fn configuration(&self) -> PathBuf {
        self.home().join(".config/dask/gateway.yaml")
    }

    fn run(&self, args: &[&str]) -> Output {
        self.after("true", args)
    }

    /// `dgw ARGS` where `preparation` was done before, by a shell of a mount namespace if it takes
    /// one.
    fn after(&self, preparation: &str, args: &[&str]) -> Output {
        let dgw = self.place.path().join("dgw");
        let line = format!("{preparation} && exec \"$0\" \"$@\"");
        let mut command = if preparation.contains("mount") {
            let mut command = Command::new("unshare");
            command.args(["-rm", "sh", "-c", &line]);
            command
        } else if is_root() {
            let id = NOBODY.to_string();
            let mut command = Command::new("setpriv");
            command.args(["--reuid", &id, "--regid", &id, "--clear-groups"]);
            command.args(["sh", "-c", &line]);
            command
        } else {
            let mut command = Command::new("sh");
            command.args(["-c", &line]);
            command
        };
        let home = self.home();
        command.arg(dgw).args(args).current_dir("/");
        command.env_clear().envs(self.user.environment());
        command.env("HOME", &home).env("TMPDIR", home.join("tmp"));
        command.stdin(Stdio::null()).output().expect("it runs")
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn give_away(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).expect("given away");
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a folder") {
            give_away(&entry.expect("an entry").path());
        }
    }
}

#[track_caller]
fn ends(output: &Output, code: i32, sign: &str) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert!(said.contains(sign), "no `{sign}` in: {said}");
    assert!(is_calm(output), "{said}");
    said
}

/// What must hold where no state can be written: nothing is protected, nothing ended by guess.
fn keeps_no_state(run: impl Fn(&[&str]) -> Output, user: &User, name: &str, why: &str) {
    let said = ends(&run(&["keep", name]), 1, why);
    assert!(!said.contains("is protected"), "{said}");
    ends(&run(&["list"]), 0, "");
    ends(&run(&["list", "-o", "wide"]), 0, "");
    ends(&run(&["list", "--idle-for", "1h"]), 0, "");
    // The scheduler itself tells since when it has been idle: nothing need be written for that.
    let clean = run(&["shutdown", "--idle-for", "1h", "--yes", "-q"]);
    ends(&clean, 0, "");
    assert_eq!(clean.stdout, b"");
    assert!(user.has_active_clusters());
}

#[test]
fn a_home_that_cannot_be_written_keeps_no_state_and_says_so() {
    let ordinary = Ordinary::new();
    let name = ordinary.user.stdout(&["new"]);
    let user = &ordinary.user;
    set_mode(&ordinary.home().join(".local"), 0o500);
    keeps_no_state(|args| ordinary.run(args), user, &name, "Permission denied");
    set_mode(&ordinary.home().join(".local"), 0o700);

    // What is there already may still be read.
    ends(&ordinary.run(&["keep", &name]), 0, "is protected");
    let state = ordinary.home().join(".local/state/dgw");
    let gateway = fs::read_dir(&state).expect("state").next();
    let gateway = gateway.expect("a gateway").expect("its folder").path();
    set_mode(&gateway, 0o500);
    set_mode(&gateway.join("keeps"), 0o500);
    ends(&ordinary.run(&["keep", &name]), 1, "Permission denied");
    ends(
        &ordinary.run(&["keep", "--forget", &name]),
        1,
        "Permission denied",
    );
    let wide = ordinary.run(&["list", "-o", "wide"]);
    assert!(String::from_utf8_lossy(&wide.stdout).contains("always"));
    // Whether it is protected can't be known: it counts as if it were.
    set_mode(&gateway.join("keeps"), 0o000);
    std::thread::sleep(std::time::Duration::from_secs(2));
    let clean = ordinary.run(&["shutdown", "--idle-for", "1s", "--yes"]);
    ends(&clean, 1, "Permission denied");
    assert!(user.has_active_clusters());
    set_mode(&gateway.join("keeps"), 0o700);
    set_mode(&gateway, 0o700);
    ends(&ordinary.run(&["keep", "--forget", &name]), 0, "no longer");
    ends(&ordinary.run(&["shutdown", &name]), 0, "");
}

#[test]
#[expect(clippy::print_stderr, reason = "what was left out should be seen")]
fn a_home_that_is_mounted_read_only_is_enough_for_all_but_state() {
    let ordinary = Ordinary::new();
    let home = ordinary.home().display().to_string();
    let read_only = format!("mount --bind {home} {home} && mount -o remount,bind,ro {home}");
    if !ordinary.after(&read_only, &["--version"]).status.success() {
        eprintln!("left out: this machine mounts nothing for its users");
        return;
    }
    // In the namespace one is root, whose files these must be.
    if is_root() {
        Command::new("chown")
            .args(["-R", "0:0", &home])
            .status()
            .expect("chown runs");
    }
    let run = |args: &[&str]| ordinary.after(&read_only, args);
    let started = run(&["new"]);
    ends(&started, 0, "");
    let name = String::from_utf8(started.stdout).expect("a name");
    keeps_no_state(run, &ordinary.user, name.trim(), "Read-only file system");
    // A folder for the certificate is needed, too.
    let connected = run(&["connect", "--", "true"]);
    let said = ends(&connected, 1, "create a private directory");
    assert!(said.contains("TMPDIR"), "{said}");
    ends(
        &run(&["run", "--", "true"]),
        1,
        "create a private directory",
    );
    assert_eq!(ordinary.user.history().len(), 1, "nothing was started");
    let address = BASIC.fact("address");
    let login = ["login", "--force", "--address", address, "--username", "a"];
    ends(&run(&login), 1, "");
    ends(&run(&["shutdown", name.trim()]), 0, "");
}

#[test]
fn what_cannot_be_read_is_named() {
    let ordinary = Ordinary::new();
    set_mode(&ordinary.configuration(), 0o000);
    let said = ends(&ordinary.run(&["list"]), 3, "gateway.yaml");
    assert!(said.contains("chmod 600"), "{said}");
    set_mode(&ordinary.configuration(), 0o600);
    for folder in [".config/dask", ".config", ""] {
        let folder = ordinary.home().join(folder);
        set_mode(&folder, 0o000);
        for args in [&["list"][..], &["doctor"], &["new"]] {
            let output = ordinary.run(args);
            let all = [output.stdout.clone(), output.stderr.clone()].concat();
            let all = String::from_utf8_lossy(&all);
            assert_eq!(output.status.code(), Some(3), "{args:?}: {all}");
            let sign = "/home/.config/dask` can't be read";
            assert!(all.contains(sign), "{args:?}: {all}");
        }
        let file = ordinary.configuration().display().to_string();
        ends(
            &ordinary.run(&["list", "--config", &file]),
            3,
            "can't be read",
        );
        // Where nothing is missed, nothing is said, as in dask.
        let address = "http://127.0.0.1:1";
        let elsewhere = ordinary.run(&["list", "--address", address]);
        ends(&elsewhere, 9, "can't reach the gateway");
        set_mode(&folder, 0o700);
    }
    ends(&ordinary.run(&["list"]), 0, "no active clusters");
}
