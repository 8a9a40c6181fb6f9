//! `dgw doctor`: the problems it finds in broken setups, and that following its hints fixes them.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;
use snapbox::{IntoData, str};

use crate::support::{BASIC, HUB, Stub, TLS, User, answer, json_answer, set_mode};

/// The token of a hub user who starts no clusters.
fn token(number: usize) -> &'static str {
    let token = HUB.facts["users"][number]["token"].as_str();
    token.expect("a token")
}

/// Asserts the report of `dgw doctor` and its exit code.
fn assert_report(user: &User, code: i32, stdout: impl IntoData) {
    let output = run(user.command(&["doctor"]), None);
    let stderr = String::from_utf8(output.stderr).expect("stderr is UTF-8");
    assert_eq!(output.status.code(), Some(code), "{stderr}");
    assert_eq!(stderr.is_empty(), code == 0, "{stderr}");
    let report = String::from_utf8(output.stdout).expect("stdout is UTF-8");
    User::new().assert().eq(redacted(&report), stdout);
}

/// Replaces what differs between runs and what snapshots do not redact by themselves.
fn redacted(report: &str) -> String {
    const PATTERNS: [(&str, &str); 5] = [
        // Which Python this machine has is not known.
        (
            r"( packages +)nothing breaks .*(\n {17}the packages here .*)?",
            "$1[PACKAGES]",
        ),
        (r"/[^ ]*/\.tmp\w+", "[HOME]"),
        (r"on port \d+", "on port [PORT]"),
        (
            r"\d+ certificate authorities from [^ \n]+",
            "[COUNT] certificate authorities from [SOURCE]",
        ),
        (r"(proxy_address = )\d{2,}", "$1[PORT]"),
    ];
    PATTERNS
        .iter()
        .fold(report.to_owned(), |report, (pattern, replacement)| {
            let pattern = regex::Regex::new(pattern).expect("a valid pattern");
            pattern.replace_all(&report, *replacement).into_owned()
        })
}

fn run(mut command: std::process::Command, secret: Option<&str>) -> Output {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("dgw starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    if let Some(secret) = secret {
        let _ = writeln!(stdin, "{secret}");
    }
    drop(stdin);
    child.wait_with_output().expect("dgw ends")
}

/// Follows the hint to log in to the gateway behind the hub.
fn log_in(user: &User, args: &[&str], secret: &str) {
    let proxy = ["--proxy-address", HUB.fact("proxy_address")];
    let args = [&["login"], args, &proxy].concat();
    let output = run(user.command(&args), Some(secret));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{stderr}");
}

/// Asserts that no check fails any more.
fn assert_healthy(user: &User) {
    let output = run(user.command(&["doctor"]), None);
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{report}");
    user.dgw(&["list"]).success();
}

/// The hint of the first check that failed.
fn first_hint(user: &User) -> String {
    let output = run(user.command(&["doctor", "-o", "json"]), None);
    let checks = serde_json::from_slice::<Value>(&output.stdout).expect("stdout is JSON");
    let checks = checks.as_array().expect("an array").iter();
    let mut failed = checks.filter(|check| check["state"] == "failed");
    let first = failed.next().expect("a check that failed");
    first["hint"].as_str().expect("a hint").to_owned()
}

/// Runs the `chmod` command that a hint consists of.
fn run_hint(user: &User, hint: &str) {
    let command = hint.split("  (").next().expect("a command");
    assert!(command.starts_with("chmod "), "{hint}");
    let status = std::process::Command::new("sh")
        .args(["-c", command])
        .env_clear()
        .envs(user.environment())
        .status();
    assert!(status.is_ok_and(|status| status.success()), "{command}");
}

fn replace_in_configuration(user: &User, from: &str, to: &str) {
    let text = fs::read_to_string(user.configuration()).expect("the configuration");
    assert!(text.contains(from), "{text}");
    fs::write(user.configuration(), text.replace(from, to)).expect("the file is written");
}

