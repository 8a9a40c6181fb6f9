//! Starts that fail, and what is left of them within the user's reach: by a stub, as no gateway
//! here keeps anything in a home, and by Slurm clients that misbehave.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use snapbox::str;

use crate::support::{Stub, User, answer, json_answer, set_mode};

const NAME: &str = "0123456789abcdef0123456789abcdef";

/// A gateway whose only cluster is PENDING for so long, and FAILED from then on. With the first
/// answer that says so, `then` is called: gateways clean up at this moment.
fn failing_after(pending: Duration, then: impl Fn() + Send + Sync + 'static) -> User {
    let started = Instant::now();
    let stub = Stub::new(move |head| {
        if head.starts_with("POST") {
            return json_answer(&format!(r#"{{"name": "{NAME}"}}"#));
        }
        if head.starts_with("DELETE") {
            return answer("204 No Content", "", "");
        }
        let status = if started.elapsed() < pending {
            "PENDING"
        } else {
            then();
            "FAILED"
        };
        json_answer(&format!(
            r#"{{"name": "{NAME}", "status": "{status}", "start_time": 1000, "stop_time": null,
                "options": {{}}, "dashboard_route": null}}"#
        ))
    });
    User::basic(&stub.address, "ada", "pw").with("PATH", "/nonexistent")
}

fn staged(user: &User) -> PathBuf {
    user.home().join(".dask-gateway").join(NAME)
}

fn copies(user: &User) -> PathBuf {
    user.home().join(".local/state/dgw/logs").join(NAME)
}

fn stage(user: &User, file: &str, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(staged(user)).expect("the folder can be made");
    fs::write(staged(user).join(file), bytes).expect("the file can be written");
}

fn said(user: &User, args: &[&str]) -> String {
    let output = user.command(args).output().expect("dgw runs");
    assert_eq!(output.status.code(), Some(6));
    assert_eq!(output.stdout, b"");
    String::from_utf8(output.stderr).expect("UTF-8")
}

