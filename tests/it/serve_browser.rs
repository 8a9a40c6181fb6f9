//! The served dashboard of a computing cluster, in a real browser.
//!
//! Needs Debian's `chromium` and `chromium-driver`.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::support::web::ask;
use crate::support::{BASIC, Client, Serving, Stub, User, answer, json_answer, until};

/// A headless Chromium, driven by `WebDriver`; ended when this is dropped.
struct Browser {
    driver: Child,
    host: String,
    session: String,
    profile: tempfile::TempDir,
}

/// Starts `chromedriver`, and returns its port too.
fn start_driver() -> Option<(Child, String)> {
    let mut driver = Command::new("chromedriver")
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("Debian's chromium-driver is installed");
    let stdout = BufReader::new(driver.stdout.take().expect("stdout is piped"));
    let port = stdout.lines().map_while(Result::ok).find_map(|line| {
        let (_, port) = line.rsplit_once("successfully on port ")?;
        Some(port.trim_end_matches('.').to_owned())
    });
    if port.is_none() {
        let _ = driver.wait();
    }
    Some((driver, port?))
}

impl Browser {
    fn start() -> Self {
        // It chooses a free port for IPv4, and fails if that port is in use for IPv6.
        let (driver, port) = (0..10).find_map(|_| start_driver()).expect("a driver");
        let profile = tempfile::tempdir().expect("a directory for its profile");
        let mut browser = Self {
            driver,
            host: format!("127.0.0.1:{port}"),
            session: String::new(),
            profile,
        };
        let options = json!({
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-dev-shm-usage", "--disable-background-networking",
                "--disable-component-update", "--disable-sync", "--window-size=1400,1000",
                // Pages get nothing from other hosts.
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE *.localhost",
                format!("--user-data-dir={}", browser.profile.path().display()),
            ],
        });
        let wanted = json!({
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"performance": "ALL"},
            // A busy machine draws slowly.
            "timeouts": {"script": 120_000, "pageLoad": 120_000},
        });
        let capabilities = json!({"capabilities": {"alwaysMatch": wanted}});
        let made = browser.command("POST", "/session", &capabilities);
        let session = made["sessionId"].as_str().expect("a session");
        browser.session = format!("/session/{session}");
        browser
    }

    /// Sends a command of the `WebDriver` protocol, and returns its result.
    fn command(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let length = body.len().to_string();
        let request = format!("{method} {}{path}", self.session);
        let stream = crate::support::web::connect(&self.host);
        let response = crate::support::web::ask_with(
            stream,
            &self.host,
            &request,
            &[
                ("Content-Type", "application/json"),
                ("Content-Length", &length),
            ],
            body.as_bytes(),
        );
        assert_eq!(response.status, 200, "{path}: {}", response.text());
        let mut result = serde_json::from_slice::<Value>(&response.body).expect("JSON");
        result["value"].take()
    }

    fn open(&self, url: &str) {
        self.command("POST", "/url", &json!({"url": url}));
    }

    /// Runs the body of an asynchronous JavaScript function in the page, and returns what it resolves to.
    fn resolve(&self, script: &str) -> Value {
        let script = format!(
            "const done = arguments[0];
             (async () => {{ {script} }})().then(done, error => done(`error: ${{error}}`))"
        );
        let body = json!({"script": script, "args": []});
        self.command("POST", "/execute/async", &body)
    }

    /// Runs the body of a JavaScript function in the page, and returns its result.
    fn run(&self, script: &str) -> Value {
        self.command(
            "POST",
            "/execute/sync",
            &json!({"script": script, "args": []}),
        )
    }

    fn url(&self) -> String {
        let url = self.run("return location.href");
        url.as_str().expect("a URL").to_owned()
    }

    /// Returns the network's events since the last call: names and parameters.
    fn events(&self) -> Vec<(String, Value)> {
        let entries = self.command("POST", "/se/log", &json!({"type": "performance"}));
        let entries = entries.as_array().expect("a list").iter();
        let messages = entries.map(|entry| {
            let text = entry["message"].as_str().expect("a text");
            let mut event = serde_json::from_str::<Value>(text).expect("JSON");
            let event = &mut event["message"];
            let name = event["method"].as_str().expect("a name").to_owned();
            (name, event["params"].take())
        });
        messages.collect()
    }

    fn screenshot(&self, path: &Path) -> Vec<u8> {
        let encoded = self.command("GET", "/screenshot", &json!({}));
        let image = STANDARD
            .decode(encoded.as_str().expect("a text"))
            .expect("an image");
        fs::write(path, &image).expect("it can be written");
        image
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // On this request, the driver ends the browser too.
        let _ = ask(&self.host, &format!("DELETE {}", self.session), &[]);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Script that counts the page's canvases and the colours on them, and tells when the newest task in
/// the task stream began, in milliseconds since the first.
const MEASURE: &str = r"
    const canvases = [];
    const walk = node => {
        if (node.tagName === 'CANVAS' && node.width && node.height) canvases.push(node);
        if (node.shadowRoot) walk(node.shadowRoot);
        for (const child of node.children || []) walk(child);
    };
    walk(document.body);
    const small = Object.assign(document.createElement('canvas'), {width: 200, height: 100});
    const context = small.getContext('2d', {willReadFrequently: true});
    for (const canvas of canvases) context.drawImage(canvas, 0, 0, 200, 100);
    const data = context.getImageData(0, 0, 200, 100).data;
    const colours = new Set();
    for (let i = 0; i < data.length; i += 4)
        if (data[i + 3] > 200) colours.add(`${data[i]},${data[i + 1]},${data[i + 2]}`);
    let newest = 0;
    for (const document of (window.Bokeh || {documents: []}).documents)
        for (const model of document._all_models.values())
            if (typeof model.columns === 'function' && model.columns().includes('start'))
                for (const start of model.get_array('start')) newest = Math.max(newest, start);
    return {canvases: canvases.length, colours: colours.size, newest};
";

#[test]
#[ignore = "needs Chromium"]
fn browser_draws_the_dashboard_of_a_computing_cluster() {
    let user = BASIC.user();
    let name = user.stdout(&["new", "--workers", "2", "--wait-workers", "2"]);
    let work = "work = client.map(lambda x: time.sleep(0.1) or x, range(20000))";
    let _client = Client::connect(&BASIC, &user, &name, work);
    let serving = Serving::start(&user, &[]);
    let browser = Browser::start();

    browser.open(&format!("http://{}/status", serving.host));
    let refused = browser.run("return document.body.innerText");
    assert!(
        refused
            .as_str()
            .is_some_and(|text| text.contains("is private")),
        "{refused}"
    );

    browser.open(&serving.url);
    assert_eq!(browser.url(), format!("http://{}/status", serving.host));
    let measure = || browser.run(MEASURE);
    let newest = || measure()["newest"].as_f64().expect("a number");
    let is_drawn =
        |shown: &Value| shown["newest"].as_f64() > Some(0.0) && shown["colours"].as_u64() > Some(8);
    until(|| is_drawn(&measure()), || measure().to_string());
    let first = newest();
    let _ = browser.events();
    std::thread::sleep(Duration::from_secs(5));
    let events = browser.events();
    let count = |name: &str| events.iter().filter(|(event, _)| event == name).count();
    let frames = count("Network.webSocketFrameReceived");
    assert!(frames > 3, "{events:?}");
    assert_eq!(count("Network.webSocketClosed"), 0);
    assert!(newest() > first, "{}", measure());
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let image = browser.screenshot(&directory.join("dashboard-status.png"));
    assert!(image.len() > 30_000, "{} bytes: it is blank", image.len());

    for (path, marker) in [
        ("/workers", ""),
        ("/info/main/workers.html", "tls://"),
        ("/info/main/logs.html", "distributed.scheduler"),
    ] {
        browser.open(&format!("http://{}{path}", serving.host));
        let text = browser.run("return document.documentElement.innerText");
        assert!(
            text.as_str().is_some_and(|text| text.contains(marker)),
            "{path}: {text}"
        );
        if path == "/workers" {
            until(
                || measure()["canvases"].as_u64() > Some(2),
                || measure().to_string(),
            );
            browser.screenshot(&directory.join("dashboard-workers.png"));
        }
    }

    // Another site on this machine gets nothing, though the browser has the cookie.
    let foreign = Stub::always(answer(
        "200 OK",
        "Content-Type: text/html\r\n",
        "<p>foreign</p>",
    ));
    browser.open(&foreign.address);
    let script = format!(
        "const ask = new XMLHttpRequest(); ask.open('GET', 'http://{}/health', false);
         ask.withCredentials = true;
         try {{ ask.send(); return ask.responseText }} catch (error) {{ return 'refused' }}",
        serving.host
    );
    assert_eq!(browser.run(&script), "refused");
}

/// Responds to requests for two clusters' pages. The pages of `bad` try to stay in the browser.
fn respond_for_two_clusters(head: &str) -> Vec<u8> {
    let record = |name: &str| {
        format!(
            r#"{{"name": "{name}", "status": "RUNNING", "start_time": 1, "stop_time": null,
                "options": {{}}, "dashboard_route": "/clusters/{name}/status"}}"#
        )
    };
    let path = head.split(' ').nth(1).unwrap_or_default();
    if let Some(name) = path.strip_prefix("/api/v1/clusters/") {
        return json_answer(&record(name));
    }
    let Some((name, page)) = path
        .strip_prefix("/clusters/")
        .and_then(|path| path.split_once('/'))
    else {
        return answer("404 Not Found", "", "");
    };
    let script = "Content-Type: text/javascript\r\nService-Worker-Allowed: /\r\n\
                  Cache-Control: public, max-age=31536000, immutable\r\nETag: \"1\"\r\n\
                  Expires: Thu, 01 Jan 2099 00:00:00 GMT\r\nSet-Cookie: left=behind\r\n";
    match page {
        "status" => answer(
            "200 OK",
            "Content-Type: text/html\r\nCache-Control: max-age=31536000\r\n",
            &format!("<title>{name}</title><script src=/library.js></script>"),
        ),
        "library.js" => answer("200 OK", script, &format!("window.library = '{name}'")),
        "worker.js" => answer(
            "200 OK",
            script,
            "onfetch = event => event.respondWith(new Response('stolen'))",
        ),
        "wipe" => answer(
            "200 OK",
            "Clear-Site-Data: \"*\"\r\nSet-Cookie: left=behind; Domain=localhost\r\n",
            "",
        ),
        _ => answer("404 Not Found", "", ""),
    }
}

