//! A gateway with Kerberos authentication, and a real KDC. `cargo test --features kerberos -- --ignored
//! kerberos` starts both; it needs Debian's packages of MIT Kerberos.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use snapbox::str;

use crate::secrets::{assert_silent, everything};
use crate::support::{KERBEROS, Stub, User, answer, json_answer};

/// A user whose configuration is complete and who has no ticket yet.
fn user_without_ticket() -> User {
    configured_for(KERBEROS.fact("address"))
}

fn configured_for(address: &str) -> User {
    let user = User::new().configured(&format!(
        "gateway:\n  address: {address}\n  auth:\n    type: kerberos\n"
    ));
    let cache = format!("FILE:{}", user.home().join("tickets").display());
    user.with("KRB5_CONFIG", KERBEROS.fact("krb5_conf"))
        .with("KRB5CCNAME", &cache)
}

/// Gets a ticket of one of the realm's users for the lifetime `life`.
fn with_ticket(user: User, number: usize, life: &str) -> User {
    let done = Command::new("kinit")
        .args(["-l", life, "-k", "-t", KERBEROS.fact("keytab")])
        .arg(principal(number))
        .env_clear()
        .envs(user.environment())
        .env("KRB5_CONFIG", KERBEROS.fact("krb5_conf"))
        .output()
        .expect("kinit runs");
    let stderr = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "kinit: {stderr}");
    user
}

fn user_with_ticket() -> User {
    with_ticket(user_without_ticket(), 0, "1h")
}

/// The name of one of the realm's users.
fn principal(number: usize) -> &'static str {
    let name = KERBEROS.facts["principals"][number].as_str();
    name.expect("a principal")
}

/// A user with a ticket whose Kerberos configuration contains `to` in place of `from`.
fn with_changed_krb5_conf(from: &str, to: &str) -> User {
    let user = user_without_ticket();
    let file = fs::read_to_string(KERBEROS.fact("krb5_conf")).expect("the configuration");
    assert!(file.contains(from), "{file}");
    let path = user.home().join("krb5.conf");
    fs::write(&path, file.replace(from, to)).expect("the file is written");
    with_ticket(
        user.with("KRB5_CONFIG", &path.display().to_string()),
        0,
        "1h",
    )
}

/// `host:port` of the KDC.
fn kdc() -> String {
    let file = fs::read_to_string(KERBEROS.fact("krb5_conf")).expect("the configuration");
    let mut lines = file.lines();
    let kdc = lines.find_map(|line| line.trim().strip_prefix("kdc = "));
    kdc.expect("a KDC").to_owned()
}

/// A stub on the gateway's host, so that the gateway's service principal is the stub's, and a user
/// configured for it.
fn server_with_the_same_principal(
    answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
) -> (Stub, User) {
    let stub = Stub::new(answer);
    let user = configured_for(&stub.address.replace("127.0.0.1", "localhost"));
    (stub, with_ticket(user, 0, "1h"))
}

/// The tokens that a stub was sent.
fn tokens(stub: &Stub) -> Vec<String> {
    let seen = stub.seen();
    let found = seen.iter().filter_map(|head| {
        let (_, rest) = head.split_once("uthorization: Negotiate ")?;
        Some(rest.lines().next()?.to_owned())
    });
    found.collect()
}

#[test]
#[ignore = "needs Debian's packages of MIT Kerberos, and a dgw with it"]
fn runs_a_cluster_with_a_ticket() {
    let user = user_with_ticket();
    fs::remove_file(user.configuration()).expect("the file is removed");
    user.dgw(&["login", "--address", KERBEROS.fact("address")])
        .success()
        .stdout_eq("");
    let written = fs::read_to_string(user.configuration()).expect("the file");
    assert!(
        written.ends_with("  auth:\n    type: kerberos\n"),
        "{written}"
    );
    let user = user.leaving_nothing();

    assert!(user.json(&["options"])[0]["name"].is_string());
    let name = user.stdout(&["new", "--workers", "1", "--wait-workers", "1"]);
    let clusters = user.json(&["list", "--wide"]);
    assert_eq!(clusters[0]["name"], name.as_str(), "{clusters}");
    assert_eq!(clusters[0]["workers"], 1, "{clusters}");
    user.stdout(&["scale", "2", "--wait"]);
    user.dgw(&["scale", "9"]).code(8);
    user.stdout(&["adapt", "--min", "1", "--max", "2"]);
    let shown = user.stdout(&["connect", "--", "sh", "-c", "echo $DASK_SCHEDULER_ADDRESS"]);
    assert!(shown.starts_with("tls://127.0.0.1:"), "{shown}");
    let doctor = user.stdout(&["doctor"]);
    assert!(
        doctor.contains(&format!(
            "+ authentication the gateway accepts your Kerberos ticket, for `{}`; you have 1 active \
             cluster\n",
            principal(0)
        )),
        "{doctor}"
    );

    // Python's own client reads the same file and is the same user.
    let script = "import dask_gateway; print(dask_gateway.Gateway().list_clusters()[0].name)";
    let output = Command::new(KERBEROS.python())
        .args(["-c", script])
        .env_clear()
        .envs(user.environment())
        .env("PYTHONPATH", KERBEROS.fact("python_path"))
        .output()
        .expect("Python runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        name,
        "{stderr}"
    );

    assert_eq!(user.stdout(&["shutdown", &name]), name);
    // An error response contains no token. dgw reports it nevertheless.
    user.dgw(&["wait", &"f".repeat(32), "--for", "running"])
        .code(5)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: no cluster matches `[NAME]`

hint: `dgw list --all` lists every cluster that the gateway still knows

"#]]);
}

