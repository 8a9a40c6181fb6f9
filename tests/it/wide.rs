//! `dgw list -o wide`: activity of running clusters.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use snapbox::str;

use crate::support::{BASIC, Client, Frozen, Stub, TLS, User, answer, json_answer};

/// Fields that `--wide` adds.
const FIELDS: [&str; 7] = [
    "workers",
    "threads",
    "memory_used",
    "memory_limit",
    "tasks",
    "clients",
    "idle_since",
];

/// Waits until `condition` holds for the only cluster of `user`, and returns its record.
fn wide_when(user: &User, condition: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        let cluster = user.json(&["list", "--wide"])[0].take();
        if condition(&cluster) {
            return cluster;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{cluster}");
        thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn counts_workers_tasks_and_clients() {
    let user = BASIC.user();
    let name = user.stdout(&["new", "--workers", "1"]);
    let idle = wide_when(&user, |cluster| cluster["workers"] == 1);
    assert_eq!(idle["threads"], 1);
    assert_eq!(idle["memory_limit"], 1_u64 << 30);
    assert_eq!(
        idle["clients"], 0,
        "the scheduler's own client does not count"
    );
    assert_eq!(idle["tasks"]["total"], 0);
    assert!(idle["idle_since"].is_string(), "{idle}");

    let work = "client.wait_for_workers(1, timeout=60)\n\
                futures = client.map(lambda x: time.sleep(30) or x, range(20), pure=False)\n\
                while client.run_on_scheduler(lambda dask_scheduler: \
                len(dask_scheduler.queued)) < 10: time.sleep(.1)";
    let client = Client::connect(&BASIC, &user, &name, work);
    let busy = wide_when(&user, |cluster| cluster["tasks"]["processing"] != 0);
    assert_eq!(busy["clients"], 1);
    assert_eq!(busy["tasks"]["total"], 20);
    let states = ["processing", "queued"].map(|state| busy["tasks"][state].as_u64());
    assert_eq!(states.into_iter().flatten().sum::<u64>(), 20, "{busy}");
    assert_eq!(busy["idle_since"], Value::Null);
    let table = user.stdout(&["list", "-o", "wide", "--no-header"]);
    let cells = table.split_whitespace().collect::<Vec<_>>();
    assert_eq!(cells[3..5], ["1", "1"], "{table}");
    assert!(cells[5].ends_with("GiB"), "{table}");
    assert_eq!(cells[6..9], ["0/20", "1", "-"], "{table}");
    // A word for each title.
    let titles = user.stdout(&["list", "-o", "wide"]);
    let titles = titles.lines().next().expect("a header");
    assert_eq!(titles.split_whitespace().count(), cells.len(), "{table}");
    drop(client);
    wide_when(&user, |cluster| {
        cluster["clients"] == 0
            && cluster["tasks"]["total"] == 0
            && !cluster["idle_since"].is_null()
    });
}

#[test]
fn sorts_by_activity() {
    let user = BASIC.user();
    let empty = user.stdout(&["new"]);
    let busy = user.stdout(&["new", "--workers", "1", "--wait-workers", "1"]);
    let order = |flags: &[&str]| user.stdout(&[&["list", "--sort-by", "workers"], flags].concat());
    assert_eq!(order(&["-o", "name", "--wide"]), format!("{empty}\n{busy}"));
    assert!(order(&["-o", "wide", "--no-header"]).starts_with(&empty));
    for title in ["tasks", "-done/tasks"] {
        user.stdout(&["list", "-o", "wide", "--sort-by", title]);
    }
    user.dgw(&["list", "--sort-by", "workers"]).code(2);
}

#[test]
fn published_dataset_is_not_a_client() {
    let user = BASIC.user();
    let name = user.stdout(&["new", "--workers", "1"]);
    let work = "future = client.submit(lambda: 7)\nfuture.result(60)\n\
                client.publish_dataset(seven=future)";
    drop(Client::connect(&BASIC, &user, &name, work));
    let held = wide_when(&user, |cluster| cluster["clients"] == 0);
    assert_eq!(held["tasks"]["memory"], 1);
}

#[test]
fn silent_scheduler_is_unknown_and_is_not_waited_for() {
    let user = BASIC.user();
    let frozen = user.stdout(&["new"]);
    let well = user.stdout(&["new"]);
    user.stdout(&["new", "--no-wait", "-s", "scheduler_start=slow"]);
    let _stopped = Frozen::scheduler_of(&frozen);
    let started = Instant::now();
    let listed = user.json(&["list", "--wide", "--probe-timeout", "1s"]);
    let took = started.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    for field in FIELDS {
        assert_eq!(listed[0][field], Value::Null, "{field}");
        assert_eq!(listed[2][field], Value::Null, "{field}");
    }
    assert_eq!(listed[1]["name"], well);
    assert_eq!(listed[1]["workers"], 0);
    let table = user.stdout(&["list", "-o", "wide", "--probe-timeout", "100ms"]);
    assert!(table.contains("?        ?      ?"), "{table}");
    user.dgw(&["show", &frozen, "--probe-timeout", "100ms"])
        .success()
        .stderr_eq(str![[r#"
warning: no report from the scheduler of cluster [NAME]: no response within 100ms

"#]]);
}

#[test]
fn counts_workers_over_https() {
    let user = TLS.user();
    user.stdout(&["new", "--workers", "1"]);
    wide_when(&user, |cluster| cluster["workers"] == 1);
}

#[test]
fn without_the_proxy_the_dashboards_routes_tell_what_they_know() {
    let user = BASIC.user();
    user.stdout(&["new", "--workers", "1"]);
    let by_comm = wide_when(&user, |cluster| cluster["workers"] == 1);
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let babbling = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = |listener: &TcpListener| listener.local_addr().expect("its port").to_string();
    let proxies = [
        "127.0.0.1:1".to_owned(),
        address(&silent),
        address(&babbling),
    ];
    thread::spawn(move || {
        for mut stream in babbling.incoming().flatten() {
            let _ = stream.read(&mut [0; 64]);
            let _ = stream.write_all(&b"garbage".repeat(1000));
        }
    });
    for proxy in proxies {
        let told = &user.by_proxy(&proxy).json(&["list", "--wide"])[0];
        for field in ["workers", "threads", "memory_limit"] {
            assert_eq!(told[field], by_comm[field], "{proxy}");
        }
        assert_eq!(told["tasks"], by_comm["tasks"], "{proxy}");
        assert_eq!(
            told["clients"],
            Value::Null,
            "{proxy}: a count that includes others is none"
        );
        assert_eq!(told["idle_since"], Value::Null, "{proxy}");
    }
}

#[test]
fn what_is_no_schedulers_answer_is_unknown_and_gets_no_credentials() {
    let html = "Content-Type: text/html\r\n";
    let redirect = "Location: http://127.0.0.1:1/hub/login\r\n";
    for strange in [
        answer("200 OK", html, "<html>Sign in</html>"),
        answer("302 Found", redirect, ""),
        answer("404 Not Found", "", "404: Not Found"),
        answer("502 Bad Gateway", "", ""),
        json_answer("{"),
        json_answer("[1]"),
        json_answer("null"),
        json_answer(r#"{"workers": "\u001b[2J", "tasks": -1}"#),
        json_answer(&format!(r#"{{"workers": {}"#, "[".repeat(100_000))),
        Vec::new(),
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n".to_vec(),
    ] {
        let record = json!({"a1": {
            "name": "a1", "status": "RUNNING", "start_time": 1_795_217_334_964_u64, "stop_time": null,
            "dashboard_route": "/clusters/a1/status", "options": {},
            "tls_cert": "no certificate", "tls_key": "s3cret-key",
        }});
        let shown = String::from_utf8_lossy(&strange).into_owned();
        let stub = Stub::new(move |head| {
            if head.contains("/api/") {
                json_answer(&record.to_string())
            } else {
                strange.clone()
            }
        });
        let user = User::basic(&stub.address, "ada", "pw");
        let started = Instant::now();
        let output = user
            .command(&[
                "list",
                "--wide",
                "-vvv",
                "-o",
                "json",
                "--probe-timeout",
                "1s",
            ])
            .output()
            .expect("dgw runs");
        assert!(started.elapsed() < Duration::from_secs(10), "{shown:.80}");
        assert!(output.status.success(), "{shown:.80}");
        let said = String::from_utf8([output.stdout.clone(), output.stderr].concat());
        assert!(!said.expect("UTF-8").contains("s3cret"), "{shown:.80}");
        let listed = serde_json::from_slice::<Value>(&output.stdout).expect("JSON");
        let told = &listed[0];
        for field in ["workers", "threads", "memory_used", "clients", "idle_since"] {
            assert_eq!(told[field], Value::Null, "{field}: {shown:.80}");
        }
        let seen = stub.seen();
        let mut routes = seen
            .iter()
            .filter(|head| head.contains("/clusters/a1/json/"));
        assert!(routes.clone().count() > 0, "{seen:?}");
        assert!(
            !routes.any(|head| head.to_lowercase().contains("authorization")),
            "{seen:?}"
        );
    }
}