#[test]
fn passes_with_a_running_cluster() {
    let user = BASIC.user().with("LANG", "en_GB.UTF-8");
    let name = user.stdout(&["new"]);
    assert_report(
        &user,
        0,
        str![[r#"
✓ files          [HOME]/.config/dask/gateway.yaml (mode 600)
✓ values         gateway.address = http://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = [USER] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
✓ address        http://[HOST]
– dns            `127.0.0.1` is an IP address
✓ tcp            `127.0.0.1` accepts connections on port [PORT]
– tls            none: the address is `http://`
– proxy          none: requests go directly to the gateway
✓ version        dask-gateway-server 2026.3.0
✓ authentication the gateway accepts your password, for `[USER]`; you have 1 active cluster
✓ options        worker_cores, worker_memory, worker_setup, profile, priority, spot, environment, scheduler_start
✓ clock          this machine and the gateway agree
✓ scheduler      `[HOST]` leads to the scheduler of cluster [NAME]
✓ packages       [PACKAGES]
✓ dashboards     `http://[HOST]/clusters/[NAME]/status` responds

"#]],
    );
    let python = Path::new(BASIC.fact("python"));
    let environment = python.ancestors().nth(2).expect("an environment");
    let user = user.with("VIRTUAL_ENV", &environment.display().to_string());
    let checks = user.json(&["doctor"]);
    let packages = checks[12]["detail"].as_str().expect("a text");
    let places = format!(
        "`{}`, the scheduler of cluster {name} and 0 workers",
        python.display()
    );
    assert_eq!(packages, format!("nothing breaks work between {places}"));
    let names = checks.as_array().expect("an array").iter();
    let names = names.map(|check| check["name"].as_str().expect("a name"));
    assert_eq!(
        names.collect::<Vec<_>>().join(" "),
        "files values address dns tcp tls proxy version authentication options clock scheduler \
         packages dashboards"
    );
    assert_eq!(checks[0]["state"], "ok");
    assert_eq!(checks[0]["hint"], Value::Null);
    assert_eq!(user.stdout(&["doctor", "-o", "name"]).lines().count(), 14);
    assert!(
        user.stdout(&["doctor", "-o", "yaml"])
            .contains("state: \"skipped\"")
    );
}

#[test]
fn passes_over_https_and_behind_a_hub() {
    let user = TLS.user();
    user.stdout(&["new"]);
    assert_report(
        &user,
        0,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = https://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = [USER] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
+ address        https://[HOST]
- dns            `127.0.0.1` is an IP address
+ tcp            `127.0.0.1` accepts connections on port [PORT]
+ tls            TLSv1_3, the certificate is valid; this machine trusts [COUNT] certificate authorities from [SOURCE]
- proxy          none: requests go directly to the gateway
+ version        dask-gateway-server 2026.3.0
+ authentication the gateway accepts your password, for `[USER]`; you have 1 active cluster
+ options        worker_cores, worker_memory, worker_setup, profile, priority, spot, environment, scheduler_start
+ clock          this machine and the gateway agree
+ scheduler      `[HOST]` leads to the scheduler of cluster [NAME]
+ packages       [PACKAGES]
+ dashboards     `https://[HOST]/clusters/[NAME]/status` responds

"#]],
    );
    assert_report(
        &HUB.user(),
        0,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://[HOST]/services/dask-gateway ([HOME]/.config/dask/gateway.yaml)
                 gateway.proxy-address = [HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = jupyterhub ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.api_token is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://[HOST]/services/dask-gateway
- dns            `127.0.0.1` is an IP address
+ tcp            `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`
- proxy          none: requests go directly to the gateway
+ version        dask-gateway-server 2026.3.0
+ authentication the gateway accepts your token, for `[USER]`; you have no active clusters
+ options        worker_cores, worker_memory, worker_setup, profile, priority, spot, environment, scheduler_start
+ clock          this machine and the gateway agree
+ scheduler      `[HOST]` responds as a scheduler proxy does; no scheduler was reached through it: no cluster is running
- packages       not checked: no cluster is running
- dashboards     `http://[HOST]/services/dask-gateway` responds; without a running cluster dgw can't check that it has dashboards

"#]],
    );
}

#[test]
fn reports_missing_configuration() {
    let user = User::new();
    assert_report(
        &user,
        3,
        str![[r#"
- files          no file has a gateway section
- values         no value is set
x address        no gateway address is configured
                 hint: `dgw login --address https://gateway.example.org` configures one
- dns            not checked: there is no valid address
- tcp            not checked: there is no valid address
- tls            not checked: there is no valid address
- proxy          not checked: there is no valid address
- version        not checked: there is no valid address
- authentication not checked: fix the configuration first
- options        not checked: fix the configuration first
- clock          not checked: no gateway responds
- scheduler      not checked: fix the configuration first
- packages       not checked: fix the configuration first
- dashboards     not checked: fix the configuration first

"#]],
    );
    log_in(&user, &["--address", HUB.fact("address")], token(4));
    assert_healthy(&user);
}

#[test]
fn reports_world_readable_file() {
    let user = BASIC.user();
    set_mode(&user.configuration(), 0o644);
    assert_report(
        &user,
        3,
        str![[r#"
x files          [HOME]/.config/dask/gateway.yaml (mode 644): refused, its mode is 644; it must be 600
                 hint: chmod 600 [HOME]/.config/dask/gateway.yaml  (importing dask_gateway in Python leaves a template there with mode 644)
+ values         gateway.address = http://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = [USER] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://[HOST]
- dns            `127.0.0.1` is an IP address
+ tcp            `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`
- proxy          none: requests go directly to the gateway
+ version        dask-gateway-server 2026.3.0
- authentication not checked: fix the configuration first
- options        not checked: fix the configuration first
+ clock          this machine and the gateway agree
- scheduler      not checked: fix the configuration first
- packages       not checked: fix the configuration first
- dashboards     not checked: fix the configuration first

"#]],
    );
    run_hint(&user, &first_hint(&user));
    assert_healthy(&user);
}

#[test]
fn reports_group_writable_directory() {
    let user = BASIC.user();
    set_mode(&user.home().join(".config/dask"), 0o775);
    assert_report(
        &user,
        3,
        str![[r#"
x files          [HOME]/.config/dask/gateway.yaml (mode 600): refused, its directory is writable by others (mode 775)
                 hint: chmod go-w [HOME]/.config/dask
+ values         gateway.address = http://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = [USER] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://[HOST]
- dns            `127.0.0.1` is an IP address
+ tcp            `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`
- proxy          none: requests go directly to the gateway
+ version        dask-gateway-server 2026.3.0
- authentication not checked: fix the configuration first
- options        not checked: fix the configuration first
+ clock          this machine and the gateway agree
- scheduler      not checked: fix the configuration first
- packages       not checked: fix the configuration first
- dashboards     not checked: fix the configuration first

"#]],
    );
    run_hint(&user, &first_hint(&user));
    assert_healthy(&user);
}

#[test]
fn reports_malformed_file() {
    let user = User::new().configured("gateway:\n  address: [\n");
    assert_report(
        &user,
        3,
        str![[r#"
x files          [HOME]/.config/dask/gateway.yaml (mode 600): `[HOME]/.config/dask/gateway.yaml` is not a valid dask configuration file, at line 3, column 1
                 hint: correct that line (the file must be a YAML mapping), or move the file away and run `dgw login`
- values         no value is set
x address        no gateway address is configured
                 hint: `dgw login --address https://gateway.example.org` configures one
- dns            not checked: there is no valid address
- tcp            not checked: there is no valid address
- tls            not checked: there is no valid address
- proxy          not checked: there is no valid address
- version        not checked: there is no valid address
- authentication not checked: fix the configuration first
- options        not checked: fix the configuration first
- clock          not checked: no gateway responds
- scheduler      not checked: fix the configuration first
- packages       not checked: fix the configuration first
- dashboards     not checked: fix the configuration first

"#]],
    );
    fs::remove_file(user.configuration()).expect("the file is removed");
    log_in(&user, &["--address", HUB.fact("address")], token(5));
    assert_healthy(&user);
}

#[test]
fn reports_unknown_host() {
    let user = User::basic("http://gateway.invalid", "ada", BASIC.fact("password"));
    let output = run(user.command(&["doctor"]), None);
    assert_eq!(output.status.code(), Some(9));
    let shown = String::from_utf8(output.stdout).expect("stdout is UTF-8");
    // The words differ between systems.
    let cause = regex::Regex::new("(can't resolve `[^`]*`): .*").expect("a valid pattern");
    let shown = cause.replace(&shown, "$1: [CAUSE]").into_owned();
    User::new().assert().eq(redacted(&shown), str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://gateway.invalid ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = ada ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://gateway.invalid
x dns            can't resolve `gateway.invalid`: [CAUSE]
                 hint: check the spelling of the name, and whether this machine is in the right network (VPN); the address is set by `gateway.address` or `--address`
- tcp            not checked: the name can't be resolved
- tls            none: the address is `http://`, and secrets are sent unencrypted
- proxy          none: requests go directly to the gateway
- version        the gateway can't be reached
- authentication not checked: no gateway responds
- options        not checked: no gateway responds
- clock          not checked: no gateway responds
- scheduler      not checked: no gateway responds
- packages       not checked: no gateway responds
- dashboards     not checked: no gateway responds

"#]]);
    replace_in_configuration(&user, "http://gateway.invalid", BASIC.fact("address"));
    assert_healthy(&user);
}

#[test]
fn reports_closed_port() {
    let user = User::basic("http://127.0.0.1:1", "ada", BASIC.fact("password"));
    assert_report(
        &user,
        9,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = ada ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://[HOST]
- dns            `127.0.0.1` is an IP address
x tcp            `127.0.0.1` does not accept connections on port [PORT]: Connection refused (os error 111)
                 hint: check the port, and whether a firewall blocks it (try a VPN or another node); the address is set by `gateway.address` or `--address`
- tls            none: the address is `http://`
- proxy          none: requests go directly to the gateway
- version        the gateway can't be reached
- authentication not checked: no gateway responds
- options        not checked: no gateway responds
- clock          not checked: no gateway responds
- scheduler      not checked: no gateway responds
- packages       not checked: no gateway responds
- dashboards     not checked: no gateway responds

"#]],
    );
    replace_in_configuration(&user, "http://127.0.0.1:1", BASIC.fact("address"));
    assert_healthy(&user);
}

#[test]
fn reports_unknown_certificate_authority() {
    let user = User::basic(TLS.fact("address"), "ada", TLS.fact("password"));
    assert_report(
        &user,
        9,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = https://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = ada ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
+ address        https://[HOST]
- dns            `127.0.0.1` is an IP address
+ tcp            `127.0.0.1` accepts connections on port [PORT]
x tls            can't reach the gateway at `https://[HOST]`
                 invalid peer certificate: UnknownIssuer
                 this machine trusts [COUNT] certificate authorities from [SOURCE]
                 hint: name the site's certificate authority: SSL_CERT_FILE=/path/to/ca.pem
- proxy          none: requests go directly to the gateway
- version        the gateway can't be reached
- authentication not checked: no gateway responds
- options        not checked: no gateway responds
- clock          not checked: no gateway responds
- scheduler      not checked: no gateway responds
- packages       not checked: no gateway responds
- dashboards     not checked: no gateway responds

"#]],
    );
    let user = User::basic(TLS.fact("address"), "ada", TLS.fact("password"));
    assert_healthy(&user.with("SSL_CERT_FILE", TLS.fact("ca_file")));
}

#[test]
fn reports_broken_http_proxy() {
    let user = User::basic("http://gateway.invalid", "ada", "pw")
        .with("HTTP_PROXY", "http://ada:s3cret@127.0.0.1:1");
    assert_report(
        &user,
        9,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://gateway.invalid ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = ada ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://gateway.invalid
- dns            the HTTP proxy `127.0.0.1` is an IP address
x tcp            the HTTP proxy `127.0.0.1` does not accept connections on port [PORT]: Connection refused (os error 111)
                 hint: check the port, and whether a firewall blocks it (try a VPN or another node); the proxy is set by `gateway.http-client.proxy`, or HTTP_PROXY and similar variables
- tls            none: the address is `http://`, and secrets are sent unencrypted
x proxy          through the HTTP proxy `[HOST]`: can't reach the gateway at `http://gateway.invalid`: Connection refused (os error 111)
                 hint: if the gateway can be reached without the proxy, set `gateway.http-client.proxy` to false or add the host to NO_PROXY; otherwise set the right proxy
- version        the gateway can't be reached
- authentication not checked: no gateway responds
- options        not checked: no gateway responds
- clock          not checked: no gateway responds
- scheduler      not checked: no gateway responds
- packages       not checked: no gateway responds
- dashboards     not checked: no gateway responds

"#]],
    );
    let proxy = Stub::always(answer("407 Proxy Authentication Required", "", ""));
    let user = User::basic("http://gateway.invalid", "ada", "pw")
        .with("DASK_GATEWAY__HTTP_CLIENT__PROXY", &proxy.address);
    assert_report(
        &user,
        4,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://gateway.invalid ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = ada ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
                 gateway.http_client.proxy = http://[HOST] (DASK_GATEWAY__HTTP_CLIENT__PROXY)
+ address        http://gateway.invalid
- dns            the HTTP proxy `127.0.0.1` is an IP address
+ tcp            the HTTP proxy `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`, and secrets are sent unencrypted
x proxy          through the HTTP proxy `[HOST]`: the HTTP proxy requires a user name and a password
                 hint: set them in `gateway.http-client.proxy`: http://USER:PASSWORD@HOST:PORT
- version        the HTTP proxy does not forward the request
- authentication not checked: no gateway responds
- options        not checked: no gateway responds
- clock          not checked: no gateway responds
- scheduler      not checked: no gateway responds
- packages       not checked: no gateway responds
- dashboards     not checked: no gateway responds

"#]],
    );
    // As the hint says, for a gateway that needs no proxy.
    let user = BASIC
        .user()
        .with("DASK_GATEWAY__HTTP_CLIENT__PROXY", "http://127.0.0.1:1");
    let output = run(user.command(&["doctor"]), None);
    assert_eq!(output.status.code(), Some(9));
    assert_healthy(&user.with("DASK_GATEWAY__HTTP_CLIENT__PROXY", "False"));
}

#[test]
fn reports_address_of_the_hub_itself() {
    let root = HUB.fact("address").replace("/services/dask-gateway", "");
    let user = User::jupyterhub(&root, token(6), None);
    assert_report(
        &user,
        9,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = jupyterhub ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.api_token is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://[HOST]
- dns            `127.0.0.1` is an IP address
+ tcp            `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`
- proxy          none: requests go directly to the gateway
x version        `http://[HOST]/api/version` did not respond like a Dask gateway: it redirects to `http://[HOST]/hub/api/version`
                 hint: check `gateway.address`: behind a JupyterHub it ends in /services/dask-gateway
- authentication not checked: no gateway responds
- options        not checked: no gateway responds
- clock          not checked: no gateway responds
- scheduler      not checked: no gateway responds
- packages       not checked: no gateway responds
- dashboards     not checked: no gateway responds

"#]],
    );
    let args = ["--address", HUB.fact("address"), "--force"];
    log_in(&user, &args, token(6));
    assert_healthy(&user);
}

#[test]
fn reports_revoked_token() {
    let user = User::jupyterhub(HUB.fact("address"), HUB.fact("revoked_token"), None);
    assert_report(
        &user,
        4,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://[HOST]/services/dask-gateway ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = jupyterhub ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.api_token is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://[HOST]/services/dask-gateway
- dns            `127.0.0.1` is an IP address
+ tcp            `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`
- proxy          none: requests go directly to the gateway
+ version        dask-gateway-server 2026.3.0
x authentication the JupyterHub of the gateway at `http://[HOST]/services/dask-gateway` does not know the token: it is wrong, expired or revoked
                 hint: create a new token at http://[HOST]/hub/token and give it to `dgw login --force`
- options        not checked: authentication failed
+ clock          this machine and the gateway agree
x scheduler      `[HOST]` is not the gateway's scheduler proxy: it does not speak TLS
                 hint: set `gateway.proxy-address` to the gateway's scheduler proxy (`dgw login --force --proxy-address HOST:PORT` saves it), and check that this machine can reach it
- packages       not checked: authentication failed
- dashboards     `http://[HOST]/services/dask-gateway` responds; without a running cluster dgw can't check that it has dashboards

"#]],
    );
    log_in(&user, &["--force"], token(7));
    assert_healthy(&user);
}

#[test]
fn reports_token_without_access() {
    let user = User::jupyterhub(HUB.fact("address"), HUB.fact("token_without_scope"), None);
    assert_report(
        &user,
        4,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://[HOST]/services/dask-gateway ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = jupyterhub ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.api_token is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://[HOST]/services/dask-gateway
- dns            `127.0.0.1` is an IP address
+ tcp            `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`
- proxy          none: requests go directly to the gateway
+ version        dask-gateway-server 2026.3.0
x authentication the gateway at `http://[HOST]/services/dask-gateway` did not accept the JupyterHub token
                 hint: create a new token at http://[HOST]/hub/token and give it to `dgw login --force`; check that it has access to the gateway's service (the scope `access:services!service=…`)
- options        not checked: authentication failed
+ clock          this machine and the gateway agree
x scheduler      `[HOST]` is not the gateway's scheduler proxy: it does not speak TLS
                 hint: set `gateway.proxy-address` to the gateway's scheduler proxy (`dgw login --force --proxy-address HOST:PORT` saves it), and check that this machine can reach it
- packages       not checked: authentication failed
- dashboards     `http://[HOST]/services/dask-gateway` responds; without a running cluster dgw can't check that it has dashboards

"#]],
    );
    log_in(&user, &["--force"], token(8));
    assert_healthy(&user);
}

#[test]
fn reports_wrong_kind_of_authentication() {
    let user = User::basic(HUB.fact("address"), "ada", "pw");
    assert_report(
        &user,
        4,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://[HOST]/services/dask-gateway ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = ada ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://[HOST]/services/dask-gateway
- dns            `127.0.0.1` is an IP address
+ tcp            `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`
- proxy          none: requests go directly to the gateway
+ version        dask-gateway-server 2026.3.0
x authentication the gateway at `http://[HOST]/services/dask-gateway` requires jupyterhub authentication, but basic is configured
                 hint: `dgw login --force` sets up jupyterhub authentication
- options        not checked: authentication failed
+ clock          this machine and the gateway agree
x scheduler      `[HOST]` is not the gateway's scheduler proxy: it does not speak TLS
                 hint: set `gateway.proxy-address` to the gateway's scheduler proxy (`dgw login --force --proxy-address HOST:PORT` saves it), and check that this machine can reach it
- packages       not checked: authentication failed
- dashboards     `http://[HOST]/services/dask-gateway` responds; without a running cluster dgw can't check that it has dashboards

"#]],
    );
    log_in(&user, &["--force"], token(9));
    assert_healthy(&user);
}

#[test]
fn reports_invalid_values() {
    let user = User::new().configured(
        "gateway:\n  address: http://ada:s3cret@127.0.0.1\n  adress: s3cret\n  proxy-address: x\n  \
         auth:\n    type: mine.Auth\n    kwargs: {secret: s3cret}\n",
    );
    assert_report(
        &user,
        3,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
x values         gateway.address = http://…@127.0.0.1 ([HOME]/.config/dask/gateway.yaml)
                 gateway.proxy-address is set ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = mine.Auth ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.secret is set ([HOME]/.config/dask/gateway.yaml)
                 gateway.adress is set ([HOME]/.config/dask/gateway.yaml): dask-gateway has no such key
                 `gateway.auth.type` ([HOME]/.config/dask/gateway.yaml) is the Python class `mine.Auth`, which dgw can't load: it supports `jupyterhub` and `basic`
                 hint: correct or remove the value there
x address        `gateway.address` ([HOME]/.config/dask/gateway.yaml) must not contain a user name or password: they belong in `gateway.auth`
                 hint: correct it: an address looks like `https://gateway.example.org`
- dns            not checked: there is no valid address
- tcp            not checked: there is no valid address
- tls            not checked: there is no valid address
- proxy          not checked: there is no valid address
- version        not checked: there is no valid address
- authentication not checked: fix the configuration first
- options        not checked: fix the configuration first
- clock          not checked: no gateway responds
- scheduler      not checked: fix the configuration first
- packages       not checked: fix the configuration first
- dashboards     not checked: fix the configuration first

"#]],
    );
}

#[test]
fn reports_unknown_default_option() {
    let user = BASIC
        .user()
        .with("DASK_GATEWAY__CLUSTER__OPTIONS__WORKER_CORS", "2");
    assert_report(
        &user,
        3,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = [USER] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
                 gateway.cluster.options.worker_cors = 2 (DASK_GATEWAY__CLUSTER__OPTIONS__WORKER_CORS)
+ address        http://[HOST]
- dns            `127.0.0.1` is an IP address
+ tcp            `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`
- proxy          none: requests go directly to the gateway
+ version        dask-gateway-server 2026.3.0
+ authentication the gateway accepts your password, for `[USER]`; you have no active clusters
x options        `gateway.cluster.options.worker_cors` (DASK_GATEWAY__CLUSTER__OPTIONS__WORKER_CORS) is not an option of this gateway; did you mean `worker_cores`?
                 hint: correct or remove the value there; `dgw options` shows what this gateway offers
+ clock          this machine and the gateway agree
+ scheduler      `[HOST]` responds as a scheduler proxy does; no scheduler was reached through it: no cluster is running
- packages       not checked: no cluster is running
- dashboards     `http://[HOST]` responds; without a running cluster dgw can't check that it has dashboards

"#]],
    );
    assert_healthy(
        &BASIC
            .user()
            .with("DASK_GATEWAY__CLUSTER__OPTIONS__WORKER_CORES", "2"),
    );
}

#[test]
fn reports_wrong_clock_and_escapes_health() {
    let stub = Stub::new(|head| {
        let body = if head.contains("version") {
            r#"{"version": "2026.3.0"}"#
        } else if head.contains("health") {
            r#"{"status": "fail\n[hint]: rm -rf ~\nhint: rm -rf ~"}"#
        } else if head.contains("options") {
            r#"{"cluster_options": []}"#
        } else {
            "{}"
        };
        let headers = "Content-Type: application/json\r\nDate: Tue, 01 Sep 2020 10:00:00 GMT\r\n";
        answer("200 OK", headers, body)
    });
    let user = User::basic(&stub.address, "ada", "pw");
    let output = run(user.command(&["doctor"]), None);
    assert_eq!(output.status.code(), Some(9));
    let shown = String::from_utf8(output.stdout).expect("stdout is UTF-8");
    let difference = regex::Regex::new(r"differ by \w+").expect("a valid pattern");
    let shown = difference.replace(&shown, "differ by [TIME]").into_owned();
    User::new().assert().eq(redacted(&shown), str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = ada ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://[HOST]
- dns            `127.0.0.1` is an IP address
+ tcp            `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`
- proxy          none: requests go directly to the gateway
x version        the gateway at `http://[HOST]/api/health` reports its health as `fail\n[hint]: rm -rf ~\nhint: rm -rf ~`
                 hint: try again later; if it is still unhealthy, contact the gateway's administrators
+ authentication the gateway accepts your password, for `ada`; you have no active clusters
+ options        the gateway offers none
x clock          the clocks of this machine and the gateway differ by [TIME]
                 hint: set this machine's clock (`timedatectl set-ntp true`); if it is right, contact the gateway's administrators
+ scheduler      `[HOST]` responds as a scheduler proxy does; no scheduler was reached through it: no cluster is running
- packages       not checked: no cluster is running
- dashboards     `http://[HOST]` responds; without a running cluster dgw can't check that it has dashboards

"#]]);
}

/// Asserts that wrong scheduler proxies are named, by `doctor` and by `connect`.
fn assert_wrong_proxies(user: &User) {
    // An HTTP server, and a server that sends nothing.
    let page = Stub::tcp(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let silent = silent.local_addr().expect("the port").to_string();
    for (proxy, cause) in [
        (
            &*page,
            "is not the gateway's scheduler proxy: it does not speak TLS",
        ),
        ("127.0.0.1:1", "Connection refused"),
        (&*silent, "does not respond within 3s"),
    ] {
        let wrong = user.by_same_user("DASK_GATEWAY__PROXY_ADDRESS", proxy);
        let limit = ["doctor", "--request-timeout", "3s", "-o", "json"];
        let output = run(wrong.command(&limit), None);
        assert_eq!(output.status.code(), Some(9));
        let checks = serde_json::from_slice::<Value>(&output.stdout).expect("JSON");
        let checks = checks.as_array().expect("checks");
        let check = checks.iter().find(|check| check["name"] == "scheduler");
        let check = check.expect("a check of the scheduler");
        let detail = check["detail"].as_str().expect("a text");
        assert!(detail.contains(cause) && detail.contains(proxy), "{detail}");
        let output = run(wrong.command(&["connect", "--", "true"]), None);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(9), "{stderr}");
        assert!(stderr.contains(proxy), "{stderr}");
        assert!(stderr.contains("`gateway.proxy-address`"), "{stderr}");
        assert!(!stderr.contains("InvalidContentType"), "{stderr}");
    }
}

#[test]
fn reports_wrong_scheduler_proxy_and_public_address() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    // Accepts connections and closes them.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("the port").port();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let wrong = user.by_same_user("DASK_GATEWAY__PROXY_ADDRESS", &port.to_string());
    assert_report(
        &wrong,
        9,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.proxy_address = [PORT] (DASK_GATEWAY__PROXY_ADDRESS)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = [USER] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://[HOST]
- dns            `127.0.0.1` is an IP address
+ tcp            `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`
- proxy          none: requests go directly to the gateway
+ version        dask-gateway-server 2026.3.0
+ authentication the gateway accepts your password, for `[USER]`; you have 1 active cluster
+ options        worker_cores, worker_memory, worker_setup, profile, priority, spot, environment, scheduler_start
+ clock          this machine and the gateway agree
x scheduler      can't reach the scheduler of cluster [NAME]: the scheduler proxy at `[HOST]` closed the connection: it does not know the cluster, or the scheduler is gone
                 hint: set `gateway.proxy-address` to the gateway's scheduler proxy (`dgw login --force --proxy-address HOST:PORT` saves it), and check that this machine can reach it
- packages       not checked: the scheduler can't be reached
+ dashboards     `http://[HOST]/clusters/[NAME]/status` responds

"#]],
    );
    let wrong = user.by_same_user("DASK_GATEWAY__PROXY_ADDRESS", "1");
    assert_report(
        &wrong,
        9,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.proxy_address = 1 (DASK_GATEWAY__PROXY_ADDRESS)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = [USER] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://[HOST]
- dns            `127.0.0.1` is an IP address
+ tcp            `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`
- proxy          none: requests go directly to the gateway
+ version        dask-gateway-server 2026.3.0
+ authentication the gateway accepts your password, for `[USER]`; you have 1 active cluster
+ options        worker_cores, worker_memory, worker_setup, profile, priority, spot, environment, scheduler_start
+ clock          this machine and the gateway agree
x scheduler      can't connect to the scheduler proxy at `[HOST]`: Connection refused (os error 111)
                 hint: set `gateway.proxy-address` to the gateway's scheduler proxy (`dgw login --force --proxy-address HOST:PORT` saves it), and check that this machine can reach it
- packages       not checked: the scheduler can't be reached
+ dashboards     `http://[HOST]/clusters/[NAME]/status` responds

"#]],
    );
    assert_wrong_proxies(&user);
    let wrong = user.by_same_user("DASK_GATEWAY__PUBLIC_ADDRESS", "http://127.0.0.1:1");
    assert_report(
        &wrong,
        1,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.public_address = http://[HOST] (DASK_GATEWAY__PUBLIC_ADDRESS)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = [USER] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://[HOST]
- dns            `127.0.0.1` is an IP address
+ tcp            `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`
- proxy          none: requests go directly to the gateway
+ version        dask-gateway-server 2026.3.0
+ authentication the gateway accepts your password, for `[USER]`; you have 1 active cluster
+ options        worker_cores, worker_memory, worker_setup, profile, priority, spot, environment, scheduler_start
+ clock          this machine and the gateway agree
+ scheduler      `[HOST]` leads to the scheduler of cluster [NAME]
+ packages       [PACKAGES]
x dashboards     can't reach dashboards at `http://[HOST]/clusters/[NAME]/status`: no response (Connection refused (os error 111))
                 hint: check `gateway.public-address`: links to dashboards begin with it

"#]],
    );
    let login = Stub::always(answer("302 Found", "Location: /hub/login\r\n", ""));
    let behind = user.by_same_user("DASK_GATEWAY__PUBLIC_ADDRESS", &login.address);
    let shown = behind.stdout(&["doctor"]);
    assert!(shown.contains("responds with a login page"), "{shown}");
    assert_healthy(&user);
}

#[test]
fn sends_no_secret_to_a_web_page() {
    let html = "Content-Type: text/html\r\n";
    let stub = Stub::always(answer("200 OK", html, "<html>"));
    let user = User::basic(&stub.address, "ada", "pw");
    assert_report(
        &user,
        9,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = ada ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://[HOST]
- dns            `127.0.0.1` is an IP address
+ tcp            `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`
- proxy          none: requests go directly to the gateway
x version        `http://[HOST]/api/version` did not respond like a Dask gateway: it is a web page
                 hint: check `gateway.address`: behind a JupyterHub it ends in /services/dask-gateway
- authentication not checked: no gateway responds
- options        not checked: no gateway responds
- clock          not checked: no gateway responds
- scheduler      not checked: no gateway responds
- packages       not checked: no gateway responds
- dashboards     not checked: no gateway responds

"#]],
    );
    for head in stub.seen() {
        assert!(!head.to_lowercase().contains("authorization"), "{head}");
    }
    let old = Stub::always(json_answer("{\"version\": \"\u{1b}[2J\"}"));
    let user = User::basic(&old.address, "ada", "pw");
    let output = run(user.command(&["doctor"]), None);
    assert!(!output.stdout.contains(&0x1b));
}

#[test]
fn expands_no_template_in_a_refused_file() {
    let stub = Stub::new(|_| json_answer(r#"{"status": "pass"}"#));
    let yaml = format!(
        "gateway:\n  address: \"{}/x/{{JUPYTERHUB_API_TOKEN}}\"\n  http-client: {{proxy: false}}\n",
        stub.address
    );
    let user = User::new()
        .configured(&yaml)
        .with("JUPYTERHUB_API_TOKEN", "t0ken");
    set_mode(&user.configuration(), 0o666);
    let output = user.command(&["doctor"]).output().expect("dgw runs");
    assert_eq!(output.status.code(), Some(3));
    let shown = String::from_utf8(output.stdout).expect("stdout is UTF-8");
    assert!(shown.contains("/x/{JUPYTERHUB_API_TOKEN} ("), "{shown}");
    assert!(!shown.contains("t0ken"), "{shown}");
    let seen = stub.seen();
    assert!(!seen.is_empty());
    assert!(seen.iter().all(|head| !head.contains("t0ken")), "{seen:?}");
}
