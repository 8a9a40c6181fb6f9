use proptest::strategy::Strategy as _;

use super::*;

/// A request for `/status` from a browser that has the cookie, with these headers added or replaced.
fn request(guard: &Guard, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder().uri("/status");
    let cookie = format!("theme=dark; dgw=other; dgw={}", guard.session.expose());
    let defaults = [
        ("host", "dgw-1.localhost:8787"),
        ("cookie", cookie.as_str()),
    ];
    let kept = defaults.iter();
    let kept = kept.filter(|(name, _)| headers.iter().all(|(other, _)| other != name));
    for (name, value) in kept.chain(headers) {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request")
}

fn guard() -> Guard {
    Guard {
        host: "dgw-1.localhost".to_owned(),
        ..Guard::new().expect("randomness")
    }
}

/// The path and query of the link that opens the dashboard next.
fn link(guard: &Guard) -> String {
    let link = guard.link(8787);
    let path = link.strip_prefix("http://dgw-1.localhost:8787");
    path.expect("a link").to_owned()
}

fn access(headers: &[(&str, &str)]) -> Access {
    let guard = guard();
    guard.check(&request(&guard, headers))
}

fn by_link(uri: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder()
        .uri(uri)
        .header("host", "dgw-1.localhost:8787");
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
        ("origin", "http://dgw-1.localhost:8787"),
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
        "dgw",
        "dgw=",
        "dgw=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        let refused = Access::Refused(Refusal::NoCookie);
        assert_eq!(access(&[("cookie", cookie)]), refused, "{cookie}");
    }
    let guard = guard();
    let cookie = format!("dgw={}", guard.session.expose());
    for headers in [
        &[("cookie", format!("x{cookie}").as_str())][..],
        // Browsers send one header.
        &[("cookie", &cookie), ("cookie", "theme=dark")],
    ] {
        let request = request(&guard, headers);
        assert_eq!(guard.check(&request), Access::Refused(Refusal::NoCookie));
    }
}

#[test]
fn refuses_hosts_other_than_its_own() {
    let refused = Access::Refused(Refusal::Host);
    for host in [
        "evil.example",
        "evil.example:8787",
        "dgw-1.localhost.evil.example:8787",
        "dgw-2.localhost:8787",
        "x.dgw-1.localhost:8787",
        "dgw-1.localhost.:8787",
        "localhost:8787",
        "127.0.0.1:8787",
        "[::1]:8787",
        "ada@dgw-1.localhost:8787",
        "dgw-1.localhost:8787, evil.example",
        "dgw-1.localhost:8T",
        "",
    ] {
        assert_eq!(access(&[("host", host)]), refused, "{host}");
    }
    let own = ("host", "dgw-1.localhost:8787");
    for other in [own, ("host", "evil.example")] {
        assert_eq!(access(&[own, other]), refused);
    }
    for host in ["DGW-1.LOCALHOST:9000", "dgw-1.localhost"] {
        assert_eq!(access(&[("host", host)]), Access::Granted, "{host}");
    }
    let guard = guard();
    let mut absolute = request(&guard, &[]);
    *absolute.uri_mut() = "http://dgw-1.localhost:8787/status".parse().expect("a URL");
    assert_eq!(guard.check(&absolute), refused);
}

#[test]
fn each_server_has_a_host_of_its_own() {
    let [one, other] = [(); 2].map(|()| Guard::new().expect("randomness"));
    assert_ne!(one.host, other.host);
    assert!(
        one.link(80)
            .starts_with(&format!("http://{}:80/", one.host))
    );
    let request = request(&other, &[("host", &other.host)]);
    assert_eq!(one.check(&request), Access::Refused(Refusal::Host));
}

#[test]
fn refuses_scripts_of_service_workers() {
    for value in ["script", ""] {
        let worker = access(&[("service-worker", value), ("sec-fetch-site", "same-origin")]);
        assert_eq!(worker, Access::Refused(Refusal::ServiceWorker));
    }
}

