//! HTTPS with certificates of the system's authorities or of a site's own.

use snapbox::str;

use crate::support::{BASIC, TLS, User, tunnel_to};

#[test]
fn rejects_unknown_certificate_authority() {
    TLS.user().dgw(&["list"]).success();
    let address = TLS.fact("address");
    let user = User::basic(address, "ada", TLS.fact("password"));
    user.dgw(&["list"])
        .code(9)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: can't reach the gateway at `https://[HOST]`
  invalid peer certificate: UnknownIssuer

hint: name the site's certificate authority: SSL_CERT_FILE=/path/to/ca.pem

"#]]);
}

#[test]
fn runs_a_cluster_over_https() {
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
fn rejects_certificate_for_another_host() {
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
fn reports_missing_certificate_authorities_only_for_https() {
    let user = User::basic(TLS.fact("address"), "ada", "pw").with("SSL_CERT_FILE", "/dev/null");
    user.dgw(&["list"])
        .code(9)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: can't reach the gateway at `https://[HOST]`
  unexpected error: no certificate authorities were found

hint: check SSL_CERT_FILE and SSL_CERT_DIR, or install the system's CA certificates

"#]]);
    let user = BASIC.user().with("SSL_CERT_FILE", "/dev/null");
    user.dgw(&["list"]).success();
}
