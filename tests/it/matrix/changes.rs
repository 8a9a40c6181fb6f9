//! What changes something: each cluster that is there afterwards is known to whoever ran it.

use std::process::Output;

use super::{CHANGE, NAME, STARTS, about, behind, faults, harmed, is_decent, side_by_side, timed};
use crate::support::{BASIC, Harm, User, When, answer};

/// Asks the gateway itself: a cluster that is active was named, or its user was told to look.
pub(super) fn none_is_unknown(user: &User, output: &Output, args: &[&str], what: &str) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stdout = String::from_utf8_lossy(&output.stdout);
    let is_new = args[0] == "new" && output.status.success();
    for (name, status) in user.history() {
        if status != "PENDING" && status != "RUNNING" {
            continue;
        }
        let is_told = if is_new {
            stdout.trim_end() == name
        } else {
            stderr.contains(&name) || stderr.contains("`dgw list`")
        };
        // What `run` has done without a fault is gone.
        let is_told = is_told && !(args[0] == "run" && output.status.success());
        assert!(is_told, "{what}: {name} is {status}: {stderr}");
        user.stdout(&["shutdown", &name]);
    }
}

#[test]
#[ignore = "hundreds of commands, many of them waiting for what never comes"]
fn what_starts_a_cluster_leaves_none_that_nobody_knows_of() {
    let mut jobs = Vec::new();
    for (harm, _) in faults() {
        // The answer to the request for it, or all that come later.
        for (after, times) in [(0, 1), (1, usize::MAX)] {
            jobs.push((harm.clone(), When { after, times }));
        }
    }
    side_by_side(STARTS, jobs, |(harm, when)| {
        let user = BASIC.user();
        let what = format!("new with {harm:?}, {when:?}");
        let args = ["new", "--workers", "0", "--timeout", "20s"];
        let (output, took) = harmed(&user, &harm, when, &args);
        assert!(took < CHANGE, "{what}: {took:?}");
        is_decent(&output, &what);
        let stderr = String::from_utf8_lossy(&output.stderr);
        let code = output.status.code().expect("a code");
        assert!([0, 4, 7, 9].contains(&code), "{what}: {code}: {stderr}");
        none_is_unknown(&user, &output, &args, &what);
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
    let shared = BASIC.user();
    shared.stdout(&["new"]);
    side_by_side(STARTS, jobs, |(harm, code, args)| {
        let own = (args[0] == "shutdown").then(|| BASIC.user());
        if let Some(own) = &own {
            own.stdout(&["new"]);
        }
        let user = own.as_ref().unwrap_or(&shared);
        let what = format!("{args:?} with {harm:?}");
        let (output, took) = harmed(user, &harm, When::ALWAYS, args);
        assert!(took < CHANGE, "{what}: {took:?}");
        is_decent(&output, &what);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{what}: {stderr}");
    });
}

#[test]
#[ignore = "hundreds of commands, many of them waiting for what never comes"]
fn what_runs_on_a_cluster_of_its_own_leaves_none_that_nobody_knows_of() {
    let mut jobs = Vec::new();
    for (harm, _) in faults() {
        for (after, times) in [(1, 1), (3, 1)] {
            jobs.push((harm.clone(), When { after, times }));
        }
    }
    side_by_side(STARTS, jobs, |(harm, when)| {
        let user = BASIC.user();
        let what = format!("run with {harm:?}, {when:?}");
        let args = ["run", "--timeout", "20s", "--", "printf", "done"];
        let (output, took) = harmed(&user, &harm, when, &args);
        assert!(took < CHANGE, "{what}: {took:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(["", "done"].contains(&&*stdout), "{what}: {stdout}");
        assert!(!stderr.contains("panicked"), "{what}: {stderr}");
        let code = output.status.code().expect("a code");
        assert!([0, 4, 7, 8, 9].contains(&code), "{what}: {code}: {stderr}");
        assert!(code != 0 || stdout == "done", "{what}: {stderr}");
        let errors = stderr.lines().filter(|line| line.starts_with("error:"));
        assert_eq!(errors.count(), usize::from(code != 0), "{what}: {stderr}");
        none_is_unknown(&user, &output, &args, &what);
    });
}

#[test]
#[ignore = "hundreds of commands, many of them waiting for what never comes"]
fn a_change_whose_answer_is_harmed_is_not_claimed() {
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
    // The first question is after the cluster; the second is the change.
    let once = When { after: 1, times: 1 };
    let shared = BASIC.user();
    let shared_name = shared.stdout(&["new"]);
    side_by_side(STARTS, jobs, |(harm, code, args)| {
        let own = (args[0] == "shutdown").then(|| {
            let user = BASIC.user();
            let name = user.stdout(&["new"]);
            (user, name)
        });
        let (user, name) = match &own {
            Some((user, name)) => (user, name),
            None => (&shared, &shared_name),
        };
        let what = format!("{args:?} with {harm:?} once");
        let (output, took) = harmed(user, &harm, once, &about(name, args));
        assert!(took < CHANGE, "{what}: {took:?}");
        is_decent(&output, &what);
        let stderr = String::from_utf8_lossy(&output.stderr);
        // An answer without JSON loses nothing by being cut; what can't be understood is a success
        // where nothing need be.
        let is_bare = matches!(
            harm,
            Harm::Cut | Harm::Truncated | Harm::Drip | Harm::Endless | Harm::Replaced(_)
        );
        let codes = [Some(code), is_bare.then_some(0)];
        assert!(codes.contains(&output.status.code()), "{what}: {stderr}");
        if args[0] == "shutdown" && output.status.success() && !args.contains(&"--no-wait") {
            assert!(!user.has_active_clusters(), "{what}: {stderr}");
        }
    });
}

/// The options of a cluster that is there before, if one is; what is done, and after so many answers
/// refused; how it ends, and whether the cluster stays.
type Trial<'a> = (&'a [&'a str], &'a [&'a str], usize, i32, bool);

#[test]
#[ignore = "hundreds of commands, many of them waiting for what never comes"]
fn credentials_may_expire_while_something_waits() {
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
    let jobs: Vec<Trial> = vec![
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
        // It is asked to end by then, and so it does.
        (&[], &["shutdown", NAME], 2, 4, false),
        (&[], run, 0, 4, false),
        (&[], run, 1, 4, false),
        (&[], run, 2, 4, false),
        (&[], run, 3, 8, false),
    ];
    side_by_side(STARTS, jobs, |(options, args, after, code, stays)| {
        let user = BASIC.user();
        let is_there = !["new", "run"].contains(&args[0]) || args.contains(&"--reuse");
        let name = if is_there {
            let new = [&["new", "--no-wait"], options].concat();
            let new = if options.is_empty() { vec!["new"] } else { new };
            user.stdout(&new)
        } else {
            String::new()
        };
        let what = format!("{args:?}, refused after {after}");
        let when = When {
            after,
            times: usize::MAX,
        };
        let there = behind(&user, &expired(), when);
        let all = [&["--request-timeout", "10s"], &about(&name, args)[..]].concat();
        let (output, took) = timed(there.command(&all));
        assert!(took < CHANGE, "{what}: {took:?}");
        is_decent(&output, &what);
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{what}: {stderr}");
        assert_eq!(
            stays && user.has_active_clusters(),
            stays,
            "{what}: {stderr}"
        );
        if is_there {
            // Its user named it, or had it listed.
            user.stdout(&["shutdown", &name]);
        } else {
            none_is_unknown(&user, &output, args, &what);
        }
    });
}
