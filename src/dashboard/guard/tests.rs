use proptest::strategy::Strategy as _;

use super::*;

/// A request to `/status` of a browser that has the cookie, with these headers on top.
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

fn verdict(headers: &[(&str, &str)]) -> Verdict {
    let guard = guard();
    guard.judge(&request(&guard, headers))
}

fn by_link(uri: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut request = Request::builder().uri(uri).header("host", "127.0.0.1:8787");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).expect("a request")
}

#[test]
fn the_cookie_admits() {
    assert_eq!(verdict(&[]), Verdict::Admitted);
    for site in ["none", "same-origin"] {
        assert_eq!(verdict(&[("sec-fetch-site", site)]), Verdict::Admitted);
    }
    let own = [
        ("origin", "http://127.0.0.1:8787"),
        ("upgrade", "websocket"),
    ];
    assert_eq!(verdict(&own), Verdict::Admitted);
}

#[test]
fn without_the_right_cookie_nothing_does() {
    for cookie in [
        "",
        "dgw-8787",
        "dgw-8787=",
        "dgw-8787=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    ] {
        let refused = Verdict::Refused(Refusal::NoCookie);
        assert_eq!(verdict(&[("cookie", cookie)]), refused, "{cookie}");
    }
    let guard = guard();
    let of_another_port = format!("dgw-1={}", guard.session.expose());
    let request = request(&guard, &[("cookie", &of_another_port)]);
    assert_eq!(guard.judge(&request), Verdict::Refused(Refusal::NoCookie));
}

#[test]
fn only_this_machines_names_are_hosts() {
    let refused = Verdict::Refused(Refusal::Host);
    for host in [
        "evil.example",
        "evil.example:8787",
        "localhost.evil.example:8787",
        "127.0.0.1.evil.example:8787",
        "ada@127.0.0.1:8787",
        "10.0.0.1:8787",
        "",
    ] {
        assert_eq!(verdict(&[("host", host)]), refused, "{host}");
    }
    let two = [("host", "127.0.0.1:8787"), ("host", "evil.example")];
    assert_eq!(verdict(&two), refused);
    let guard = guard();
    for (host, port) in [("LOCALHOST:9000", 9000), ("[::1]:1", 1), ("127.0.0.1", 80)] {
        let cookie = format!("dgw-{port}={}", guard.session.expose());
        let request = request(&guard, &[("host", host), ("cookie", &cookie)]);
        assert_eq!(guard.judge(&request), Verdict::Admitted, "{host}");
    }
    let mut absolute = request(&guard, &[]);
    *absolute.uri_mut() = "http://127.0.0.1:8787/status".parse().expect("a URL");
    assert_eq!(guard.judge(&absolute), refused);
}

#[test]
fn other_pages_are_refused_cookie_or_not() {
    let refused = Verdict::Refused(Refusal::Foreign);
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
        assert_eq!(verdict(headers), refused, "{headers:?}");
    }
    let guard = guard();
    let mut post = request(&guard, &[]);
    *post.method_mut() = Method::POST;
    assert_eq!(guard.judge(&post), refused);
    let mut post = request(&guard, &[("origin", "http://127.0.0.1:8787")]);
    *post.method_mut() = Method::POST;
    assert_eq!(guard.judge(&post), Verdict::Admitted);
    *post.method_mut() = Method::TRACE;
    assert_eq!(guard.judge(&post), Verdict::Refused(Refusal::Method));
}

#[test]
fn a_link_logs_in_once_and_then_another_does() {
    let guard = guard();
    let link = guard.link();
    let Verdict::Login { cookie, is_foreign } = guard.judge(&by_link(&link, &[])) else {
        panic!("the link is good");
    };
    let cookie = cookie.to_str().expect("text");
    assert!(cookie.starts_with("dgw-8787=") && !is_foreign, "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"),
        "{cookie}"
    );
    assert_eq!(
        guard.judge(&by_link(&link, &[])),
        Verdict::Refused(Refusal::Link)
    );
    let pair = cookie.split(';').next().expect("a pair");
    let again = by_link(&link, &[("cookie", pair)]);
    let by_new_link = false;
    assert_eq!(guard.judge(&again), Verdict::LoggedIn { by_new_link });
    assert_ne!(guard.link(), link);
    // A browser that is in already keeps no good link either.
    let link = guard.link();
    let by_new_link = true;
    let again = by_link(&link, &[("cookie", pair)]);
    assert_eq!(guard.judge(&again), Verdict::LoggedIn { by_new_link });
    assert_eq!(
        guard.judge(&by_link(&link, &[])),
        Verdict::Refused(Refusal::Link)
    );
    let another = by_link(&guard.link(), &[]);
    assert!(matches!(guard.judge(&another), Verdict::Login { .. }));
}

#[test]
fn a_link_in_another_page_works_too() {
    let guard = guard();
    let clicked = by_link(&guard.link(), &[("sec-fetch-site", "cross-site")]);
    assert!(matches!(
        guard.judge(&clicked),
        Verdict::Login {
            is_foreign: true,
            ..
        }
    ));
}

#[test]
fn nothing_but_opening_it_uses_a_link_up() {
    let guard = guard();
    let link = guard.link();
    let ahead = by_link(&link, &[("sec-purpose", "prefetch;prerender")]);
    assert_eq!(guard.judge(&ahead), Verdict::Refused(Refusal::Prefetch));
    let mut head = by_link(&link, &[]);
    *head.method_mut() = Method::HEAD;
    assert_eq!(guard.judge(&head), Verdict::Refused(Refusal::NoCookie));
    let elsewhere = by_link(&link, &[("host", "evil.example")]);
    assert_eq!(
        guard.judge(&elsewhere),
        Verdict::Refused(Refusal::Host),
        "host"
    );
    for wrong in ["/?secret=", "/?secret=x", "/?x=1&secret=y"] {
        let wrong = by_link(wrong, &[]);
        assert_eq!(guard.judge(&wrong), Verdict::Refused(Refusal::Link));
    }
    assert_eq!(guard.link(), link);
}

proptest::proptest! {
    /// The secrets are random: nothing strange has them but by guessing.
    #[test]
    fn nobody_gets_in_without_a_secret(
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
        let is_refused = matches!(guard().judge(&request), Verdict::Refused(_));
        proptest::prop_assert!(is_refused);
    }
}
