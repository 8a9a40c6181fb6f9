//! Commands that keep running, or whose result is more than an exit code and stdout.

use std::io::Write as _;
use std::process::{Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::{
    CHANGE_LIMIT, READ_CONCURRENCY, READ_LIMIT, REQUEST, assert_clean, behind_faulty, faults,
    run_concurrently, timed,
};
use crate::support::{BASIC, Harm, Terminal, User, When};

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Returns the number of connections' directories that are left among the temporary files.
fn leftover_directories(user: &User) -> usize {
    let entries = std::fs::read_dir(user.home()).expect("a home");
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names
        .filter(|name| name.starts_with("dgw-connection-"))
        .count()
}

#[test]
#[ignore = "takes minutes: hundreds of commands, many of which run into a time limit"]
fn nothing_is_served_or_exported_from_a_faulty_gateway() {
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
    run_concurrently(READ_CONCURRENCY, jobs, |(harm, code, args)| {
        let case = format!("{args:?} with {harm:?}");
        let proxied = behind_faulty(&user, &harm, When::ALWAYS);
        let (output, took) =
            timed(proxied.command(&[&["--request-timeout", REQUEST], args].concat()));
        assert!(took < READ_LIMIT, "{case}: {took:?}");
        assert_clean(&output, &case);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{case}: {}",
            stderr(&output)
        );
        assert_eq!(leftover_directories(&proxied), 0, "{case}");
    });
    // A gateway that is only slow works.
    let proxied = behind_faulty(&user, &Harm::Late(Duration::from_millis(300)), When::ALWAYS);
    assert!(proxied.stdout(&["connect", "--export"]).contains("export "));
    proxied.stdout(&["connect", "--unexport"]);
    assert_eq!(leftover_directories(&proxied), 0);
}

#[test]
#[ignore = "takes minutes: hundreds of commands, many of which run into a time limit"]
fn top_fails_at_the_start_and_continues_later() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    let faults = faults().into_iter();
    run_concurrently(READ_CONCURRENCY, faults.collect(), |(harm, code)| {
        let case = format!("top with {harm:?}");
        let args = ["--request-timeout", REQUEST, "top"];
        let started = Instant::now();
        if code != 0 {
            let proxied = behind_faulty(&user, &harm, When::ALWAYS);
            let (shown, ended) = Terminal::new(&proxied, 80, &args).rest();
            assert!(started.elapsed() < READ_LIMIT, "{case}");
            assert_eq!(ended, Some(code), "{case}: {shown}");
            assert_eq!(shown.matches("error\x1b").count(), 1, "{case}: {shown}");
            assert!(!shown.contains("\x1b[?1049h"), "{case}: {shown}");
        }
        // From the second request on.
        let when = When {
            after: 1,
            times: usize::MAX,
        };
        let proxied = behind_faulty(&user, &harm, when);
        let args = [&args[..], &["--every", "1s"]].concat();
        let mut terminal = Terminal::new(&proxied, 80, &args);
        terminal.wait_for("\x1b[?1049h");
        thread::sleep(Duration::from_secs(4));
        terminal.type_("q");
        let (shown, ended) = terminal.rest();
        // It continues through temporary faults and ends at the others.
        let codes = [Some(0), Some(code)];
        assert!(codes.contains(&ended), "{case}: {ended:?}: {shown}");
        assert!(shown.contains("\x1b[?1049l"), "{case}: {shown}");
        assert!(
            !shown.contains("panicked") && !shown.contains("PRIVATE KEY"),
            "{case}"
        );
    });
}

#[test]
#[ignore = "takes minutes: hundreds of commands, many of which run into a time limit"]
fn doctor_and_login_survive_every_fault() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    let mut jobs = Vec::new();
    for (harm, code) in faults() {
        for after in 0..3 {
            jobs.push((harm.clone(), code, after));
        }
    }
    run_concurrently(READ_CONCURRENCY, jobs, |(harm, code, after)| {
        let when = When {
            after,
            times: usize::MAX,
        };
        let case = format!("doctor with {harm:?} after {after}");
        // A dashboard takes its time on a busy machine, which is no fault.
        let limit = if code == 0 { "20s" } else { REQUEST };
        let proxied = behind_faulty(&user, &harm, when);
        let (output, took) = timed(proxied.command(&["--request-timeout", limit, "doctor"]));
        assert!(took < CHANGE_LIMIT, "{case}: {took:?}");
        let printed = stderr(&output);
        let found = String::from_utf8_lossy(&output.stdout);
        assert!(!printed.contains("panicked"), "{case}: {printed}");
        let ended = output.status.code().expect("a code");
        assert_eq!(ended == 0, code == 0, "{case}: {ended}: {found}{printed}");
        assert!([0, 1, 4, 9].contains(&ended), "{case}: {ended}: {found}");
        assert_eq!(
            found.lines().filter(|line| !line.starts_with(' ')).count(),
            14,
            "{case}: {found}"
        );
        assert_eq!(
            printed.matches("error: ").count(),
            usize::from(ended != 0),
            "{case}: {printed}"
        );
        assert!(!found.contains(BASIC.fact("password")), "{case}");

        let case = format!("login with {harm:?} after {after}");
        let proxied = behind_faulty(&user, &harm, when);
        let text = std::fs::read_to_string(proxied.configuration()).expect("a configuration");
        let address = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("address: "));
        let new_user = User::new();
        let mut command =
            new_user.command(&["--request-timeout", REQUEST, "login", "--username", "ada"]);
        command.args(["--address", address.expect("an address")]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let started = Instant::now();
        let mut child = command.spawn().expect("dgw starts");
        let password = BASIC.fact("password");
        // dgw may have ended before it reads this.
        let _ = writeln!(child.stdin.take().expect("piped"), "{password}");
        let output = child.wait_with_output().expect("dgw ends");
        assert!(
            started.elapsed() < READ_LIMIT,
            "{case}: {:?}",
            started.elapsed()
        );
        let printed = stderr(&output);
        let ended = output.status.code().expect("a code");
        assert!([0, 1, 4, 9].contains(&ended), "{case}: {ended}: {printed}");
        assert_eq!(
            new_user.configuration().exists(),
            ended == 0,
            "{case}: {printed}"
        );
        assert_eq!(
            printed.matches("error: ").count(),
            usize::from(ended != 0),
            "{case}: {printed}"
        );
        assert!(
            !printed.contains(password) && !printed.contains("panicked"),
            "{case}"
        );
        assert!(output.stdout.is_empty(), "{case}");
    });
}

#[test]
#[ignore = "takes minutes: hundreds of commands, many of which run into a time limit"]
fn completion_never_blocks_the_command_line() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    let mut jobs = Vec::new();
    for (harm, _) in faults() {
        for words in [["dgw", "show", ""], ["dgw", "new", "-s"]] {
            jobs.push((harm.clone(), words));
        }
    }
    run_concurrently(READ_CONCURRENCY, jobs, |(harm, words)| {
        let case = format!("{words:?} with {harm:?}");
        let proxied = behind_faulty(&user, &harm, When::ALWAYS).with("COMPLETE", "bash");
        let index = if words[1] == "new" { "3" } else { "2" };
        let proxied = proxied.with("_CLAP_COMPLETE_INDEX", index);
        let args = [&["--"], &words[..], &[""]].concat();
        let (output, took) = timed(proxied.command(&args));
        assert!(took < Duration::from_secs(6), "{case}: {took:?}");
        assert_eq!(stderr(&output), "", "{case}");
    });
}
