//! Starts that fail, and what dgw shows of them: logs in the user's home, and Slurm jobs. A stub plays
//! the gateway, because no test gateway stages in a home; scripts play `squeue`.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use snapbox::str;

use crate::support::{Stub, User, answer, json_answer, set_mode};

const NAME: &str = "0123456789abcdef0123456789abcdef";

/// Creates a user of a gateway whose only cluster is PENDING for the time `pending`, then FAILED. Calls
/// `then` before it reports FAILED: that is when gateways clean up.
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

fn staging_directory(user: &User) -> PathBuf {
    user.home().join(".dask-gateway").join(NAME)
}

fn copies_directory(user: &User) -> PathBuf {
    user.home().join(".local/state/dgw/logs").join(NAME)
}

fn write_staged(user: &User, file: &str, bytes: impl AsRef<[u8]>) {
    fs::create_dir_all(staging_directory(user)).expect("the directory can be made");
    fs::write(staging_directory(user).join(file), bytes).expect("the file can be written");
}

fn stderr_of_failed_start(user: &User, args: &[&str]) -> String {
    let output = user.command(args).output().expect("dgw runs");
    assert_eq!(output.status.code(), Some(6));
    assert_eq!(output.stdout, b"");
    String::from_utf8(output.stderr).expect("UTF-8")
}

