//! The relay: the local port through which programs reach a cluster.

use std::process::Stdio;
use std::time::{Duration, Instant};

use snapbox::str;

use crate::support::{BASIC, TLS, TestGateway, spawned};

fn script(name: &str) -> String {
    let path = crate::support::repository()
        .join("tests/it/scripts")
        .join(name);
    path.display().to_string()
}

#[test]
fn accepts_only_the_clusters_certificate() {
    let user = BASIC.user();
    let (one, other) = (user.stdout(&["new"]), user.stdout(&["new"]));
    let tls = "$DASK_DISTRIBUTED__COMM__TLS__CLIENT__";
    let nested = format!(
        "OTHER_CERT={tls}CERT OTHER_KEY={tls}KEY exec {} connect -q {one} -- {} {}",
        env!("CARGO_BIN_EXE_dgw"),
        BASIC.fact("python"),
        script("trials.py"),
    );
    user.dgw(&["connect", "-q", &other, "--", "sh", "-c", &nested])
        .success()
        .stdout_eq(str![[r#"
own: heard
own, TLS 1.2: heard
none: TLSV13_ALERT_CERTIFICATE_REQUIRED
none, TLS 1.2: TLSV13_ALERT_CERTIFICATE_REQUIRED
another's: TLSV1_ALERT_DECRYPT_ERROR
no TLS: closed

"#]])
        .stderr_eq("");
}

#[test]
fn serves_hundreds_of_connections_beside_unauthenticated_ones() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    let command = ["connect", "--", BASIC.fact("python"), &script("many.py")];
    user.dgw(&command).success().stdout_eq(str![[r#"
300 True

"#]]);
}

#[test]
fn carries_data_unchanged() {
    assert_carries_data(&BASIC);
}

#[test]
fn carries_data_unchanged_over_https() {
    assert_carries_data(&TLS);
}

fn assert_carries_data(gateway: &TestGateway) {
    let user = gateway.user();
    user.stdout(&["new", "--workers", "1", "--wait-workers", "1"]);
    let work = "import numpy, distributed\n\
        client = distributed.Client()\n\
        there = numpy.random.default_rng(1).bytes(50_000_000)\n\
        back = client.submit(lambda data: data[::-1], client.scatter(there)).result()\n\
        print(back[::-1] == there)";
    let command = ["connect", "--", gateway.fact("python"), "-c", work];
    assert_eq!(user.stdout(&command), "True");
}

/// The client must not wait forever.
#[test]
fn client_gets_an_error_if_the_gateway_goes_away() {
    let gateway = TestGateway::start(&[]);
    let user = gateway
        .user()
        .with("DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT", "3s");
    user.stdout(&["new", "--workers", "1"]);
    let work = "import sys, time, distributed\n\
        client = distributed.Client()\n\
        future = client.submit(time.sleep, 600)\n\
        print('at work', file=sys.stderr, flush=True)\n\
        future.result()";
    let command = ["connect", "--", gateway.fact("python"), "-c", work];
    let (mut child, _stderr) = spawned(user.command(&command).stdin(Stdio::null()), "at work");
    drop(gateway);
    let dropped = Instant::now();
    let status = child.wait().expect("dgw ends");
    assert_eq!(status.code(), Some(1));
    assert!(dropped.elapsed() < Duration::from_secs(60));
}
