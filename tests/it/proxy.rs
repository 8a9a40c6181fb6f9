//! An HTTP proxy on the way to the gateway.

use snapbox::str;

use crate::support::{BASIC, PREFIX, Stub, User, answer, json_answer};

#[test]
fn a_proxy_of_the_environment_is_used_unless_the_configuration_says_not_to() {
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
fn a_proxy_of_the_configuration_gets_its_own_password() {
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
fn this_machine_is_reached_without_one() {
    let user = BASIC.user().with("HTTP_PROXY", "http://127.0.0.1:1");
    user.dgw(&["list"]).success();
}

#[test]
fn a_proxy_that_wants_a_password_says_so() {
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
fn a_secret_that_leaves_this_machine_by_a_proxy_is_warned_of() {
    let proxy = Stub::always(json_answer("{}"));
    let user = BASIC
        .user()
        .with("DASK_GATEWAY__HTTP_CLIENT__PROXY", &proxy.address);
    user.dgw(&["list"]).success().stderr_eq(str![[r#"
warning: your password goes to `127.0.0.1` unencrypted: `gateway.address` is http://
no active clusters

"#]]);
}

#[test]
fn a_proxy_that_is_not_there_comes_under_suspicion() {
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

/// A user who reaches the gateway by no other way than `variable`: to dgw, the address is not of
/// this machine.
fn abroad(variable: &str, proxy: &str) -> User {
    let address = BASIC.fact("address").replace("127.0.0.1", "0.0.0.0");
    User::basic(&address, "ada", BASIC.fact("password")).with(variable, proxy)
}

#[test]
fn a_real_proxy_leads_to_the_gateway_with_the_right_password_only() {
    let (host, login) = (PREFIX.fact("http_proxy"), PREFIX.fact("http_proxy_login"));
    for proxy in [format!("http://{login}@{host}"), format!("{login}@{host}")] {
        for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
            abroad(variable, &proxy).dgw(&["list", "-q"]).success();
        }
        let setting = "DASK_GATEWAY__HTTP_CLIENT__PROXY";
        abroad(setting, &proxy).dgw(&["list", "-q"]).success();
        let wrong = proxy.replace("ada:", "ada:x");
        for variable in ["HTTP_PROXY", setting] {
            let user = abroad(variable, &wrong);
            let output = user
                .command(&["list", "-q", "-vvv"])
                .output()
                .expect("dgw runs");
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(4), "{said}");
            assert!(said.contains("HTTP proxy"), "{said}");
            assert!(!said.contains(login.trim_start_matches("ada:")), "{said}");
        }
    }
}

#[test]
fn the_configured_proxy_is_all_or_nothing() {
    let proxy = format!(
        "http://{}@{}",
        PREFIX.fact("http_proxy_login"),
        PREFIX.fact("http_proxy")
    );
    let setting = "DASK_GATEWAY__HTTP_CLIENT__PROXY";
    let nowhere = "http://127.0.0.1:1";
    for (configured, code) in [("True", 0), ("yes", 0), ("False", 0), ("None", 0)] {
        abroad("HTTP_PROXY", &proxy)
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
        abroad("HTTP_PROXY", nowhere)
            .with(setting, configured)
            .dgw(&["list", "-q"])
            .code(code);
    }
    abroad("HTTP_PROXY", &proxy)
        .with(setting, nowhere)
        .dgw(&["list", "-q"])
        .code(9);
    // As in Python: a URL may come from the environment, and a password may hold anything encoded.
    let user = abroad("CORPORATE_PROXY", &proxy.replace("ada", "%61da"));
    user.with(setting, "{CORPORATE_PROXY}")
        .dgw(&["list", "-q"])
        .success();
}

#[test]
fn hosts_that_need_no_proxy_are_reached_without() {
    let nowhere = "http://127.0.0.1:1";
    for exempt in ["0.0.0.0", "example.org,0.0.0.0", "0.0.0.0/8", "*"] {
        for variable in ["NO_PROXY", "no_proxy"] {
            abroad("HTTP_PROXY", nowhere)
                .with(variable, exempt)
                .dgw(&["list", "-q"])
                .success();
        }
    }
    abroad("HTTP_PROXY", nowhere)
        .with("NO_PROXY", "example.org")
        .dgw(&["list", "-q"])
        .code(9);
    // The other scheme's proxy is not meant.
    abroad("HTTPS_PROXY", nowhere)
        .dgw(&["list", "-q"])
        .success();
}

#[test]
fn https_goes_through_a_real_proxy_unread() {
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
