//! `dgw dashboard --serve`: access, and what is passed on.

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use rustix::process::Signal;
use snapbox::str;

use crate::support::web::{ask, ask_by, connect, message, websocket};
use crate::support::{
    BASIC, Client, HUB, Serving, Stub, TLS, TestGateway, User, answer, json_answer, tunnel_to,
    until,
};

const RECORD: &str = r#"{"name": "ab12", "status": "RUNNING", "start_time": 1, "stop_time": null,
    "options": {}, "dashboard_route": "/clusters/ab12/status"}"#;

#[test]
fn only_the_user_may_see_it() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    let serving = Serving::start(&user, &[]);
    let (url, host) = (serving.url.clone(), serving.host.clone());
    let path = url.split_once(&host).expect("a URL").1;
    assert!(path.len() > 40, "{url}");
    serving.wait_for("ssh -L");
    let port = host.split_once(':').expect("a port").1;
    let ssh = format!("ssh -L {port}:127.0.0.1:{port} -N nobody-special@");
    assert!(serving.said().contains(&ssh), "{}", serving.said());

    let status = |request: &str, headers: &[(&str, &str)]| ask(&host, request, headers).status;
    let without_cookie = ask(&host, "GET /status", &[]);
    assert_eq!(without_cookie.status, 403);
    assert!(without_cookie.text().contains("This dashboard is private"));
    let root = ask(&host, "GET /", &[]);
    assert_eq!(root.status, 403, "{root:?}");
    let wrong = ask(&host, &format!("GET {path}x"), &[]);
    assert!(wrong.status == 403 && wrong.header("set-cookie").is_none());
    assert_eq!(
        status(&format!("GET {path}"), &[("Host", "evil.example")]),
        403
    );

    let serving = serving.logged_in();
    let cookie = serving.cookie();
    assert_eq!(status("GET /status", &[cookie]), 200);
    let name = cookie.1.split_once('=').expect("a name").0;
    let guess = format!("{name}={}", "A".repeat(43));
    assert_eq!(status("GET /status", &[("Cookie", &guess)]), 403);
    for headers in [
        [cookie, ("Host", "evil.example")],
        [cookie, ("Host", &host.replace("dgw-", "dgw-x"))],
        [cookie, ("Host", &format!("127.0.0.1:{port}"))],
        [cookie, ("Origin", "http://evil.example")],
        [cookie, ("Origin", "http://127.0.0.1:1")],
        [cookie, ("Sec-Fetch-Site", "cross-site")],
        [cookie, ("Sec-Fetch-Site", "same-site")],
    ] {
        assert_eq!(status("GET /status", &headers), 403, "{headers:?}");
    }
    let twice = [
        cookie,
        ("Sec-Fetch-Site", "same-origin"),
        ("Sec-Fetch-Site", "cross-site"),
    ];
    assert_eq!(status("GET /status", &twice), 403);
    assert_eq!(status("POST /status", &[cookie]), 403);
    let own = format!("http://{host}");
    for headers in [
        &[cookie][..],
        &[cookie, ("Origin", "http://evil.example")],
        &[("Origin", &own)],
    ] {
        let (head, _) = websocket(&host, "/status/ws", headers);
        assert!(head.starts_with("HTTP/1.1 403 "), "{head}");
    }

    // A link works once, and then there is another one.
    let again = ask(&host, &format!("GET {path}"), &[]);
    assert_eq!(again.status, 403);
    assert!(again.text().contains("no longer valid"));
    assert_eq!(status(&format!("GET {path}"), &[cookie]), 303);
    serving.wait_for("for another browser");
    until(|| serving.said().contains("/?secret="), || serving.said());
    let said = serving.said();
    let other = said.lines().find(|line| line.contains("/?secret="));
    let other = other
        .and_then(|line| line.split_once(&host))
        .expect("a link")
        .1;
    assert_ne!(other, path);
    assert_eq!(status(&format!("GET {other}"), &[]), 303);
}