/// As in a cron job: the Kerberos library gets the tickets itself.
#[test]
#[ignore = "needs Debian's packages of MIT Kerberos, and a dgw with it"]
fn gets_a_ticket_by_keytab() {
    let user = user_without_ticket().with("KRB5_CLIENT_KTNAME", KERBEROS.fact("keytab"));
    user.dgw(&["list"]).success();
    assert!(user.home().join("tickets").is_file());
}

#[test]
#[ignore = "needs Debian's packages of MIT Kerberos, and a dgw with it"]
fn explains_missing_and_expired_tickets() {
    let user = user_without_ticket();
    user.dgw(&["list"]).code(4).stdout_eq("").stderr_eq(str![[r#"
error: you have no Kerberos ticket
  No Kerberos credentials available (default cache: FILE:[HOME]/tickets)

hint: get one with `kinit` (`klist` lists your tickets); for cron and jobs, use a keytab: KRB5_CLIENT_KTNAME=/path/to/keytab

"#]]);
    user.dgw(&["login", "--force"])
        .code(4)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: you have no Kerberos ticket
  No Kerberos credentials available (default cache: FILE:[HOME]/tickets)

hint: nothing was saved: get one with `kinit` (`klist` lists your tickets); for cron and jobs, use a keytab: KRB5_CLIENT_KTNAME=/path/to/keytab

"#]]);
    let output = user.command(&["doctor"]).output().expect("dgw runs");
    assert_eq!(output.status.code(), Some(4));
    let report = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        report.contains("x authentication you have no Kerberos ticket\n"),
        "{report}"
    );
    assert!(report.contains("hint: get one with `kinit`"), "{report}");

    let user = with_ticket(user, 0, "1s");
    thread::sleep(Duration::from_secs(2));
    user.dgw(&["list"])
        .code(4)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: your Kerberos ticket has expired
  Ticket expired

hint: get a new one with `kinit`; `klist` shows when it expires

"#]]);
}

#[test]
#[ignore = "needs Debian's packages of MIT Kerberos, and a dgw with it"]
fn explains_unknown_service() {
    let at = |address: &str| with_ticket(configured_for(address), 0, "1h");
    let numeric = KERBEROS.fact("address").replace("localhost", "127.0.0.1");
    at(&numeric)
        .dgw(&["list"])
        .code(4)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: Kerberos has no service `HTTP@127.0.0.1`
  Server HTTP/127.0.0.1@DGW.TEST not found in Kerberos database

hint: check the host name in `gateway.address` (an IP address does not work), and with `klist` whether your ticket is for its realm

"#]]);
    // dgw does not look the host up before it has a token for it.
    at("http://nobody.dgw.test")
        .dgw(&["list"])
        .code(4)
        .stdout_eq("")
        .stderr_eq(str![[r#"
warning: dgw sends your Kerberos token to `nobody.dgw.test` unencrypted, because the gateway's address is http://
error: Kerberos has no service `HTTP@nobody.dgw.test`
  Server HTTP/nobody.dgw.test@DGW.TEST not found in Kerberos database

hint: check the host name in `gateway.address` (an IP address does not work), and with `klist` whether your ticket is for its realm

"#]]);
    with_changed_krb5_conf("localhost = DGW.TEST", "localhost = ELSE.TEST")
        .dgw(&["list"])
        .code(4)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: Kerberos has no service `HTTP@localhost`
  Server krbtgt/ELSE.TEST@DGW.TEST not found in Kerberos database

hint: check the host name in `gateway.address` (an IP address does not work), and with `klist` whether your ticket is for its realm

"#]]);
}

#[test]
#[ignore = "needs Debian's packages of MIT Kerberos, and a dgw with it"]
fn does_not_wait_for_a_silent_kdc() {
    with_changed_krb5_conf(&kdc(), "127.0.0.1:1")
        .dgw(&["list"])
        .code(4)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: can't reach a KDC of your Kerberos realm
  Cannot contact any KDC for realm 'DGW.TEST'

hint: check whether this machine can reach your realm's KDC (VPN, firewall), and whether /etc/krb5.conf or KRB5_CONFIG names the right one; `klist` shows your realm

"#]]);

    let silent_listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = silent_listener.local_addr().expect("the port");
    let _silent_socket = UdpSocket::bind(address).expect("the same port");
    let user = with_changed_krb5_conf(&kdc(), &address.to_string());
    let started = Instant::now();
    user.dgw(&["list", "--request-timeout", "2s"])
        .code(4)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: Kerberos returned no token within 2s

hint: check whether this machine can reach your realm's KDC (VPN, firewall), and whether /etc/krb5.conf or KRB5_CONFIG names the right one; `klist` shows your realm

"#]]);
    let took = started.elapsed();
    assert!(took < Duration::from_secs(6), "{took:?}");
}

#[test]
#[ignore = "needs Debian's packages of MIT Kerberos, and a dgw with it"]
fn sends_a_new_token_with_each_request() {
    let (stub, user) =
        server_with_the_same_principal(|_| answer("503 Service Unavailable", "", ""));
    let output = user.command(&["list", "-vvv"]).output().expect("dgw runs");
    assert_eq!(output.status.code(), Some(9));
    let mut sent = tokens(&stub);
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    assert!(
        sent.iter().all(|token| !printed.contains(token)),
        "{printed}"
    );
    assert_eq!(sent.len(), 3);
    sent.sort_unstable();
    sent.dedup();
    assert_eq!(sent.len(), 3, "sent again");
}

#[test]
#[ignore = "needs Debian's packages of MIT Kerberos, and a dgw with it"]
fn sends_no_token_to_a_redirect() {
    let elsewhere = Stub::always(json_answer("{}"));
    let location = elsewhere.address.replace("127.0.0.1", "localhost");
    let location = format!("Location: {location}/api/v1/clusters/\r\n");
    let (stub, user) = server_with_the_same_principal(move |_| answer("302 Found", &location, ""));
    user.dgw(&["list"]).code(9).stdout_eq("");
    assert_eq!(tokens(&stub).len(), 1);
    assert!(elsewhere.seen().is_empty());
}

#[test]
#[ignore = "needs Debian's packages of MIT Kerberos, and a dgw with it"]
fn rejects_a_server_that_does_not_prove_its_identity() {
    let (_stub, user) = server_with_the_same_principal(|_| json_answer("{}"));
    user.dgw(&["list"]).code(4).stdout_eq("").stderr_eq(str![[r#"
error: the server did not prove that it is the service `HTTP@localhost`
  the response contains no token

hint: check `gateway.address`: it may lead to another server; if it is right, contact the gateway's administrators

"#]]);
    // A server that returns the client's own token.
    let (_stub, user) = server_with_the_same_principal(|head| {
        let (_, token) = head.split_once("Negotiate ").expect("a token");
        let token = token.lines().next().expect("a line");
        let headers = format!("WWW-Authenticate: Negotiate {token}\r\n");
        answer("200 OK", &headers, "{}")
    });
    user.dgw(&["list"]).code(4).stdout_eq("").stderr_eq(str![[r#"
error: the server did not prove that it is the service `HTTP@localhost`
  Invalid token was supplied

hint: check `gateway.address`: it may lead to another server; if it is right, contact the gateway's administrators

"#]]);
    // dgw reports errors of a server that does not prove its identity.
    let json = "Content-Type: application/json\r\n";
    let assert_reports = |status: &'static str, body: &'static str| {
        let (_stub, user) = server_with_the_same_principal(move |_| answer(status, json, body));
        user.dgw(&["list"])
    };
    assert_reports("422 Unprocessable Entity", r#"{"error": "no such thing"}"#)
        .code(2)
        .stderr_eq(str![[r#"
error: the gateway refused the request: no such thing

hint: `dgw options` shows what this gateway accepts, and your defaults

"#]]);
    assert_reports(
        "500 Internal Server Error",
        r#"{"error": "Error during kerberos authentication"}"#,
    )
    .code(4)
    .stderr_eq(str![[r#"
error: the gateway at `[..]` did not accept the Kerberos ticket

hint: get a new ticket with `kinit`; if that is refused too, contact the gateway's administrators: its keytab may be out of date

"#]]);
}

#[test]
#[ignore = "needs Debian's packages of MIT Kerberos, and a dgw with it"]
fn prints_no_token() {
    let printed = everything(&with_ticket(user_without_ticket(), 1, "1h"));
    // The DER of every Kerberos token begins like this.
    assert_silent(&printed, "Negotiate YII");
    assert_silent(&printed, "Negotiate YIG");
}
