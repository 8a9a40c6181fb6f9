//! Ten thousand clusters, which no real gateway here could run, answered by a stub.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::os::fd::AsFd as _;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::support::{Stub, Terminal, User, json_answer};

const MANY: usize = 10_000;

/// Processor time that one command may take. Generous, for builds that aren't optimized: some thirty
/// times what a release takes. Elapsed time would say how busy the machine is.
const CPU_LIMIT: Duration = Duration::from_secs(15);

/// Elapsed time that completion may take. Its own limit is far below, and this leaves room for a
/// machine that does much else.
const COMPLETION_LIMIT: Duration = Duration::from_secs(30);

/// Elapsed time after which a test gives up, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(120);

/// As the answer itself, its records, and what is printed of them; a list that grew by the square of
/// them would need gigabytes.
const MEMORY_LIMIT_KIB: u64 = 256 * 1024;

/// A name that looks like any other: the bits of `at`, well mixed.
fn name(at: usize) -> String {
    let mixed = (u128::try_from(at).expect("small") + 1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    format!("{mixed:032x}")
}

/// `many` records of 3.5 kB each, as long as those of a real gateway, certificates included.
fn clusters(many: usize) -> String {
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n", "A".repeat(1_500));
    let record = |at: usize| {
        let name = name(at);
        let record = json!({
            "name": name,
            "status": if at.is_multiple_of(10) { "PENDING" } else { "RUNNING" },
            "start_time": 1_700_000_000_000_i64 + i64::try_from(at).expect("small") * 1_000,
            "stop_time": null,
            "options": {
                "worker_cores": at % 16,
                "profile": (["small", "medium", "large"][at % 3]),
                "note": "x".repeat(at % 40),
            },
            "dashboard_route": format!("/clusters/{name}/status"),
            "scheduler_address": "tls://10.0.0.1:8786",
            "tls_cert": pem,
            "tls_key": pem,
        });
        (name, record)
    };
    let all = (0..many).map(record).collect::<Map<String, Value>>();
    Value::Object(all).to_string()
}

fn user_of(stub: &Stub) -> User {
    User::basic(&stub.address, "ada", "pw")
}

/// Runs `command` to its end, within the limits, and returns its stdout.
fn within_limits(mut command: Command, what: &str) -> String {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("dgw runs");
    let peak = Arc::new(Mutex::new(0));
    let status = format!("/proc/{}/status", child.id());
    let highest = Arc::clone(&peak);
    thread::spawn(move || {
        // Gone when dgw is.
        while let Ok(text) = fs::read_to_string(&status) {
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let Some(line) = line else { return };
            let number = line.trim().trim_end_matches(" kB").parse::<u64>();
            *highest.lock().expect("no panic while locked") = number.expect("a number");
            thread::sleep(Duration::from_millis(5));
        }
    });
    let mut errors = child.stderr.take().expect("piped");
    let reading = thread::spawn(move || {
        let mut text = String::new();
        let _ = errors.read_to_string(&mut text);
        text
    });
    let mut stdout = String::new();
    let mut pipe = child.stdout.take().expect("piped");
    pipe.read_to_string(&mut stdout).expect("text");
    let said = reading.join().expect("read");
    let worked = cpu_time_at_exit(child.id());
    let status = child.wait().expect("it ends");
    assert!(status.success(), "{what}: {said}");
    assert!(worked < CPU_LIMIT, "{what} worked for {worked:?}");
    let peak = *peak.lock().expect("no panic while locked");
    assert!(peak < MEMORY_LIMIT_KIB, "{what} took {peak} KiB");
    stdout
}

/// Waits until a child has exited, and returns its processor time. It must not be reaped yet: until
/// then `/proc/PID/stat` keeps the totals.
fn cpu_time_at_exit(pid: u32) -> Duration {
    const TICKS_PER_SECOND: u64 = 100; // USER_HZ, the same on all of Linux
    let started = Instant::now();
    loop {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("not reaped");
        // The name, in parentheses, may hold spaces.
        let (_, fields) = stat.rsplit_once(") ").expect("the fields after the name");
        let fields = fields.split(' ').collect::<Vec<_>>();
        if fields[0] == "Z" {
            let ticks = |field: usize| fields[field].parse::<u64>().expect("a number");
            let (user, system) = (ticks(11), ticks(12));
            return Duration::from_millis((user + system) * 1_000 / TICKS_PER_SECOND);
        }
        assert!(started.elapsed() < PATIENCE, "process {pid} does not exit");
        thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn ten_thousand_clusters_are_listed_in_bounded_time_and_memory() {
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

    let one = name(MANY / 2);
    assert_eq!(run(&["list", &one[..12], "-o", "name"]).trim_end(), one);
    assert!(run(&["dashboard", &one[..12]]).contains(&one));
    let selected = run(&["shutdown", "--all", "--dry-run", "-o", "name"]);
    assert_eq!(selected.lines().count(), MANY);

    let completing = user.by_same_user("COMPLETE", "bash");
    let completing = completing.with("_CLAP_COMPLETE_INDEX", "2");
    let started = Instant::now();
    let candidates = within_limits(completing.command(&["--", "dgw", "show", ""]), "completion");
    // It gives up after its time rather than hold up the line; a build that isn't optimized may.
    assert!([0, MANY].contains(&candidates.lines().count()));
    assert!(started.elapsed() < COMPLETION_LIMIT);

    // A reader that has seen enough.
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
fn ten_thousand_clusters_are_watched() {
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
    // It listens while it asks.
    terminal.type_("G");
    terminal.type_("?");
    shows("quit");
    terminal.type_("qq");
    assert_eq!(terminal.wait(), Some(0));
    assert!(started.elapsed() < PATIENCE);
}

#[test]
fn thousands_that_are_silent_are_not_waited_for_one_by_one() {
    let many = 1_000;
    let body = clusters(many);
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
    let expected = (0..many).map(name).collect::<Vec<_>>();
    assert_eq!(names.collect::<Vec<_>>(), expected, "in their order");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("clusters were not asked: "), "{said}");
}
