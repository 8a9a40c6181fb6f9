//! `dgw doctor`: what it finds in set-ups that are broken, and that its mends mend them.

use std::fs;
use std::io::Write as _;
use std::net::TcpListener;
use std::process::{Output, Stdio};

use serde_json::Value;
use snapbox::{IntoData, str};

use crate::support::{BASIC, HUB, Stub, TLS, TestGateway, User, answer, json_answer, set_mode};

/// Of somebody who starts no clusters: other tests' users are counted from the other end.
fn token(number: usize) -> &'static str {
    let token = HUB.facts["users"][number]["token"].as_str();
    token.expect("a token")
}

/// What doctor prints, and how it ends.
fn examined(user: &User, args: &[&str], code: i32, stdout: impl IntoData) {
    let user = user.command(&[&["doctor"], args].concat());
    let output = run(user, None);
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert_eq!(said.is_empty(), code == 0, "{said}");
    let shown = String::from_utf8(output.stdout).expect("UTF-8");
    let shown = masked(&shown);
    User::new().assert().eq(shown, stdout);
}

/// What differs from run to run, and isn't known to the snapshots' own rules.
fn masked(text: &str) -> String {
    let home = regex::Regex::new(r"/[^ ]*/\.tmp\w+").expect("a pattern");
    let port = regex::Regex::new(r"on port \d+").expect("a pattern");
    let trusted = regex::Regex::new(r"\d+ authorities of [^ ]+").expect("a pattern");
    let text = home.replace_all(text, "[HOME]");
    let text = port.replace_all(&text, "on port [PORT]");
    let text = trusted.replace_all(&text, "[AUTHORITIES]");
    let scheduler = regex::Regex::new(r"(proxy_address = )\d{2,}").expect("a pattern");
    let text = scheduler.replace_all(&text, "$1[PORT]");
    // Whoever hangs up may do so in more than one way.
    let hung_up = regex::Regex::new(r"(of cluster \w+): .*").expect("a pattern");
    hung_up.replace_all(&text, "$1: [FAULT]").into_owned()
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

/// Follows the mend that says to log in.
fn log_in(user: &User, args: &[&str], secret: &str) {
    let output = run(user.command(&[&["login"], args].concat()), Some(secret));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
}

/// Nothing is wrong any more.
fn is_well(user: &User) {
    let output = run(user.command(&["doctor"]), None);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{said}");
    user.dgw(&["list"]).success();
}

/// The mend of the first step that failed.
fn mend(user: &User) -> String {
    let output = run(user.command(&["doctor", "-o", "json"]), None);
    let steps = serde_json::from_slice::<Value>(&output.stdout).expect("JSON");
    let steps = steps.as_array().expect("an array").iter();
    let mut failed = steps.filter(|step| step["state"] == "failed");
    let first = failed.next().expect("a step that failed");
    first["mend"].as_str().expect("a mend").to_owned()
}

/// Does what a mend says that is a command.
fn follow(user: &User, mend: &str) {
    let command = mend.split("  (").next().expect("a command");
    assert!(command.starts_with("chmod "), "{mend}");
    let status = std::process::Command::new("sh")
        .args(["-c", command])
        .env_clear()
        .envs(user.environment())
        .status();
    assert!(status.is_ok_and(|status| status.success()), "{command}");
}

fn rewritten(user: &User, from: &str, to: &str) {
    let text = fs::read_to_string(user.configuration()).expect("the configuration");
    assert!(text.contains(from), "{text}");
    fs::write(user.configuration(), text.replace(from, to)).expect("written");
}

fn address(gateway: &TestGateway) -> &'static str {
    // The gateways are there for as long as the tests are.
    Box::leak(gateway.fact("address").to_owned().into_boxed_str())
}