#[test]
fn refuses_other_pages_with_or_without_cookie() {
    let refused = Access::Refused(Refusal::CrossSite);
    for headers in [
        &[("origin", "http://evil.example")][..],
        &[("origin", "http://dgw-1.localhost:9999")],
        &[("origin", "http://localhost:8787")],
        &[("origin", "http://dgw-2.localhost:8787")],
        &[("origin", "https://dgw-1.localhost:8787")],
        &[("origin", "null")],
        &[
            ("origin", "http://dgw-1.localhost:8787"),
            ("origin", "http://evil.example"),
        ],
        &[("upgrade", "websocket")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        // Garbled or repeated, it may have been any of them.
        &[("sec-fetch-site", "")],
        &[("sec-fetch-site", "SAME-ORIGIN")],
        &[("sec-fetch-site", "same-origin, cross-site")],
        &[("sec-fetch-site", "s\u{e4}me-origin")],
        &[
            ("sec-fetch-site", "same-origin"),
            ("sec-fetch-site", "cross-site"),
        ],
        &[
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-origin"),
        ],
        &[("sec-fetch-site", "cross-site"), ("cookie", "")],
    ] {
        assert_eq!(access(headers), refused, "{headers:?}");
    }
    let guard = guard();
    let mut post = request(&guard, &[]);
    *post.method_mut() = Method::POST;
    assert_eq!(guard.check(&post), refused);
    let mut post = request(&guard, &[("origin", "http://dgw-1.localhost:8787")]);
    *post.method_mut() = Method::POST;
    assert_eq!(guard.check(&post), Access::Granted);
    *post.method_mut() = Method::TRACE;
    assert_eq!(guard.check(&post), Access::Refused(Refusal::Method));
}

#[test]
fn each_link_logs_in_once() {
    let guard = guard();
    let old = link(&guard);
    let Access::Login {
        cookie,
        is_cross_site,
    } = guard.check(&by_link(&old, &[]))
    else {
        panic!("the link is valid");
    };
    let cookie = cookie.to_str().expect("text");
    assert!(cookie.starts_with("dgw=") && !is_cross_site, "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"),
        "{cookie}"
    );
    assert_eq!(
        guard.check(&by_link(&old, &[])),
        Access::Refused(Refusal::InvalidLink)
    );
    let pair = cookie.split(';').next().expect("a pair");
    let again = by_link(&old, &[("cookie", pair)]);
    let used_link = false;
    assert_eq!(guard.check(&again), Access::LoggedIn { used_link });
    assert_ne!(link(&guard), old);
    // A browser that is logged in uses up a valid link too.
    let old = link(&guard);
    let used_link = true;
    let again = by_link(&old, &[("cookie", pair)]);
    assert_eq!(guard.check(&again), Access::LoggedIn { used_link });
    assert_eq!(
        guard.check(&by_link(&old, &[])),
        Access::Refused(Refusal::InvalidLink)
    );
    let another = by_link(&link(&guard), &[]);
    assert!(matches!(guard.check(&another), Access::Login { .. }));
}

#[test]
fn link_on_another_page_works_too() {
    let guard = guard();
    let clicked = by_link(&link(&guard), &[("sec-fetch-site", "cross-site")]);
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
    let old = link(&guard);
    for purpose in [
        ("sec-purpose", "prefetch;prerender"),
        ("purpose", "prefetch"),
    ] {
        let prefetch = by_link(&old, &[purpose]);
        assert_eq!(guard.check(&prefetch), Access::Refused(Refusal::Prefetch));
    }
    let other_path = by_link(&old.replacen('/', "/status", 1), &[]);
    assert_eq!(guard.check(&other_path), Access::Refused(Refusal::NoCookie));
    let mut head = by_link(&old, &[]);
    *head.method_mut() = Method::HEAD;
    assert_eq!(guard.check(&head), Access::Refused(Refusal::NoCookie));
    let elsewhere = by_link(&old, &[("host", "evil.example")]);
    assert_eq!(
        guard.check(&elsewhere),
        Access::Refused(Refusal::Host),
        "host"
    );
    for wrong in ["/?secret=", "/?secret=x", "/?x=1&secret=y"] {
        let wrong = by_link(wrong, &[]);
        assert_eq!(guard.check(&wrong), Access::Refused(Refusal::InvalidLink));
    }
    assert_eq!(link(&guard), old);
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
                "(127.0.0.1|localhost|dgw-1.localhost)(:[0-9]{0,6})?".prop_map(String::into_bytes),
                "dgw=[!-~]{0,44}".prop_map(String::into_bytes),
                "(same-origin|none|http://dgw-1.localhost(:[0-9]{0,6})?|websocket)".prop_map(String::into_bytes),
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