#[test]
fn copies_logs_that_the_gateway_removes() {
    let directory = std::sync::Arc::new(std::sync::OnceLock::<PathBuf>::new());
    let doomed = std::sync::Arc::clone(&directory);
    let user = failing_after(Duration::from_secs(3), move || {
        let _ = fs::remove_dir_all(doomed.get().expect("set before dgw runs"));
    });
    directory.set(staging_directory(&user)).expect("set once");
    let log = format!("dask-scheduler-{NAME}.log");
    write_staged(&user, &log, "starting\n\u{1b}[2J\u{9b}broken\r\n\n");
    write_staged(&user, "dask-worker-b.log", "a worker\n");
    write_staged(&user, "dask.pem", "PRIVATE KEY");
    write_staged(&user, "notes", "mine");
    user.dgw(&["new"]).code(6).stdout_eq("").stderr_eq(str![[r#"
requesting a cluster
cluster [NAME] is PENDING
error: cluster `[NAME]` did not start: the gateway reports FAILED after [ELAPSED] of PENDING
  [HOME]/.dask-gateway/[NAME]/dask-scheduler-[NAME].log ended with
    starting
    \x1b[2J\x9bbroken
  copied to [HOME]/.local/state/dgw/logs/[NAME]/dask-scheduler-[NAME].log
  [HOME]/.dask-gateway/[NAME]/dask-worker-b.log
  copied to [HOME]/.local/state/dgw/logs/[NAME]/dask-worker-b.log

hint: read the end of the scheduler's log above; if it does not say why, ask the gateway's administrators to check theirs

"#]]);
    assert!(!staging_directory(&user).exists());
    let mode = |path: &Path| {
        fs::metadata(path)
            .expect("the file exists")
            .permissions()
            .mode()
            & 0o777
    };
    assert_eq!(mode(&copies_directory(&user)), 0o700);
    assert_eq!(mode(&copies_directory(&user).join(&log)), 0o600);
    let copied = fs::read_dir(copies_directory(&user))
        .expect("the copies")
        .count();
    assert_eq!(copied, 2);
}

#[test]
fn copies_logs_after_a_timeout() {
    let user = failing_after(Duration::from_secs(3), || {});
    write_staged(&user, &format!("dask-scheduler-{NAME}.log"), "not yet\n");
    user.dgw(&["new", "--timeout", "1s"])
        .code(7)
        .stdout_eq("")
        .stderr_eq(str![[r#"
requesting a cluster
cluster [NAME] is PENDING
shutting down cluster [NAME]
cluster [NAME] was shut down ([ELAPSED])
error: timed out after [ELAPSED]: cluster `[NAME]` is still PENDING
  [HOME]/.dask-gateway/[NAME]/dask-scheduler-[NAME].log ended with
    not yet
  copied to [HOME]/.local/state/dgw/logs/[NAME]/dask-scheduler-[NAME].log

hint: set a longer limit with `--timeout`

"#]]);
}

/// Links, files of other kinds and files of other users are skipped.
#[test]
fn reads_only_logs_of_the_user() {
    let elsewhere = tempfile::tempdir().expect("a directory");
    fs::write(elsewhere.path().join("secret.log"), "SECRET").expect("a file");

    let linked = failing_after(Duration::ZERO, || {});
    fs::create_dir(linked.home().join(".dask-gateway")).expect("a directory");
    symlink(elsewhere.path(), staging_directory(&linked)).expect("a link");
    let outer = failing_after(Duration::ZERO, || {});
    fs::create_dir(elsewhere.path().join(NAME)).expect("a directory");
    fs::write(elsewhere.path().join(NAME).join("x.log"), "SECRET").expect("a file");
    symlink(elsewhere.path(), outer.home().join(".dask-gateway")).expect("a link");

    let mixed = failing_after(Duration::ZERO, || {});
    write_staged(&mixed, "plain.txt", "SECRET");
    let link = staging_directory(&mixed).join("link.log");
    symlink(elsewhere.path().join("secret.log"), link).expect("a link");
    fs::create_dir(staging_directory(&mixed).join("directory.log")).expect("a directory");
    let fifo = staging_directory(&mixed).join("fifo.log");
    let made = std::process::Command::new("mkfifo").arg(fifo).status();
    assert!(made.expect("mkfifo runs").success());

    let other = staging_directory(&mixed).join("other.log");
    fs::write(&other, "SECRET").expect("a file");
    // Only root can change the owner; without root, no other user could put a file here.
    if std::os::unix::fs::chown(&other, Some(65_534), None).is_err() {
        fs::remove_file(other).expect("it can be removed");
    }

    for user in [&linked, &outer, &mixed] {
        let messages = stderr_of_failed_start(user, &["new"]);
        assert!(!messages.contains("SECRET"), "{messages}");
        assert!(
            messages.contains("hint: the gateway does not say why"),
            "{messages}"
        );
        assert!(!copies_directory(user).exists());
    }
}

#[test]
fn copies_the_end_of_a_huge_log() {
    let user = failing_after(Duration::ZERO, || {});
    let mut text = "a line of no interest\n".repeat(1 << 20).into_bytes();
    text.extend([b'x'; 2000]);
    text.extend(b"\nthe end\n\xff\n");
    let log = format!("dask-scheduler-{NAME}.log");
    write_staged(&user, &log, &text);
    let messages = stderr_of_failed_start(&user, &["new"]);
    assert!(
        messages.contains("\n    the end\n    \u{fffd}\n"),
        "{messages}"
    );
    assert!(
        messages.contains(&format!("\n    {}…\n", "x".repeat(400))),
        "{messages}"
    );
    assert_eq!(messages.matches("no interest").count(), 17, "{messages}");
    let copy = fs::read(copies_directory(&user).join(&log)).expect("the copy");
    assert!(copy.len() <= 256 * 1024 && copy.starts_with(b"a line"));
    assert!(text.ends_with(&copy));
}

#[test]
fn shows_the_log_if_no_copy_can_be_made() {
    let user = failing_after(Duration::ZERO, || {}).with("XDG_STATE_HOME", "/dev/null/nowhere");
    write_staged(&user, &format!("dask-scheduler-{NAME}.log"), "it broke\n");
    let messages = stderr_of_failed_start(&user, &["new"]);
    assert!(messages.contains("\n    it broke\n\nhint:"), "{messages}");

    // Others can list this directory.
    let user = failing_after(Duration::ZERO, || {});
    write_staged(&user, &format!("dask-scheduler-{NAME}.log"), "it broke\n");
    fs::create_dir_all(copies_directory(&user)).expect("a directory");
    set_mode(&copies_directory(&user), 0o755);
    let messages = stderr_of_failed_start(&user, &["new"]);
    assert!(messages.contains("\n    it broke\n\nhint:"), "{messages}");
}

#[test]
fn keeps_copies_of_the_latest_twenty_clusters() {
    let user = failing_after(Duration::ZERO, || {});
    let all = user.home().join(".local/state/dgw/logs");
    for number in 0..30 {
        let directory = all.join(format!("{number:032x}"));
        fs::create_dir_all(&directory).expect("a directory");
        fs::write(directory.join("x.log"), "old").expect("a file");
        let time = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1000 + number);
        let directory = fs::File::open(&directory).expect("the directory");
        directory.set_modified(time).expect("its time can be set");
    }
    write_staged(&user, &format!("dask-scheduler-{NAME}.log"), "it broke\n");
    stderr_of_failed_start(&user, &["new"]);
    let left = fs::read_dir(&all).expect("the copies").count();
    assert_eq!(left, 20);
    assert!(copies_directory(&user).exists());
    assert!(all.join(format!("{:032x}", 29)).exists());
    assert!(!all.join(format!("{:032x}", 10)).exists());
}

/// Returns `user` with a PATH on which `squeue` is this script.
fn with_squeue(user: User, script: &str) -> User {
    let directory = user.home().join("bin");
    fs::create_dir(&directory).expect("a directory");
    let squeue = directory.join("squeue");
    fs::write(&squeue, format!("#!/bin/sh\n{script}\n")).expect("a script");
    set_mode(&squeue, 0o755);
    let path = format!("{}:/usr/bin:/bin", directory.display());
    user.with("PATH", &path)
}

#[test]
fn squeue_gets_no_secret_and_its_output_is_escaped() {
    let answer = format!("12|PENDING|Re\u{1b}[2Jsources|N/A|/home/ada/.dask-gateway/{NAME}");
    let user = failing_after(Duration::ZERO, || {});
    let seen = user.home().join("seen");
    let script = format!("env > {}\necho '{answer}'", seen.display());
    let user = with_squeue(user, &script)
        .with("JUPYTERHUB_API_TOKEN", "SECRET")
        .with("DASK_GATEWAY__AUTH__KWARGS__API_TOKEN", "SECRET")
        .with("SLURM_CONF", "/etc/slurm/ours.conf");
    let messages = stderr_of_failed_start(&user, &["new"]);
    assert!(
        messages.contains("\n  Slurm job 12: PENDING (Re\\x1b[2Jsources)\n"),
        "{messages}"
    );
    let seen = fs::read_to_string(seen).expect("squeue was run");
    assert!(seen.contains("SLURM_CONF=/etc/slurm/ours.conf"), "{seen}");
    assert!(!seen.contains("SECRET") && !seen.contains("DASK"), "{seen}");
}

#[test]
fn finds_logs_where_slurm_says_the_job_works() {
    let scratch = tempfile::tempdir().expect("a directory");
    let directory = scratch.path().join(NAME);
    fs::create_dir(&directory).expect("a directory");
    let log = format!("dask-scheduler-{NAME}.log");
    fs::write(directory.join(&log), "on scratch\n").expect("a log");
    let user = failing_after(Duration::ZERO, || {});
    let answer = format!(
        "echo '7|FAILED|NonZeroExitCode|N/A|{}'",
        directory.display()
    );
    let messages = stderr_of_failed_start(&with_squeue(user, &answer), &["new"]);
    assert!(messages.contains("\n    on scratch\n"), "{messages}");
}

#[test]
fn ignores_a_squeue_that_hangs_or_prints_nonsense() {
    for script in [
        "exec sleep 100",
        "exit 1",
        "yes | head -c 100000000",
        "yes 'a|b|c|d|e'",
        "echo \"squeue: error: $0\" >&2; exit 1",
    ] {
        let user = with_squeue(failing_after(Duration::ZERO, || {}), script);
        let started = Instant::now();
        let messages = stderr_of_failed_start(&user, &["new"]);
        assert!(started.elapsed() < Duration::from_secs(10), "{script}");
        assert!(
            !messages.contains("Slurm") && !messages.contains("squeue"),
            "{messages}"
        );
    }
}

#[test]
fn shows_why_a_job_waits_in_the_queue() {
    let user = failing_after(Duration::from_secs(6), || {});
    let answer = format!("echo '12|PENDING|Resources|2026-12-01T08:00:00|/x/{NAME}'");
    let user = with_squeue(user, &answer);
    user.dgw(&["new"]).code(6).stdout_eq("").stderr_eq(str![[r#"
requesting a cluster
cluster [NAME] is PENDING
cluster [NAME] is PENDING; Slurm job 12 is waiting: Resources
error: cluster `[NAME]` did not start: the gateway reports FAILED after [ELAPSED] of PENDING
  Slurm job 12: PENDING (Resources), expected to start at 2026-12-01T08:00:00

hint: dgw only saw its job waiting in the queue: request less, try again later, or ask the gateway's administrators for a longer `cluster_start_timeout`

"#]]);
}
