//! Unusual locales, and unusual or very narrow terminals.

use std::thread;
use std::time::Duration;

use crate::support::{BASIC, Terminal, User};

#[test]
fn works_without_utf_8_and_on_unknown_terminals() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    for locale in ["C", "POSIX", "de_DE.ISO-8859-1", "nonsense"] {
        let user = user.by_same_user("LC_ALL", locale);
        let found = user.stdout(&["doctor"]);
        assert!(found.is_ascii(), "{locale}: {found}");
        assert!(user.stdout(&["list"]).is_ascii(), "{locale}");
    }
    let dgw = env!("CARGO_BIN_EXE_dgw");
    for terminal in [&["-u", "TERM"][..], &["TERM=dumb"], &["TERM=nonsense"]] {
        for args in [
            &["list", "-o", "wide"][..],
            &["show"],
            &["new"],
            &["doctor"],
        ] {
            let all = [terminal, &[dgw], args].concat();
            let (shown, code) = Terminal::running(&user, 80, "env", &all).rest();
            assert_eq!(code, Some(0), "{all:?}: {shown}");
            if terminal == ["TERM=dumb"] {
                assert!(!shown.contains('\x1b'), "{all:?}: {shown:?}");
            }
        }
        user.stdout(&["shutdown", "--all", "--yes", "--no-wait"]);
        user.stdout(&["new"]);
    }
}

/// Shows text on a terminal that has so many columns.
fn screen(columns: u16, shown: &str) -> vt100::Parser {
    let mut parser = vt100::Parser::new(500, columns, 0);
    parser.process(shown.replace('\n', "\r\n").as_bytes());
    parser
}

#[test]
fn tables_fit_into_very_narrow_terminals() {
    let user = BASIC.user();
    let name = user.stdout(&["new", "--workers", "1", "--wait-workers", "1"]);
    for columns in [1, 7, 20, 30, 40, 60] {
        for args in [
            &["list"][..],
            &["list", "-o", "wide"],
            &["list", "--all"],
            &["options"],
        ] {
            let args = [args, &["-q"]].concat();
            let (shown, code) = Terminal::new(&user, columns, &args).rest();
            assert_eq!(code, Some(0), "{args:?}: {shown}");
            let parser = screen(columns, &shown);
            let wrapped = (0..500).any(|row| parser.screen().row_wrapped(row));
            assert!(!wrapped, "{columns} {args:?}: {shown}");
            let first = parser.screen().contents();
            let first = first.lines().nth(1).expect("a row").to_owned();
            let is_expected = args[0] != "list"
                || name.starts_with(first.split(['…', ' ']).next().expect("a word"));
            assert!(is_expected, "{columns} {args:?}: {shown}");
        }
        // The description of the cluster may wrap, but not the table of workers.
        let (shown, code) = Terminal::new(&user, columns, &["show", "-q"]).rest();
        assert_eq!(code, Some(0), "{columns}: {shown}");
        let (_, workers) = shown.rsplit_once("\n\n").expect("a table");
        let parser = screen(columns, workers);
        let wrapped = (0..500).any(|row| parser.screen().row_wrapped(row));
        assert!(!wrapped, "{columns}: {shown}");
        // Prose may wrap.
        for args in [&["doctor"][..], &["connect"], &["--help"], &["list", "zzz"]] {
            let (shown, code) = Terminal::new(&user, columns, args).rest();
            let expected = if args.contains(&"zzz") { 5 } else { 0 };
            assert_eq!(code, Some(expected), "{columns} {args:?}: {shown}");
            assert!(!shown.contains("panicked"), "{columns} {args:?}: {shown}");
        }
        let mut top = Terminal::new(&user, columns, &["top"]);
        top.wait_for("\x1b[?1049h");
        thread::sleep(Duration::from_millis(500));
        top.type_("?");
        top.type_("?\r");
        thread::sleep(Duration::from_millis(500));
        top.type_("q");
        thread::sleep(Duration::from_millis(200));
        top.type_("q");
        let (shown, code) = top.rest();
        assert_eq!(code, Some(0), "{columns}: {shown}");
    }
    says_what_has_no_room(&user);
    // The spinner's one line is erased in the end.
    let (shown, code) = Terminal::new(&user, 20, &["new"]).rest();
    assert_eq!(code, Some(0), "{shown}");
    let parser = screen(20, &shown);
    let contents = parser.screen().contents();
    assert!(!contents.contains("PENDING"), "{contents}");
}

/// Checks that no column is left out silently, on a terminal or where `COLUMNS` says how wide it is.
fn says_what_has_no_room(user: &User) {
    let hint = "; `-o json` shows everything";
    for (columns, args, titles) in [
        (
            60,
            &["list", "-o", "wide"][..],
            "CLIENTS, IDLE, OPTIONS, DASHBOARD",
        ),
        (60, &["options"], "LABEL"),
        (80, &["list"], "DASHBOARD"),
    ] {
        // A long value can take the room of one more column.
        let note = format!("{titles}{hint}");
        let (shown, _) = Terminal::new(user, columns, args).rest();
        assert!(
            shown.contains("no room for ") && shown.contains(&note),
            "{shown}"
        );
        let narrow = user.by_same_user("COLUMNS", &columns.to_string());
        let output = narrow.command(args).output().expect("dgw runs");
        let table = String::from_utf8_lossy(&output.stdout);
        let width = |line: &str| line.chars().count();
        assert!(
            table.lines().map(width).max() <= Some(usize::from(columns)),
            "{table}"
        );
        let messages = String::from_utf8_lossy(&output.stderr);
        let expected = note.replace("IDLE", "IDLE, KEEP");
        assert!(messages.trim_end().ends_with(&expected), "{messages}");
        let output = user.command(args).output().expect("dgw runs");
        assert!(output.stderr.is_empty(), "a pipe has room");
    }
    let mut watched = Terminal::new(user, 80, &["list", "-w", "1s"]);
    watched.wait_for("no room for DASHBOARD");
    watched.type_("\x03");
    watched.rest();
}
