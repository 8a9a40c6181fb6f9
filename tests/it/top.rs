//! `dgw top`

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use snapbox::str;

use crate::support::{
    BASIC, Client, Frozen, Screen, Stub, Terminal, TestGateway, User, answer, json_answer,
    output_with_stdin, until, write_private,
};

/// Runs `dgw top` on a terminal with 24 rows and 80 columns.
fn top(user: &User, args: &[&str]) -> Screen {
    Screen::of(Terminal::new(user, 80, &[&["top"], args].concat()))
}

#[test]
fn shows_clusters_workers_and_tasks() {
    let user = BASIC.user();
    let name = user.stdout(&["new", "--workers", "1", "--wait-workers", "1"]);
    let work = "client.wait_for_workers(1, timeout=60)\n\
                futures = client.map(lambda x: time.sleep(60) or x, range(20), pure=False)\n\
                while client.run_on_scheduler(lambda dask_scheduler: \
                len(dask_scheduler.queued)) < 10: time.sleep(.1)";
    let client = Client::connect(&BASIC, &user, &name, work);
    let mut screen = top(&user, &["--every", "1s"]);
    let all = screen.shows("/20");
    assert!(screen.is_alternate() && screen.is_raw());
    let row = all
        .lines()
        .find(|line| line.contains(&name[..8]))
        .expect("its row");
    assert!(row.contains("RUNNING") && row.contains('%'), "{all}");
    assert!(all.contains("1 worker, 1 core, memory 0."), "{all}");
    assert!(all.contains("1 client, busy"), "{all}");

    screen.type_("\r");
    let full = screen.shows("versions   Python 3");
    assert!(full.contains(&format!("{name}  RUNNING")), "{full}");
    assert!(
        full.contains("/20 done") && full.contains("127.0.0.1"),
        "{full}"
    );
    screen.resize(10, 40);
    let small = screen.when("small screen", |text| {
        text.lines().count() <= 10 && text.contains("tasks") && !text.contains("dashboard")
    });
    assert!(small.contains("/20"), "{small}");
    screen.resize(50, 200);
    screen.shows("tasks processing, at most");
    drop(client);
    screen.shows("0 clients");
    screen.type_("\x1b");
    screen.shows("dgw top  1 cluster");

    screen.type_("\r");
    screen.shows("dashboard");
    user.stdout(&["shutdown", &name]);
    let ended = screen.shows(&format!("cluster {name} is STOPPED"));
    assert!(
        ended.contains("127.0.0.1"),
        "the last report stays: {ended}"
    );
    screen.type_("q");
    let (code, left) = screen.end();
    assert_eq!((code, left.trim()), (Some(0), ""));
}

#[test]
fn silent_cluster_delays_neither_keys_nor_other_clusters() {
    let user = BASIC.user();
    let frozen = user.stdout(&["new"]);
    let well = user.stdout(&["new", "--workers", "1", "--wait-workers", "1"]);
    let _stopped = Frozen::scheduler_of(&frozen);
    let mut screen = top(&user, &["--every", "1s", "--probe-timeout", "20s"]);
    let row = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.contains(&name[..8]));
        line.unwrap_or_default().to_owned()
    };
    let text = screen.when("report of the other cluster", |text| {
        row(text, &well).contains('%')
    });
    assert!(row(&text, &frozen).contains('?'), "{text}");
    let pressed = Instant::now();
    screen.type_("?");
    screen.shows("reverse the order");
    assert!(pressed.elapsed() < Duration::from_secs(5));
    screen.type_("\x03");
    assert_eq!(screen.end().0, Some(0));

    let screen = top(&user, &["--every", "1s", "--probe-timeout", "500ms"]);
    let text = screen.shows("RUNNING?");
    assert!(row(&text, &frozen).contains("RUNNING?"), "{text}");
    screen.shows("the scheduler does not respond: no response within 500ms");
    screen.signal(Signal::TERM);
    assert_eq!(screen.end().0, Some(143));
}

/// Creates a gateway without clusters, and a user of it.
fn empty() -> (Stub, User) {
    let stub = Stub::always(json_answer("{}"));
    let user = User::basic(&stub.address, "ada", "pw");
    (stub, user)
}

