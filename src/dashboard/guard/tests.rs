use proptest::strategy::Strategy as _;

use super::*;

/// A request for `/status` from a browser that has the cookie, with these headers added or replaced.
fn request(guard: &Guard, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder().uri("/status");
    let cookie = format!("theme=dark; dgw-8787={}", guard.session.expose());
    let defaults = [("host", "127.0.0.1:8787"), ("cookie", cookie.as_str())];
    let kept = defaults.iter();
    let kept = kept.filter(|(name, _)| headers.iter().all(|(other, _)| other != name));
    for (name, value) in kept.chain(headers) {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request")
}

fn guard() -> Guard {
    Guard::new().expect("randomness")
}

fn access(headers: &[(&str, &str)]) -> Access {
    let guard = guard();
    guard.check(&request(&guard, headers))
}

fn by_link(uri: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder().uri(uri).header("host", "127.0.0.1:8787");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request")
}

#[test]
fn cookie_grants_access() {
    assert_eq!(access(&[]), Access::Granted);
    for site in ["none", "same-origin"] {
        assert_eq!(access(&[("sec-fetch-site", site)]), Access::Granted);
    }
    let own = [
        ("origin", "http://127.0.0.1:8787"),
        ("upgrade", "websocket"),
    ];
    assert_eq!(access(&own), Access::Granted);
    let guard = guard();
    let mut head = request(&guard, &[]);
    *head.method_mut() = Method::HEAD;
    assert_eq!(guard.check(&head), Access::Granted);
}

#[test]
fn refuses_requests_without_the_right_cookie() {
    for cookie in [
        "",
        "dgw-8787",
        "dgw-8787=",
        "dgw-8787=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        let refused = Access::Refused(Refusal::NoCookie);
        assert_eq!(access(&[("cookie", cookie)]), refused, "{cookie}");
    }
    let guard = guard();
    let of_another_port = format!("dgw-1={}", guard.session.expose());
    let request = request(&guard, &[("cookie", &of_another_port)]);
    assert_eq!(guard.check(&request), Access::Refused(Refusal::NoCookie));
}

#[test]
fn refuses_hosts_other_than_this_machine() {
    let refused = Access::Refused(Refusal::Host);
    for host in [
        "evil.example",
        "evil.example:8787",
        "localhost.evil.example:8787",
        "127.0.0.1.evil.example:8787",
        "ada@127.0.0.1:8787",
        "10.0.0.1:8787",
        "",
    ] {
        assert_eq!(access(&[("host", host)]), refused, "{host}");
    }
    let two = [("host", "127.0.0.1:8787"), ("host", "evil.example")];
    assert_eq!(access(&two), refused);
    let guard = guard();
    for (host, port) in [("LOCALHOST:9000", 9000), ("[::1]:1", 1), ("127.0.0.1", 80)] {
        let cookie = format!("dgw-{port}={}", guard.session.expose());
        let request = request(&guard, &[("host", host), ("cookie", &cookie)]);
        assert_eq!(guard.check(&request), Access::Granted, "{host}");
    }
    let mut absolute = request(&guard, &[]);
    *absolute.uri_mut() = "http://127.0.0.1:8787/status".parse().expect("a URL");
    assert_eq!(guard.check(&absolute), refused);
}

#[test]
fn refuses_other_pages_with_or_without_cookie() {
    let refused = Access::Refused(Refusal::CrossSite);
    for headers in [
        &[("origin", "http://evil.example")][..],
        &[("origin", "http://127.0.0.1:9999")],
        &[("origin", "http://localhost:8787")],
        &[("origin", "https://127.0.0.1:8787")],
        &[("origin", "null")],
        &[
            ("origin", "http://127.0.0.1:8787"),
            ("origin", "http://evil.example"),
        ],
        &[("upgrade", "websocket")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "cross-site"), ("cookie", "")],
    ] {
        assert_eq!(access(headers), refused, "{headers:?}");
    }
    let guard = guard();
    let mut post = request(&guard, &[]);
    *post.method_mut() = Method::POST;
    assert_eq!(guard.check(&post), refused);
    let mut post = request(&guard, &[("origin", "http://127.0.0.1:8787")]);
    *post.method_mut() = Method::POST;
    assert_eq!(guard.check(&post), Access::Granted);
    *post.method_mut() = Method::TRACE;
    assert_eq!(guard.check(&post), Access::Refused(Refusal::Method));
}

