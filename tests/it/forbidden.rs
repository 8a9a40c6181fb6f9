//! Homes that can't be written, and directories that can't be read.

use std::fs;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::{BASIC, User, is_calm, set_mode};

/// The user and group `nobody` of most systems.
const NOBODY: u32 = 65_534;

/// A user to whom permissions apply even if root runs the tests.
struct UnprivilegedUser {
    user: User,
    /// Contains a dgw that the user may run, and the home.
    base: tempfile::TempDir,
}

impl UnprivilegedUser {
    fn new() -> Self {
        let user = BASIC.user();
        let base = tempfile::tempdir().expect("a directory");
        set_mode(base.path(), 0o755);
        let dgw = base.path().join("dgw");
        fs::copy(env!("CARGO_BIN_EXE_dgw"), &dgw).expect("the file is copied");
        set_mode(&dgw, 0o755);
        let new = Self { user, base };
        let configuration = fs::read(new.user.configuration()).expect("a configuration");
        for directory in ["", ".config", ".config/dask", ".local", "tmp"] {
            let directory = new.home().join(directory);
            fs::create_dir(&directory).expect("a directory");
            set_mode(&directory, 0o700);
        }
        fs::write(new.configuration(), configuration).expect("the file is written");
        set_mode(&new.configuration(), 0o600);
        if is_root() {
            change_owner(&new.home());
        }
        new
    }

    fn home(&self) -> PathBuf {
        self.base.path().join("home")
    }

    fn configuration(&self) -> PathBuf {
        self.home().join(".config/dask/gateway.yaml")
    }

    fn run(&self, args: &[&str]) -> Output {
        self.run_after("true", args)
    }

    /// Runs `dgw ARGS` after a shell command, in a mount namespace if the command mounts something.
    fn run_after(&self, preparation: &str, args: &[&str]) -> Output {
        let dgw = self.base.path().join("dgw");
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

fn change_owner(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).expect("root may change the owner");
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("a directory") {
            change_owner(&entry.expect("an entry").path());
        }
    }
}

#[track_caller]
fn assert_ends(output: &Output, code: i32, text: &str) -> String {
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert!(stderr.contains(text), "no `{text}` in: {stderr}");
    assert!(is_calm(output), "{stderr}");
    stderr
}

/// Asserts that dgw protects nothing and shuts nothing down if it can't write state.
fn assert_keeps_no_state(run: impl Fn(&[&str]) -> Output, user: &User, name: &str, cause: &str) {
    let stderr = assert_ends(&run(&["keep", name]), 1, cause);
    assert!(!stderr.contains("is protected"), "{stderr}");
    assert_ends(&run(&["list"]), 0, "");
    assert_ends(&run(&["list", "-o", "wide"]), 0, "");
    assert_ends(&run(&["list", "--idle-for", "1h"]), 0, "");
    // The scheduler itself reports since when it has been idle: dgw needs no record of its own.
    let clean = run(&["shutdown", "--idle-for", "1h", "--yes", "-q"]);
    assert_ends(&clean, 0, "");
    assert_eq!(clean.stdout, b"");
    assert!(user.has_active_clusters());
}

#[test]
fn keeps_no_state_in_an_unwritable_home() {
    let unprivileged = UnprivilegedUser::new();
    let name = unprivileged.user.stdout(&["new"]);
    let user = &unprivileged.user;
    set_mode(&unprivileged.home().join(".local"), 0o500);
    assert_keeps_no_state(
        |args| unprivileged.run(args),
        user,
        &name,
        "Permission denied",
    );
    set_mode(&unprivileged.home().join(".local"), 0o700);

    // Existing state can still be read.
    assert_ends(&unprivileged.run(&["keep", &name]), 0, "is protected");
    let state = unprivileged.home().join(".local/state/dgw");
    let gateway = fs::read_dir(&state).expect("state").next();
    let gateway = gateway.expect("a gateway").expect("its directory").path();
    set_mode(&gateway, 0o500);
    set_mode(&gateway.join("keeps"), 0o500);
    assert_ends(
        &unprivileged.run(&["keep", &name, "--for", "1h"]),
        1,
        "Permission denied",
    );
    assert_ends(
        &unprivileged.run(&["keep", "--forget", &name]),
        1,
        "Permission denied",
    );
    let wide = unprivileged.run(&["list", "-o", "wide"]);
    assert!(String::from_utf8_lossy(&wide.stdout).contains("always"));
    // A cluster whose protection can't be read counts as protected.
    set_mode(&gateway.join("keeps"), 0o000);
    std::thread::sleep(std::time::Duration::from_secs(2));
    let clean = unprivileged.run(&["shutdown", "--idle-for", "1s", "--yes"]);
    assert_ends(&clean, 1, "Permission denied");
    assert!(user.has_active_clusters());
    set_mode(&gateway.join("keeps"), 0o700);
    set_mode(&gateway, 0o700);
    assert_ends(
        &unprivileged.run(&["keep", "--forget", &name]),
        0,
        "no longer",
    );
    assert_ends(&unprivileged.run(&["shutdown", &name]), 0, "");
}

