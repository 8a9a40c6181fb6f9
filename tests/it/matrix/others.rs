//! Commands that are told otherwise than by their exit code and stdout, or that stay.

use std::io::Write as _;
use std::process::{Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{CHANGE, LOOK, LOOKS, REQUEST, behind, faults, harmed, is_decent, side_by_side, timed};
use crate::support::{BASIC, Harm, Terminal, User, When};

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The folders of connections that are left in the place for temporary files.
fn left_in(user: &User) -> usize {
    let entries = std::fs::read_dir(user.home()).expect("a home");
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names
        .filter(|name| name.starts_with("dgw-connection-"))
        .count()
}

#[test]
#[ignore = "hundreds of commands, many of them waiting for what never comes"]
fn what_stays_does_not_begin_on_a_broken_gateway() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    let mut jobs = Vec::new();
    for (harm, code) in faults().into_iter().filter(|(_, code)| *code != 0) {
        for args in [
            &["dashboard", "--serve"][..],
            &["dashboard", "--open"],
            &["connect", "--export"],
        ] {
            jobs.push((harm.clone(), code, args));
        }
    }
    side_by_side(LOOKS, jobs, |(harm, code, args)| {
        let what = format!("{args:?} with {harm:?}");
        let there = behind(&user, &harm, When::ALWAYS);
        let (output, took) =
            timed(there.command(&[&["--request-timeout", REQUEST], args].concat()));
        assert!(took < LOOK, "{what}: {took:?}");
        is_decent(&output, &what);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{what}: {}",
            stderr(&output)
        );
        assert_eq!(left_in(&there), 0, "{what}");
    });
    // One that is merely slow is served.
    let there = behind(&user, &Harm::Late(Duration::from_millis(300)), When::ALWAYS);
    assert!(there.stdout(&["connect", "--export"]).contains("export "));
    there.stdout(&["connect", "--unexport"]);
    assert_eq!(left_in(&there), 0);
}

#[test]
#[ignore = "hundreds of commands, many of them waiting for what never comes"]
fn top_tells_what_is_wrong_from_the_start_and_goes_on_later() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    let faults = faults().into_iter();
    side_by_side(LOOKS, faults.collect(), |(harm, code)| {
        let what = format!("top with {harm:?}");
        let args = ["--request-timeout", REQUEST, "top"];
        let started = Instant::now();
        if code != 0 {
            let there = behind(&user, &harm, When::ALWAYS);
            let (shown, ended) = Terminal::new(&there, 80, &args).rest();
            assert!(started.elapsed() < LOOK, "{what}");
            assert_eq!(ended, Some(code), "{what}: {shown}");
            assert_eq!(shown.matches("error\x1b").count(), 1, "{what}: {shown}");
            assert!(!shown.contains("\x1b[?1049h"), "{what}: {shown}");
        }
        // From the second look on.
        let when = When {
            after: 1,
            times: usize::MAX,
        };
        let there = behind(&user, &harm, when);
        let args = [&args[..], &["--every", "1s"]].concat();
        let mut terminal = Terminal::new(&there, 80, &args);
        terminal.wait_for("\x1b[?1049h");
        thread::sleep(Duration::from_secs(4));
        terminal.type_("q");
        let (shown, ended) = terminal.rest();
        // It goes on through what may pass, and ends with the rest.
        let codes = [Some(0), Some(code)];
        assert!(codes.contains(&ended), "{what}: {ended:?}: {shown}");
        assert!(shown.contains("\x1b[?1049l"), "{what}: {shown}");
        assert!(
            !shown.contains("panicked") && !shown.contains("PRIVATE KEY"),
            "{what}"
        );
    });
}

#[test]
#[ignore = "hundreds of commands, many of them waiting for what never comes"]
fn a_doctor_and_a_login_survive_every_fault() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    let mut jobs = Vec::new();
    for (harm, code) in faults() {
        for after in 0..3 {
            jobs.push((harm.clone(), code, after));
        }
    }
    side_by_side(LOOKS, jobs, |(harm, code, after)| {
        let when = When {
            after,
            times: usize::MAX,
        };
        let what = format!("doctor with {harm:?} after {after}");
        let (output, took) = harmed(&user, &harm, when, &["doctor"]);
        assert!(took < CHANGE, "{what}: {took:?}");
        let said = stderr(&output);
        let found = String::from_utf8_lossy(&output.stdout);
        assert!(!said.contains("panicked"), "{what}: {said}");
        let ended = output.status.code().expect("a code");
        assert_eq!(ended == 0, code == 0, "{what}: {ended}: {found}{said}");
        assert!([0, 1, 4, 9].contains(&ended), "{what}: {ended}: {found}");
        assert_eq!(
            found.lines().filter(|line| !line.starts_with(' ')).count(),
            13,
            "{what}: {found}"
        );
        assert_eq!(
            said.matches("error: ").count(),
            usize::from(ended != 0),
            "{what}: {said}"
        );
        assert!(!found.contains(BASIC.fact("password")), "{what}");

        let what = format!("login with {harm:?} after {after}");
        let there = behind(&user, &harm, when);
        let text = std::fs::read_to_string(there.configuration()).expect("a configuration");
        let address = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("address: "));
        let stranger = User::new();
        let mut command =
            stranger.command(&["--request-timeout", REQUEST, "login", "--username", "ada"]);
        command.args(["--address", address.expect("an address")]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let started = Instant::now();
        let mut child = command.spawn().expect("dgw starts");
        let password = BASIC.fact("password");
        // It may be gone before anybody reads it.
        let _ = writeln!(child.stdin.take().expect("piped"), "{password}");
        let output = child.wait_with_output().expect("dgw ends");
        assert!(started.elapsed() < LOOK, "{what}: {:?}", started.elapsed());
        let said = stderr(&output);
        let ended = output.status.code().expect("a code");
        assert!([0, 1, 4, 9].contains(&ended), "{what}: {ended}: {said}");
        assert_eq!(
            stranger.configuration().exists(),
            ended == 0,
            "{what}: {said}"
        );
        assert_eq!(
            said.matches("error: ").count(),
            usize::from(ended != 0),
            "{what}: {said}"
        );
        assert!(
            !said.contains(password) && !said.contains("panicked"),
            "{what}"
        );
        assert!(output.stdout.is_empty(), "{what}");
    });
}

#[test]
#[ignore = "hundreds of commands, many of them waiting for what never comes"]
fn a_line_that_is_typed_is_never_held_up() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    let mut jobs = Vec::new();
    for (harm, _) in faults() {
        for words in [["dgw", "show", ""], ["dgw", "new", "-s"]] {
            jobs.push((harm.clone(), words));
        }
    }
    side_by_side(LOOKS, jobs, |(harm, words)| {
        let what = format!("{words:?} with {harm:?}");
        let there = behind(&user, &harm, When::ALWAYS).with("COMPLETE", "bash");
        let index = if words[1] == "new" { "3" } else { "2" };
        let there = there.with("_CLAP_COMPLETE_INDEX", index);
        let args = [&["--"], &words[..], &[""]].concat();
        let (output, took) = timed(there.command(&args));
        assert!(took < Duration::from_secs(6), "{what}: {took:?}");
        assert_eq!(stderr(&output), "", "{what}");
    });
}
