//! Every command with every fault on the way to a real gateway: it ends in bounded time, with the
//! right exit code and one clear message, and no cluster is left that nobody was told of.

mod changes;
mod others;
mod types;

use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{BASIC, Faulty, Harm, User, When, answer, json_answer, login_page};

/// How long one request may take.
const REQUEST: &str = "2s";

/// A command that looks ends within three requests and the pauses between them; the machine may be
/// busy.
const LOOK: Duration = Duration::from_secs(20);

/// One that starts a cluster sees to its end, as long as a gateway may be away.
const CHANGE: Duration = Duration::from_secs(45);

/// What stands for the name of the cluster that is there.
const NAME: &str = "NAME";

/// Commands that change nothing, for a cluster that is there.
const LOOKING: [&[&str]; 19] = [
    &["list"],
    &["list", "--wide"],
    &["list", "--all", "-o", "json"],
    &["list", "--idle-for", "1s"],
    &["options"],
    &["show"],
    &["show", NAME, "-o", "json"],
    &["connect"],
    &["connect", "--", "true"],
    &["dashboard"],
    &["logs"],
    &["logs", "--all-workers"],
    &["wait", "--for", "running"],
    &["wait", NAME, "--for", "idle"],
    &["keep", NAME],
    &["new", "--reuse"],
    &["run", "--reuse", "--", "true"],
    &["shutdown", "--all", "--dry-run"],
    &["shutdown", "--idle-for", "1h", "--yes"],
];

/// Faults, and the exit code of a command that meets one with each request.
fn faults() -> Vec<(Harm, i32)> {
    let page = |status| Harm::Replaced(answer(status, "Content-Type: text/html\r\n", "<html>"));
    let moved = |to| {
        let header = format!("Location: {to}\r\n");
        Harm::Replaced(answer("302 Found", &header, ""))
    };
    let unauthorized = answer(
        "401 Unauthorized",
        "WWW-Authenticate: Basic\r\n",
        r#"{"error": "Authentication required"}"#,
    );
    vec![
        (Harm::Late(Duration::from_millis(300)), 0),
        (Harm::ResetBefore, 9),
        (Harm::Lost, 9),
        (Harm::Cut, 9),
        (Harm::Silence, 9),
        (Harm::Drip, 9),
        (Harm::Truncated, 9),
        (Harm::Endless, 9),
        (page("502 Bad Gateway"), 9),
        (page("503 Service Unavailable"), 9),
        (page("504 Gateway Timeout"), 9),
        (
            Harm::Replaced(answer("429 Too Many Requests", "Retry-After: 1\r\n", "")),
            9,
        ),
        (
            Harm::Replaced(answer("500 Internal Server Error", "", "500: trouble")),
            9,
        ),
        (Harm::Replaced(login_page()), 9),
        (moved("/hub/login?next=x"), 4),
        (moved("http://127.0.0.1:1/elsewhere"), 9),
        (Harm::Replaced(json_answer("null")), 9),
        (Harm::Replaced(json_answer(r#"{"error": 3}"#)), 9),
        (Harm::Replaced(unauthorized), 4),
    ]
}

/// Somebody to whom `user`'s gateway is behind a harmful proxy.
fn behind(user: &User, harm: &Harm, when: When) -> User {
    let gateway = BASIC.fact("address");
    let host_and_port = gateway.strip_prefix("http://").expect("plain HTTP");
    let faulty = Faulty::new(host_and_port, harm.clone(), when);
    let configuration = std::fs::read_to_string(user.configuration()).expect("a configuration");
    let address = format!("{}\n  proxy-address: {host_and_port}", faulty.address);
    let there = User::new().configured(&configuration.replacen(gateway, &address, 1));
    let temporary = there.home().display().to_string();
    there.with("TMPDIR", &temporary)
}

/// How `command` ends, and after how long. One that goes on for longer than any may is killed: the
/// test fails then, and doesn't hang.
fn timed(mut command: Command) -> (Output, Duration) {
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let started = Instant::now();
    let child = command.spawn().expect("dgw runs");
    let pid = Pid::from_child(&child);
    let (ends, ended) = mpsc::channel::<()>();
    thread::spawn(move || {
        if ended.recv_timeout(CHANGE + LOOK) == Err(RecvTimeoutError::Timeout) {
            let _ = kill_process(pid, Signal::KILL);
        }
    });
    let output = child.wait_with_output().expect("dgw ends");
    drop(ends);
    (output, started.elapsed())
}

/// dgw by way of a harmful proxy.
fn harmed(user: &User, harm: &Harm, when: When, args: &[&str]) -> (Output, Duration) {
    let there = behind(user, harm, when);
    // In front: what follows `--` is a COMMAND's.
    timed(there.command(&[&["--request-timeout", REQUEST], args].concat()))
}

/// `args`, with the name of the cluster that they are about.
fn about<'a>(name: &'a str, args: &[&'a str]) -> Vec<&'a str> {
    let args = args.iter();
    args.map(|arg| if *arg == NAME { name } else { arg })
        .collect()
}

/// What must hold whatever happens.
fn is_decent(output: &Output, what: &str) {
    let stderr = String::from_utf8(output.stderr.clone()).expect("UTF-8");
    let all = stderr.clone() + &String::from_utf8_lossy(&output.stdout);
    assert!(!all.contains(BASIC.fact("password")), "{what}: {stderr}");
    assert!(!all.contains("PRIVATE KEY"), "{what}: {stderr}");
    assert!(!all.contains("panicked"), "{what}: {stderr}");
    let errors = stderr.lines().filter(|line| line.starts_with("error:"));
    let failed = usize::from(!output.status.success());
    assert_eq!(errors.count(), failed, "{what}: {stderr}");
    if failed == 1 {
        // Whoever reads JSON reads all of it or none.
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{what}");
    }
}

/// Jobs at a time, where each starts a cluster, which takes a second of a processor.
const STARTS: usize = 6;

/// The same of those that do little but wait.
const LOOKS: usize = 20;

/// Runs `jobs`, so many at a time.
fn side_by_side<T: Send>(at_once: usize, jobs: Vec<T>, run: impl Fn(T) + Sync) {
    // A gateway that is kept too busy is late for reasons of its own.
    static ONE_TEST: Mutex<()> = Mutex::new(());
    let _turn = ONE_TEST.lock().unwrap_or_else(PoisonError::into_inner);
    let jobs = Mutex::new(jobs);
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let job = jobs.lock().expect("no panic while locked").pop();
                    let Some(job) = job else { return };
                    run(job);
                }
            });
        }
    });
}

