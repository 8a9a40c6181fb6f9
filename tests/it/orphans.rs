//! `--idle-for` shuts down exactly the clusters that are not in use.

use std::process::Output;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use snapbox::str;

use crate::support::{BASIC, Client, Frozen, Terminal, User};

/// The result of running dgw.
struct Run {
    stdout: String,
    stderr: String,
    code: Option<i32>,
}

fn run(user: &User, args: &[&str]) -> Run {
    let Output {
        status,
        stdout,
        stderr,
    } = user.command(args).output().expect("dgw runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Run {
        stdout: text(stdout),
        stderr: text(stderr),
        code: status.code(),
    }
}

impl Run {
    /// Returns the one reason for leaving the cluster out, or for selecting it.
    fn reason(&self, name: &str) -> &str {
        let lines = self.stderr.lines();
        let reasons = lines
            .filter_map(|line| {
                let (_, reason) = line.split_once(&format!("cluster {name} is "))?;
                let (verdict, reason) = reason.split_once(": ")?;
                ["not selected", "selected"]
                    .contains(&verdict)
                    .then_some(reason)
            })
            .collect::<Vec<_>>();
        let [reason] = reasons[..] else {
            panic!("not one reason for {name}: {}", self.stderr);
        };
        reason
    }
}

/// Waits until `condition` holds for the cluster's record in `dgw list --wide`.
fn wait_until(user: &User, name: &str, condition: impl Fn(&Value) -> bool) {
    let started = Instant::now();
    loop {
        let cluster = user.json(&["list", "--wide", name])[0].take();
        if condition(&cluster) {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(90), "{cluster}");
        thread::sleep(Duration::from_millis(200));
    }
}

/// Connects a client to each of these clusters until it has left nothing, a running task, a published
/// result, or tasks without a worker.
fn leave_work(user: &User, [adaptive, detached, published, queued]: [&str; 4]) {
    let compute = "client.submit(lambda: 7).result(60)";
    let forget = "from distributed import fire_and_forget\n\
        client.wait_for_workers(1, timeout=60)\n\
        fire_and_forget(client.submit(time.sleep, 300))\n\
        while not client.run_on_scheduler(lambda dask_scheduler: \
        any(w.processing for w in dask_scheduler.workers.values())): time.sleep(.1)";
    let publish = "future = client.submit(lambda: 7)\nfuture.result(60)\n\
        client.publish_dataset(seven=future)";
    let queue = "from distributed import fire_and_forget\n\
        fire_and_forget(client.map(time.sleep, [300] * 4, pure=False))\n\
        while client.run_on_scheduler(lambda dask_scheduler: \
        len(dask_scheduler.tasks)) < 4: time.sleep(.1)";
    thread::scope(|scope| {
        for (name, work) in [
            (adaptive, compute),
            (detached, forget),
            (published, publish),
            (queued, queue),
        ] {
            scope.spawn(move || drop(Client::connect(&BASIC, user, name, work)));
        }
    });
}

/// Asserts that selectors leave out a cluster that is pending, and say why.
fn explains_status_and_age(user: &User, pending: &str) {
    for selectors in [["--idle-for", "3s"], ["--status", "running,failed"]] {
        let preview = run(user, &[&["list", "--explain"], &selectors[..]].concat());
        assert_eq!(preview.reason(pending), "it is PENDING");
    }
    let young = ["shutdown", "--older-than", "1h", "--yes", "--explain", "-q"];
    let young = run(user, &young);
    let reason = young.reason(pending);
    assert!(
        reason.starts_with("started only ") && reason.ends_with(" ago; more than 1h is required"),
        "{reason}"
    );
}

