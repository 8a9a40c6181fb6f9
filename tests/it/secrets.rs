//! Nothing that dgw prints, at any verbosity, contains a token, a password or a TLS key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::{BASIC, HUB, TestGateway, User};

#[test]
fn no_output_contains_the_password() {
    let (address, password) = (BASIC.fact("address"), BASIC.fact("password"));
    let output = everything(&User::basic(address, "secretive", password));
    assert_silent(&output, password);
    assert_silent(&output, &STANDARD.encode(format!("secretive:{password}")));
    let output = everything(&User::basic(address, "ada", "wr0ng-s3cret"));
    assert_silent(&output, "wr0ng-s3cret");
    assert_silent(&output, &STANDARD.encode("ada:wr0ng-s3cret"));
}

#[test]
fn no_output_contains_the_token() {
    let token = HUB.facts["users"][10]["token"].as_str().expect("a token");
    let output = everything(&User::jupyterhub(HUB.fact("address"), token, proxy(&HUB)));
    assert_silent(&output, token);
    let wrong = User::jupyterhub(HUB.fact("address"), "wr0ng-t0ken", None);
    assert_silent(&everything(&wrong), "wr0ng-t0ken");
}

#[test]
fn no_output_contains_the_proxys_password() {
    let user = BASIC.user().with(
        "DASK_GATEWAY__HTTP_CLIENT__PROXY",
        "http://ada:pr0xy-s3cret@127.0.0.1:1",
    );
    let output = run(&user, &["list", "-vvv"]) + &run(&user, &["new", "-vvv"]);
    assert!(output.contains("can't reach"), "{output}");
    assert_silent(&output, "pr0xy-s3cret");
}

fn proxy(gateway: &TestGateway) -> Option<&str> {
    gateway.facts["proxy_address"].as_str()
}

/// Returns the output of every command at the highest verbosity, in every format.
pub(crate) fn everything(user: &User) -> String {
    let mut output = run(user, &["new", "--workers", "1", "-vvv"]);
    for format in ["table", "json", "jsonl", "yaml", "csv", "name"] {
        for args in [
            &["list", "--all"][..],
            &["list", "--wide"],
            &["show"],
            &["logs"],
            &["logs", "--all-workers"],
            &["connect"],
            &["connect", "--export"],
            &["connect", "--unexport"],
            &["connect", "--", "true"],
            &["dashboard"],
            &["options"],
            &["doctor"],
        ] {
            output += &run(user, &[args, &["-vvv", "-o", format]].concat());
        }
    }
    for args in [
        &["scale", "2", "-vvv", "-o", "json"][..],
        &["scale", "99", "-vvv"],
        &["adapt", "--max", "1", "-vvv"],
        &["login", "--force", "-vvv"],
        &["connect", "0123456789abcdef0123456789abcdef", "-vvv"],
        &["run", "--reuse", "-vvv", "--", "env"],
        &["new", "-s", "worker_cores=99", "-vvv"],
        &["new", "-s", "scheduler_start=never", "-vvv"],
        &["shutdown", "--all", "--yes", "-vvv", "-o", "json"],
    ] {
        output += &run(user, args);
    }
    output
}

fn run(user: &User, args: &[&str]) -> String {
    let output = user.command(args).output().expect("dgw runs");
    String::from_utf8([output.stdout, output.stderr].concat()).expect("UTF-8")
}

pub(crate) fn assert_silent(output: &str, secret: &str) {
    assert!(secret.len() > 8);
    assert!(output.contains("* "), "requests must be logged: {output}");
    assert!(!output.contains(secret), "a secret was printed");
    for mark in [
        "PRIVATE KEY",
        "BEGIN CERT",
        "tls_key",
        "tls_cert",
        "Authorization",
        // The first characters of every PEM body.
        "MII",
    ] {
        assert!(!output.contains(mark), "{mark} was printed");
    }
}