#[test]
#[ignore = "hundreds of commands, many of them waiting for what never comes"]
fn what_looks_fails_in_time_and_says_why() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    let mut jobs = Vec::new();
    for (harm, code) in faults() {
        for args in LOOKING {
            jobs.push((harm.clone(), code, args));
        }
    }
    side_by_side(LOOKS, jobs, |(harm, code, args)| {
        let what = format!("{args:?} with {harm:?}");
        let (output, took) = harmed(&user, &harm, When::ALWAYS, &about(&name, args));
        assert!(took < LOOK, "{what}: {took:?}");
        is_decent(&output, &what);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{what}: {stderr}");
        let is_claimed = stderr.contains("is protected");
        assert_eq!(
            is_claimed,
            code == 0 && args[0] == "keep",
            "{what}: {stderr}"
        );
    });
    assert_eq!(user.history(), [(name, "RUNNING".to_owned())]);
}

#[test]
#[ignore = "hundreds of commands, many of them waiting for what never comes"]
fn what_fails_in_passing_is_asked_again() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    let twice = When { after: 0, times: 2 };
    let in_passing = |(harm, _): &(Harm, i32)| match harm {
        Harm::ResetBefore | Harm::Lost | Harm::Cut => true,
        Harm::Replaced(bytes) => {
            let head = String::from_utf8_lossy(bytes);
            ["429", "502", "503", "504"]
                .iter()
                .any(|code| head.contains(code))
        }
        _ => false,
    };
    let mut jobs = Vec::new();
    for (harm, _) in faults().into_iter().filter(in_passing) {
        for args in LOOKING {
            jobs.push((harm.clone(), args));
        }
    }
    side_by_side(LOOKS, jobs, |(harm, args)| {
        let what = format!("{args:?} with {harm:?} twice");
        let (output, took) = harmed(&user, &harm, twice, &about(&name, args));
        assert!(took < LOOK, "{what}: {took:?}");
        is_decent(&output, &what);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{what}: {stderr}");
    });
    assert_eq!(user.history(), [(name, "RUNNING".to_owned())]);
}
