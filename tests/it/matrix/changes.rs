//! Commands that change something: every cluster that exists afterwards was named to the user.

use std::process::Output;

use super::{
    CHANGE_LIMIT, NAME, START_CONCURRENCY, assert_clean, behind_faulty, faults, run_concurrently,
    run_faulty, timed, with_name,
};
use crate::support::{BASIC, Harm, User, When, answer};

/// Asserts that each active cluster was named, or that the user was advised to list clusters. Asks the
/// gateway itself.
pub(super) fn assert_all_named(user: &User, output: &Output, args: &[&str], case: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stdout = String::from_utf8_lossy(&output.stdout);
    let is_new = args[0] == "new" && output.status.success();
    for (name, status) in user.history() {
        if status != "PENDING" && status != "RUNNING" {
            continue;
        }
        let is_named = if is_new {
            stdout.trim_end() == name
        } else {
            stderr.contains(&name) || stderr.contains("`dgw list`")
        };
        // A `run` that succeeds leaves no cluster.
        let is_named = is_named && !(args[0] == "run" && output.status.success());
        assert!(is_named, "{case}: {name} is {status}: {stderr}");
        user.stdout(&["shutdown", &name]);
    }
}

#[test]
#[ignore = "takes minutes: hundreds of commands, many of which run into a time limit"]
fn new_names_every_cluster_that_it_leaves() {
    let mut jobs = Vec::new();
    for (harm, _) in faults() {
        // The response to the request for the cluster, or all later ones.
        for (after, times) in [(0, 1), (1, usize::MAX)] {
            jobs.push((harm.clone(), When { after, times }));
        }
    }
    run_concurrently(START_CONCURRENCY, jobs, |(harm, when)| {
        let user = BASIC.user();
        let case = format!("new with {harm:?}, {when:?}");
        let args = ["new", "--workers", "0", "--timeout", "20s"];
        let (output, took) = run_faulty(&user, &harm, when, &args);
        assert!(took < CHANGE_LIMIT, "{case}: {took:?}");
        assert_clean(&output, &case);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let code = output.status.code().expect("a code");
        assert!([0, 4, 7, 9].contains(&code), "{case}: {code}: {stderr}");
        assert_all_named(&user, &output, &args, &case);
    });
}

#[test]
#[ignore = "takes minutes: hundreds of commands, many of which run into a time limit"]
fn changes_succeed_or_fail_with_the_right_code() {
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
    let shared = BASIC.user();
    shared.stdout(&["new"]);
    run_concurrently(START_CONCURRENCY, jobs, |(harm, code, args)| {
        let own = (args[0] == "shutdown").then(|| BASIC.user());
        if let Some(own) = &own {
            own.stdout(&["new"]);
        }
        let user = own.as_ref().unwrap_or(&shared);
        let case = format!("{args:?} with {harm:?}");
        let (output, took) = run_faulty(user, &harm, When::ALWAYS, args);
        assert!(took < CHANGE_LIMIT, "{case}: {took:?}");
        assert_clean(&output, &case);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{case}: {stderr}");
    });
}