/// A cluster's page can neither stay in the browser, for the next dashboard at the same port, nor
/// reach what other servers on this machine have there.
#[test]
#[ignore = "needs Chromium"]
fn browser_keeps_nothing_of_an_earlier_dashboard() {
    let stub = Stub::new(respond_for_two_clusters);
    let [bad, good] = ["bad1", "cd34"].map(|name| name.repeat(8));
    let user = User::basic(&stub.address, "ada", "pw");
    let browser = Browser::start();
    let notebooks = Stub::new(|head| {
        if head.starts_with("GET /login ") {
            return answer("200 OK", "Set-Cookie: notebook=secret\r\n", "");
        }
        answer("200 OK", "", "")
    });
    browser.open(&format!("{}/login", notebooks.address));
    assert_eq!(browser.run("return document.cookie"), "notebook=secret");

    let serving = Serving::start(&user, &[&bad]);
    let port = serving.host.split_once(':').expect("a port").1.to_owned();
    browser.open(&serving.url);
    assert_eq!(browser.run("return window.library"), bad.as_str());
    let seen = browser.run("return document.cookie");
    let wiped = browser.resolve("return (await fetch('/wipe')).status");
    assert_eq!(wiped, 200);
    let left = browser.resolve(
        "document.cookie = 'left=behind'; document.cookie = 'tossed=1; domain=localhost';
         localStorage.left = 'behind'; await (await caches.open('x')).put('/y', new Response('z'));
         await navigator.serviceWorker.register('/worker.js', {scope: '/'});
         await navigator.serviceWorker.ready; return 'a worker'",
    );
    drop(serving);
    browser.open(&notebooks.address);
    assert_eq!(browser.run("return document.cookie"), "notebook=secret");

    let serving = Serving::start(&user, &[&good, "--port", &port]);
    browser.open(&serving.url);
    let found = browser.resolve(
        "return {title: document.title, library: window.library, cookie: document.cookie,
            status: await (await fetch('/status')).text(), stored: {...localStorage},
            caches: await caches.keys(),
            workers: (await navigator.serviceWorker.getRegistrations()).length}",
    );
    let status = format!("<title>{good}</title><script src=/library.js></script>");
    let expected = json!({
        "title": good, "library": good, "cookie": "", "status": status, "stored": {},
        "caches": [], "workers": 0,
    });
    assert_eq!(found, expected);
    let left = left.as_str().unwrap_or_default();
    assert!(left.contains("error"), "{left}");
    assert_eq!(seen, "");
}
