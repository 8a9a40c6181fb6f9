//! `dgw connect --export` and `--unexport`

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use snapbox::str;

use crate::support::{BASIC, Client, User, repository};

/// Creates a user with a TMPDIR of its own, whose name needs quoting.
fn user() -> User {
    let user = BASIC.user();
    let place = user.home().join("it's tmp");
    fs::create_dir(&place).expect("a directory");
    let place = place.display().to_string();
    user.with("TMPDIR", &place)
}

fn leftovers(user: &User) -> Vec<PathBuf> {
    let entries = user
        .home()
        .join("it's tmp")
        .read_dir()
        .expect("the directory");
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

/// Runs `script` in a shell of this user, in which `dgw` is the tested one, and returns its stdout.
fn shell(user: &User, script: &str) -> String {
    let output = Command::new("sh")
        .args([
            "-euc",
            &format!(
                "dgw() {{ {} \"$@\"; }}\n{script}",
                env!("CARGO_BIN_EXE_dgw")
            ),
        ])
        .env_clear()
        .envs(user.environment())
        .output()
        .expect("sh runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn connects_a_shell_until_unexport() {
    let user = user();
    let name = user.stdout(&["new", "--workers", "1"]);
    let python = BASIC.fact("python");
    let script = repository().join("tests/it/scripts/analysis.py");
    let shown = shell(
        &user,
        &format!(
            "eval \"$(dgw connect --export -q)\"\n\
             echo \"$DGW_CLUSTER\"\n\
             {python} {}\n\
             eval \"$(dgw connect --unexport -q)\"\n\
             echo \"${{DASK_SCHEDULER_ADDRESS-none}} ${{DGW_CLUSTER-none}}\"",
            script.display()
        ),
    );
    assert_eq!(
        shown,
        format!("{name}\n999999000000 [148.5, 149.5, 150.5] 1\nnone none\n")
    );
    assert_eq!(leftovers(&user), Vec::<PathBuf>::new());
}

#[test]
fn prints_variables_and_where_the_files_are() {
    let user = user();
    user.stdout(&["new"]);
    user.dgw(&["connect", "--export"])
        .success()
        .stdout_eq(str![[r#"
export DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION='True'
export DASK_DISTRIBUTED__COMM__TLS__CA_FILE='[HOME]/it'\''s tmp/dgw-connection-[..]/cluster.pem'
export DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT='[HOME]/it'\''s tmp/dgw-connection-[..]/cluster.pem'
export DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY='[HOME]/it'\''s tmp/dgw-connection-[..]/cluster.key'
export DASK_DISTRIBUTED__DASHBOARD__LINK='http://[HOST]/clusters/[NAME]/status'
export DASK_SCHEDULER_ADDRESS='tls://[HOST]'
export DGW_CLUSTER='[NAME]'
export DGW_DASHBOARD='http://[HOST]/clusters/[NAME]/status'

"#]])
        .stderr_eq(str![[r#"
cluster [NAME] is connected until it ends or `dgw connect --unexport`; its certificate and key are in `[HOME]/it's tmp/dgw-connection-[..]`

"#]]);
    let first = user.json(&["connect", "--export"]);
    assert_eq!(
        first,
        user.json(&["connect", "--export"]),
        "a second export reuses the first"
    );
    assert_eq!(leftovers(&user).len(), 1);
    let directory = first["directory"].as_str().expect("a path");
    let relay = fs::read_to_string(format!("{directory}/relay.json")).expect("a file");
    assert!(!relay.contains("PRIVATE"));

    // `--unexport` needs neither the gateway nor the configuration.
    fs::remove_file(user.configuration()).expect("it can be removed");
    user.dgw(&["connect", "--unexport"])
        .success()
        .stdout_eq(str![[r#"
unset DASK_SCHEDULER_ADDRESS DASK_DISTRIBUTED__COMM__TLS__CA_FILE DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION DASK_DISTRIBUTED__DASHBOARD__LINK DGW_CLUSTER DGW_DASHBOARD

"#]])
        .stderr_eq(str![[r#"
cluster [NAME] is no longer connected

"#]]);
    assert_eq!(leftovers(&user), Vec::<PathBuf>::new());
    user.dgw(&["connect", "--unexport"])
        .success()
        .stderr_eq(str![[r#"
nothing is exported any more: this only unsets the variables

"#]]);
}

#[test]
fn unexports_the_connection_of_this_shell() {
    let user = user();
    let (one, other) = (user.stdout(&["new"]), user.stdout(&["new"]));
    for name in [&one, &other] {
        user.stdout(&["connect", "--export", "-q", name]);
    }
    user.dgw(&["connect", "--unexport"])
        .code(5)
        .stdout_eq("sh -c 'exit 5'\n")
        .stderr_eq(str![[r#"
error: 2 connections are exported: name one
  [NAME]
  [NAME]

"#]]);
    user.dgw(&["connect", "--unexport", "ffffffffffffffffffffffff"])
        .code(5);
    let mut command = user.command(&["connect", "--unexport"]);
    let output = command.env("DGW_CLUSTER", &other).output();
    let messages = output.expect("dgw runs").stderr;
    assert!(String::from_utf8_lossy(&messages).contains(&other));
    assert_eq!(leftovers(&user).len(), 1);
    user.stdout(&["connect", "--unexport", &one[..8]]);
    assert_eq!(leftovers(&user), Vec::<PathBuf>::new());
}

#[test]
fn failure_stops_the_script_that_evaluates_it() {
    let user = user();
    let dgw = env!("CARGO_BIN_EXE_dgw");
    for (args, status) in [
        ("connect --export", 5),
        ("connect --export 22ab", 5),
        ("connect --export --bogus", 2),
        ("connect --export --timeout soon", 2),
        ("connect --export -- true", 2),
        ("-q connect --export --config /nonexistent", 3),
        ("connect --unexport 22ab", 5),
    ] {
        for shell in [&["sh", "-ec"][..], &["bash", "-ec"], &["bash", "-c"]] {
            let script = format!("eval \"$({dgw} {args})\" && echo connected");
            let output = evaluated(&user, shell, &script);
            let messages = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(status), "{args}: {messages}");
            assert!(messages.starts_with("error: "), "{args}: {messages}");
            assert!(output.stdout.is_empty(), "{args}");
        }
    }
    // The shell itself goes on.
    let script = format!("eval \"$({dgw} connect --export)\"; echo status $?");
    let output = evaluated(&user, &["sh", "-c"], &script);
    assert_eq!(output.stdout, b"status 5\n");
    // Programs parse records.
    user.dgw(&["connect", "--export", "-o", "json"])
        .code(5)
        .stdout_eq("");
    user.dgw(&["connect"]).code(5).stdout_eq("");
    assert_eq!(leftovers(&user), Vec::<PathBuf>::new());
}

#[test]
fn interrupt_stops_the_script_that_evaluates_it() {
    let user = user();
    user.stdout(&["new", "--no-wait", "-s", "scheduler_start=slow"]);
    for (signal, status) in [("INT", 130), ("TERM", 143)] {
        let mut command = user.command(&["connect", "--export", "-q"]);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("dgw starts");
        thread::sleep(Duration::from_secs(1));
        let killed = Command::new("kill")
            .args([&format!("-{signal}"), &child.id().to_string()])
            .status();
        assert!(killed.is_ok_and(|status| status.success()));
        child.wait().expect("dgw ends");
        let output = child.wait_with_output().expect("dgw ends");
        assert_eq!(output.status.code(), Some(status));
        assert_eq!(
            output.stdout,
            format!("sh -c 'exit {status}'\n").into_bytes()
        );
        let messages = String::from_utf8_lossy(&output.stderr);
        assert!(messages.contains(": nothing was exported"), "{messages}");
    }
    assert_eq!(leftovers(&user), Vec::<PathBuf>::new());
}

/// Runs `script` in a shell of this user.
fn evaluated(user: &User, shell: &[&str], script: &str) -> Output {
    Command::new(shell[0])
        .args(&shell[1..])
        .arg(script)
        .env_clear()
        .envs(user.environment())
        .output()
        .expect("the shell runs")
}

#[test]
fn ends_with_the_cluster() {
    let user = user();
    let name = user.stdout(&["new"]);
    let exported = user.json(&["connect", "--export"]);
    let variables = exported["variables"].as_object().expect("variables");
    let mut connected = BASIC.user();
    for (name, value) in variables {
        connected = connected.with(name, value.as_str().expect("a text"));
    }
    let client = Client::plain(BASIC.python(), &connected);
    let port = variables["DASK_SCHEDULER_ADDRESS"].as_str();
    let address = port
        .and_then(|tls| tls.strip_prefix("tls://"))
        .expect("an address");
    assert!(std::net::TcpStream::connect(address).is_ok());
    user.stdout(&["shutdown", &name]);
    let stopped = Instant::now();
    while !leftovers(&user).is_empty() {
        assert!(
            stopped.elapsed() < Duration::from_secs(45),
            "the connection outlives the cluster"
        );
        thread::sleep(Duration::from_millis(100));
    }
    assert!(std::net::TcpStream::connect(address).is_err());
    drop(client);
}

#[test]
fn help_is_not_evaluated() {
    let user = User::new();
    let output = user.command(&["connect", "--export", "-h"]).output();
    let output = output.expect("dgw runs");
    assert_eq!((output.status.code(), &*output.stdout), (Some(0), &b""[..]));
    assert!(String::from_utf8_lossy(&output.stderr).contains("Usage: "));
    assert!(user.stdout(&["connect", "-h"]).contains("Usage: "));
}
