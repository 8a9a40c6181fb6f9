//! A dgw that is built without Kerberos explains how to build one with it.

use snapbox::str;

use crate::support::{Stub, User, answer};

fn configured_for_kerberos() -> User {
    User::new().configured("gateway: {address: \"http://127.0.0.1:1\", auth: {type: kerberos}}")
}

#[test]
fn refuses_configured_kerberos() {
    configured_for_kerberos()
        .dgw(&["list"])
        .code(3)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: `gateway.auth.type` ([HOME]/.config/dask/gateway.yaml) is `kerberos`, but this dgw is built without it

hint: build dgw with Kerberos: `cargo install --path . --features kerberos` (needs Debian's libkrb5-dev, libclang-dev and pkg-config, or RHEL's krb5-devel and clang-devel)

"#]]);
    configured_for_kerberos().dgw(&["doctor"]).code(3).stdout_eq(str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
x values         gateway.address = http://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = kerberos ([HOME]/.config/dask/gateway.yaml)
                 `gateway.auth.type` ([HOME]/.config/dask/gateway.yaml) is `kerberos`, but this dgw is built without it
                 hint: build dgw with Kerberos: `cargo install --path . --features kerberos` (needs Debian's libkrb5-dev, libclang-dev and pkg-config, or RHEL's krb5-devel and clang-devel)
+ address        http://[HOST]
- dns            `127.0.0.1` is an IP address
x tcp            `127.0.0.1` does not accept connections on port 1: Connection refused (os error 111)
                 hint: check the port, and whether a firewall blocks it (try a VPN or another node); the address is set by `gateway.address` or `--address`
- tls            none: the address is `http://`
- proxy          none: requests go directly to the gateway
- version        the gateway can't be reached
- authentication not checked: fix the configuration first
- options        not checked: fix the configuration first
- clock          not checked: no gateway responds
- scheduler      not checked: fix the configuration first
- packages       not checked: fix the configuration first
- dashboards     not checked: fix the configuration first

"#]]);
}

#[test]
fn refuses_kerberos_that_a_gateway_requires() {
    let json = "Content-Type: application/json\r\nWWW-Authenticate: Negotiate\r\n";
    let body = r#"{"error": "Authentication required"}"#;
    let stub = Stub::always(answer("401 Unauthorized", json, body));
    User::new()
        .dgw(&["login", "--address", &stub.address])
        .code(4)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: the gateway requires Kerberos authentication, but this dgw is built without it

hint: build dgw with Kerberos: `cargo install --path . --features kerberos` (needs Debian's libkrb5-dev, libclang-dev and pkg-config, or RHEL's krb5-devel and clang-devel)

"#]]);
    for head in stub.seen() {
        assert!(!head.to_lowercase().contains("authorization"), "{head}");
    }
    User::basic(&stub.address, "ada", "pw")
        .dgw(&["list"])
        .code(4)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: the gateway at `http://[HOST]` requires kerberos authentication, but basic is configured

hint: build dgw with Kerberos: `cargo install --path . --features kerberos` (needs Debian's libkrb5-dev, libclang-dev and pkg-config, or RHEL's krb5-devel and clang-devel)

"#]]);
}