#[test]
fn shuts_down_only_orphans() {
    let user = BASIC.user();
    let start = |args: &[&str]| user.stdout(&[&["new", "--no-wait"], args].concat());
    let [watched, detached, published, queued, frozen, kept, orphan] = [(); 7].map(|()| start(&[]));
    let adaptive = user.stdout(&["new", "--adapt", "0..1"]);
    for name in [
        &watched, &detached, &published, &queued, &frozen, &kept, &orphan,
    ] {
        user.stdout(&["wait", name, "--for", "running"]);
    }
    user.stdout(&["scale", &detached, "1"]);
    user.stdout(&["scale", &published, "1"]);
    user.stdout(&["keep", &kept, "-q"]);

    leave_work(&user, [&adaptive, &detached, &published, &queued]);
    let _watching = Client::connect(&BASIC, &user, &watched, "pass");
    wait_until(&user, &adaptive, |cluster| {
        cluster["workers"] == 0 && cluster["tasks"]["total"] == 0
    });
    thread::sleep(Duration::from_secs(4));
    let freezing = Frozen::scheduler_of(&frozen);

    // Three times this probe timeout must be less than the gateway's heartbeat timeout, 15 s.
    let rule = ["--idle-for", "3s", "--probe-timeout", "2s"];
    let preview = run(
        &user,
        &[&["list", "-o", "name", "--explain"], &rule[..]].concat(),
    );
    let dry = run(
        &user,
        &[&["shutdown", "--dry-run", "-v", "--explain"], &rule[..]].concat(),
    );
    let done = run(&user, &[&["shutdown", "--yes", "-v"], &rule[..]].concat());
    drop(freezing);
    let mut expected = [&*adaptive, &*orphan];
    expected.sort_unstable();
    for Run {
        stdout,
        stderr,
        code,
    } in [&preview, &dry, &done]
    {
        assert_eq!(*code, Some(0), "{stderr}");
        let mut names = stdout.lines().collect::<Vec<_>>();
        names.sort_unstable();
        assert_eq!(names, expected, "{stderr}");
    }
    for (name, reason) in [
        (&watched, "1 client connected"),
        (&detached, "1 task unfinished"),
        (&published, "1 result held in memory"),
        (&queued, "4 tasks unfinished"),
        (
            &frozen,
            "its scheduler can't be asked: no response within 2s",
        ),
        (&kept, "`dgw keep` protects it"),
    ] {
        for run in [&preview, &dry, &done] {
            assert_eq!(run.reason(name), reason);
        }
    }
    assert_eq!(preview.stderr.lines().count(), 8, "{}", preview.stderr);
    assert!(
        done.reason(&orphan).ends_with("according to its scheduler"),
        "{}",
        done.stderr
    );
    let mut left = user.stdout(&["list", "--status", "running", "-o", "name"]);
    for name in [&watched, &detached, &published, &queued, &frozen, &kept] {
        assert!(left.contains(&**name), "{name}");
        left = left.replace(&**name, "");
    }
    assert_eq!(left.trim(), "", "the other clusters are gone");

    let done = run(
        &user,
        &[
            "shutdown",
            "--idle-for",
            "3s",
            "--yes",
            "--ignore-results",
            "-q",
        ],
    );
    // The scheduler that was frozen responds again, and its cluster is not in use either.
    let mut gone = done.stdout.lines().collect::<Vec<_>>();
    gone.sort_unstable();
    let mut expected = [&*published, &*frozen];
    expected.sort_unstable();
    assert_eq!(gone, expected, "{}", done.stderr);
    assert_eq!(done.stderr, "");
    let pending = start(&["-s", "scheduler_start=slow"]);
    explains_status_and_age(&user, &pending);
    user.stdout(&["shutdown", &pending]);
    let silent = run(&user, &["shutdown", "--idle-for", "3s", "--yes", "-q"]);
    assert_eq!((&*silent.stdout, &*silent.stderr), ("", ""));
    assert_eq!(silent.code, Some(0));
}

#[test]
fn a_client_that_connects_restarts_the_idle_time() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    thread::sleep(Duration::from_secs(17));
    // No task runs: only the scheduler's list of clients that came and went shows it.
    drop(Client::connect(&BASIC, &user, &name, "pass"));
    wait_until(&user, &name, |cluster| cluster["clients"] == 0);
    let clean = ["shutdown", "--idle-for", "15s", "--yes", "-v"];
    let kept = run(&user, &clean);
    assert_eq!(kept.stdout, "", "{}", kept.stderr);
    assert!(
        kept.reason(&name)
            .ends_with("s of 15s, according to its scheduler"),
        "{}",
        kept.stderr
    );
    thread::sleep(Duration::from_secs(16));
    let done = run(&user, &clean);
    assert_eq!(done.stdout, format!("{name}\n"), "{}", done.stderr);
}

#[test]
fn shows_the_idle_time_and_the_protection() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    let wide = || user.stdout(&["list", "-o", "wide"]);
    // A pipe gets the same columns whether or not a cluster is protected; a terminal gets no column
    // of dashes.
    assert!(wide().contains("IDLE  KEEP"));
    let (shown, _) = Terminal::new(&user, 200, &["list", "-o", "wide"]).rest();
    assert!(!shown.contains("KEEP"), "{shown}");
    let listed = user.json(&["list", "--wide"]);
    assert_eq!(listed[0]["kept"], false);
    assert_eq!(listed[0]["kept_until"], Value::Null);
    assert!(listed[0]["idle_since"].is_string());
    user.stdout(&["keep", &name, "--for", "5h"]);
    let table = wide();
    let header = table.lines().next().expect("a header");
    assert!(header.contains("IDLE  KEEP"), "{table}");
    assert!(table.contains("4h59m") || table.contains("5h"), "{table}");
    let until = user.json(&["show"])["kept_until"].take();
    assert!(until.as_str() > Some("2026"), "{until}");
    assert!(user.stdout(&["show"]).contains("kept       until 2"));
    assert!(user.json(&["list"])[0].get("kept").is_none());
}

#[test]
fn refuses_invalid_durations_and_combinations() {
    let user = User::new();
    user.dgw(&["shutdown", "--idle-for", "0s", "--yes"])
        .code(2)
        .stderr_eq(str![[r#"
error: invalid value '0s' for '--idle-for <DURATION>': must be longer than zero

For more information, try '--help'.

"#]]);
    user.dgw(&["shutdown", "--all", "--ignore-results"]).code(2);
    user.dgw(&["shutdown", "abc", "--idle-for", "2h"]).code(2);
    user.dgw(&["keep", "abc", "--for", "2h", "--forget"])
        .code(2);
    for args in [&["abc"][..], &["--for", "2h"], &["--forget"]] {
        user.dgw(&[&["keep", "--list"], args].concat()).code(2);
    }
}
