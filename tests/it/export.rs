//! `dgw connect --export` and `--unexport`

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use snapbox::str;

use crate::support::{BASIC, Client, User, repository};

/// Somebody with a folder for temporary files of their own.
fn user() -> User {
    let user = BASIC.user();
    let place = user.home().join("it's tmp");
    fs::create_dir(&place).expect("a folder");
    let place = place.display().to_string();
    user.with("TMPDIR", &place)
}

fn left(user: &User) -> Vec<PathBuf> {
    let entries = user.home().join("it's tmp").read_dir().expect("the folder");
    entries
        .map(|entry| entry.expect("an entry").path())
        .collect()
}

/// What `script` prints in a shell of this user's, in which `dgw` is dgw.
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
fn a_shell_is_connected_until_it_takes_that_back() {
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
    assert_eq!(left(&user), Vec::<PathBuf>::new());
}

#[test]
fn where_it_is_and_until_when_is_told() {
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
    assert_eq!(first, user.json(&["connect", "--export"]), "one is enough");
    assert_eq!(left(&user).len(), 1);
    let folder = first["folder"].as_str().expect("a path");
    let relay = fs::read_to_string(format!("{folder}/relay.json")).expect("a file");
    assert!(!relay.contains("PRIVATE"));

    // Nothing is asked of the gateway, nor of the configuration.
    fs::remove_file(user.configuration()).expect("it can be removed");
    user.dgw(&["connect", "--unexport"])
        .success()
        .stdout_eq(str![[r#"
unset DASK_SCHEDULER_ADDRESS DASK_DISTRIBUTED__COMM__TLS__CA_FILE DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION DASK_DISTRIBUTED__DASHBOARD__LINK DGW_CLUSTER DGW_DASHBOARD

"#]])
        .stderr_eq(str![[r#"
cluster [NAME] is no longer connected

"#]]);
    assert_eq!(left(&user), Vec::<PathBuf>::new());
    user.dgw(&["connect", "--unexport"])
        .success()
        .stderr_eq(str![[r#"
nothing is exported

"#]]);
}

#[test]
fn each_shell_takes_back_its_own() {
    let user = user();
    let (one, other) = (user.stdout(&["new"]), user.stdout(&["new"]));
    for name in [&one, &other] {
        user.stdout(&["connect", "--export", "-q", name]);
    }
    user.dgw(&["connect", "--unexport"])
        .code(5)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: 2 connections of yours are exported: say which one
  [NAME]
  [NAME]

"#]]);
    user.dgw(&["connect", "--unexport", "ffffffffffffffffffffffff"])
        .code(5);
    let mut command = user.command(&["connect", "--unexport"]);
    let output = command.env("DGW_CLUSTER", &other).output();
    let said = output.expect("dgw runs").stderr;
    assert!(String::from_utf8_lossy(&said).contains(&other));
    assert_eq!(left(&user).len(), 1);
    user.stdout(&["connect", "--unexport", &one[..8]]);
    assert_eq!(left(&user), Vec::<PathBuf>::new());
}

#[test]
fn it_ends_with_the_cluster() {
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
    while !left(&user).is_empty() {
        assert!(stopped.elapsed() < Duration::from_secs(45), "it stays");
        thread::sleep(Duration::from_millis(100));
    }
    assert!(std::net::TcpStream::connect(address).is_err());
    drop(client);
}