#[test]
#[expect(clippy::print_stderr, reason = "shows that a test was skipped")]
fn works_in_a_read_only_home_without_state() {
    let unprivileged = UnprivilegedUser::new();
    let home = unprivileged.home().display().to_string();
    let read_only = format!("mount --bind {home} {home} && mount -o remount,bind,ro {home}");
    if !unprivileged
        .run_after(&read_only, &["--version"])
        .status
        .success()
    {
        eprintln!("skipped: this machine does not let users mount anything");
        return;
    }
    // In the namespace the user is root, who must own the files.
    if is_root() {
        Command::new("chown")
            .args(["-R", "0:0", &home])
            .status()
            .expect("chown runs");
    }
    let run = |args: &[&str]| unprivileged.run_after(&read_only, args);
    let started = run(&["new"]);
    assert_ends(&started, 0, "");
    let name = String::from_utf8(started.stdout).expect("a name");
    assert_keeps_no_state(
        run,
        &unprivileged.user,
        name.trim(),
        "Read-only file system",
    );
    // The certificate needs a directory, too.
    let connected = run(&["connect", "--", "true"]);
    let stderr = assert_ends(&connected, 1, "create a private directory");
    assert!(stderr.contains("TMPDIR"), "{stderr}");
    assert_ends(
        &run(&["run", "--", "true"]),
        1,
        "create a private directory",
    );
    assert_eq!(unprivileged.user.history().len(), 1, "nothing was started");
    let address = BASIC.fact("address");
    let login = ["login", "--force", "--address", address, "--username", "a"];
    assert_ends(&run(&login), 1, "");
    assert_ends(&run(&["shutdown", name.trim()]), 0, "");
}

#[test]
fn names_unreadable_files_and_directories() {
    let unprivileged = UnprivilegedUser::new();
    set_mode(&unprivileged.configuration(), 0o000);
    let stderr = assert_ends(&unprivileged.run(&["list"]), 3, "gateway.yaml");
    assert!(stderr.contains("chmod 600"), "{stderr}");
    set_mode(&unprivileged.configuration(), 0o600);
    for directory in [".config/dask", ".config", ""] {
        let directory = unprivileged.home().join(directory);
        set_mode(&directory, 0o000);
        for args in [&["list"][..], &["doctor"], &["new"]] {
            let output = unprivileged.run(args);
            let all = [output.stdout.clone(), output.stderr.clone()].concat();
            let all = String::from_utf8_lossy(&all);
            assert_eq!(output.status.code(), Some(3), "{args:?}: {all}");
            let text = "/home/.config/dask` can't be read";
            assert!(all.contains(text), "{args:?}: {all}");
        }
        let file = unprivileged.configuration().display().to_string();
        assert_ends(
            &unprivileged.run(&["list", "--config", &file]),
            3,
            "can't be read",
        );
        // Unlike dask: the files in it may decide who the user is.
        let address = "http://127.0.0.1:1";
        let elsewhere = unprivileged.run(&["list", "--address", address]);
        assert_ends(&elsewhere, 3, "can't be read: Permission denied");
        set_mode(&directory, 0o700);
    }
    assert_ends(&unprivileged.run(&["list"]), 0, "no active clusters");
}
