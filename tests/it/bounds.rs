//! Whatever a gateway or a scheduler sends, dgw needs less than 256 MiB and a few seconds for it, and
//! goes on with the other clusters.

use serde_json::{Map, Value, json};

use crate::support::{CERTIFICATE, KEY, Stub, Used, User, answer, json_answer, scheduler};

/// As large as a list may be.
const LIST: usize = 24_000_000;

/// As large as a scheduler's response may be.
const REPORT: usize = 8_000_000;

/// More than are asked at a time.
const CLUSTERS: usize = 18;

fn repeated(text: &str, size: usize) -> String {
    text.repeat(size / text.len())
}

/// Returns a list with one cluster that has these options.
fn list(options: &str) -> String {
    format!(
        r#"{{"ab12": {{"name": "ab12", "status": "PENDING", "start_time": 1, "options": {options}}}}}"#
    )
}

fn use_of(body: &str, args: &[&str]) -> Used {
    let stub = Stub::always(json_answer(body));
    let user = User::basic(&stub.address, "ada", "pw");
    let usage = Used::by(user.command(args));
    let begin = body.chars().take(120).collect::<String>();
    usage.assert_bounded(&format!("{args:?} of {begin}…"));
    usage
}

#[test]
fn refuses_lists_with_too_many_values() {
    let nested = format!("{}{},", "[".repeat(90), "]".repeat(90));
    let keys = (0..1_500_000).map(|key| format!("\"{key:x}\":0,"));
    for items in ["[],", "{},", &nested] {
        let body = list(&format!(r#"{{"a": [{}0]}}"#, repeated(items, LIST)));
        let usage = use_of(&body, &["list"]);
        assert_eq!(usage.status.code(), Some(9), "{}", usage.stderr);
        assert!(
            usage.stderr.contains("it has too many values"),
            "{}",
            usage.stderr
        );
    }
    let body = list(&format!(r#"{{{}"":0}}"#, keys.collect::<String>()));
    assert_eq!(
        use_of(&body, &["list", "-o", "json"]).status.code(),
        Some(9)
    );
    let record = r#""":{"name":"a","status":"FAILED","start_time":1},"#;
    let body = format!("{{{}{}", repeated(record, LIST), &list("{}")[1..]);
    assert_eq!(use_of(&body, &["list", "--all"]).status.code(), Some(9));
    let body = list(&format!(r#"{{"a": "{}"}}"#, "x".repeat(LIST + 2_000_000)));
    let usage = use_of(&body, &["list"]);
    assert!(
        usage.stderr.contains("it is larger than 24 MiB"),
        "{}",
        usage.stderr
    );
}

#[test]
fn prints_large_lists_within_the_limit() {
    // Four bytes become nine, or twelve.
    let text = list(&format!(r#"{{"a": "{}"}}"#, repeated("\u{e0001}", LIST)));
    let usage = use_of(&text, &["list"]);
    assert!(usage.status.success(), "{}", usage.stderr);
    assert!(usage.stdout.len() < 20_000, "{}", usage.stdout.len());
    assert!(use_of(&text, &["list", "-o", "yaml"]).status.success());
    // Ignored fields cost nothing.
    let ignored = format!(r#"{{}}, "more": [{}0]"#, repeated("[],", LIST));
    assert!(use_of(&list(&ignored), &["list"]).status.success());
    let nested = format!("{}{},", "[".repeat(90), "]".repeat(90));
    let body = list(&format!(r#"{{"a": [{}0]}}"#, nested.repeat(3_000)));
    assert!(use_of(&body, &["list", "-o", "csv"]).status.success());
    // One wide cell among many rows.
    let record = r#""":{"name":"a","status":"FAILED","start_time":1},"#.repeat(30_000);
    let wide = list(&format!(r#"{{"a": "{}"}}"#, "y".repeat(70_000)));
    let usage = use_of(&format!("{{{record}{}", &wide[1..]), &["list"]);
    assert_eq!(usage.stdout.lines().count(), 30_002);
}

#[test]
fn cuts_long_messages_and_reads_no_endless_ones() {
    let error = json!({ "error": "x".repeat(900_000) }).to_string();
    let stub = Stub::always(answer("422 Unprocessable Entity", "", &error));
    let user = User::basic(&stub.address, "ada", "pw");
    let usage = Used::by(user.command(&["list"]));
    usage.assert_bounded("an error");
    assert!(usage.stderr.len() < 10_000, "{}", usage.stderr.len());
    // What a hub says of the user is read within a limit too.
    let endless = json!({ "name": "ada", "more": "x".repeat(50_000_000) }).to_string();
    let stub = Stub::new(move |head| {
        if head.contains("/hub/api/user") {
            json_answer(&endless)
        } else if head.contains("/clusters/") {
            json_answer("{}")
        } else {
            json_answer(r#"{"version": "1", "status": "pass", "cluster_options": []}"#)
        }
    });
    let address = format!("{}/services/dask-gateway", stub.address);
    let user = User::jupyterhub(&address, "t0ken-t0ken", None);
    let usage = Used::by(user.command(&["doctor"]));
    usage.assert_bounded("the hub's user");
    assert!(
        stub.seen()
            .iter()
            .any(|head| head.contains("/hub/api/user"))
    );
}

/// Returns responses to `identity` in `MessagePack` that are as large as they may be.
fn hostile_reports() -> Vec<(&'static str, Vec<u8>)> {
    let array = |items: Vec<u8>| [b"\xdd\x7f\xff\xff\xff", &items[..]].concat();
    let workers = |value: Vec<u8>| [b"\x81\xa7workers", &value[..]].concat();
    let map = |entry: &[u8]| {
        let count = u32::try_from(REPORT / entry.len()).expect("small");
        let entries = entry.repeat(REPORT / entry.len());
        [&b"\xdf"[..], &count.to_be_bytes(), &entries].concat()
    };
    vec![
        ("arrays", array(vec![0x90; REPORT])),
        ("maps", array(vec![0x80; REPORT])),
        ("nested arrays", vec![0x91; REPORT]),
        ("nested maps", b"\x81\xa0".repeat(REPORT / 2)),
        (
            "workers that are a list",
            workers(array(vec![0x80; REPORT])),
        ),
        ("workers without a name", workers(map(b"\xa0\x80"))),
        ("workers that are numbers", workers(map(b"\xa1x\x00"))),
        (
            "a text",
            workers(
                [
                    &b"\xdb"[..],
                    &7_999_000_u32.to_be_bytes(),
                    &vec![b'x'; 7_999_000],
                ]
                .concat(),
            ),
        ),
        ("keys that are lists", map(b"\x90\x90")),
    ]
}

/// Returns a list of `count` running clusters.
fn running(count: usize) -> String {
    let record = |index: usize| {
        let name = format!("{index:032x}");
        let record = json!({
            "name": name, "status": "RUNNING", "start_time": index, "options": {},
            "tls_cert": CERTIFICATE, "tls_key": KEY,
        });
        (name, record)
    };
    let clusters = (0..count).map(record).collect::<Map<String, Value>>();
    Value::Object(clusters).to_string()
}

/// Runs `dgw ARGS` with `count` clusters whose schedulers send `report`, and whose pages send the same
/// kind of thing.
fn use_with_schedulers(report: &[u8], count: usize, args: &[&str]) -> Used {
    let proxy = scheduler(report);
    let clusters = running(count);
    let pages = format!(r#"{{"workers": [{}0]}}"#, repeated("[],", REPORT));
    let stub = Stub::new(move |head| {
        json_answer(if head.contains(" /api/") {
            &clusters
        } else {
            &pages
        })
    });
    let user = User::basic(&stub.address, "ada", "pw").by_proxy(&proxy);
    Used::by(user.command(&[args, &["--probe-timeout", "30s"]].concat()))
}

#[test]
fn hostile_schedulers_leave_the_others_alone() {
    for (what, report) in hostile_reports() {
        let usage = use_with_schedulers(&report, 2, &["list", "-o", "wide"]);
        assert!(usage.status.success(), "{what}: {}", usage.stderr);
        assert_eq!(usage.stdout.lines().count(), 3, "{what}");
        usage.assert_bounded(what);
    }
    for index in [0, 5, 7] {
        let (what, report) = &hostile_reports()[index];
        for command in ["events", "packages"] {
            let usage = use_with_schedulers(report, 1, &[command]);
            assert_eq!(
                usage.status.code(),
                Some(1),
                "{command} {what}: {}",
                usage.stderr
            );
            assert!(usage.stdout.is_empty() && usage.stderr.contains("error: can't read the"));
            usage.assert_bounded(what);
        }
    }
}

#[test]
fn many_hostile_schedulers_at_once_stay_within_the_limit() {
    for args in [&["list", "-o", "wide"][..], &["list", "--idle-for", "1s"]] {
        let (what, report) = hostile_reports().remove(4);
        let usage = use_with_schedulers(&report, CLUSTERS, args);
        assert!(usage.status.success(), "{what}: {}", usage.stderr);
        // TLS takes the time, where it is not optimized.
        usage.assert_bounded_memory(what);
    }
}

#[test]
fn reads_what_a_scheduler_reports() {
    let metrics = b"\x81\xa6memory\x07";
    let worker = [&b"\x82\xa8nthreads\x02\xa7metrics"[..], metrics].concat();
    let entry = [&b"\xa9tls://h:1"[..], &worker].concat();
    let report = [&b"\x81\xa7workers\x81"[..], &entry].concat();
    let proxy = scheduler(&report);
    let record = json!({"ab12": {
        "name": "ab12", "status": "RUNNING", "start_time": 1, "options": {},
        "tls_cert": CERTIFICATE, "tls_key": KEY,
    }});
    let stub = Stub::always(json_answer(&record.to_string()));
    let user = User::basic(&stub.address, "ada", "pw").by_proxy(&proxy);
    let row = &user.json(&["list", "--wide"])[0];
    let fields = ["workers", "threads", "memory_used"].map(|field| row[field].as_u64());
    assert_eq!(fields, [Some(1), Some(2), Some(7)], "{row}");
}
