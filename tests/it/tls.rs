//! HTTPS, with the system's authorities or a site's own.

use snapbox::str;

use crate::support::{TLS, User, tunnel_to};

#[test]
fn a_private_authority_must_be_named() {
    let user = TLS.user();
    user.dgw(&["list"]).success();
    let address = TLS.fact("address");
    let stranger = User::basic(address, "ada", TLS.fact("password"));
    stranger
        .dgw(&["list"])
        .code(9)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: can't reach the gateway at `https://[HOST]`
  invalid peer certificate: UnknownIssuer

hint: name the site's certificate authority: SSL_CERT_FILE=/path/to/ca.pem

"#]]);
}

#[test]
fn the_main_job_works_over_https() {
    let user = TLS.user();
    user.dgw(&["new", "--workers", "1"])
        .success()
        .stdout_eq(str![[r#"
[NAME]

"#]]);
    user.dgw(&["connect"]).success().stdout_eq(str![[r#"
cluster    [NAME]
scheduler  gateway://[HOST]/[NAME]
dashboard  https://[HOST]/clusters/[NAME]/status

from dask_gateway import Gateway

cluster = Gateway().connect("[NAME]")
client = cluster.get_client()

"#]]);
    user.dgw(&["shutdown", "--all", "--yes"])
        .success()
        .stdout_eq(str![[r#"
[NAME]

"#]]);
}

#[test]
fn a_name_that_the_certificate_does_not_bear_is_refused() {
    let gateway = TLS.fact("address").trim_start_matches("https://");
    let user = User::basic("https://gateway.example.org", "ada", "pw")
        .with("SSL_CERT_FILE", TLS.fact("ca_file"))
        .with("HTTPS_PROXY", &tunnel_to(gateway));
    user.dgw(&["list"])
        .code(9)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: can't reach the gateway at `https://gateway.example.org`
  invalid peer certificate: certificate not valid for name "gateway.example.org"; certificate is only valid for DnsName("localhost") or IpAddress(127.0.0.1)

hint: check `gateway.address` and this machine's clock; if both are right, contact the gateway's administrators

"#]]);
}

#[test]
fn a_system_without_authorities_says_so_and_plain_http_needs_none() {
    let user = User::basic(TLS.fact("address"), "ada", "pw").with("SSL_CERT_FILE", "/dev/null");
    user.dgw(&["list"])
        .code(9)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: can't reach the gateway at `https://[HOST]`
  unexpected error: no certificate authorities were found

hint: check SSL_CERT_FILE and SSL_CERT_DIR, or install the system's CA certificates

"#]]);
    let user = crate::support::BASIC
        .user()
        .with("SSL_CERT_FILE", "/dev/null");
    user.dgw(&["list"]).success();
}
