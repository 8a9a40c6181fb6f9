//! Broken and hostile responses of a gateway: a clear message and the right exit code, in bounded time.

use std::io::BufRead as _;
use std::time::{Duration, Instant};

use snapbox::{IntoData, str};

use crate::support::{BASIC, Faulty, Harm, Stub, User, When, answer, json_answer, spawned};

/// Asserts how `dgw list` ends if the gateway sends this response.
fn assert_list(response: Vec<u8>, code: i32, stderr: impl IntoData) {
    let stub = Stub::always(response);
    let user = User::basic(&stub.address, "ada", "pw");
    user.dgw(&["list"])
        .code(code)
        .stdout_eq("")
        .stderr_eq(stderr);
}

#[test]
fn refuses_responses_that_are_not_a_gateways() {
    let html = "Content-Type: text/html\r\n";
    assert_list(
        answer("200 OK", html, "<html>Sign in</html>"),
        9,
        str![[r#"
error: `http://[HOST]/api/v1/clusters/` did not respond like a Dask gateway: it is a web page

hint: check `gateway.address`: behind a JupyterHub it ends in /services/dask-gateway

"#]],
    );
    assert_list(
        answer("404 Not Found", "", "404: Not Found"),
        9,
        str![[r#"
error: `http://[HOST]/api/v1/clusters/` did not respond like a Dask gateway: 404 Not Found

hint: check `gateway.address`: behind a JupyterHub it ends in /services/dask-gateway

"#]],
    );
    assert_list(
        answer("403 Forbidden", html, "<html>"),
        9,
        str![[r#"
error: `http://[HOST]/api/v1/clusters/` did not respond like a Dask gateway: 403 Forbidden, with a web page

hint: check `gateway.address`: behind a JupyterHub it ends in /services/dask-gateway

"#]],
    );
    assert_list(
        json_answer(r#"{"a": {"name": "a", "stat"#),
        9,
        str![[r#"
error: `http://[HOST]/api/v1/clusters/` did not respond like a Dask gateway: its JSON ends too early (line 1, column 25)

hint: check `gateway.address`: behind a JupyterHub it ends in /services/dask-gateway

"#]],
    );
    assert_list(
        json_answer("[]"),
        9,
        str![[r#"
error: `http://[HOST]/api/v1/clusters/` did not respond like a Dask gateway: its JSON does not have the expected structure (line 1, column 0)

hint: check `gateway.address`: behind a JupyterHub it ends in /services/dask-gateway

"#]],
    );
    assert_list(
        json_answer(r#"{"a": {"name": 3}}"#),
        9,
        str![[r#"
error: `http://[HOST]/api/v1/clusters/` did not respond like a Dask gateway: its JSON does not have the expected structure (line 1, column 16)

hint: check `gateway.address`: behind a JupyterHub it ends in /services/dask-gateway

"#]],
    );
    assert_list(
        json_answer(r#"{"a": {"name": "a; rm -rf /", "status": "RUNNING", "start_time": 1}}"#),
        9,
        str![[r#"
error: `http://[HOST]/api/v1/clusters/` did not respond like a Dask gateway: it contains an invalid cluster name

hint: check `gateway.address`: behind a JupyterHub it ends in /services/dask-gateway

"#]],
    );
    assert_list(
        json_answer(
            r#"{"a": {"name": "a", "status": "RUNNING", "start_time": 99999999999999999}}"#,
        ),
        9,
        str![[r#"
error: `http://[HOST]/api/v1/clusters/` did not respond like a Dask gateway: its JSON does not have the expected structure (line 1, column [..])

hint: check `gateway.address`: behind a JupyterHub it ends in /services/dask-gateway

"#]],
    );
    assert_list(
        json_answer(r#"{"a": {"name": "a", "status": "DREAMING", "start_time": 1}}"#),
        9,
        str![[r#"
error: `http://[HOST]/api/v1/clusters/` did not respond like a Dask gateway: its JSON does not have the expected structure (line 1, column 40)

hint: check `gateway.address`: behind a JupyterHub it ends in /services/dask-gateway

"#]],
    );
}

#[test]
fn follows_no_redirect_and_names_a_login_page() {
    let other_server = Stub::always(json_answer("{}"));
    let to = |path: &str| {
        let location = format!("Location: {}{path}\r\n", other_server.address);
        answer("302 Found", &location, "")
    };
    assert_list(
        to("/hub/login?next=s3cret"),
        4,
        str![[r#"
error: `http://[HOST]/api/v1/clusters/` redirects to a login page (`http://[HOST]/hub/login`), not to a gateway

hint: check `gateway.address`: it must lead to the gateway itself, behind a JupyterHub it ends in /services/dask-gateway

"#]],
    );
    assert_list(
        to("/api/v1/clusters/"),
        9,
        str![[r#"
error: `http://[HOST]/api/v1/clusters/` did not respond like a Dask gateway: it redirects to `http://[HOST]/api/v1/clusters/`

hint: check `gateway.address`: behind a JupyterHub it ends in /services/dask-gateway

"#]],
    );
    assert_list(
        answer("302 Found", "", ""),
        9,
        str![[r#"
error: `http://[HOST]/api/v1/clusters/` did not respond like a Dask gateway: 302 Found without a valid location

hint: check `gateway.address`: behind a JupyterHub it ends in /services/dask-gateway

"#]],
    );
    assert_eq!(
        other_server.seen(),
        [""; 0],
        "no request went to the other server"
    );
}

#[test]
fn repeats_the_gateways_own_words_if_it_refuses() {
    let json = "Content-Type: application/json\r\n";
    let error = |text: &str| serde_json::json!({ "error": text }).to_string();
    let denied = error("User bob lacks permissions to view cluster a");
    assert_list(
        answer("403 Forbidden", json, &denied),
        4,
        str![[r#"
error: the gateway at `http://[HOST]` denied permission: User bob lacks permissions to view cluster a

hint: `dgw doctor` shows which user the gateway takes you for; if that is right, ask its administrators for permission

"#]],
    );
    let wanted = format!("{json}WWW-Authenticate: Digest\r\n");
    assert_list(
        answer(
            "401 Unauthorized",
            &wanted,
            &error("Authentication required"),
        ),
        4,
        str![[r#"
error: the gateway at `http://[HOST]` requires digest authentication, but basic is configured

hint: ask the gateway's administrators for one of these: `jupyterhub` and `basic`[..]

"#]],
    );
    let wanted = format!("{json}WWW-Authenticate: Basic\r\n");
    assert_list(
        answer(
            "401 Unauthorized",
            &wanted,
            &error("Authentication required"),
        ),
        4,
        str![[r#"
error: the gateway at `http://[HOST]` did not accept the user name and password

hint: log in again with `dgw login --force`

"#]],
    );
    assert_list(
        answer(
            "500 Internal Server Error",
            "",
            "500 Internal Server Error\n\nServer got itself in trouble",
        ),
        9,
        str![[r#"
error: the gateway failed with status 500: Internal Server Error

hint: try again later; if it fails again, contact the gateway's administrators

"#]],
    );
    assert_list(
        answer(
            "500 Internal Server Error",
            json,
            &error("boom \u{1b}[31m\nhint: rm -rf"),
        ),
        9,
        str![[r#"
error: the gateway failed with status 500: boom \x1b[31m\nhint: rm -rf

hint: try again later; if it fails again, contact the gateway's administrators

"#]],
    );
}

#[test]
fn shows_escape_sequences_escaped() {
    let record = r#"{"a": {"name": "a", "status": "RUNNING", "start_time": 1000, "stop_time": null,
        "options": {"k\u001b[2J": "\u009b31m\u202e\u0007"},
        "dashboard_route": "/clusters/a/status\u001b]0;x\u0007"}}"#;
    let stub = Stub::always(json_answer(record));
    let user = User::basic(&stub.address, "ada", "pw");
    user.dgw(&["list"]).success().stdout_eq(str![[r#"
NAME  STATUS   AGE [..] OPTIONS                       DASHBOARD
a     RUNNING  [..] k\x1b[2J=\x9b31m\u{202e}\x07  -

"#]]);
    for format in ["table", "json", "jsonl", "yaml", "csv", "name"] {
        let shown = user.stdout(&["list", "-o", format, "--color", "never"]);
        assert!(
            !shown.chars().any(|c| c.is_control() && c != '\n'),
            "{format}: {shown:?}"
        );
    }
}

#[test]
fn reads_large_responses_but_not_endless_ones() {
    let option = "x".repeat(10 * 1024 * 1024);
    let record = format!(
        r#"{{"a": {{"name": "a", "status": "RUNNING", "start_time": 1, "options": {{"o": "{option}"}}}}}}"#
    );
    let stub = Stub::always(json_answer(&record));
    let user = User::basic(&stub.address, "ada", "pw");
    assert_eq!(user.stdout(&["list", "-o", "name"]), "a");

    let endless = "x".repeat(70 * 1024 * 1024);
    assert_list(
        json_answer(&endless),
        9,
        str![[r#"
error: `http://[HOST]/api/v1/clusters/` did not respond like a Dask gateway: it is larger than 24 MiB

hint: check `gateway.address`: behind a JupyterHub it ends in /services/dask-gateway

"#]],
    );
}

#[test]
fn repeats_a_get_twice_and_a_post_never() {
    let stub = Stub::always(answer(
        "503 Service Unavailable",
        "Content-Type: text/html\r\n",
        "<html>",
    ));
    let user = User::basic(&stub.address, "ada", "pw");
    user.dgw(&["list"])
        .code(9)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: the gateway failed with status 503: Service Unavailable, with a web page

hint: try again later; if it fails again, contact the gateway's administrators

"#]]);
    assert_eq!(stub.seen().len(), 3);
    user.dgw(&["scale", "0123456789abcdef0123456789abcdef", "1", "--force"])
        .code(9)
        .stderr_eq(str![[r#"
error: the gateway failed with status 503: Service Unavailable, with a web page

hint: try again later; if it fails again, contact the gateway's administrators

"#]]);
    assert_eq!(stub.seen().len(), 4);
}

#[test]
fn does_not_wait_for_a_long_retry_after() {
    let stub = Stub::always(answer("429 Too Many Requests", "Retry-After: 3600\r\n", ""));
    let user = User::basic(&stub.address, "ada", "pw");
    user.dgw(&["list"])
        .code(9)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: the gateway failed with status 429: Too Many Requests

hint: try again in 1h, as the gateway asks

"#]]);
    assert_eq!(stub.seen().len(), 1);
}

#[test]
fn reports_connections_that_break_or_stay_silent() {
    let stub = Stub::always(Vec::new());
    let user = User::basic(&stub.address, "ada", "pw");
    user.dgw(&["list"]).code(9).stdout_eq("").stderr_eq(str![[r#"
error: the response from `http://[HOST]/api/v1/clusters/` was lost: connection closed before message completed

hint: try again; if it fails again, check the network and proxies between this machine and the gateway

"#]]);

    let half = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"a\": ".to_vec();
    assert_list(
        half,
        9,
        str![[r#"
error: the response from `http://[HOST]/api/v1/clusters/` was lost: end of file before message length reached

hint: try again; if it fails again, check the network and proxies between this machine and the gateway

"#]],
    );

    let stub = Stub::new(|_| {
        std::thread::sleep(Duration::from_secs(20));
        Vec::new()
    });
    let user = User::basic(&stub.address, "ada", "pw");
    let started = Instant::now();
    user.dgw(&["list", "--request-timeout", "1s"])
        .code(9)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: no response from `http://[HOST]/api/v1/clusters/` within 1s

hint: the gateway may be busy: try again, or set a longer `--request-timeout`

"#]]);
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn reports_a_gateway_that_cannot_be_reached() {
    let user = User::basic("http://127.0.0.1:1", "ada", "pw");
    user.dgw(&["list"])
        .code(9)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: can't reach the gateway at `http://[HOST]`
  Connection refused (os error 111)

hint: check `gateway.address`, and whether this machine can reach it (VPN, firewall, proxy)

"#]]);
    let user = User::basic("http://gateway.invalid", "ada", "pw");
    user.dgw(&["list", "-q"])
        .code(9)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: can't reach the gateway at `http://gateway.invalid`
  failed to lookup address information: Name or service not known

hint: check `gateway.address`, and whether this machine can reach it (VPN, firewall, proxy)

"#]]);
}

#[test]
fn a_wrong_password_is_an_authentication_error_in_every_command() {
    let user = User::basic(BASIC.fact("address"), "ada", "wrong");
    for args in [
        &["list"][..],
        &["new", "-q"],
        &["options"],
        &["connect"],
        &["dashboard"],
        &["scale", "1"],
        &["adapt", "--off"],
        &["shutdown", "--all", "--yes"],
    ] {
        user.dgw(args).code(4).stdout_eq("").stderr_eq(str![[r#"
error: the gateway at `http://[HOST]` did not accept the user name and password

hint: log in again with `dgw login --force`

"#]]);
    }
}

#[test]
fn another_users_cluster_is_denied() {
    let name = BASIC.user().stdout(&["new"]);
    let other_user = BASIC.user();
    other_user
        .dgw(&["connect", &name])
        .code(4)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: the gateway at `http://[HOST]` denied permission for cluster `[NAME]`: User [USER] lacks permissions to view cluster [NAME]

hint: `dgw doctor` shows which user the gateway takes you for; if that is right, ask its administrators for permission

"#]]);
    other_user
        .dgw(&["scale", &name, "1"])
        .code(4)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: the gateway at `http://[HOST]` denied permission for cluster `[NAME]`: User [USER] lacks permissions to view cluster [NAME]

hint: `dgw doctor` shows which user the gateway takes you for; if that is right, ask its administrators for permission

"#]]);
    other_user
        .dgw(&["shutdown", &name])
        .code(5)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: no cluster matches `[NAME]`

hint: `dgw list --all` lists every cluster that the gateway still knows

"#]]);
}

#[test]
fn the_hint_names_the_setting_of_the_address() {
    let user = BASIC.user();
    let args = ["list", "--address", "http://127.0.0.1:1"];
    user.dgw(&args).code(9).stdout_eq("").stderr_eq(str![[r#"
error: can't reach the gateway at `http://[HOST]`
  Connection refused (os error 111)

hint: check `--address`, and whether this machine can reach it (VPN, firewall, proxy)

"#]]);
}

#[test]
fn a_watch_reports_an_outage_once_and_its_end() {
    let user = BASIC.user();
    let name = user.stdout(&["new", "--no-wait"]);
    let gateway = BASIC.fact("address");
    let host_and_port = gateway.strip_prefix("http://").expect("plain HTTP");
    let unavailable = Harm::Replaced(answer("503 Service Unavailable", "", ""));
    let faulty = Faulty::new(host_and_port, unavailable, When { after: 1, times: 6 });
    let yaml = std::fs::read_to_string(user.configuration()).expect("a configuration");
    let proxied = User::new().configured(&yaml.replacen(gateway, &faulty.address, 1));
    let mut command = proxied.command(&["list", "-w", "1s", "-o", "name"]);
    let (mut child, mut stderr) = spawned(&mut command, "warning: ");
    let mut printed = String::new();
    while !printed.contains("the gateway responds again") {
        assert_ne!(
            stderr.read_line(&mut printed).expect("text"),
            0,
            "{printed}"
        );
    }
    child.kill().expect("it ends");
    child.wait().expect("it ends");
    assert!(!printed.contains("warning: "), "{printed}");
    user.stdout(&["shutdown", &name, "--no-wait"]);
}