#[test]
fn each_link_logs_in_once() {
    let guard = guard();
    let link = guard.link();
    let Access::Login {
        cookie,
        is_cross_site,
    } = guard.check(&by_link(&link, &[]))
    else {
        panic!("the link is valid");
    };
    let cookie = cookie.to_str().expect("text");
    assert!(
        cookie.starts_with("dgw-8787=") && !is_cross_site,
        "{cookie}"
    );
    assert!(
        cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"),
        "{cookie}"
    );
    assert_eq!(
        guard.check(&by_link(&link, &[])),
        Access::Refused(Refusal::InvalidLink)
    );
    let pair = cookie.split(';').next().expect("a pair");
    let again = by_link(&link, &[("cookie", pair)]);
    let used_link = false;
    assert_eq!(guard.check(&again), Access::LoggedIn { used_link });
    assert_ne!(guard.link(), link);
    // A browser that is logged in uses up a valid link too.
    let link = guard.link();
    let used_link = true;
    let again = by_link(&link, &[("cookie", pair)]);
    assert_eq!(guard.check(&again), Access::LoggedIn { used_link });
    assert_eq!(
        guard.check(&by_link(&link, &[])),
        Access::Refused(Refusal::InvalidLink)
    );
    let another = by_link(&guard.link(), &[]);
    assert!(matches!(guard.check(&another), Access::Login { .. }));
}

#[test]
fn link_on_another_page_works_too() {
    let guard = guard();
    let clicked = by_link(&guard.link(), &[("sec-fetch-site", "cross-site")]);
    assert!(matches!(
        guard.check(&clicked),
        Access::Login {
            is_cross_site: true,
            ..
        }
    ));
}

#[test]
fn only_opening_a_link_uses_it_up() {
    let guard = guard();
    let link = guard.link();
    for purpose in [
        ("sec-purpose", "prefetch;prerender"),
        ("purpose", "prefetch"),
    ] {
        let prefetch = by_link(&link, &[purpose]);
        assert_eq!(guard.check(&prefetch), Access::Refused(Refusal::Prefetch));
    }
    let other_path = by_link(&link.replacen('/', "/status", 1), &[]);
    assert_eq!(guard.check(&other_path), Access::Refused(Refusal::NoCookie));
    let mut head = by_link(&link, &[]);
    *head.method_mut() = Method::HEAD;
    assert_eq!(guard.check(&head), Access::Refused(Refusal::NoCookie));
    let elsewhere = by_link(&link, &[("host", "evil.example")]);
    assert_eq!(
        guard.check(&elsewhere),
        Access::Refused(Refusal::Host),
        "host"
    );
    for wrong in ["/?secret=", "/?secret=x", "/?x=1&secret=y"] {
        let wrong = by_link(wrong, &[]);
        assert_eq!(guard.check(&wrong), Access::Refused(Refusal::InvalidLink));
    }
    assert_eq!(guard.link(), link);
}

proptest::proptest! {
    /// The secrets are random, so no generated request has one.
    #[test]
    fn refuses_everything_without_a_secret(
        uri in proptest::prop_oneof![
            "/[ -~]{0,40}", "(http://)?[a-z0-9.:@]{1,12}/?(status)?",
            proptest::strategy::Just("/?link=".to_owned()), "/\\?[a-z]{4}=[!-~]{0,50}(&[!-~]{0,9})?",
        ],
        method in "(GET|HEAD|POST|CONNECT|TRACE|OPTIONS|[A-Z]{1,9})",
        headers in proptest::collection::vec((
            proptest::sample::select(vec![
                "host", "cookie", "origin", "sec-fetch-site", "sec-purpose", "upgrade", "connection", "x",
            ]),
            proptest::prop_oneof![
                proptest::collection::vec(proptest::prelude::any::<u8>(), 0..30),
                "(127.0.0.1|localhost|\\[::1\\])(:[0-9]{0,6})?".prop_map(String::into_bytes),
                "dgw-[0-9]{0,5}=[!-~]{0,44}".prop_map(String::into_bytes),
                "(same-origin|none|http://localhost(:[0-9]{0,6})?|websocket)".prop_map(String::into_bytes),
            ],
        ), 0..8),
    ) {
        let mut request = Request::builder().method(method.as_str()).uri(uri);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let Ok(request) = request.body(()) else { return Ok(()) };
        let is_refused = matches!(guard().check(&request), Access::Refused(_));
        proptest::prop_assert!(is_refused);
    }
}
