//! A gateway that takes Kerberos tickets, and a real KDC that gives them. `cargo test --features
//! kerberos -- --ignored kerberos` starts both; it needs Debian's packages of MIT Kerberos.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use snapbox::str;

use crate::secrets::{assert_silent, everything};
use crate::support::{KERBEROS, Stub, User, answer, json_answer};

/// Somebody who knows the gateway, and has no ticket yet.
fn stranger() -> User {
    at(KERBEROS.fact("address"))
}

fn at(address: &str) -> User {
    let user = User::new().configured(&format!(
        "gateway:\n  address: {address}\n  auth:\n    type: kerberos\n"
    ));
    let cache = format!("FILE:{}", user.home().join("tickets").display());
    user.with("KRB5_CONFIG", KERBEROS.fact("krb5_conf"))
        .with("KRB5CCNAME", &cache)
}

/// The same with a ticket of one of the realm's users, which lasts so long.
fn holding(user: User, number: usize, life: &str) -> User {
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

fn holder() -> User {
    holding(stranger(), 0, "1h")
}

/// The name of one of the realm's users.
fn principal(number: usize) -> &'static str {
    let name = KERBEROS.facts["principals"][number].as_str();
    name.expect("a principal")
}

/// The same with another word in the configuration of Kerberos.
fn misled(from: &str, to: &str) -> User {
    let user = stranger();
    let file = fs::read_to_string(KERBEROS.fact("krb5_conf")).expect("the configuration");
    assert!(file.contains(from), "{file}");
    let path = user.home().join("krb5.conf");
    fs::write(&path, file.replace(from, to)).expect("written");
    holding(
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

/// A server under the name that the gateway's service has too.
fn namesake(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> (Stub, User) {
    let stub = Stub::new(answer);
    let user = at(&stub.address.replace("127.0.0.1", "localhost"));
    (stub, holding(user, 0, "1h"))
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
fn the_main_job() {
    let user = holder();
    fs::remove_file(user.configuration()).expect("removed");
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
            "+ authentication the gateway takes your Kerberos ticket, which is `{}`'s; you have 1 \
             active cluster\n",
            principal(0)
        )),
        "{doctor}"
    );

    // Python's own client takes the file, and has the same user.
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
    // A complaint holds no token, and is heard all the same.
    user.dgw(&["wait", &"f".repeat(32), "--for", "running"])
        .code(5)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: no cluster fits `[NAME]`

hint: `dgw list --all` shows what the gateway still knows

"#]]);
}

/// As cron does it: the library gets the tickets itself.
#[test]
#[ignore = "needs Debian's packages of MIT Kerberos, and a dgw with it"]
fn a_keytab_will_do() {
    let user = stranger().with("KRB5_CLIENT_KTNAME", KERBEROS.fact("keytab"));
    user.dgw(&["list"]).success();
    assert!(user.home().join("tickets").is_file());
}

#[test]
#[ignore = "needs Debian's packages of MIT Kerberos, and a dgw with it"]
fn what_is_wrong_with_a_ticket_is_said() {
    let user = stranger();
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

hint: nothing was written: get one with `kinit` (`klist` lists your tickets); for cron and jobs, use a keytab: KRB5_CLIENT_KTNAME=/path/to/keytab

"#]]);
    let output = user.command(&["doctor"]).output().expect("dgw runs");
    assert_eq!(output.status.code(), Some(4));
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        told.contains("x authentication you have no Kerberos ticket\n"),
        "{told}"
    );
    assert!(told.contains("mend: get one with `kinit`"), "{told}");

    let user = holding(user, 0, "1s");
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
fn a_service_that_kerberos_does_not_know_is_said() {
    let user = holder();
    let numeric = KERBEROS.fact("address").replace("localhost", "127.0.0.1");
    user.dgw(&["list", "--address", &numeric])
        .code(4)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: Kerberos knows no service `HTTP@127.0.0.1`
  Server HTTP/127.0.0.1@DGW.TEST not found in Kerberos database

hint: check the host name in `gateway.address` (an IP address does not do), and with `klist` whether your ticket is for its realm

"#]]);
    // Nobody is asked for its address before.
    user.dgw(&["list", "--address", "http://nobody.dgw.test"])
        .code(4)
        .stdout_eq("")
        .stderr_eq(str![[r#"
warning: your Kerberos token goes to `nobody.dgw.test` unencrypted: `gateway.address` is http://
error: Kerberos knows no service `HTTP@nobody.dgw.test`
  Server HTTP/nobody.dgw.test@DGW.TEST not found in Kerberos database

hint: check the host name in `gateway.address` (an IP address does not do), and with `klist` whether your ticket is for its realm

"#]]);
    misled("localhost = DGW.TEST", "localhost = ELSE.TEST")
        .dgw(&["list"])
        .code(4)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: Kerberos knows no service `HTTP@localhost`
  Server krbtgt/ELSE.TEST@DGW.TEST not found in Kerberos database

hint: check the host name in `gateway.address` (an IP address does not do), and with `klist` whether your ticket is for its realm

"#]]);
}

#[test]
#[ignore = "needs Debian's packages of MIT Kerberos, and a dgw with it"]
fn a_kdc_that_does_not_answer_holds_nobody_up() {
    misled(&kdc(), "127.0.0.1:1")
        .dgw(&["list"])
        .code(4)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: can't reach a KDC of your Kerberos realm
  Cannot contact any KDC for realm 'DGW.TEST'

hint: check whether this machine can reach your realm's KDC (VPN, firewall), and whether it is the one in /etc/krb5.conf, or KRB5_CONFIG; `klist` shows your realm

"#]]);

    let deaf = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = deaf.local_addr().expect("the port");
    let _deaf_too = UdpSocket::bind(address).expect("the same port");
    let user = misled(&kdc(), &address.to_string());
    let started = Instant::now();
    user.dgw(&["list", "--request-timeout", "2s"])
        .code(4)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: Kerberos returned no token within 2 s

hint: check whether this machine can reach your realm's KDC (VPN, firewall), and whether it is the one in /etc/krb5.conf, or KRB5_CONFIG; `klist` shows your realm

"#]]);
    let took = started.elapsed();
    assert!(took < Duration::from_secs(6), "{took:?}");
}

#[test]
#[ignore = "needs Debian's packages of MIT Kerberos, and a dgw with it"]
fn each_request_has_a_token_of_its_own() {
    let (stub, user) = namesake(|_| answer("503 Service Unavailable", "", ""));
    let output = user.command(&["list", "-vvv"]).output().expect("dgw runs");
    assert_eq!(output.status.code(), Some(9));
    let mut sent = tokens(&stub);
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(sent.iter().all(|token| !said.contains(token)), "{said}");
    assert_eq!(sent.len(), 3);
    sent.sort_unstable();
    sent.dedup();
    assert_eq!(sent.len(), 3, "sent again");
}

#[test]
#[ignore = "needs Debian's packages of MIT Kerberos, and a dgw with it"]
fn a_redirect_gets_no_token() {
    let elsewhere = Stub::always(json_answer("{}"));
    let location = elsewhere.address.replace("127.0.0.1", "localhost");
    let location = format!("Location: {location}/api/v1/clusters/\r\n");
    let (stub, user) = namesake(move |_| answer("302 Found", &location, ""));
    user.dgw(&["list"]).code(9).stdout_eq("");
    assert_eq!(tokens(&stub).len(), 1);
    assert!(elsewhere.seen().is_empty());
}

#[test]
#[ignore = "needs Debian's packages of MIT Kerberos, and a dgw with it"]
fn what_is_not_the_gateway_is_not_believed() {
    let (_stub, user) = namesake(|_| json_answer("{}"));
    user.dgw(&["list"]).code(4).stdout_eq("").stderr_eq(str![[r#"
error: the server does not prove that it is the service `HTTP@localhost`
  the response contains no token

hint: check `gateway.address`: it may lead to another server; if it is right, contact the gateway's administrators

"#]]);
    // Its own token sent back.
    let (_stub, user) = namesake(|head| {
        let (_, token) = head.split_once("Negotiate ").expect("a token");
        let token = token.lines().next().expect("a line");
        let headers = format!("WWW-Authenticate: Negotiate {token}\r\n");
        answer("200 OK", &headers, "{}")
    });
    user.dgw(&["list"]).code(4).stdout_eq("").stderr_eq(str![[r#"
error: the server does not prove that it is the service `HTTP@localhost`
  Invalid token was supplied

hint: check `gateway.address`: it may lead to another server; if it is right, contact the gateway's administrators

"#]]);
    // Complaints of the server's are told, though they prove nothing.
    let json = "Content-Type: application/json\r\n";
    let complaint = |status: &'static str, body: &'static str| {
        let (_stub, user) = namesake(move |_| answer(status, json, body));
        user.dgw(&["list"])
    };
    complaint("422 Unprocessable Entity", r#"{"error": "no such thing"}"#)
        .code(2)
        .stderr_eq(str![[r#"
error: the gateway refused the request: no such thing

hint: `dgw options` shows what this gateway accepts, and your defaults

"#]]);
    complaint(
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
fn no_output_holds_a_token() {
    let said = everything(&holding(stranger(), 1, "1h"));
    // How the DER of any Kerberos token begins.
    assert_silent(&said, "Negotiate YII");
    assert_silent(&said, "Negotiate YIG");
}
