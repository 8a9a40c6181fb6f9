//! Nothing that dgw prints, at any verbosity, contains a token, a password or a TLS key.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use serde_json::json;

use crate::support::{BASIC, HUB, Stub, TestGateway, User, answer};

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

/// A front end may quote the whole request in its error page, and a gateway may log it.
#[test]
fn masks_secrets_that_a_server_sends_back() {
    let token = "0123456789abcdef-t0ken";
    let password = "pass\"w0rd\\of ada";
    let pair = STANDARD.encode(format!("ada:{password}"));
    let cookie = "c00kie-c00kie";
    for status in [
        "200 OK", "401 X", "403 X", "409 X", "422 X", "500 X", "502 X",
    ] {
        let echoing = Stub::new(move |head| {
            let sent = head.lines().find(|line| line.starts_with("authorization"));
            let text = format!("{} {password} {cookie}", sent.unwrap_or_default());
            let record = json!({"name": "ab12", "status": "PENDING", "start_time": 1,
                "options": {&text: [&text], "cut": "x".repeat(990) + &text}});
            let body = if status == "200 OK" && head.contains("/clusters/?status") {
                json!({"ab12": record})
            } else {
                json!({"error": text, "name": text, "version": text, "status": text,
                    "cluster_options": [{"field": text, "spec": {"type": "string"}}]})
            };
            let headers =
                format!("Server: {text}\r\nSet-Cookie: dask-gateway-1={cookie}; Path=/\r\n");
            answer(status, &headers, &body.to_string())
        });
        let quoted = password.replace('\\', "\\\\").replace('"', "\\\"");
        let basic = User::basic(&echoing.address, "ada", &quoted);
        let hub = format!("{}/services/dask-gateway", echoing.address);
        let jupyterhub = User::jupyterhub(&hub, token, None);
        let secrets = [vec![password, &quoted, &pair, cookie], vec![token, cookie]];
        for (user, secrets) in [&basic, &jupyterhub].into_iter().zip(secrets) {
            let mut output = String::new();
            for format in ["table", "json", "jsonl", "yaml", "csv", "name"] {
                output += &run(user, &["list", "--all", "-vvv", "-o", format]);
            }
            for args in [
                &["options"][..],
                &["doctor"],
                &["new", "--no-wait"],
                &["show", "ab12"],
            ] {
                output += &run(user, &[args, &["-vvv"]].concat());
            }
            assert!(output.contains("***"), "{output}");
            for secret in secrets {
                assert!(!output.contains(secret), "{status}: {secret}: {output}");
                // Nor the beginning of one at the end of a cell.
                assert!(
                    !output.contains(&secret[..8]),
                    "{status}: {secret}: {output}"
                );
            }
        }
    }
}

#[test]
fn masks_the_proxys_password_that_the_proxy_sends_back() {
    let proxy = Stub::new(|head| {
        let error = json!({"error": format!("{head} pr0xy s3cret")});
        answer("403 X", "", &error.to_string())
    });
    let url = proxy
        .address
        .replace("http://", "http://ada:pr0xy%20s3cret@");
    let user = User::basic("http://gateway.example", "ada", "pa55word-pa55word");
    let user = user.with("DASK_GATEWAY__HTTP_CLIENT__PROXY", &url);
    let output = run(&user, &["list", "-vvv"]);
    assert!(output.contains("***"), "{output}");
    let pair = STANDARD.encode("ada:pr0xy s3cret");
    for secret in ["pr0xy s3cret", "pr0xy%20s3cret", &pair, "pa55word"] {
        assert!(!output.contains(secret), "{secret}: {output}");
    }
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
            &["events"],
            &["packages", "--all"],
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