/// Requests pages, a file, redirects and a WebSocket of a computing cluster.
fn check_everything_works(gateway: &TestGateway, user: &User) {
    let name = user.stdout(&["new", "--workers", "1", "--wait-workers", "1"]);
    let work = "work = client.map(lambda x: time.sleep(0.05) or x, range(2000))";
    let python = user.stdout(&["show", "-o", "json"]);
    assert!(python.contains(&name));
    let _client = (!gateway.facts["password"].is_null() && gateway.facts["ca_file"].is_null())
        .then(|| Client::connect(gateway, user, &name, work));
    let serving = Serving::start(user, &[]).logged_in();
    let root = serving.get("/");
    assert_eq!(
        (root.status, root.header("location")),
        (301, Some("/status"))
    );
    let page = serving.get("/status");
    assert_eq!(page.status, 200, "{page:?}");
    assert_eq!(page.header("x-frame-options"), Some("SAMEORIGIN"));
    let script = serving.get("/static/js/bokeh.min.js");
    assert!(
        script.status == 200 && script.body.len() > 500_000,
        "{}",
        script.head
    );

    let workers = serving.get("/info/main/workers.html").text();
    let pattern = r#"href="(?:\.\./)*(?:info/)?((?:worker|logs)/[^"]+\.html)""#;
    let links = regex::Regex::new(pattern)
        .expect("a valid pattern")
        .captures_iter(&workers)
        .map(|link| link[1].to_owned())
        .collect::<Vec<_>>();
    assert!(!links.is_empty(), "{workers}");
    for link in links {
        let page = serving.get(&format!("/info/{link}"));
        assert!(
            page.status == 200 && page.text().contains("<html"),
            "{link}: {page:?}"
        );
    }
    assert!(
        serving
            .get("/info/main/logs.html")
            .text()
            .contains("distributed")
    );
    assert_eq!(serving.get("/no/such/page").status, 404);
    assert_eq!(serving.get("/../../api/v1/options").status, 400);
    assert_eq!(serving.get("/eventstream").status, 400);

    let pattern = regex::Regex::new(r#""token":"([^"]+)""#).expect("a valid pattern");
    let html = page.text();
    let token = &pattern.captures(&html).expect("a token")[1];
    let protocol = format!("bokeh, {token}");
    let origin = format!("http://{}", serving.host);
    let (head, mut stream) = websocket(
        &serving.host,
        "/status/ws",
        &[
            serving.cookie(),
            ("Origin", &origin),
            ("Sec-WebSocket-Protocol", &protocol),
        ],
    );
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let head = head.to_lowercase();
    assert!(head.contains("sec-websocket-protocol: bokeh\r\n"), "{head}");
    assert!(message(&mut stream).contains("ACK"));
}

#[test]
fn works_on_a_plain_gateway() {
    check_everything_works(&BASIC, &BASIC.user());
}

#[test]
fn works_over_tls_through_a_proxy() {
    let host = TLS.fact("address").replace("https://", "");
    let proxy = tunnel_to(&host).replace("http://", "http://ada:pr0xy-s3cret@");
    let user = TLS.user().with("DASK_GATEWAY__HTTP_CLIENT__PROXY", &proxy);
    check_everything_works(&TLS, &user);
}

#[test]
fn works_behind_a_hub() {
    check_everything_works(&HUB, &HUB.user());
}

/// Responds as a gateway with a cluster whose dashboard sends every header that it should not.
fn respond(head: &str) -> Vec<u8> {
    let path = head.split(' ').nth(1).unwrap_or_default();
    match path {
        "/api/v1/clusters/" => json_answer(&format!(r#"{{"ab12": {RECORD}}}"#)),
        "/api/v1/clusters/ab12" => json_answer(RECORD),
        "/clusters/ab12/redirect" => answer(
            "302 Found",
            "Location: /clusters/ab12/status?x=1\r\nSet-Cookie: dgw-1=x\r\n",
            "",
        ),
        "/clusters/ab12/switch" => answer(
            "101 Switching Protocols",
            "Connection: upgrade\r\nUpgrade: websocket\r\n",
            "",
        ),
        "/clusters/ab12/two-lengths" => answer(
            "200 OK",
            "Transfer-Encoding: chunked\r\n",
            "5\r\nhello\r\n0\r\n\r\n",
        ),
        _ => answer(
            "200 OK",
            "Content-Type: text/plain\r\nSet-Cookie: a=b\r\nSet-Cookie: c=d\r\n\
             Cache-Control: immutable\r\nExpires: Thu, 01 Jan 2099 00:00:00 GMT\r\n\
             ETag: \"1\"\r\nLast-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\nPragma: x\r\n\
             Clear-Site-Data: \"*\"\r\nService-Worker-Allowed: /\r\nAlt-Svc: h3\r\n\
             Strict-Transport-Security: max-age=9\r\nNEL: {}\r\nReport-To: {}\r\n\
             Access-Control-Allow-Origin: *\r\nWWW-Authenticate: Basic\r\nRefresh: 1\r\n",
            "hello",
        ),
    }
}

#[test]
fn passes_on_no_credentials_to_the_cluster() {
    let stub = Stub::new(respond);
    let user = User::basic(&stub.address, "ada", "pw")
        .with("DASK_GATEWAY__PUBLIC_ADDRESS", "https://public.example/dg");
    let serving = Serving::start(&user, &["-vv"]).logged_in();
    let origin = format!("http://{}", serving.host);
    let page = ask(
        &serving.host,
        "GET /page?x=%2F",
        &[
            ("Cookie", &format!("other=s3cret; {}", serving.cookie().1)),
            ("Authorization", "Basic s3cret"),
            ("Proxy-Authorization", "Basic s3cret"),
            ("Origin", &origin),
            ("Referer", &origin),
            ("Accept-Language", "tlh"),
            ("X-Original-URL", "/s3cret"),
            ("X-Forwarded-User", "s3cret"),
            ("If-None-Match", "s3cret"),
        ],
    );
    assert_eq!((page.status, page.text().as_str()), (200, "hello"));
    let names = page.head.lines().skip(1).filter_map(|line| {
        let (name, _) = line.split_once(": ")?;
        (name != "date").then_some(name)
    });
    let expected = [
        "connection",
        "content-length",
        "content-type",
        "cache-control",
        "cross-origin-opener-policy",
        "cross-origin-resource-policy",
        "referrer-policy",
        "x-frame-options",
    ];
    let names = names.collect::<BTreeSet<_>>();
    assert_eq!(names, BTreeSet::from(expected), "{}", page.head);
    assert_eq!(page.header("cache-control"), Some("no-store"));
    let seen = stub.seen().pop().expect("a request").to_lowercase();
    assert!(seen.starts_with("get /clusters/ab12/page?x=%2f "), "{seen}");
    assert!(seen.contains("accept-language: tlh"), "{seen}");
    assert!(
        seen.contains("origin: https://public.example\r\n"),
        "{seen}"
    );
    let host = stub.address.replace("http://", "host: ");
    assert!(seen.contains(&host), "{seen}");
    for word in ["s3cret", "cookie", "authorization", "referer", "localhost"] {
        assert!(!seen.contains(word), "{word}: {seen}");
    }
    // Servers in front of the gateway may decode a path.
    let before = stub.seen().len();
    for path in ["/..%2f..%2fapi/version", "/%252e%252e/x", "/x%5c..", "/.."] {
        assert_eq!(serving.get(path).status, 400, "{path}");
    }
    let worker = [serving.cookie(), ("Service-Worker", "script")];
    let worker = ask(&serving.host, "GET /worker.js", &worker);
    assert_eq!(worker.status, 403);
    assert_eq!(stub.seen().len(), before);
    let redirect = serving.get("/redirect");
    assert_eq!(redirect.header("location"), Some("/status?x=1"));
    assert_eq!(redirect.header("set-cookie"), None);
    // Neither framing nor protocol is what the cluster says.
    assert_eq!(serving.get("/switch").status, 502);
    let page = serving.get("/two-lengths");
    assert_eq!(page.text(), "hello", "{}", page.head);
    let lengths = ["content-length", "transfer-encoding"].map(|name| page.header(name));
    assert_eq!(lengths.into_iter().flatten().count(), 1, "{}", page.head);
    // None of it is logged either.
    let said = serving.said();
    assert!(said.contains("/clusters/ab12/page:"), "{said}");
    let value = serving
        .cookie()
        .1
        .split_once('=')
        .expect("a value")
        .1
        .to_owned();
    let of_link = serving.url.split_once('=').expect("a secret").1.to_owned();
    for secret in [value.as_str(), of_link.as_str(), "s3cret"] {
        assert!(!said.contains(secret), "{secret}: {said}");
    }
}

/// A connection to a server that can be interrupted.
struct Link {
    address: String,
    is_down: Arc<AtomicBool>,
    ends: Arc<Mutex<Vec<TcpStream>>>,
}

impl Link {
    /// Forwards connections from a port of its own to `host`.
    fn to(host: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("the port").to_string();
        let is_down = Arc::new(AtomicBool::new(false));
        let ends = Arc::new(Mutex::new(Vec::new()));
        let (host, down, all) = (host.to_owned(), Arc::clone(&is_down), Arc::clone(&ends));
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                if down.load(Ordering::SeqCst) {
                    continue;
                }
                let far = TcpStream::connect(&host).expect("the gateway listens");
                for (from, to) in [(&near, &far), (&far, &near)] {
                    let clone = |end: &TcpStream| end.try_clone().expect("a second handle");
                    let (mut from, mut to) = (clone(from), clone(to));
                    thread::spawn(move || {
                        let _ = std::io::copy(&mut from, &mut to);
                        let _ = to.shutdown(Shutdown::Write);
                    });
                }
                all.lock()
                    .expect("no panic while locked")
                    .extend([near, far]);
            }
        });
        Self {
            address,
            is_down,
            ends,
        }
    }

    fn interrupt(&self) {
        self.is_down.store(true, Ordering::SeqCst);
        for end in self.ends.lock().expect("no panic while locked").drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    fn restore(&self) {
        self.is_down.store(false, Ordering::SeqCst);
    }
}

#[test]
fn reports_an_unreachable_gateway_and_the_end_of_the_cluster() {
    let gateway = BASIC.fact("address").replace("http://", "");
    let link = Link::to(&gateway);
    let address = format!("http://{}", link.address);
    let user = User::basic(&address, "interrupted", BASIC.fact("password"));
    let name = user.stdout(&["new"]);
    let serving = Serving::start(&user, &[]).logged_in();
    assert_eq!(serving.get("/health").status, 200);
    link.interrupt();
    let page = serving.get("/status");
    assert_eq!(page.status, 502, "{page:?}");
    let text = page.text();
    assert!(text.contains("The gateway does not respond"), "{text}");
    assert!(text.contains("http-equiv=\"refresh\""), "{text}");
    serving.wait_for("trying again");
    link.restore();
    assert_eq!(serving.get("/health").status, 200);
    serving.wait_for("the gateway responds again");
    user.stdout(&["shutdown", &name]);
    until(
        || serving.get("/status").status == 410,
        || format!("{:?}", serving.get("/status")),
    );
    let text = serving.get("/status").text();
    assert!(
        text.contains(&format!("cluster {name} is STOPPED")),
        "{text}"
    );
    let (status, said) = serving.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(
        said.contains(&format!(
            "cluster {name} is STOPPED: its dashboard is no longer served"
        )),
        "{said}"
    );
}

#[test]
fn socket_is_private_and_removed_in_the_end() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    let path = user.home().join("its socket");
    let argument = path.display().to_string();
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        let serving = Serving::start(&user, &["--socket", &argument]).logged_in();
        let mode = fs::symlink_metadata(&path).expect("a socket").mode();
        assert_eq!(mode & 0o777, 0o600);
        let port = serving.host.split_once(':').expect("a port").1.to_owned();
        serving.wait_for(&format!("ssh -L '{port}:{argument}' -N"));
        let by_socket = |headers: &[(&str, &str)]| {
            let stream = UnixStream::connect(&path).expect("it listens");
            ask_by(stream, &serving.host, "GET /health", headers).status
        };
        assert_eq!(by_socket(&[serving.cookie()]), 200);
        assert_eq!(by_socket(&[]), 403);
        user.dgw(&["dashboard", "--serve", "--socket", &argument])
            .code(1)
            .stdout_eq("")
            .stderr_eq(str![[r#"
error: can't serve the dashboard of cluster `[NAME]`: can't listen on `[HOME]/its socket`: another process is listening there

hint: set `--socket` to a new path in a directory of your own

"#]]);
        serving.signal(signal);
        let (status, said) = serving.end();
        assert_eq!(status.code(), Some(code), "{said}");
        assert!(said.contains("the dashboard is no longer served"), "{said}");
        assert!(!path.exists());
    }
    fs::write(&path, "precious").expect("a file");
    user.dgw(&["dashboard", "--serve", "--socket", &argument])
        .code(1)
        .stdout_eq("");
    assert_eq!(fs::read_to_string(&path).expect("the file"), "precious");
}

#[test]
fn port_in_use_is_refused_and_a_free_one_served() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("the port").port().to_string();
    user.dgw(&["dashboard", "--serve", "--port", &port])
        .code(1)
        .stdout_eq("")
        .stderr_eq(format!(
            "error: can't serve the dashboard of cluster `[NAME]`: can't listen on port {port}: \
             Address already in use (os error 98)\n\nhint: choose another port with `--port`\n"
        ));
    drop(taken);
    // Browsers connect to either loopback address: nobody else may have the port of the other one.
    if let Ok(_taken) = TcpListener::bind(format!("[::1]:{port}")) {
        user.dgw(&["dashboard", "--serve", "--port", &port]).code(1);
    }
    let serving = Serving::start(&user, &["--port", &port, "-o", "json"]);
    serving.wait_for(&format!("ssh -L {port}:127.0.0.1:{port}"));
    for args in [
        &["--port", "0", "--serve"][..],
        &["--port", "1"],
        &["--socket", "x"],
    ] {
        user.dgw(&[&["dashboard"], args].concat())
            .code(2)
            .stdout_eq("");
    }
}

#[test]
fn browser_gets_the_link_in_a_private_page() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    let script = "page=${1#file://}; echo \"$@\" > \"$HOME/argv\"; \
                  stat -c %a \"$page\" > \"$HOME/mode\"; cat \"$page\" > \"$HOME/page\"";
    let user = crate::dashboard::with_browser(user, script);
    let serving = Serving::start(&user, &["--open"]);
    let read = |name: &str| fs::read_to_string(user.home().join(name)).unwrap_or_default();
    until(|| read("page").contains("</p>"), || serving.said());
    let secret = serving.url.split_once('=').expect("a secret").1;
    assert!(!read("argv").contains(secret), "{}", read("argv"));
    assert!(read("page").contains(&serving.url), "{}", read("page"));
    assert_eq!(read("mode").trim(), "600");
    let page = read("argv").trim().replace("file://", "");
    assert!(fs::metadata(&page).is_ok());
    serving.signal(Signal::TERM);
    serving.end();
    assert!(fs::metadata(&page).is_err());
}

