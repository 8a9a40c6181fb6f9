//! An HTTP proxy on the way to the gateway.

use snapbox::str;

use crate::support::{BASIC, PREFIX, Stub, User, answer, json_answer};

#[test]
fn uses_proxy_of_the_environment_unless_configured_otherwise() {
    let proxy = Stub::always(json_answer("{}"));
    let user =
        User::basic("http://gateway.invalid", "ada", "pw").with("HTTP_PROXY", &proxy.address);
    user.dgw(&["list", "-q"]).success();
    assert!(proxy.seen()[0].starts_with("GET http://gateway.invalid/api/v1/clusters/ "));
    let user = user.with("DASK_GATEWAY__HTTP_CLIENT__PROXY", "False");
    user.dgw(&["list", "-q"]).code(9);
    assert_eq!(proxy.seen().len(), 1);
}

#[test]
fn sends_the_configured_password_to_the_proxy() {
    let proxy = Stub::always(json_answer("{}"));
    let url = proxy.address.replace("http://", "http://ada:secret@");
    let user = User::basic("http://gateway.invalid", "ada", "pw")
        .with("DASK_GATEWAY__HTTP_CLIENT__PROXY", &url);
    user.dgw(&["list", "-q"]).success();
    assert!(
        proxy.seen()[0]
            .to_lowercase()
            .contains("proxy-authorization: basic")
    );
}

#[test]
fn reaches_loopback_without_a_proxy() {
    let user = BASIC.user().with("HTTP_PROXY", "http://127.0.0.1:1");
    user.dgw(&["list"]).success();
}

#[test]
fn reports_proxy_that_requires_a_password() {
    let proxy = Stub::always(answer("407 Proxy Authentication Required", "", ""));
    let user =
        User::basic("http://gateway.invalid", "ada", "pw").with("HTTP_PROXY", &proxy.address);
    user.dgw(&["list", "-q"])
        .code(4)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: the HTTP proxy requires a user name and a password

hint: set them in `gateway.http-client.proxy`: http://USER:PASSWORD@HOST:PORT

"#]]);
}

#[test]
fn warns_of_a_secret_that_goes_through_a_proxy_unencrypted() {
    let proxy = Stub::always(json_answer("{}"));
    let user = BASIC
        .user()
        .with("DASK_GATEWAY__HTTP_CLIENT__PROXY", &proxy.address);
    user.dgw(&["list"]).success().stderr_eq(str![[r#"
warning: dgw sends your password to `127.0.0.1` unencrypted, because the gateway's address is http://
no active clusters

"#]]);
}

#[test]
fn hints_at_the_proxy_if_the_connection_fails() {
    let user =
        User::basic("http://gateway.invalid", "ada", "pw").with("HTTP_PROXY", "http://127.0.0.1:1");
    user.dgw(&["list", "-q"])
        .code(9)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: can't reach the gateway at `http://gateway.invalid`
  Connection refused (os error 111)

hint: check the HTTP proxy that requests go through (`gateway.http-client.proxy`, or HTTP_PROXY and similar variables)

"#]]);
}

/// A user whose `variable` is set to `proxy`. The address is not a loopback address to dgw, so the
/// proxy is used.
fn user_behind_proxy(variable: &str, proxy: &str) -> User {
    let address = BASIC.fact("address").replace("127.0.0.1", "0.0.0.0");
    User::basic(&address, "ada", BASIC.fact("password")).with(variable, proxy)
}

#[test]
fn reaches_the_gateway_through_a_real_proxy_with_the_right_password_only() {
    let (host, login) = (PREFIX.fact("http_proxy"), PREFIX.fact("http_proxy_login"));
    for proxy in [format!("http://{login}@{host}"), format!("{login}@{host}")] {
        for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
            user_behind_proxy(variable, &proxy)
                .dgw(&["list", "-q"])
                .success();
        }
        let setting = "DASK_GATEWAY__HTTP_CLIENT__PROXY";
        user_behind_proxy(setting, &proxy)
            .dgw(&["list", "-q"])
            .success();
        let wrong = proxy.replace("ada:", "ada:x");
        for variable in ["HTTP_PROXY", setting] {
            let user = user_behind_proxy(variable, &wrong);
            let output = user
                .command(&["list", "-q", "-vvv"])
                .output()
                .expect("dgw runs");
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(4), "{stderr}");
            assert!(stderr.contains("HTTP proxy"), "{stderr}");
            assert!(
                !stderr.contains(login.trim_start_matches("ada:")),
                "{stderr}"
            );
        }
    }
}

#[test]
fn configured_proxy_overrides_the_environment() {
    let proxy = format!(
        "http://{}@{}",
        PREFIX.fact("http_proxy_login"),
        PREFIX.fact("http_proxy")
    );
    let setting = "DASK_GATEWAY__HTTP_CLIENT__PROXY";
    let nowhere = "http://127.0.0.1:1";
    for (configured, code) in [("True", 0), ("yes", 0), ("False", 0), ("None", 0)] {
        user_behind_proxy("HTTP_PROXY", &proxy)
            .with(setting, configured)
            .dgw(&["list", "-q"])
            .code(code);
    }
    for (configured, code) in [
        ("True", 9),
        ("False", 0),
        ("off", 0),
        ("None", 0),
        (&proxy, 0),
    ] {
        user_behind_proxy("HTTP_PROXY", nowhere)
            .with(setting, configured)
            .dgw(&["list", "-q"])
            .code(code);
    }
    user_behind_proxy("HTTP_PROXY", &proxy)
        .with(setting, nowhere)
        .dgw(&["list", "-q"])
        .code(9);
    // As in Python, a URL may be a template, and its user and password may be percent-encoded.
    let user = user_behind_proxy("CORPORATE_PROXY", &proxy.replace("ada", "%61da"));
    user.with(setting, "{CORPORATE_PROXY}")
        .dgw(&["list", "-q"])
        .success();
}

#[test]
fn reaches_hosts_in_no_proxy_directly() {
    let nowhere = "http://127.0.0.1:1";
    for exempt in ["0.0.0.0", "example.org,0.0.0.0", "0.0.0.0/8", "*"] {
        for variable in ["NO_PROXY", "no_proxy"] {
            user_behind_proxy("HTTP_PROXY", nowhere)
                .with(variable, exempt)
                .dgw(&["list", "-q"])
                .success();
        }
    }
    user_behind_proxy("HTTP_PROXY", nowhere)
        .with("NO_PROXY", "example.org")
        .dgw(&["list", "-q"])
        .code(9);
    // HTTPS_PROXY does not apply to http:// addresses.
    user_behind_proxy("HTTPS_PROXY", nowhere)
        .dgw(&["list", "-q"])
        .success();
}

#[test]
fn tunnels_https_through_a_real_proxy() {
    let (host, login) = (PREFIX.fact("http_proxy"), PREFIX.fact("http_proxy_login"));
    let setting = "DASK_GATEWAY__HTTP_CLIENT__PROXY";
    let by = |login: &str| {
        PREFIX
            .user()
            .with(setting, &format!("http://{login}@{host}"))
    };
    by(login)
        .dgw(&["list"])
        .success()
        .stderr_eq("no active clusters\n");
    by("ada:wrong").dgw(&["list"]).code(4).stdout_eq("");
}