#[test]
fn restores_the_terminal_however_it_ends() {
    let (_stub, user) = empty();
    for (signal, code, word) in [
        (Signal::INT, 130, "interrupted"),
        (Signal::TERM, 143, "terminated"),
        (Signal::HUP, 129, "hung up"),
    ] {
        let screen = top(&user, &[]);
        screen.shows("no active clusters: `dgw new` starts one");
        screen.signal(signal);
        let (ended, left) = screen.end();
        assert_eq!(ended, Some(code));
        assert!(left.contains(&format!("error: {word}")), "{left}");
    }
    let mut terminal = Terminal::new(&user, 80, &["top"]);
    terminal.wait_for("no active clusters");
    assert_eq!(terminal.hang_up(), Some(129));
    for keys in ["q", "\x03", "?q"] {
        let mut screen = top(&user, &[]);
        screen.shows("no active clusters");
        // Ctrl-Z does nothing: no shell could continue the first process of a session.
        screen.type_("\x1a");
        screen.type_(keys);
        assert_eq!(screen.end(), (Some(0), String::new()), "{keys:?}");
    }
}

#[test]
fn can_be_suspended_and_continued_by_a_shell() {
    let (_stub, user) = empty();
    let user = user.with("PS1", "ready> ");
    let bash = ["--norc", "--noprofile", "-i"];
    let mut shell = Screen::of(Terminal::running(&user, 80, "bash", &bash));
    shell.shows("ready> ");
    shell.type_(&format!("'{}' top\n", env!("CARGO_BIN_EXE_dgw")));
    shell.shows("no active clusters");
    shell.type_("\x1a");
    shell.shows("Stopped");
    assert!(!shell.is_alternate());
    shell.type_("fg\n");
    shell.shows("no active clusters");
    assert!(shell.is_alternate() && shell.is_raw());
    shell.type_("q");
    shell.when("shell", |text| !text.contains("no active clusters"));
    shell.type_("echo code=$?\n");
    shell.shows("code=0");
    shell.type_("exit\n");
    assert_eq!(shell.end().0, Some(0));
}

#[test]
fn waits_for_an_unreachable_gateway_and_ends_when_refused() {
    let record =
        r#"{"a": {"name": "abcdef", "status": "PENDING", "start_time": 1000, "options": {}}}"#;
    let state = Arc::new(AtomicUsize::new(0));
    let now = Arc::clone(&state);
    let stub = Stub::new(move |_| match now.load(Ordering::SeqCst) {
        0 => json_answer(record),
        1 => Vec::new(),
        _ => answer("401 Unauthorized", "WWW-Authenticate: Basic\r\n", "{}"),
    });
    let user = User::basic(&stub.address, "ada", "pw");
    let screen = top(&user, &["--every", "1s"]);
    screen.shows("PENDING");
    thread::sleep(Duration::from_millis(2_500));
    let asked = stub.seen();
    assert!(
        (3..=5).contains(&asked.len()),
        "one request per update: {asked:?}"
    );
    let all = "GET /api/v1/clusters/?status=pending,running,stopping,failed ";
    assert!(asked.iter().all(|head| head.starts_with(all)), "{asked:?}");
    state.store(1, Ordering::SeqCst);
    let text = screen.shows("no update for ");
    assert!(text.contains("abcdef"), "the last report stays: {text}");
    state.store(0, Ordering::SeqCst);
    screen.when("end of the outage", |text| !text.contains("no update"));
    state.store(2, Ordering::SeqCst);
    let (code, left) = screen.end();
    assert_eq!(code, Some(4));
    assert!(
        left.contains("error: the gateway at `http://127.0.0.1"),
        "{left}"
    );
}

