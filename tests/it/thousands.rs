//! Ten thousand clusters, by a stub: more than a real gateway could run on a test machine.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::fd::AsFd as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::support::{Stub, Terminal, Used, User, json_answer};

const MANY: usize = 10_000;

/// Limit of a completion's elapsed time. Its own limit is much shorter, but the machine may be busy.
const COMPLETION_LIMIT: Duration = Duration::from_secs(30);

/// Elapsed time after which a test fails, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(120);

/// Returns the name of cluster `index`: its bits, mixed to look random.
fn name(index: usize) -> String {
    let mixed = (u128::try_from(index).expect("small") + 1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    format!("{mixed:032x}")
}

/// Returns `count` records of 2 kB each, of which certificates are the most, as in a real gateway's.
fn clusters(count: usize) -> String {
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n", "A".repeat(750));
    let record = |index: usize| {
        let name = name(index);
        let record = json!({
            "name": name,
            "status": if index.is_multiple_of(10) { "PENDING" } else { "RUNNING" },
            "start_time": 1_700_000_000_000_i64 + i64::try_from(index).expect("small") * 1_000,
            "stop_time": null,
            "options": {
                "worker_cores": index % 16,
                "profile": (["small", "medium", "large"][index % 3]),
                "note": "x".repeat(index % 40),
            },
            "dashboard_route": format!("/clusters/{name}/status"),
            "scheduler_address": "tls://10.0.0.1:8786",
            "tls_cert": pem,
            "tls_key": pem,
        });
        (name, record)
    };
    let all = (0..count).map(record).collect::<Map<String, Value>>();
    Value::Object(all).to_string()
}

fn user_of(stub: &Stub) -> User {
    User::basic(&stub.address, "ada", "pw")
}

/// Runs `command`, checks that it succeeds within the limits, and returns its stdout.
fn within_limits(command: Command, what: &str) -> String {
    let used = Used::by(command);
    assert!(used.status.success(), "{what}: {}", used.stderr);
    used.assert_bounded(what);
    used.stdout
}

#[test]
fn lists_ten_thousand_clusters_in_bounded_time_and_memory() {
    let body = clusters(MANY);
    let stub = Stub::always(json_answer(&body));
    let user = user_of(&stub);
    let run = |args: &[&str]| within_limits(user.command(args), &format!("{args:?}"));

    assert_eq!(run(&["list"]).lines().count(), MANY + 1);
    let json = run(&["list", "-o", "json"]);
    let json = serde_json::from_str::<Vec<Value>>(&json).expect("JSON");
    assert_eq!(json.len(), MANY);
    for format in ["jsonl", "name"] {
        assert_eq!(run(&["list", "-o", format]).lines().count(), MANY);
    }
    assert_eq!(run(&["list", "-o", "csv"]).lines().count(), MANY + 1);
    assert!(run(&["list", "-o", "yaml"]).contains(&name(MANY - 1)));
    assert_eq!(
        run(&["list", "--sort-by", "options"]).lines().count(),
        MANY + 1
    );

    let one = name(MANY / 2 + 1);
    assert_eq!(run(&["list", &one[..12], "-o", "name"]).trim_end(), one);
    assert!(run(&["dashboard", &one[..12]]).contains(&one));
    let selected = run(&["shutdown", "--all", "--dry-run", "-o", "name"]);
    assert_eq!(selected.lines().count(), MANY);

    let completing = user.by_same_user("COMPLETE", "bash");
    let completing = completing.with("_CLAP_COMPLETE_INDEX", "2");
    let started = Instant::now();
    let candidates = within_limits(completing.command(&["--", "dgw", "show", ""]), "completion");
    // An unoptimized build may exceed completion's own time limit; then it offers nothing.
    assert!([0, MANY].contains(&candidates.lines().count()));
    assert!(started.elapsed() < COMPLETION_LIMIT);

    // A reader that closes the pipe early.
    let mut command = user.command(&["list"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("dgw runs");
    let mut reader = BufReader::new(child.stdout.take().expect("piped"));
    reader.read_line(&mut String::new()).expect("a line");
    drop(reader);
    let output = child.wait_with_output().expect("it ends");
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
}

#[test]
fn top_shows_ten_thousand_clusters() {
    let body = clusters(MANY);
    let stub = Stub::new(move |head| {
        if head.contains(" /api/") {
            json_answer(&body)
        } else {
            Vec::new()
        }
    });
    let user = user_of(&stub);
    let mut terminal = Terminal::new(&user, 100, &["top"]);
    let reader = terminal.pty.as_fd().try_clone_to_owned();
    let mut reader = fs::File::from(reader.expect("a second handle"));
    let parser = Arc::new(Mutex::new(vt100::Parser::new(24, 100, 0)));
    let fed = Arc::clone(&parser);
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(read @ 1..) = reader.read(&mut buffer) {
            let mut fed = fed.lock().expect("no panic while locked");
            fed.process(&buffer[..read]);
        }
    });
    let started = Instant::now();
    let shows = |sign: &str| loop {
        let shown = parser.lock().expect("no panic while locked");
        let text = shown.screen().contents();
        drop(shown);
        if text.contains(sign) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "no {sign}: {text}");
        thread::sleep(Duration::from_millis(50));
    };
    shows(&name(0)[..7]);
    // Keys work while requests are in flight.
    terminal.type_("G");
    terminal.type_("?");
    shows("quit");
    terminal.type_("qq");
    assert_eq!(terminal.wait(), Some(0));
    assert!(started.elapsed() < PATIENCE);
}

#[test]
fn does_not_wait_for_silent_schedulers_one_by_one() {
    let count = 1_000;
    let body = clusters(count);
    let stub = Stub::new(move |head| {
        if head.contains(" /api/") {
            return json_answer(&body);
        }
        thread::sleep(Duration::from_secs(20));
        Vec::new()
    });
    let user = user_of(&stub);
    let args = ["list", "-o", "wide", "--probe-timeout", "500ms"];
    let started = Instant::now();
    let output = user.command(&args).output().expect("dgw runs");
    // One by one it would be 500 s.
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    assert!(output.status.success());
    let stdout = String::from_utf8_lossy(&output.stdout);
    let names = stdout.lines().skip(1).map(|line| &line[..32]);
    let expected = (0..count).map(name).collect::<Vec<_>>();
    assert_eq!(names.collect::<Vec<_>>(), expected, "the order is kept");
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(
        printed.contains("clusters (shown as unknown), because "),
        "{printed}"
    );
}