#[test]
#[ignore = "takes minutes: hundreds of commands, many of which run into a time limit"]
fn run_names_every_cluster_that_it_leaves() {
    let mut jobs = Vec::new();
    for (harm, _) in faults() {
        for (after, times) in [(1, 1), (3, 1)] {
            jobs.push((harm.clone(), When { after, times }));
        }
    }
    run_concurrently(START_CONCURRENCY, jobs, |(harm, when)| {
        let user = BASIC.user();
        let case = format!("run with {harm:?}, {when:?}");
        let args = ["run", "--timeout", "20s", "--", "printf", "done"];
        let (output, took) = run_faulty(&user, &harm, when, &args);
        assert!(took < CHANGE_LIMIT, "{case}: {took:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(["", "done"].contains(&&*stdout), "{case}: {stdout}");
        assert!(!stderr.contains("panicked"), "{case}: {stderr}");
        let code = output.status.code().expect("a code");
        assert!([0, 4, 7, 8, 9].contains(&code), "{case}: {code}: {stderr}");
        assert!(code != 0 || stdout == "done", "{case}: {stderr}");
        let errors = stderr.lines().filter(|line| line.starts_with("error:"));
        assert_eq!(errors.count(), usize::from(code != 0), "{case}: {stderr}");
        assert_all_named(&user, &output, &args, &case);
    });
}

#[test]
#[ignore = "takes minutes: hundreds of commands, many of which run into a time limit"]
fn claims_no_change_whose_response_is_lost() {
    let mut jobs = Vec::new();
    for (harm, code) in faults() {
        for args in [
            &["scale", "1", "--wait", "--timeout", "20s"][..],
            &["adapt", "--off"],
            &["shutdown", NAME],
            &["shutdown", "--all", "--yes", "--no-wait"],
        ] {
            jobs.push((harm.clone(), code, args));
        }
    }
    // The first request finds the cluster; the second is the change.
    let once = When { after: 1, times: 1 };
    let shared = BASIC.user();
    let shared_name = shared.stdout(&["new"]);
    run_concurrently(START_CONCURRENCY, jobs, |(harm, code, args)| {
        let own = (args[0] == "shutdown").then(|| {
            let user = BASIC.user();
            let name = user.stdout(&["new"]);
            (user, name)
        });
        let (user, name) = match &own {
            Some((user, name)) => (user, name),
            None => (&shared, &shared_name),
        };
        let case = format!("{args:?} with {harm:?} once");
        let (output, took) = run_faulty(user, &harm, once, &with_name(name, args));
        assert!(took < CHANGE_LIMIT, "{case}: {took:?}");
        assert_clean(&output, &case);
        let stderr = String::from_utf8_lossy(&output.stderr);
        // A response without a body cannot be truncated, and the body of a response to a change is ignored.
        let needs_no_body = matches!(
            harm,
            Harm::Cut | Harm::Truncated | Harm::Drip | Harm::Endless | Harm::Replaced(_)
        );
        let codes = [Some(code), needs_no_body.then_some(0)];
        assert!(codes.contains(&output.status.code()), "{case}: {stderr}");
        if args[0] == "shutdown" && output.status.success() && !args.contains(&"--no-wait") {
            assert!(!user.has_active_clusters(), "{case}: {stderr}");
        }
    });
}

/// The options of the existing cluster, if there is one; the command; the number of responses before
/// the credentials expire; the exit code; and whether the cluster stays.
type ExpiryCase<'a> = (&'a [&'a str], &'a [&'a str], usize, i32, bool);

#[test]
#[ignore = "takes minutes: hundreds of commands, many of which run into a time limit"]
fn credentials_may_expire_during_a_wait() {
    let expired = || {
        Harm::Replaced(answer(
            "401 Unauthorized",
            "WWW-Authenticate: Basic\r\n",
            r#"{"error": "Authentication required"}"#,
        ))
    };
    let slow = ["-s", "scheduler_start=slow"];
    let slow = &slow[..];
    let stopped = &["wait", NAME, "--for", "stopped", "--timeout", "30s"][..];
    let run = &["run", "--", "true"][..];
    let jobs: Vec<ExpiryCase> = vec![
        (&[], &["new", "-s", "scheduler_start=slow"], 2, 4, false),
        (&[], &["new"], 1, 4, false),
        (&[], &["new", "--workers", "1"], 2, 4, false),
        (slow, &["connect", "--timeout", "30s"], 1, 4, true),
        (
            slow,
            &["connect", "--timeout", "30s", "--", "true"],
            1,
            4,
            true,
        ),
        (
            slow,
            &["wait", NAME, "--for", "running", "--timeout", "30s"],
            1,
            4,
            true,
        ),
        (slow, &["new", "--reuse", "--timeout", "30s"], 1, 4, true),
        (&[], stopped, 1, 4, true),
        (&[], stopped, 3, 4, true),
        (
            &[],
            &["scale", "1", "--wait", "--timeout", "30s"],
            1,
            4,
            true,
        ),
        (&[], &["shutdown", NAME], 1, 4, true),
        // The shutdown was requested before, so the cluster ends.
        (&[], &["shutdown", NAME], 2, 4, false),
        (&[], run, 0, 4, false),
        (&[], run, 1, 4, false),
        (&[], run, 2, 4, false),
        (&[], run, 3, 4, false),
        (&[], run, 4, 8, false),
    ];
    run_concurrently(
        START_CONCURRENCY,
        jobs,
        |(options, args, after, code, stays)| {
            let user = BASIC.user();
            let exists = !["new", "run"].contains(&args[0]) || args.contains(&"--reuse");
            let name = if exists {
                let new = [&["new", "--no-wait"], options].concat();
                let new = if options.is_empty() { vec!["new"] } else { new };
                user.stdout(&new)
            } else {
                String::new()
            };
            let case = format!("{args:?}, refused after {after}");
            let when = When {
                after,
                times: usize::MAX,
            };
            let proxied = behind_faulty(&user, &expired(), when);
            let all = [&["--request-timeout", "10s"], &with_name(&name, args)[..]].concat();
            let (output, took) = timed(proxied.command(&all));
            assert!(took < CHANGE_LIMIT, "{case}: {took:?}");
            assert_clean(&output, &case);
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(code), "{case}: {stderr}");
            assert_eq!(
                stays && user.has_active_clusters(),
                stays,
                "{case}: {stderr}"
            );
            if exists {
                // The user knows this cluster already.
                user.stdout(&["shutdown", &name]);
            } else {
                assert_all_named(&user, &output, args, &case);
            }
        },
    );
}
