//! A dgw that is built without Kerberos says how to get one that isn't.

use snapbox::str;

use crate::support::{Stub, User, answer};

fn configured() -> User {
    User::new().configured("gateway: {address: \"http://127.0.0.1:1\", auth: {type: kerberos}}")
}

#[test]
fn the_configuration_is_refused() {
    configured()
        .dgw(&["list"])
        .code(3)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: `gateway.auth.type` ([HOME]/.config/dask/gateway.yaml) is `kerberos`, which this dgw is built without

hint: `cargo install --path . --features kerberos` in dgw's sources builds one with it; that takes Debian's libkrb5-dev, libclang-dev and pkg-config, or RHEL's krb5-devel and clang-devel

"#]]);
    configured().dgw(&["doctor"]).code(3).stdout_eq(str![[r#"
+ files          [HOME]/.config/dask/gateway.yaml (mode 600)
x values         gateway.address = http://[HOST] ([HOME]/.config/dask/gateway.yaml)
                 gateway.auth.type = kerberos ([HOME]/.config/dask/gateway.yaml)
                 `gateway.auth.type` ([HOME]/.config/dask/gateway.yaml) is `kerberos`, which this dgw is built without
                 hint: `cargo install --path . --features kerberos` in dgw's sources builds one with it; that takes Debian's libkrb5-dev, libclang-dev and pkg-config, or RHEL's krb5-devel and clang-devel
+ address        http://[HOST]
- dns            `127.0.0.1` is no name
x tcp            `127.0.0.1` takes no connection on port 1: Connection refused (os error 111)
                 hint: check the port, and whether a firewall lets this machine out to it (VPN, another node); it is set by `gateway.address`, or `--address`
- tls            none: the address is `http://`
- proxy          none: requests go straight to the gateway
- version        the gateway can't be reached
- authentication nothing is sent before the configuration is in order
- options        nothing is sent before the configuration is in order
- clock          there is no gateway to ask
- scheduler      nothing is sent before the configuration is in order
- dashboards     nothing is sent before the configuration is in order

"#]]);
}

#[test]
fn what_a_gateway_wants_is_refused() {
    let json = "Content-Type: application/json\r\nWWW-Authenticate: Negotiate\r\n";
    let body = r#"{"error": "Authentication required"}"#;
    let stub = Stub::always(answer("401 Unauthorized", json, body));
    User::new()
        .dgw(&["login", "--address", &stub.address])
        .code(4)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: the gateway wants Kerberos authentication, which this dgw is built without

hint: `cargo install --path . --features kerberos` in dgw's sources builds one with it; that takes Debian's libkrb5-dev, libclang-dev and pkg-config, or RHEL's krb5-devel and clang-devel

"#]]);
    for head in stub.seen() {
        assert!(!head.to_lowercase().contains("authorization"), "{head}");
    }
    User::basic(&stub.address, "ada", "pw")
        .dgw(&["list"])
        .code(4)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: the gateway at `http://[HOST]` requires kerberos authentication, but the configuration says basic

hint: `cargo install --path . --features kerberos` in dgw's sources builds one with it; that takes Debian's libkrb5-dev, libclang-dev and pkg-config, or RHEL's krb5-devel and clang-devel

"#]]);
}
