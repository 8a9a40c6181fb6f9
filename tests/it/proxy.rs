//! An HTTP proxy on the way to the gateway.

use snapbox::str;

use crate::support::{BASIC, Stub, User, answer, json_answer};

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
error: the HTTP proxy on the way to the gateway wants a user name and password

hint: put them into `gateway.http-client.proxy`: http://USER:PASSWORD@HOST:PORT

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

hint: requests go by an HTTP proxy (`gateway.http-client.proxy`, or HTTP_PROXY and the like): check that too

"#]]);
}
