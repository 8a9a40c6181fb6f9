//! Fuzz target: the requests that the dashboard's server lets in.

use std::sync::LazyLock;

use hyper::header::{COOKIE, HOST, ORIGIN, UPGRADE};
use hyper::{Method, Request};

use super::guard::{Access, Guard};

/// Checks a request: the input holds a method, a target and headers, each on a line. `HOST`, `LINK`
/// and `COOKIE` in it stand for what only the user's browser knows.
pub(crate) fn guard(input: &[u8]) {
    static GUARD: LazyLock<(Guard, String)> = LazyLock::new(logged_in);
    let (guard, session) = &*GUARD;
    let link = guard.link(80);
    let (host, link) = link
        .strip_prefix("http://")
        .and_then(|link| link.split_once(":80/?secret="))
        .expect("a link");
    let text = String::from_utf8_lossy(input);
    let text = text
        .replace("HOST", host)
        .replace("LINK", link)
        .replace("COOKIE", session);
    let Some(request) = request(&text) else {
        return;
    };
    let access = guard.check(&request);
    let headers = request.headers();
    let values = |name| {
        let values = headers.get_all(name).into_iter();
        values.map(|value| String::from_utf8_lossy(value.as_bytes()))
    };
    let has_session = values(COOKIE).any(|value| value.contains(session));
    let uses_link = request
        .uri()
        .query()
        .is_some_and(|query| query.contains(link));
    match access {
        Access::Granted => {
            assert!(has_session);
            let is_own = |text: &str| text.to_lowercase().starts_with(&format!("http://{host}"));
            assert!(values(ORIGIN).all(|origin| is_own(&origin)));
            let changes = headers.contains_key(UPGRADE)
                || ![Method::GET, Method::HEAD].contains(request.method());
            assert!(!changes || headers.contains_key(ORIGIN));
            let sites = values("sec-fetch-site".parse().expect("a name"));
            assert!(
                sites
                    .into_iter()
                    .all(|site| ["none", "same-origin"].contains(&&*site))
            );
        }
        Access::Login { .. } => assert!(uses_link),
        Access::LoggedIn { used_link } => assert!(has_session && (uses_link || !used_link)),
        Access::Refused(_) => return,
    }
    assert!(!headers.contains_key("service-worker"));
    assert!(![Method::CONNECT, Method::TRACE].contains(request.method()));
    let hosts = values(HOST).collect::<Vec<_>>();
    let own = hosts
        .first()
        .map(|own| own.to_lowercase())
        .unwrap_or_default();
    let port = own.strip_prefix(host).expect("this server's host name");
    let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit());
    assert!(hosts.len() == 1 && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)));
}

/// Returns a guard, and the value of its cookie.
fn logged_in() -> (Guard, String) {
    let guard = Guard::new().expect("randomness");
    let link = guard.link(80);
    let (host, path) = link
        .strip_prefix("http://")
        .and_then(|link| link.split_once(":80"))
        .expect("a link");
    let login = request(&format!("GET\n{path}\nhost: {host}")).expect("a request");
    let Access::Login { cookie, .. } = guard.check(&login) else {
        panic!("the link is refused");
    };
    let cookie = cookie.to_str().expect("text");
    let session = cookie.split(['=', ';']).nth(1).expect("a value");
    (guard, session.to_owned())
}

fn request(text: &str) -> Option<Request<()>> {
    let mut lines = text.split('\n');
    let mut request = Request::builder().method(lines.next()?).uri(lines.next()?);
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        request = request.header(name, value);
    }
    request.body(()).ok()
}
