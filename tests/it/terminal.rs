//! Output on a terminal: width, questions and colours.

use std::time::Duration;

use snapbox::str;

use crate::support::{BASIC, Screen, Stub, Terminal, User, answer, json_answer};

#[test]
fn list_fits_into_80_columns() {
    let user = BASIC.user().with("NO_COLOR", "1");
    let name = user.stdout(&["new"]);
    let (shown, code) = Terminal::new(&user, 80, &["list"]).rest();
    assert_eq!(code, Some(0));
    let lines = shown.lines().collect::<Vec<_>>();
    assert!(
        lines.iter().all(|line| line.chars().count() <= 80),
        "{shown}"
    );
    assert!(
        lines[0].starts_with("NAME") && !lines[0].contains("DASHBOARD"),
        "{shown}"
    );
    assert!(
        lines[1].starts_with(&name) && lines[1].contains("RUNNING"),
        "{shown}"
    );
    assert!(
        lines[1].contains("worker_cores=1") && lines[1].ends_with('…'),
        "{shown}"
    );

    let (wide, _) = Terminal::new(&user, 250, &["list"]).rest();
    assert!(
        wide.contains("DASHBOARD") && wide.contains(&format!("/clusters/{name}/status")),
        "{wide}"
    );
    let (narrow, _) = Terminal::new(&user, 20, &["list"]).rest();
    assert!(narrow.contains(&name[..7]), "{narrow}");
}

#[test]
fn wide_list_and_show_fit_into_80_columns() {
    let user = BASIC.user().with("NO_COLOR", "1");
    let name = user.stdout(&["new"]);
    let (shown, _) = Terminal::new(&user, 80, &["list", "-o", "wide"]).rest();
    assert!(
        shown.lines().all(|line| line.chars().count() <= 80),
        "{shown}"
    );
    assert!(shown.contains(&name[..8]), "{shown}");
    for title in [
        "WORKERS",
        "CORES",
        "MEMORY",
        "DONE/TASKS",
        "CLIENTS",
        "IDLE",
    ] {
        assert!(shown.contains(title), "{shown}");
    }
    let (shown, _) = Terminal::new(&user, 80, &["show"]).rest();
    let long = |line: &str| line.chars().count() > 80 && !line.contains("://");
    assert!(!shown.lines().any(long), "{shown}");
}

#[test]
fn colours_terminals_only_and_honours_no_color() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    let (shown, _) = Terminal::new(&user, 80, &["list"]).rest();
    assert!(shown.contains("\x1b["), "{shown:?}");
    let (shown, _) = Terminal::new(&user, 80, &["list", "--color", "never"]).rest();
    assert!(!shown.contains('\x1b'), "{shown:?}");
    let forced = user.stdout(&["list", "--color", "always"]);
    assert!(forced.contains("\x1b["), "{forced:?}");
    assert!(!user.stdout(&["list"]).contains('\x1b'));
    let user = user.with("CLICOLOR_FORCE", "1");
    assert!(user.stdout(&["list"]).contains("\x1b["));
    let user = user.with("NO_COLOR", "1");
    let (shown, _) = Terminal::new(&user, 80, &["list"]).rest();
    assert!(!shown.contains('\x1b'), "{shown:?}");
}

#[test]
fn shutdown_by_selector_asks_first() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    let mut terminal = Terminal::new(&user, 80, &["shutdown", "--all"]);
    let asked = terminal.wait_for("[y/N]");
    assert!(asked.contains(&name), "{asked}");
    terminal.type_("n\n");
    let (shown, code) = terminal.rest();
    assert!(shown.contains("nothing was shut down"), "{shown}");
    assert_eq!(code, Some(0));
    assert!(user.has_active_clusters());

    let mut terminal = Terminal::new(&user, 80, &["shutdown", "--all"]);
    terminal.wait_for("[y/N]");
    terminal.type_("y\n");
    let (shown, code) = terminal.rest();
    assert!(shown.contains(&name), "{shown}");
    assert_eq!(code, Some(0));
    assert!(!user.has_active_clusters());
}

#[test]
fn shuts_down_though_the_connection_closed_during_the_question() {
    let record = r#"{"a": {"name": "a", "status": "RUNNING", "start_time": 1000, "options": {}}}"#;
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let stub = Stub::closing_when_idle(Duration::from_millis(500), move |head| {
        match (
            head.split(' ').next(),
            asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst),
        ) {
            (Some("DELETE"), _) => answer("204 No Content", "", ""),
            (_, 0) => json_answer(record),
            _ => json_answer("{}"),
        }
    });
    let user = User::basic(&stub.address, "ada", "pw");
    let mut terminal = Terminal::new(&user, 80, &["shutdown", "--all"]);
    terminal.wait_for("[y/N]");
    std::thread::sleep(Duration::from_millis(1_500));
    terminal.type_("y\n");
    let (shown, code) = terminal.rest();
    assert_eq!(code, Some(0), "{shown}");
}