#[test]
fn logs_that_the_gateway_removes_are_kept() {
    let folder = std::sync::Arc::new(std::sync::OnceLock::<PathBuf>::new());
    let doomed = std::sync::Arc::clone(&folder);
    let user = failing_after(Duration::from_secs(3), move || {
        let _ = fs::remove_dir_all(doomed.get().expect("set before dgw runs"));
    });
    folder.set(staged(&user)).expect("set once");
    let log = format!("dask-scheduler-{NAME}.log");
    stage(&user, &log, "starting\n\u{1b}[2J\u{9b}broken\r\n\n");
    stage(&user, "dask-worker-b.log", "a worker\n");
    stage(&user, "dask.pem", "PRIVATE KEY");
    stage(&user, "notes", "mine");
    user.dgw(&["new"]).code(6).stdout_eq("").stderr_eq(str![[r#"
asking the gateway for a cluster
cluster [NAME] is PENDING
error: cluster `[NAME]` did not start: the gateway reports FAILED after [ELAPSED] of PENDING
  [HOME]/.dask-gateway/[NAME]/dask-scheduler-[NAME].log ended with
    starting
    \x1b[2J\x9bbroken
  copied to [HOME]/.local/state/dgw/logs/[NAME]/dask-scheduler-[NAME].log
  [HOME]/.dask-gateway/[NAME]/dask-worker-b.log
  copied to [HOME]/.local/state/dgw/logs/[NAME]/dask-worker-b.log

hint: the scheduler's log may tell why; if it doesn't, ask those who run the gateway to look into theirs

"#]]);
    assert!(!staged(&user).exists());
    let mode = |path: &Path| {
        fs::metadata(path)
            .expect("it is there")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(&copies(&user)), 0o700);
    assert_eq!(mode(&copies(&user).join(&log)), 0o600);
    let copied = fs::read_dir(copies(&user)).expect("the copies").count();
    assert_eq!(copied, 2);
}

#[test]
fn a_time_limit_keeps_them_too() {
    let user = failing_after(Duration::from_secs(3), || {});
    stage(&user, &format!("dask-scheduler-{NAME}.log"), "not yet\n");
    user.dgw(&["new", "--timeout", "1s"])
        .code(7)
        .stdout_eq("")
        .stderr_eq(str![[r#"
asking the gateway for a cluster
cluster [NAME] is PENDING
shutting down cluster [NAME]
cluster [NAME] is shut down ([ELAPSED])
error: timed out after [ELAPSED]: cluster [NAME] does not run yet
  [HOME]/.dask-gateway/[NAME]/dask-scheduler-[NAME].log ended with
    not yet
  copied to [HOME]/.local/state/dgw/logs/[NAME]/dask-scheduler-[NAME].log

hint: `--timeout` gives it longer

"#]]);
}

/// A folder or a file that leads elsewhere, or can't be read, is passed over.
#[test]
fn nothing_is_read_but_logs_of_the_users_own() {
    let elsewhere = tempfile::tempdir().expect("a folder");
    fs::write(elsewhere.path().join("secret.log"), "SECRET").expect("a file");

    let linked = failing_after(Duration::ZERO, || {});
    fs::create_dir(linked.home().join(".dask-gateway")).expect("a folder");
    symlink(elsewhere.path(), staged(&linked)).expect("a link");
    let outer = failing_after(Duration::ZERO, || {});
    fs::create_dir(elsewhere.path().join(NAME)).expect("a folder");
    fs::write(elsewhere.path().join(NAME).join("x.log"), "SECRET").expect("a file");
    symlink(elsewhere.path(), outer.home().join(".dask-gateway")).expect("a link");

    let mixed = failing_after(Duration::ZERO, || {});
    stage(&mixed, "plain.txt", "SECRET");
    let link = staged(&mixed).join("link.log");
    symlink(elsewhere.path().join("secret.log"), link).expect("a link");
    fs::create_dir(staged(&mixed).join("folder.log")).expect("a folder");
    let fifo = staged(&mixed).join("fifo.log");
    let made = std::process::Command::new("mkfifo").arg(fifo).status();
    assert!(made.expect("mkfifo runs").success());

    let other = staged(&mixed).join("other.log");
    fs::write(&other, "SECRET").expect("a file");
    // Only root can give a file away; for everybody else, no others can put one here.
    if std::os::unix::fs::chown(&other, Some(65_534), None).is_err() {
        fs::remove_file(other).expect("it can be removed");
    }

    for user in [&linked, &outer, &mixed] {
        let told = said(user, &["new"]);
        assert!(!told.contains("SECRET"), "{told}");
        assert!(told.contains("hint: the gateway doesn't say why"), "{told}");
        assert!(!copies(user).exists());
    }
}

#[test]
fn of_a_huge_log_the_end_is_kept() {
    let user = failing_after(Duration::ZERO, || {});
    let mut text = "a line of no interest\n".repeat(1 << 20).into_bytes();
    text.extend([b'x'; 2000]);
    text.extend(b"\nthe end\n\xff\n");
    let log = format!("dask-scheduler-{NAME}.log");
    stage(&user, &log, &text);
    let told = said(&user, &["new"]);
    assert!(told.contains("\n    the end\n    \u{fffd}\n"), "{told}");
    assert!(
        told.contains(&format!("\n    {}…\n", "x".repeat(400))),
        "{told}"
    );
    assert_eq!(told.matches("no interest").count(), 17, "{told}");
    let copy = fs::read(copies(&user).join(&log)).expect("the copy");
    assert!(copy.len() <= 256 * 1024 && copy.starts_with(b"a line"));
    assert!(text.ends_with(&copy));
}

#[test]
fn where_no_copy_can_be_made_the_lines_are_shown_all_the_same() {
    let user = failing_after(Duration::ZERO, || {}).with("XDG_STATE_HOME", "/dev/null/nowhere");
    stage(&user, &format!("dask-scheduler-{NAME}.log"), "it broke\n");
    let told = said(&user, &["new"]);
    assert!(told.contains("\n    it broke\n\nhint:"), "{told}");

    // Others could read it, or put a link there.
    let user = failing_after(Duration::ZERO, || {});
    stage(&user, &format!("dask-scheduler-{NAME}.log"), "it broke\n");
    fs::create_dir_all(copies(&user)).expect("a folder");
    set_mode(&copies(&user), 0o755);
    let told = said(&user, &["new"]);
    assert!(told.contains("\n    it broke\n\nhint:"), "{told}");
}

#[test]
fn copies_of_so_many_clusters_are_kept() {
    let user = failing_after(Duration::ZERO, || {});
    let all = user.home().join(".local/state/dgw/logs");
    for number in 0..30 {
        let folder = all.join(format!("{number:032x}"));
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join("x.log"), "old").expect("a file");
        let time = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1000 + number);
        let folder = fs::File::open(&folder).expect("the folder");
        folder.set_modified(time).expect("its time can be set");
    }
    stage(&user, &format!("dask-scheduler-{NAME}.log"), "it broke\n");
    said(&user, &["new"]);
    let left = fs::read_dir(&all).expect("the copies").count();
    assert_eq!(left, 20);
    assert!(copies(&user).exists());
    assert!(all.join(format!("{:032x}", 29)).exists());
    assert!(!all.join(format!("{:032x}", 10)).exists());
}

/// A user whose PATH leads to this `squeue` first.
fn with_squeue(user: User, script: &str) -> User {
    let folder = user.home().join("bin");
    fs::create_dir(&folder).expect("a folder");
    let squeue = folder.join("squeue");
    fs::write(&squeue, format!("#!/bin/sh\n{script}\n")).expect("a script");
    set_mode(&squeue, 0o755);
    let path = format!("{}:/usr/bin:/bin", folder.display());
    user.with("PATH", &path)
}

#[test]
fn squeue_gets_no_secret_and_its_words_are_escaped() {
    let answer = format!("12|PENDING|Re\u{1b}[2Jsources|N/A|/home/ada/.dask-gateway/{NAME}");
    let user = failing_after(Duration::ZERO, || {});
    let seen = user.home().join("seen");
    let script = format!("env > {}\necho '{answer}'", seen.display());
    let user = with_squeue(user, &script)
        .with("JUPYTERHUB_API_TOKEN", "SECRET")
        .with("DASK_GATEWAY__AUTH__KWARGS__API_TOKEN", "SECRET")
        .with("SLURM_CONF", "/etc/slurm/ours.conf");
    let told = said(&user, &["new"]);
    assert!(
        told.contains("\n  Slurm job 12: PENDING (Re\\x1b[2Jsources)\n"),
        "{told}"
    );
    let seen = fs::read_to_string(seen).expect("squeue was run");
    assert!(seen.contains("SLURM_CONF=/etc/slurm/ours.conf"), "{seen}");
    assert!(!seen.contains("SECRET") && !seen.contains("DASK"), "{seen}");
}

/// Slurm's own word on where a job works counts, too.
#[test]
fn a_site_may_stage_elsewhere() {
    let scratch = tempfile::tempdir().expect("a folder");
    let folder = scratch.path().join(NAME);
    fs::create_dir(&folder).expect("a folder");
    let log = format!("dask-scheduler-{NAME}.log");
    fs::write(folder.join(&log), "on scratch\n").expect("a log");
    let user = failing_after(Duration::ZERO, || {});
    let answer = format!("echo '7|FAILED|NonZeroExitCode|N/A|{}'", folder.display());
    let told = said(&with_squeue(user, &answer), &["new"]);
    assert!(told.contains("\n    on scratch\n"), "{told}");
}

#[test]
fn a_squeue_that_hangs_or_talks_nonsense_is_passed_over() {
    for script in [
        "exec sleep 100",
        "exit 1",
        "yes | head -c 100000000",
        "yes 'a|b|c|d|e'",
        "echo \"squeue: error: $0\" >&2; exit 1",
    ] {
        let user = with_squeue(failing_after(Duration::ZERO, || {}), script);
        let started = Instant::now();
        let told = said(&user, &["new"]);
        assert!(started.elapsed() < Duration::from_secs(10), "{script}");
        assert!(
            !told.contains("Slurm") && !told.contains("squeue"),
            "{told}"
        );
    }
}

#[test]
fn a_job_in_the_queue_is_a_phase_of_its_own() {
    let user = failing_after(Duration::from_secs(6), || {});
    let answer = format!("echo '12|PENDING|Resources|2026-12-01T08:00:00|/x/{NAME}'");
    let user = with_squeue(user, &answer);
    user.dgw(&["new"]).code(6).stdout_eq("").stderr_eq(str![[r#"
asking the gateway for a cluster
cluster [NAME] is PENDING
cluster [NAME] is PENDING; Slurm job 12 waits: Resources
error: cluster `[NAME]` did not start: the gateway reports FAILED after [ELAPSED] of PENDING
  Slurm job 12: PENDING (Resources), expected to start at 2026-12-01T08:00:00

hint: its job was not seen to leave the queue: ask for less, try again when there is room, or ask those who run the gateway to be more patient (`cluster_start_timeout`)

"#]]);
}
