//! Every command with every fault on the way to a real gateway: it ends in bounded time, with the
//! right exit code and one clear message, and no cluster is left that nobody was told of.

use std::process::Output;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{BASIC, Faulty, Harm, User, When, answer, json_answer, login_page, places};

/// How long one request may take.
const REQUEST: &str = "2s";

/// A command that looks ends within three requests and the pauses between them; the machine may be
/// busy.
const LOOK: Duration = Duration::from_secs(20);

/// One that starts a cluster sees to its end, as long as a gateway may be away.
const CHANGE: Duration = Duration::from_secs(45);

/// Commands that change nothing, for a cluster that is there.
const LOOKING: [&[&str]; 11] = [
    &["list"],
    &["list", "--wide"],
    &["list", "--idle-for", "1s"],
    &["options"],
    &["show"],
    &["connect"],
    &["connect", "--", "true"],
    &["dashboard"],
    &["logs"],
    &["wait", "--for", "running"],
    &["shutdown", "--all", "--dry-run"],
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

/// dgw by way of a harmful proxy.
fn harmed(user: &User, harm: &Harm, when: When, args: &[&str]) -> (Output, Duration) {
    let gateway = BASIC.fact("address");
    let host_and_port = gateway.strip_prefix("http://").expect("plain HTTP");
    let faulty = Faulty::new(host_and_port, harm.clone(), when);
    let configuration = std::fs::read_to_string(user.configuration()).expect("a configuration");
    let address = format!("{}\n  proxy-address: {host_and_port}", faulty.address);
    let there = User::new().configured(&configuration.replacen(gateway, &address, 1));
    // In front: what follows `--` is a COMMAND's.
    let args = [&["--request-timeout", REQUEST], args].concat();
    let started = Instant::now();
    let output = there.command(&args).output().expect("dgw runs");
    (output, started.elapsed())
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

/// Runs `jobs` a few at a time: most of what they do is wait.
fn side_by_side<T: Send>(jobs: Vec<T>, run: impl Fn(T) + Sync) {
    const AT_ONCE: usize = 6;
    let jobs = std::sync::Mutex::new(jobs);
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
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
    user.stdout(&["new"]);
    let mut jobs = Vec::new();
    for (harm, code) in faults() {
        for args in LOOKING {
            jobs.push((harm.clone(), code, args));
        }
    }
    side_by_side(jobs, |(harm, code, args)| {
        let what = format!("{args:?} with {harm:?}");
        let (output, took) = harmed(&user, &harm, When::ALWAYS, args);
        assert!(took < LOOK, "{what}: {took:?}");
        is_decent(&output, &what);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{what}: {stderr}");
    });
}

#[test]
#[ignore = "hundreds of commands, many of them waiting for what never comes"]
fn what_fails_in_passing_is_asked_again() {
    let user = BASIC.user();
    user.stdout(&["new"]);
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
    side_by_side(jobs, |(harm, args)| {
        let what = format!("{args:?} with {harm:?} twice");
        let (output, took) = harmed(&user, &harm, twice, args);
        assert!(took < LOOK, "{what}: {took:?}");
        is_decent(&output, &what);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{what}: {stderr}");
    });
}

#[test]
#[ignore = "hundreds of commands, many of them waiting for what never comes"]
fn values_of_another_type_are_no_answer_and_never_a_panic() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    let mut jobs = Vec::new();
    let strange = [
        json!(null),
        json!(-1.5),
        json!("\u{1b}[2J"),
        json!({"a": []}),
        json!([[]]),
    ];
    for (args, mut shape) in [
        (&["list"][..], user.json(&["list"])),
        (&["show"], user.json(&["list"])),
        (&["options"], user.json(&["options"])),
    ] {
        // The gateway's own answer has a few more fields than what is made of it.
        for place in 0..places(&mut shape) + 8 {
            jobs.extend(strange.iter().map(|value| (args, place, value.clone())));
        }
    }
    side_by_side(jobs, |(args, place, value): (_, _, Value)| {
        let what = format!("{args:?} with {value} at {place}");
        let harm = Harm::Mistyped(place, value);
        let (output, took) = harmed(&user, &harm, When::ALWAYS, args);
        assert!(took < LOOK, "{what}: {took:?}");
        is_decent(&output, &what);
        let said = [output.stdout, output.stderr].concat();
        assert!(!said.contains(&0x1b), "{what}");
        let code = output.status.code();
        assert!(
            [Some(0), Some(9), Some(5), Some(6)].contains(&code),
            "{what}: {code:?}"
        );
    });
}

#[test]
#[ignore = "hundreds of commands, many of them waiting for what never comes"]
fn what_starts_a_cluster_leaves_none_that_nobody_knows_of() {
    let mut jobs = Vec::new();
    for (harm, _) in faults() {
        for after in 0..3 {
            for times in [1, usize::MAX] {
                jobs.push((harm.clone(), When { after, times }));
            }
        }
    }
    side_by_side(jobs, |(harm, when)| {
        let user = BASIC.user();
        let what = format!("new with {harm:?}, {when:?}");
        let args = ["new", "--workers", "0", "--timeout", "20s"];
        let (output, took) = harmed(&user, &harm, when, &args);
        assert!(took < CHANGE, "{what}: {took:?}");
        is_decent(&output, &what);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let stdout = String::from_utf8_lossy(&output.stdout);
        let code = output.status.code().expect("a code");
        assert!([0, 4, 7, 9].contains(&code), "{what}: {code}: {stderr}");
        let all = user.history();
        let active = all
            .iter()
            .filter(|(_, status)| status == "PENDING" || status == "RUNNING");
        for (name, _) in active {
            let is_told = if code == 0 {
                stdout.trim_end() == name
            } else {
                stderr.contains(name.as_str()) || stderr.contains("`dgw list`")
            };
            assert!(is_told, "{what}: {code}: {stderr}");
            user.stdout(&["shutdown", name]);
        }
    });
}

#[test]
#[ignore = "hundreds of commands, many of them waiting for what never comes"]
fn what_changes_a_cluster_says_so_or_fails() {
    let mut jobs = Vec::new();
    for (harm, code) in faults() {
        for args in [
            &["scale", "1"][..],
            &["adapt", "--max", "1"],
            &["shutdown", "--all", "--yes"],
        ] {
            jobs.push((harm.clone(), code, args));
        }
    }
    side_by_side(jobs, |(harm, code, args)| {
        let user = BASIC.user();
        user.stdout(&["new"]);
        let what = format!("{args:?} with {harm:?}");
        let (output, took) = harmed(&user, &harm, When::ALWAYS, args);
        assert!(took < CHANGE, "{what}: {took:?}");
        is_decent(&output, &what);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{what}: {stderr}");
        if user.has_active_clusters() {
            user.stdout(&["shutdown", "--all", "--yes"]);
        }
    });
}