#[test]
fn slow_start_shows_its_phase_and_leaves_the_name_and_a_hint() {
    let user = BASIC.user().with("NO_COLOR", "1");
    let mut terminal = Terminal::new(&user, 80, &["new", "-s", "scheduler_start=slow"]);
    terminal.wait_for("PENDING");
    // Only a spinner is drawn over.
    terminal.wait_for("\x1b[2K");
    let (shown, code) = terminal.rest();
    assert_eq!(code, Some(0));
    let name = user.stdout(&["list", "-o", "name"]);
    let last = shown.rsplit('\r').next().expect("something was shown");
    let hint = format!("hint: the cluster has no workers yet: `dgw scale {name} 4` requests some");
    assert!(last.ends_with(&format!("{name}\n{hint}\n")), "{shown:?}");
}

#[test]
fn ctrl_c_on_the_terminal_shuts_down_the_started_cluster() {
    let user = BASIC.user();
    for columns in [40, 80, 120] {
        let args = ["new", "-s", "scheduler_start=slow"];
        let mut terminal = Terminal::new(&user, columns, &args);
        // Part of the spinner's line.
        let before = terminal.wait_for(" cluster ");
        terminal.type_("\x03");
        let (rest, code) = terminal.rest();
        assert_eq!(code, Some(130), "{rest}");
        let mut screen = vt100::Parser::new(24, columns, 0);
        let shown = (before + &rest).replace('\n', "\r\n");
        screen.process(shown.as_bytes());
        let contents = screen.screen().contents();
        assert!(!contents.contains("PENDING"), "{contents}");
        assert!(rest.contains("was shut down"), "{rest}");
        assert!(rest.contains("^C"), "{rest}");
        assert!(!user.has_active_clusters());
    }
}

#[test]
fn closed_pipe_is_not_a_failure() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    let mut child = user
        .command(&["list"])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("dgw starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("dgw ends");
    assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
}

#[test]
fn full_disk_is_an_error() {
    let full = || {
        std::fs::File::options()
            .write(true)
            .open("/dev/full")
            .expect("/dev/full")
    };
    let user = BASIC.user();
    let output = user
        .command(&["options"])
        .stdout(full())
        .output()
        .expect("dgw runs");
    assert_eq!(output.status.code(), Some(1));
    snapbox::assert_data_eq!(
        output.stderr,
        str![[r#"
error: can't write to stdout
  No space left on device (os error 28)

"#]]
    );
}

#[test]
fn watched_list_is_redrawn_in_place() {
    let user = BASIC.user().with("NO_COLOR", "1");
    let name = user.stdout(&["new"]);
    let mut terminal = Terminal::new(&user, 80, &["list", "-w", "1s"]);
    terminal.wait_for("\x1b[H");
    terminal.wait_for(&name);
    let again = terminal.wait_for(&name);
    assert!(again.contains("\x1b[H"), "{again:?}");
    terminal.type_("\x03");
    assert_eq!(terminal.rest().1, None, "the interrupt ends it");
}

#[test]
fn watched_list_keeps_its_header_and_counts_hidden_clusters() {
    let user = BASIC.user().with("NO_COLOR", "1");
    for _ in 0..4 {
        user.stdout(&["new", "--no-wait"]);
    }
    let mut screen = Screen::of(Terminal::new(&user, 80, &["list", "-q", "-w", "1s"]));
    screen.resize(5, 40);
    let shown = screen.shows("(2 more)");
    assert!(shown.starts_with("NAME"), "{shown}");
    assert_eq!(shown.lines().count(), 4, "{shown}");
    screen.resize(10, 40);
    let shown = screen.when("complete list", |shown| !shown.contains("more"));
    assert!(shown.starts_with("NAME"), "{shown}");
    assert_eq!(shown.lines().count(), 5, "{shown}");
    screen.type_("\x03");
    screen.end();
}

#[test]
fn watched_list_on_a_dumb_terminal_has_no_control_codes() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    let dgw = env!("CARGO_BIN_EXE_dgw");
    let args = ["TERM=dumb", dgw, "list", "-w", "1s"];
    let mut terminal = Terminal::running(&user, 80, "env", &args);
    let shown = terminal.wait_for(&name) + &terminal.wait_for(&name);
    terminal.type_("\x03");
    assert!(!shown.contains('\x1b'), "{shown:?}");
    terminal.rest();
}