#[test]
fn refuses_a_pending_cluster() {
    let user = BASIC.user();
    user.stdout(&["new", "--no-wait", "-s", "scheduler_start=slow"]);
    user.dgw(&["dashboard", "--serve"]).code(1).stdout_eq("");
}

#[test]
fn rejects_invalid_requests() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    let serving = Serving::start(&user, &[]).logged_in();
    let mut stream = connect(&serving.host);
    stream
        .write_all(b"\x16\x03\x01 no HTTP\r\n\r\n")
        .expect("sent");
    let mut response = String::new();
    stream.read_to_string(&mut response).expect("a response");
    assert!(response.starts_with("HTTP/1.1 400 "), "{response}");
    let huge = format!("x={}", "y".repeat(200_000));
    let mut stream = connect(&serving.host);
    let head = format!(
        "GET / HTTP/1.1\r\nHost: {}\r\nCookie: {huge}\r\n\r\n",
        serving.host
    );
    // dgw may close the connection before it has read all of that.
    let _ = stream.write_all(head.as_bytes());
    let mut response = String::new();
    let _ = stream.read_to_string(&mut response);
    assert!(
        response.is_empty() || response.starts_with("HTTP/1.1 431 "),
        "{response}"
    );
    assert_eq!(serving.get("/health").status, 200);
}