#[test]
fn removed_cluster_stays_on_the_screen() {
    let record = r#""name": "abcdef", "status": "PENDING", "start_time": 1000, "options": {}"#;
    let is_gone = Arc::new(AtomicUsize::new(0));
    let gone = Arc::clone(&is_gone);
    let stub = Stub::new(move |head| {
        if gone.load(Ordering::SeqCst) == 1 {
            answer(
                "404 Not Found",
                "Content-Type: application/json\r\n",
                r#"{"error": "no"}"#,
            )
        } else if head.contains("/clusters/ ") {
            json_answer(&format!(r#"{{"abcdef": {{{record}}}}}"#))
        } else {
            json_answer(&format!("{{{record}}}"))
        }
    });
    let user = User::basic(&stub.address, "ada", "pw");
    let mut screen = top(&user, &["abc", "--every", "1s"]);
    screen.shows("abcdef  PENDING");
    is_gone.store(1, Ordering::SeqCst);
    screen.shows("the gateway no longer knows cluster abcdef");
    screen.type_("q");
    assert_eq!(screen.end().0, Some(0));
}

#[test]
fn without_a_terminal_it_suggests_other_commands() {
    let (stub, user) = empty();
    user.dgw(&["top"]).code(2).stdout_eq("").stderr_eq(str![[r#"
error: `dgw top` needs a terminal on stdin and stdout

hint: `dgw list -o wide --watch` and `dgw show` show the same without a terminal

"#]]);
    user.dgw(&["top", "-o", "json"])
        .code(2)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: `dgw top` has no other output format: leave out `-o`

hint: `dgw list -o wide --watch` and `dgw show` show the same without a terminal

"#]]);
    let dumb = Terminal::running(
        &user,
        80,
        "env",
        &["TERM=dumb", env!("CARGO_BIN_EXE_dgw"), "top"],
    );
    let (shown, code) = dumb.rest();
    assert_eq!(code, Some(2));
    assert!(
        shown.contains("does not work with TERM=dumb") && !shown.contains("\x1b[?"),
        "{shown:?}"
    );
    let (shown, code) = Terminal::new(&user, 80, &["top", "-v"]).rest();
    assert_eq!(code, Some(2));
    assert!(shown.contains("redirect stderr to a file"), "{shown}");
    let (shown, code) = Terminal::new(&user, 80, &["top", "--sort-by", "nothing"]).rest();
    assert_eq!(code, Some(2));
    assert!(shown.contains("no column `nothing` to sort by"), "{shown}");
    assert!(stub.seen().is_empty());
}

#[test]
fn early_errors_are_printed_without_taking_over_the_screen() {
    let refusing = Stub::always(answer(
        "401 Unauthorized",
        "WWW-Authenticate: Basic\r\n",
        "{}",
    ));
    let user = User::basic(&refusing.address, "ada", "pw");
    let (shown, code) = Terminal::new(&user, 80, &["top"]).rest();
    assert_eq!(code, Some(4));
    assert!(!shown.contains("\x1b[?"), "{shown:?}");
    let (_stub, user) = empty();
    let (shown, code) = Terminal::new(&user, 80, &["top", "nosuch"]).rest();
    assert_eq!(code, Some(5));
    assert!(shown.contains("no cluster matches `nosuch`"), "{shown}");
}

#[test]
fn honours_no_color_and_color_never() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    for (user, args, is_coloured) in [
        (&user, &["top"][..], true),
        (&user, &["top", "--color", "never"], false),
    ] {
        let mut terminal = Terminal::new(user, 80, args);
        let shown = terminal.wait_for("RUNNING");
        terminal.type_("q");
        let shown = shown + &terminal.rest().0;
        assert_eq!(shown.contains("\x1b[38;5;"), is_coloured, "{shown:?}");
    }
    let user = user.with("NO_COLOR", "1");
    let mut terminal = Terminal::new(&user, 80, &["top"]);
    let shown = terminal.wait_for("RUNNING");
    terminal.type_("q");
    let shown = shown + &terminal.rest().0;
    assert!(!shown.contains("\x1b[38;5;"), "{shown:?}");
}

#[test]
fn watches_all_gateways_though_one_stops() {
    let user = BASIC.user();
    let stopping = TestGateway::start(&[]);
    let address = stopping.fact("address").to_owned();
    let login = ["login", "-g", "lab", "--address", &address];
    let login = [&login[..], &["--username", "top-all"]].concat();
    let output = output_with_stdin(user.command(&login), stopping.fact("password"));
    assert!(output.status.success(), "{output:?}");
    write_private(&user.gateway_file("broken"), "gateway: [");
    let worked = ["--workers", "1", "--wait-workers", "1"];
    let here = user.stdout(&[&["new"], &worked[..]].concat());
    let lost = user.stdout(&[&["new", "-q", "-g", "lab"], &worked[..]].concat());

    let args = ["--all-gateways", "--every", "1s", "--sort-by", "gateway"];
    let mut screen = top(&user, &args);
    let row = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.contains(&name[..7]));
        line.unwrap_or_default().trim().to_owned()
    };
    let all = screen.when("reports of both gateways", |text| {
        [&here, &lost]
            .iter()
            .all(|name| row(text, name).contains('%'))
    });
    assert!(all.contains("dgw top  3 gateways, 2 clusters"), "{all}");
    assert!(all.contains("gateway `broken`: "), "{all}");
    assert!(row(&all, &here).starts_with("default "), "{all}");
    assert!(row(&all, &lost).starts_with("lab "), "{all}");
    screen.type_("\x1b[B\r");
    let full = screen.shows("versions   Python 3");
    assert!(full.contains(&format!("lab: {lost}  RUNNING")), "{full}");
    assert!(!full.contains("broken"), "{full}");

    drop(stopping);
    screen.shows("gateway `lab`: no update for ");
    screen.type_("\x1b");
    let all = screen.when("table", |text| row(text, &here).contains('%'));
    assert!(all.contains("gateway `broken`: "), "{all}");
    assert!(row(&all, &lost).starts_with("lab? "), "{all}");
    // The other gateway is watched all the same.
    user.stdout(&["shutdown", &here]);
    screen.when("end of the cluster", |text| row(text, &here).is_empty());
    screen.type_("q");
    assert_eq!(screen.end(), (Some(0), String::new()));

    let host = address.trim_start_matches("http://").to_owned();
    let is_stopped = || std::net::TcpStream::connect(&host).is_err();
    until(is_stopped, || "the gateway does not stop".to_owned());
    let mut screen = top(&user, &args);
    screen.shows("gateway `lab`: can't");
    screen.type_("q");
    assert_eq!(screen.end().0, Some(0));
}

#[test]
fn starts_with_the_first_gateway_that_responds_and_ends_when_none_is_left() {
    let is_refusing = Arc::new(AtomicUsize::new(0));
    let refusing = Arc::clone(&is_refusing);
    let refusal = || answer("401 Unauthorized", "WWW-Authenticate: Basic\r\n", "{}");
    let silent = Stub::new(move |_| {
        // Longer than the test.
        thread::sleep(Duration::from_secs(60));
        Vec::new()
    });
    let refused = Stub::always(refusal());
    let works = Stub::new(move |_| match refusing.load(Ordering::SeqCst) {
        0 => json_answer("{}"),
        _ => refusal(),
    });
    let basic = |address: &str| {
        format!(
            "gateway:\n  address: {address}\n  auth:\n    type: basic\n    kwargs: {{username: ada, \
             password: pw}}\n"
        )
    };
    let user = User::basic(&works.address, "ada", "pw");
    write_private(&user.gateway_file("refused"), &basic(&refused.address));
    let args = ["--all-gateways", "--every", "1s"];
    let silent_file = user.gateway_file("silent");
    write_private(&silent_file, &basic(&silent.address));
    let mut screen = top(&user, &args);
    let started = Instant::now();
    screen.shows("gateway `refused`: ");
    assert!(started.elapsed() < Duration::from_secs(5));
    screen.shows("gateway `silent`: the gateway does not respond");
    screen.type_("q");
    assert_eq!(screen.end().0, Some(0));
    let asked = refused.seen();
    assert_eq!(asked.len(), 1, "it would refuse again: {asked:?}");

    std::fs::remove_file(silent_file).expect("it is removed");
    let screen = top(&user, &args);
    screen.shows("gateway `refused`: ");
    is_refusing.store(1, Ordering::SeqCst);
    let (code, left) = screen.end();
    assert_eq!(code, Some(8));
    assert!(left.contains("error: 2 of 2 gateways failed"), "{left}");
    let (shown, code) = Terminal::new(&user, 80, &[&["top"], &args[..]].concat()).rest();
    assert_eq!(code, Some(8));
    assert!(
        shown.contains("  refused: ") && !shown.contains("\x1b[?"),
        "{shown:?}"
    );
    user.dgw(&["top", "--all-gateways", "ab12"]).code(2);
    user.dgw(&["top", "--all-gateways", "-g", "refused"])
        .code(2);
}