#[test]
fn all_is_well_with_a_cluster_that_runs() {
    let user = BASIC.user().with("LANG", "en_GB.UTF-8");
    user.stdout(&["new"]);
    examined(
        &user,
        &[],
        0,
        str![[r#"
✓ files          [HOME]/.config/dask/gateway.yaml (mode 600)
✓ values         gateway.address = http://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = [USER] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
✓ address        http://[HOST]
– dns            `127.0.0.1` is no name
✓ tcp            `127.0.0.1` accepts connections on port [PORT]
– tls            none: the address is `http://`
– proxy          none: requests go straight to the gateway
✓ version        dask-gateway-server 2026.3.0
✓ authentication the gateway takes you, by your password, for `[USER]`; you have 1 active cluster
✓ options        worker_cores, worker_memory, worker_setup, profile, priority, spot, environment, scheduler_start
✓ clock          this machine and the gateway agree
✓ scheduler      `[HOST]` leads to the scheduler of cluster [NAME]
✓ dashboards     `http://[HOST]/clusters/[NAME]/status` answers

"#]],
    );
    let steps = user.json(&["doctor"]);
    let names = steps.as_array().expect("an array").iter();
    let names = names.map(|step| step["name"].as_str().expect("a name"));
    assert_eq!(
        names.collect::<Vec<_>>().join(" "),
        "files values address dns tcp tls proxy version authentication options clock scheduler \
         dashboards"
    );
    assert_eq!(steps[0]["state"], "ok");
    assert_eq!(steps[0]["mend"], Value::Null);
    assert_eq!(user.stdout(&["doctor", "-o", "name"]).lines().count(), 13);
    assert!(
        user.stdout(&["doctor", "-o", "yaml"])
            .contains("state: \"skipped\"")
    );
}

#[test]
fn all_is_well_over_https_and_behind_a_hub() {
    let user = TLS.user();
    user.stdout(&["new"]);
    examined(
        &user,
        &[],
        0,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = https://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = [USER] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
+ address        https://[HOST]
- dns            `127.0.0.1` is no name
+ tcp            `127.0.0.1` accepts connections on port [PORT]
+ tls            TLSv1_3, the certificate is good; [AUTHORITIES] are trusted
- proxy          none: requests go straight to the gateway
+ version        dask-gateway-server 2026.3.0
+ authentication the gateway takes you, by your password, for `[USER]`; you have 1 active cluster
+ options        worker_cores, worker_memory, worker_setup, profile, priority, spot, environment, scheduler_start
+ clock          this machine and the gateway agree
+ scheduler      `[HOST]` leads to the scheduler of cluster [NAME]
+ dashboards     `https://[HOST]/clusters/[NAME]/status` answers

"#]],
    );
    examined(
        &HUB.user(),
        &[],
        0,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://[HOST]/services/dask-gateway ([HOME]/.config/dask/gateway.yaml)
                 gateway.proxy-address = [HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = jupyterhub ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.api_token is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://[HOST]/services/dask-gateway
- dns            `127.0.0.1` is no name
+ tcp            `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`
- proxy          none: requests go straight to the gateway
+ version        dask-gateway-server 2026.3.0
+ authentication the gateway takes your token, which is `[USER]`'s; you have no active clusters
+ options        worker_cores, worker_memory, worker_setup, profile, priority, spot, environment, scheduler_start
+ clock          this machine and the gateway agree
+ scheduler      `[HOST]` accepts connections; whether it leads to schedulers shows with a running cluster
- dashboards     `http://[HOST]/services/dask-gateway` answers; whether dashboards are there shows with a running cluster

"#]],
    );
}

#[test]
fn without_a_configuration() {
    let user = User::new();
    examined(
        &user,
        &[],
        3,
        str![[r#"
- files          there are none with a gateway section
- values         none is set
x address        no gateway address is configured
                 mend: `dgw login --address https://gateway.example.org` configures one
- dns            there is no address
- tcp            there is no address
- tls            there is no address
- proxy          there is no address
- version        there is no address
- authentication nothing is sent before the configuration is in order
- options        nothing is sent before the configuration is in order
- clock          there is no gateway to ask
- scheduler      nothing is sent before the configuration is in order
- dashboards     nothing is sent before the configuration is in order

"#]],
    );
    log_in(&user, &["--address", address(&HUB)], token(4));
    is_well(&user);
}

#[test]
fn with_a_file_that_others_may_read() {
    let user = BASIC.user();
    set_mode(&user.configuration(), 0o644);
    examined(
        &user,
        &[],
        3,
        str![[r#"
x files          [HOME]/.config/dask/gateway.yaml (mode 644): refused, its mode is 644, it must be 600
                 mend: chmod 600 [HOME]/.config/dask/gateway.yaml  (importing dask_gateway in Python leaves a template there with mode 644)
+ values         gateway.address = http://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = [USER] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://[HOST]
- dns            `127.0.0.1` is no name
+ tcp            `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`
- proxy          none: requests go straight to the gateway
+ version        dask-gateway-server 2026.3.0
- authentication nothing is sent before the configuration is in order
- options        nothing is sent before the configuration is in order
+ clock          this machine and the gateway agree
- scheduler      nothing is sent before the configuration is in order
- dashboards     nothing is sent before the configuration is in order

"#]],
    );
    follow(&user, &mend(&user));
    is_well(&user);
}

#[test]
fn with_a_folder_that_others_may_write() {
    let user = BASIC.user();
    set_mode(&user.home().join(".config/dask"), 0o775);
    examined(
        &user,
        &[],
        3,
        str![[r#"
x files          [HOME]/.config/dask/gateway.yaml (mode 600): refused, its directory is writable by others (mode 775)
                 mend: chmod go-w [HOME]/.config/dask
+ values         gateway.address = http://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = [USER] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://[HOST]
- dns            `127.0.0.1` is no name
+ tcp            `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`
- proxy          none: requests go straight to the gateway
+ version        dask-gateway-server 2026.3.0
- authentication nothing is sent before the configuration is in order
- options        nothing is sent before the configuration is in order
+ clock          this machine and the gateway agree
- scheduler      nothing is sent before the configuration is in order
- dashboards     nothing is sent before the configuration is in order

"#]],
    );
    follow(&user, &mend(&user));
    is_well(&user);
}

#[test]
fn with_a_malformed_file() {
    let user = User::new().configured("gateway:\n  address: [\n");
    examined(
        &user,
        &[],
        3,
        str![[r#"
x files          [HOME]/.config/dask/gateway.yaml (mode 600): `[HOME]/.config/dask/gateway.yaml` is not a valid dask configuration file: line 3, column 1
                 mend: mend that line: the file must be a YAML mapping; or move it away, and `dgw login` writes another
- values         none is set
x address        no gateway address is configured
                 mend: `dgw login --address https://gateway.example.org` configures one
- dns            there is no address
- tcp            there is no address
- tls            there is no address
- proxy          there is no address
- version        there is no address
- authentication nothing is sent before the configuration is in order
- options        nothing is sent before the configuration is in order
- clock          there is no gateway to ask
- scheduler      nothing is sent before the configuration is in order
- dashboards     nothing is sent before the configuration is in order

"#]],
    );
    fs::remove_file(user.configuration()).expect("removed");
    log_in(&user, &["--address", address(&HUB)], token(5));
    is_well(&user);
}

#[test]
fn with_a_name_that_nobody_has() {
    let user = User::basic("http://gateway.invalid", "ada", BASIC.fact("password"));
    let output = run(user.command(&["doctor"]), None);
    assert_eq!(output.status.code(), Some(9));
    let shown = String::from_utf8(output.stdout).expect("UTF-8");
    // How the system says it differs from one to the other.
    let cause = regex::Regex::new("can't be found: .*").expect("a pattern");
    let shown = cause
        .replace(&shown, "can't be found: [CAUSE]")
        .into_owned();
    User::new().assert().eq(masked(&shown), str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://gateway.invalid ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = ada ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://gateway.invalid
x dns            `gateway.invalid` can't be found: [CAUSE]
                 mend: check the spelling of its name, and whether this machine is in the right network (VPN); it is set by `gateway.address`, or `--address`
- tcp            there is nobody to connect to
- tls            none: the address is `http://`, and secrets go there unencrypted
- proxy          none: requests go straight to the gateway
- version        the gateway can't be reached
- authentication there is no gateway to ask
- options        there is no gateway to ask
- clock          there is no gateway to ask
- scheduler      there is no gateway to ask
- dashboards     there is no gateway to ask

"#]]);
    rewritten(&user, "http://gateway.invalid", BASIC.fact("address"));
    is_well(&user);
}

#[test]
fn with_a_port_that_nobody_listens_at() {
    let user = User::basic("http://127.0.0.1:1", "ada", BASIC.fact("password"));
    examined(
        &user,
        &[],
        9,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = ada ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://[HOST]
- dns            `127.0.0.1` is no name
x tcp            `127.0.0.1` takes no connection on port [PORT]: Connection refused (os error 111)
                 mend: check the port, and whether a firewall lets this machine out to it (VPN, another node); it is set by `gateway.address`, or `--address`
- tls            none: the address is `http://`
- proxy          none: requests go straight to the gateway
- version        the gateway can't be reached
- authentication there is no gateway to ask
- options        there is no gateway to ask
- clock          there is no gateway to ask
- scheduler      there is no gateway to ask
- dashboards     there is no gateway to ask

"#]],
    );
    rewritten(&user, "http://127.0.0.1:1", BASIC.fact("address"));
    is_well(&user);
}

#[test]
fn with_an_authority_that_nobody_named() {
    let user = User::basic(TLS.fact("address"), "ada", TLS.fact("password"));
    examined(
        &user,
        &[],
        9,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = https://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = ada ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
+ address        https://[HOST]
- dns            `127.0.0.1` is no name
+ tcp            `127.0.0.1` accepts connections on port [PORT]
x tls            can't reach the gateway at `https://[HOST]`
                 invalid peer certificate: UnknownIssuer
                 [AUTHORITIES] are trusted
                 mend: name the site's certificate authority: SSL_CERT_FILE=/path/to/ca.pem
- proxy          none: requests go straight to the gateway
- version        the gateway can't be reached
- authentication there is no gateway to ask
- options        there is no gateway to ask
- clock          there is no gateway to ask
- scheduler      there is no gateway to ask
- dashboards     there is no gateway to ask

"#]],
    );
    let user = User::basic(TLS.fact("address"), "ada", TLS.fact("password"));
    is_well(&user.with("SSL_CERT_FILE", TLS.fact("ca_file")));
}

#[test]
fn with_a_proxy_that_leads_nowhere() {
    let user = User::basic("http://gateway.invalid", "ada", "pw")
        .with("HTTP_PROXY", "http://ada:s3cret@127.0.0.1:1");
    examined(
        &user,
        &[],
        9,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://gateway.invalid ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = ada ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://gateway.invalid
- dns            the HTTP proxy `127.0.0.1` is no name
x tcp            the HTTP proxy `127.0.0.1` takes no connection on port [PORT]: Connection refused (os error 111)
                 mend: check the port, and whether a firewall lets this machine out to it (VPN, another node); it is set by `gateway.http-client.proxy`, or HTTP_PROXY and the like
- tls            none: the address is `http://`, and secrets go there unencrypted
x proxy          by the HTTP proxy `[HOST]`: can't reach the gateway at `http://gateway.invalid`: Connection refused (os error 111)
                 mend: set `gateway.http-client.proxy` to false, or the host into NO_PROXY, if the gateway can be reached without it; or to the right proxy
- version        the gateway can't be reached
- authentication there is no gateway to ask
- options        there is no gateway to ask
- clock          there is no gateway to ask
- scheduler      there is no gateway to ask
- dashboards     there is no gateway to ask

"#]],
    );
    let proxy = Stub::always(answer("407 Proxy Authentication Required", "", ""));
    let user = User::basic("http://gateway.invalid", "ada", "pw")
        .with("DASK_GATEWAY__HTTP_CLIENT__PROXY", &proxy.address);
    examined(
        &user,
        &[],
        4,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://gateway.invalid ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = ada ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
                 gateway.http_client.proxy = http://[HOST] (DASK_GATEWAY__HTTP_CLIENT__PROXY)
+ address        http://gateway.invalid
- dns            the HTTP proxy `127.0.0.1` is no name
+ tcp            the HTTP proxy `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`, and secrets go there unencrypted
x proxy          by the HTTP proxy `[HOST]`: the HTTP proxy requires a user name and a password
                 mend: put them into `gateway.http-client.proxy`: http://USER:PASSWORD@HOST:PORT
- version        the HTTP proxy lets nobody through
- authentication there is no gateway to ask
- options        there is no gateway to ask
- clock          there is no gateway to ask
- scheduler      there is no gateway to ask
- dashboards     there is no gateway to ask

"#]],
    );
    // As the mend says, for a gateway that needs none.
    let user = BASIC
        .user()
        .with("DASK_GATEWAY__HTTP_CLIENT__PROXY", "http://127.0.0.1:1");
    let output = run(user.command(&["doctor"]), None);
    assert_eq!(output.status.code(), Some(9));
    is_well(&user.with("DASK_GATEWAY__HTTP_CLIENT__PROXY", "False"));
}

#[test]
fn with_the_address_of_the_hub_itself() {
    let root = HUB.fact("address").replace("/services/dask-gateway", "");
    let user = User::jupyterhub(&root, token(6), None);
    examined(
        &user,
        &[],
        9,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = jupyterhub ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.api_token is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://[HOST]
- dns            `127.0.0.1` is no name
+ tcp            `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`
- proxy          none: requests go straight to the gateway
x version        the response from `http://[HOST]/api/version` is not a gateway's: it redirects to `http://[HOST]/hub/api/version`
                 mend: a gateway responds at `http://[HOST]/services/dask-gateway`: `dgw login --address http://[HOST]/services/dask-gateway --force`
- authentication there is no gateway to ask
- options        there is no gateway to ask
- clock          there is no gateway to ask
- scheduler      there is no gateway to ask
- dashboards     there is no gateway to ask

"#]],
    );
    let mend = mend(&user);
    let args = mend.split_once("`dgw login ").expect("a command").1;
    let args = args.trim_end_matches('`').split(' ').collect::<Vec<_>>();
    log_in(&user, &args, token(6));
    is_well(&user);
}

#[test]
fn with_a_token_that_is_revoked() {
    let user = User::jupyterhub(HUB.fact("address"), HUB.fact("revoked_token"), None);
    examined(
        &user,
        &[],
        4,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://[HOST]/services/dask-gateway ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = jupyterhub ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.api_token is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://[HOST]/services/dask-gateway
- dns            `127.0.0.1` is no name
+ tcp            `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`
- proxy          none: requests go straight to the gateway
+ version        dask-gateway-server 2026.3.0
x authentication the JupyterHub of the gateway at `http://[HOST]/services/dask-gateway` does not know the token: it is wrong, expired or revoked
                 mend: create a new token at http://[HOST]/hub/token and give it to `dgw login --force`
- options        the gateway lets nobody in
+ clock          this machine and the gateway agree
+ scheduler      `[HOST]` accepts connections; whether it leads to schedulers shows with a running cluster
- dashboards     `http://[HOST]/services/dask-gateway` answers; whether dashboards are there shows with a running cluster

"#]],
    );
    log_in(&user, &["--force"], token(7));
    is_well(&user);
}

#[test]
fn with_a_token_that_lacks_access() {
    let user = User::jupyterhub(HUB.fact("address"), HUB.fact("token_without_scope"), None);
    examined(
        &user,
        &[],
        4,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://[HOST]/services/dask-gateway ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = jupyterhub ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.api_token is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://[HOST]/services/dask-gateway
- dns            `127.0.0.1` is no name
+ tcp            `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`
- proxy          none: requests go straight to the gateway
+ version        dask-gateway-server 2026.3.0
x authentication the token is valid, but lacks access to the gateway at `http://[HOST]/services/dask-gateway`, a service of its JupyterHub
                 mend: create a new token at http://[HOST]/hub/token and give it to `dgw login --force`, without narrowing its scopes; if that one is refused too, ask the hub's administrators for the scope `access:services!service=…` of the gateway
- options        the gateway lets nobody in
+ clock          this machine and the gateway agree
+ scheduler      `[HOST]` accepts connections; whether it leads to schedulers shows with a running cluster
- dashboards     `http://[HOST]/services/dask-gateway` answers; whether dashboards are there shows with a running cluster

"#]],
    );
    log_in(&user, &["--force"], token(8));
    is_well(&user);
}

#[test]
fn with_the_wrong_kind_of_authentication() {
    let user = User::basic(HUB.fact("address"), "ada", "pw");
    examined(
        &user,
        &[],
        4,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://[HOST]/services/dask-gateway ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = ada ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://[HOST]/services/dask-gateway
- dns            `127.0.0.1` is no name
+ tcp            `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`
- proxy          none: requests go straight to the gateway
+ version        dask-gateway-server 2026.3.0
x authentication the gateway at `http://[HOST]/services/dask-gateway` requires jupyterhub authentication, but the configuration says basic
                 mend: `dgw login --force` sets up jupyterhub authentication
- options        the gateway lets nobody in
+ clock          this machine and the gateway agree
+ scheduler      `[HOST]` accepts connections; whether it leads to schedulers shows with a running cluster
- dashboards     `http://[HOST]/services/dask-gateway` answers; whether dashboards are there shows with a running cluster

"#]],
    );
    log_in(&user, &["--force"], token(9));
    is_well(&user);
}

#[test]
fn with_values_that_cannot_be() {
    let user = User::new().configured(
        "gateway:\n  address: http://ada:s3cret@127.0.0.1\n  adress: s3cret\n  proxy-address: x\n  \
         auth:\n    type: mine.Auth\n    kwargs: {secret: s3cret}\n",
    );
    examined(
        &user,
        &[],
        3,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
x values         gateway.address = http://…@127.0.0.1 ([HOME]/.config/dask/gateway.yaml)
                 gateway.proxy-address = x ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = mine.Auth ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.secret is set ([HOME]/.config/dask/gateway.yaml)
                 gateway.adress is set ([HOME]/.config/dask/gateway.yaml): dask-gateway has no such key
                 `gateway.auth.type` ([HOME]/.config/dask/gateway.yaml) is the Python class `mine.Auth`, which dgw can't load: it knows `jupyterhub` and `basic`
                 mend: set it right there, or take it away
x address        `gateway.address` ([HOME]/.config/dask/gateway.yaml) must not contain a user name or password: they belong in `gateway.auth`
                 mend: set it right: it looks like `https://gateway.example.org`
- dns            there is no address
- tcp            there is no address
- tls            there is no address
- proxy          there is no address
- version        there is no address
- authentication nothing is sent before the configuration is in order
- options        nothing is sent before the configuration is in order
- clock          there is no gateway to ask
- scheduler      nothing is sent before the configuration is in order
- dashboards     nothing is sent before the configuration is in order

"#]],
    );
}

#[test]
fn with_defaults_that_the_gateway_does_not_offer() {
    let user = BASIC
        .user()
        .with("DASK_GATEWAY__CLUSTER__OPTIONS__WORKER_CORS", "2");
    examined(
        &user,
        &[],
        3,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = [USER] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
                 gateway.cluster.options.worker_cors = 2 (DASK_GATEWAY__CLUSTER__OPTIONS__WORKER_CORS)
+ address        http://[HOST]
- dns            `127.0.0.1` is no name
+ tcp            `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`
- proxy          none: requests go straight to the gateway
+ version        dask-gateway-server 2026.3.0
+ authentication the gateway takes you, by your password, for `[USER]`; you have no active clusters
x options        `gateway.cluster.options.worker_cors` (DASK_GATEWAY__CLUSTER__OPTIONS__WORKER_CORS) is no option of this gateway; did you mean `worker_cores`?
                 mend: set it right there, or take it away: `dgw options` shows what this gateway offers
+ clock          this machine and the gateway agree
+ scheduler      `[HOST]` accepts connections; whether it leads to schedulers shows with a running cluster
- dashboards     `http://[HOST]` answers; whether dashboards are there shows with a running cluster

"#]],
    );
    is_well(
        &BASIC
            .user()
            .with("DASK_GATEWAY__CLUSTER__OPTIONS__WORKER_CORES", "2"),
    );
}

#[test]
fn with_a_clock_that_is_wrong() {
    let stub = Stub::new(|head| {
        let body = if head.contains("version") {
            r#"{"version": "2026.3.0"}"#
        } else if head.contains("health") {
            r#"{"status": "fail\n[mend]: rm -rf ~\nmend: rm -rf ~"}"#
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
    let shown = String::from_utf8(output.stdout).expect("UTF-8");
    let apart = regex::Regex::new(r"differ by \w+").expect("a pattern");
    let shown = apart.replace(&shown, "differ by [TIME]").into_owned();
    User::new().assert().eq(masked(&shown), str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = ada ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://[HOST]
- dns            `127.0.0.1` is no name
+ tcp            `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`
- proxy          none: requests go straight to the gateway
x version        the gateway at `http://[HOST]/api/health` says of itself: `fail\n[mend]: rm -rf ~\nmend: rm -rf ~`
                 mend: tell those who run the gateway, and try again in a while
+ authentication the gateway takes you, by your password, for `ada`; you have no active clusters
+ options        the gateway offers none
x clock          this machine's clock and the gateway's differ by [TIME]
                 mend: set this machine's clock (`timedatectl set-ntp true`); if it is right, tell those who run the gateway
+ scheduler      `[HOST]` accepts connections; whether it leads to schedulers shows with a running cluster
- dashboards     `http://[HOST]` answers; whether dashboards are there shows with a running cluster

"#]]);
}

#[test]
fn with_a_scheduler_proxy_that_is_none() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    // It takes connections, and hangs up.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("the port").port();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let wrong = user.by_same_user("DASK_GATEWAY__PROXY_ADDRESS", &port.to_string());
    examined(
        &wrong,
        &[],
        1,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.proxy_address = [PORT] (DASK_GATEWAY__PROXY_ADDRESS)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = [USER] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://[HOST]
- dns            `127.0.0.1` is no name
+ tcp            `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`
- proxy          none: requests go straight to the gateway
+ version        dask-gateway-server 2026.3.0
+ authentication the gateway takes you, by your password, for `[USER]`; you have 1 active cluster
+ options        worker_cores, worker_memory, worker_setup, profile, priority, spot, environment, scheduler_start
+ clock          this machine and the gateway agree
x scheduler      can't reach the scheduler proxy at `[HOST]`: it leads to no scheduler of cluster [NAME]: [FAULT]
                 mend: check `gateway.proxy-address` (those who run the gateway know it), and whether a firewall lets this machine out to it
+ dashboards     `http://[HOST]/clusters/[NAME]/status` answers

"#]],
    );
    let wrong = user.by_same_user("DASK_GATEWAY__PROXY_ADDRESS", "1");
    examined(
        &wrong,
        &[],
        1,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.proxy_address = 1 (DASK_GATEWAY__PROXY_ADDRESS)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = [USER] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://[HOST]
- dns            `127.0.0.1` is no name
+ tcp            `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`
- proxy          none: requests go straight to the gateway
+ version        dask-gateway-server 2026.3.0
+ authentication the gateway takes you, by your password, for `[USER]`; you have 1 active cluster
+ options        worker_cores, worker_memory, worker_setup, profile, priority, spot, environment, scheduler_start
+ clock          this machine and the gateway agree
x scheduler      can't reach the scheduler proxy at `[HOST]`: Connection refused (os error 111)
                 mend: check `gateway.proxy-address` (those who run the gateway know it), and whether a firewall lets this machine out to it
+ dashboards     `http://[HOST]/clusters/[NAME]/status` answers

"#]],
    );
    let wrong = user.by_same_user("DASK_GATEWAY__PUBLIC_ADDRESS", "http://127.0.0.1:1");
    examined(
        &wrong,
        &[],
        1,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.public_address = http://[HOST] (DASK_GATEWAY__PUBLIC_ADDRESS)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = [USER] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://[HOST]
- dns            `127.0.0.1` is no name
+ tcp            `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`
- proxy          none: requests go straight to the gateway
+ version        dask-gateway-server 2026.3.0
+ authentication the gateway takes you, by your password, for `[USER]`; you have 1 active cluster
+ options        worker_cores, worker_memory, worker_setup, profile, priority, spot, environment, scheduler_start
+ clock          this machine and the gateway agree
+ scheduler      `[HOST]` leads to the scheduler of cluster [NAME]
x dashboards     dashboards can't be reached: `http://[HOST]/clusters/[NAME]/status` answers with no response (Connection refused (os error 111))
                 mend: check `gateway.public-address`: dashboards' links begin with it

"#]],
    );
    let login = Stub::always(answer("302 Found", "Location: /hub/login\r\n", ""));
    let behind = user.by_same_user("DASK_GATEWAY__PUBLIC_ADDRESS", &login.address);
    let shown = behind.stdout(&["doctor"]);
    assert!(shown.contains("asks for a login first"), "{shown}");
    is_well(&user);
}

#[test]
fn a_web_page_is_no_gateway_and_gets_no_secret_before_that_is_known() {
    let html = "Content-Type: text/html\r\n";
    let stub = Stub::always(answer("200 OK", html, "<html>"));
    let user = User::basic(&stub.address, "ada", "pw");
    examined(
        &user,
        &[],
        9,
        str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
+ values         gateway.address = http://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = basic ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.username = ada ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.kwargs.password is set ([HOME]/.config/dask/gateway.yaml)
+ address        http://[HOST]
- dns            `127.0.0.1` is no name
+ tcp            `127.0.0.1` accepts connections on port [PORT]
- tls            none: the address is `http://`
- proxy          none: requests go straight to the gateway
x version        the response from `http://[HOST]/api/version` is not a gateway's: it is a web page
                 mend: check `gateway.address`: behind a JupyterHub it ends in /services/dask-gateway
- authentication there is no gateway to ask
- options        there is no gateway to ask
- clock          there is no gateway to ask
- scheduler      there is no gateway to ask
- dashboards     there is no gateway to ask

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
fn a_file_that_is_refused_gets_nothing_from_the_environment() {
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
    let shown = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(shown.contains("/x/{JUPYTERHUB_API_TOKEN} ("), "{shown}");
    assert!(!shown.contains("t0ken"), "{shown}");
    let seen = stub.seen();
    assert!(!seen.is_empty());
    assert!(seen.iter().all(|head| !head.contains("t0ken")), "{seen:?}");
}
