//! Every command with every fault between dgw and a real gateway. Each ends in bounded time, with the
//! right exit code and one message, and names every cluster that it may leave behind.

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

/// The time limit of one request.
const REQUEST: &str = "2s";

/// Limit of a command that only reads: three requests and the pauses between them, on a machine that
/// may be busy.
const READ_LIMIT: Duration = Duration::from_secs(20);

/// Limit of a command that changes something: one that starts a cluster tries to shut it down for as
/// long as it tolerates an outage.
const CHANGE_LIMIT: Duration = Duration::from_secs(45);

/// Placeholder for the name of the existing cluster.
const NAME: &str = "NAME";

/// Commands that change nothing, for one existing cluster.
const READING: [&[&str]; 22] = [
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
    &["packages", "-o", "json"],
    &["events"],
    &["wait", "--for", "running"],
    &["wait", NAME, "--for", "idle"],
    &["keep", NAME],
    &["name", NAME, "era5"],
    &["new", "--reuse"],
    &["run", "--reuse", "--", "true"],
    &["shutdown", "--all", "--dry-run"],
    &["shutdown", "--idle-for", "1h", "--yes"],
];

/// Returns the faults, each with the exit code of a command whose every request meets it.
fn faults() -> Vec<(Harm, i32)> {
    let page = |status| Harm::Replaced(answer(status, "Content-Type: text/html\r\n", "<html>"));
    let redirect = |to| {
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
        (redirect("/hub/login?next=x"), 4),
        (redirect("http://127.0.0.1:1/elsewhere"), 9),
        (Harm::Replaced(json_answer("null")), 9),
        (Harm::Replaced(json_answer(r#"{"error": 3}"#)), 9),
        (Harm::Replaced(unauthorized), 4),
    ]
}

/// Creates a user like `user` with a faulty proxy in front of the gateway.
fn behind_faulty(user: &User, harm: &Harm, when: When) -> User {
    let gateway = BASIC.fact("address");
    let host_and_port = gateway.strip_prefix("http://").expect("plain HTTP");
    let faulty = Faulty::new(host_and_port, harm.clone(), when);
    let configuration = std::fs::read_to_string(user.configuration()).expect("a configuration");
    let address = format!("{}\n  proxy-address: {host_and_port}", faulty.address);
    let proxied = User::new().configured(&configuration.replacen(gateway, &address, 1));
    let temporary = proxied.home().display().to_string();
    proxied.with("TMPDIR", &temporary)
}

/// Runs `command`; returns its output and how long it took. Kills it after the longest limit, so that
/// the test fails instead of hanging.
fn timed(mut command: Command) -> (Output, Duration) {
    command.stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let started = Instant::now();
    let child = command.spawn().expect("dgw runs");
    let pid = Pid::from_child(&child);
    let (ended, end) = mpsc::channel::<()>();
    thread::spawn(move || {
        if end.recv_timeout(CHANGE_LIMIT + READ_LIMIT) == Err(RecvTimeoutError::Timeout) {
            let _ = kill_process(pid, Signal::KILL);
        }
    });
    let output = child.wait_with_output().expect("dgw ends");
    drop(ended);
    (output, started.elapsed())
}

/// Runs dgw with a faulty proxy in front of the gateway.
fn run_faulty(user: &User, harm: &Harm, when: When, args: &[&str]) -> (Output, Duration) {
    let proxied = behind_faulty(user, harm, when);
    // In front, because what follows `--` belongs to COMMAND.
    timed(proxied.command(&[&["--request-timeout", REQUEST], args].concat()))
}

/// Returns `args` with the cluster's name for the placeholder.
fn with_name<'a>(name: &'a str, args: &[&'a str]) -> Vec<&'a str> {
    let args = args.iter();
    args.map(|arg| if *arg == NAME { name } else { arg })
        .collect()
}

/// Asserts what holds for every command: no secret, no panic, and one error if it fails.
fn assert_clean(output: &Output, case: &str) {
    let stderr = String::from_utf8(output.stderr.clone()).expect("UTF-8");
    let all = stderr.clone() + &String::from_utf8_lossy(&output.stdout);
    assert!(!all.contains(BASIC.fact("password")), "{case}: {stderr}");
    assert!(!all.contains("PRIVATE KEY"), "{case}: {stderr}");
    assert!(!all.contains("panicked"), "{case}: {stderr}");
    let errors = stderr.lines().filter(|line| line.starts_with("error:"));
    let failed = usize::from(!output.status.success());
    assert_eq!(errors.count(), failed, "{case}: {stderr}");
    if failed == 1 {
        // A reader of JSON gets all of it or none, and `eval` a failure.
        let stdout = String::from_utf8_lossy(&output.stdout);
        let failure = output
            .status
            .code()
            .map(|code| format!("sh -c 'exit {code}'\n"));
        let is_failure = case.contains("--export") && Some(&*stdout) == failure.as_deref();
        assert!(stdout.is_empty() || is_failure, "{case}: {stdout}");
    }
}

/// Concurrency of jobs that each start a cluster, which takes a second of processor time.
const START_CONCURRENCY: usize = 6;

/// Concurrency of jobs that mostly wait.
const READ_CONCURRENCY: usize = 20;

/// Runs `jobs` concurrently.
fn run_concurrently<T: Send>(concurrency: usize, jobs: Vec<T>, run: impl Fn(T) + Sync) {
    // One test at a time: a gateway that is too busy would be slow by itself.
    static ONE_TEST: Mutex<()> = Mutex::new(());
    let _guard = ONE_TEST.lock().unwrap_or_else(PoisonError::into_inner);
    let jobs = Mutex::new(jobs);
    thread::scope(|scope| {
        for _ in 0..concurrency {
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
#[ignore = "takes minutes: hundreds of commands, many of which run into a time limit"]
fn commands_that_only_read_fail_in_time_with_a_message() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    let mut jobs = Vec::new();
    for (harm, code) in faults() {
        for args in READING {
            jobs.push((harm.clone(), code, args));
        }
    }
    run_concurrently(READ_CONCURRENCY, jobs, |(harm, code, args)| {
        let case = format!("{args:?} with {harm:?}");
        let (output, took) = run_faulty(&user, &harm, When::ALWAYS, &with_name(&name, args));
        assert!(took < READ_LIMIT, "{case}: {took:?}");
        assert_clean(&output, &case);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{case}: {stderr}");
        let says_protected = stderr.contains("is protected");
        assert_eq!(
            says_protected,
            code == 0 && args[0] == "keep",
            "{case}: {stderr}"
        );
    });
    assert_eq!(user.history(), [(name, "RUNNING".to_owned())]);
}

#[test]
#[ignore = "takes minutes: hundreds of commands, many of which run into a time limit"]
fn temporary_failures_are_retried() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    let twice = When { after: 0, times: 2 };
    let is_temporary = |(harm, _): &(Harm, i32)| match harm {
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
    for (harm, _) in faults().into_iter().filter(is_temporary) {
        for args in READING {
            jobs.push((harm.clone(), args));
        }
    }
    run_concurrently(READ_CONCURRENCY, jobs, |(harm, args)| {
        let case = format!("{args:?} with {harm:?} twice");
        let (output, took) = run_faulty(&user, &harm, twice, &with_name(&name, args));
        assert!(took < READ_LIMIT, "{case}: {took:?}");
        assert_clean(&output, &case);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{case}: {stderr}");
    });
    assert_eq!(user.history(), [(name, "RUNNING".to_owned())]);
}
