//! Nothing that dgw prints, however talkative, holds a token, a password or a TLS key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::{BASIC, HUB, TestGateway, User};

#[test]
fn no_output_holds_a_secret_with_a_password() {
    let (address, password) = (BASIC.fact("address"), BASIC.fact("password"));
    let said = everything(&User::basic(address, "secretive", password));
    assert_silent(&said, password);
    assert_silent(&said, &STANDARD.encode(format!("secretive:{password}")));
    let said = everything(&User::basic(address, "ada", "wr0ng-s3cret"));
    assert_silent(&said, "wr0ng-s3cret");
    assert_silent(&said, &STANDARD.encode("ada:wr0ng-s3cret"));
}

#[test]
fn no_output_holds_a_secret_with_a_token() {
    let token = HUB.facts["users"][10]["token"].as_str().expect("a token");
    let said = everything(&User::jupyterhub(HUB.fact("address"), token, proxy(&HUB)));
    assert_silent(&said, token);
    let wrong = User::jupyterhub(HUB.fact("address"), "wr0ng-t0ken", None);
    assert_silent(&everything(&wrong), "wr0ng-t0ken");
}

#[test]
fn a_proxys_password_is_no_less_secret() {
    let user = BASIC.user().with(
        "DASK_GATEWAY__HTTP_CLIENT__PROXY",
        "http://ada:pr0xy-s3cret@127.0.0.1:1",
    );
    let said = run(&user, &["list", "-vvv"]) + &run(&user, &["new", "-vvv"]);
    assert!(said.contains("can't reach"), "{said}");
    assert_silent(&said, "pr0xy-s3cret");
}

fn proxy(gateway: &TestGateway) -> Option<&str> {
    gateway.facts["proxy_address"].as_str()
}

/// All that every command says, at the highest verbosity, in every format.
pub(crate) fn everything(user: &User) -> String {
    let mut said = run(user, &["new", "--workers", "1", "-vvv"]);
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
            said += &run(user, &[args, &["-vvv", "-o", format]].concat());
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
        said += &run(user, args);
    }
    said
}

fn run(user: &User, args: &[&str]) -> String {
    let output = user.command(args).output().expect("dgw runs");
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8(said).expect("UTF-8")
}

pub(crate) fn assert_silent(said: &str, secret: &str) {
    assert!(secret.len() > 8);
    assert!(said.contains("* "), "what is done is logged: {said}");
    assert!(!said.contains(secret), "a secret was printed");
    for mark in [
        "PRIVATE KEY",
        "BEGIN CERT",
        "tls_key",
        "tls_cert",
        "Authorization",
        // How every PEM of a key or a certificate goes on.
        "MII",
    ] {
        assert!(!said.contains(mark), "{mark} was printed");
    }
}
