//! README and the man pages name what exists: commands and flags in prose and tables, places.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use regex::Regex;

use super::page::Page;
use super::{DOCUMENTS, elsewhere};
use crate::support::{User, repository};

/// Flags of others than dgw.
const NOT_OURS: [(&str, &str); 1] = [("--shell", "tests/gateway/__main__.py")];

/// dgw's help, by which commands and flags are known.
pub(crate) struct Help {
    user: User,
    commands: Vec<String>,
    /// What `dgw help COMMAND` printed, by command; `dgw help` itself has none.
    texts: RefCell<BTreeMap<Option<String>, String>>,
}

impl Help {
    pub(crate) fn new() -> Self {
        let user = User::new();
        let help = user.stdout(&["help"]);
        let list = help.split("Commands:\n").nth(1).expect("the commands");
        let list = list.lines().take_while(|line| !line.is_empty());
        // What goes on in a second line stands further to the right.
        let names = list.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
        let names = names.filter(|name| !name.is_empty() && *name != "help");
        let commands = names.map(str::to_owned).collect();
        Self {
            user,
            commands,
            texts: RefCell::default(),
        }
    }

    fn knows(&self, command: &str) -> bool {
        self.commands.iter().any(|known| known == command)
    }

    /// Whether `flag` is one of `command`'s, or of dgw itself where there is none.
    fn has(&self, command: Option<&str>, flag: &str) -> bool {
        let pattern = format!(r"(?m)^ +(?:-\w, )?{}(?:[ ,.\n]|$)", regex::escape(flag));
        let pattern = Regex::new(&pattern).expect("a valid pattern");
        pattern.is_match(&self.text(command))
    }

    fn text(&self, command: Option<&str>) -> String {
        let mut texts = self.texts.borrow_mut();
        let text = texts.entry(command.map(str::to_owned)).or_insert_with(|| {
            let args = ["help"].into_iter().chain(command).collect::<Vec<_>>();
            self.user.stdout(&args)
        });
        text.clone()
    }

    /// Panics unless all is there of a line that begins with `dgw`. Returns its command.
    pub(crate) fn check(&self, line: &str) -> Option<String> {
        let own = line.split(" -- ").next().unwrap_or_default();
        let mut words = own.split_whitespace().skip(1).peekable();
        let command = words.next_if(|word| !word.starts_with('-'));
        if let Some(command) = command {
            assert!(self.knows(command), "{line}");
        }
        for flag in words.filter(|word| word.starts_with('-')) {
            assert!(self.has(command, flag), "no `{flag}` for `{line}`");
        }
        command.map(str::to_owned)
    }
}

#[test]
fn documents_name_what_exists() {
    let help = Help::new();
    for document in DOCUMENTS {
        check_spans(&Page::of(document), &help);
    }
}

fn check_spans(page: &Page, help: &Help) {
    let lines = page.blocks.iter().flat_map(|block| block.text.lines());
    let run = lines.collect::<BTreeSet<_>>();
    // Words, the first of them a program's name.
    let command = Regex::new(r"^(?:\w+=\S* )*[a-z.][\w./-]* \S").expect("a valid pattern");
    for span in &page.spans {
        let text = span.text.as_str();
        match text.split(' ').next().unwrap_or_default() {
            begin if begin.starts_with('-') => assert_flag(help, begin, &span.before),
            _ if !command.is_match(text) => {}
            "dgw" if text == "dgw help COMMAND" => {
                for name in &help.commands {
                    help.user.stdout(&["help", name]);
                }
            }
            "dgw" => drop(help.check(text)),
            begin if help.knows(begin) => drop(help.check(&["dgw ", text].concat())),
            "man" => match text.trim_start_matches("man ").strip_suffix("COMMAND") {
                None => assert_page(text.trim_start_matches("man ")),
                Some(begin) => {
                    for name in &help.commands {
                        assert_page(&[begin, name].concat());
                    }
                }
            },
            _ => {
                assert!(
                    elsewhere::is_run(text) || run.contains(text),
                    "nothing runs `{text}`"
                );
            }
        }
    }
}

/// A flag without a command belongs to that of its row, or to any.
fn assert_flag(help: &Help, flag: &str, before: &str) {
    if let Some((_, file)) = NOT_OURS.iter().find(|(other, _)| *other == flag) {
        let source = fs::read_to_string(repository().join(file)).expect(file);
        assert!(
            source.contains(&format!("\"{flag}\"")),
            "no `{flag}` in {file}"
        );
        return;
    }
    let row = Regex::new(r"^\| dgw (\w+)").expect("a valid pattern");
    let is_there = match row.captures(before) {
        Some(row) => help.has(Some(&row[1]), flag),
        None => help
            .commands
            .iter()
            .any(|command| help.has(Some(command), flag)),
    };
    assert!(is_there, "no `{flag}`, after: {before}");
}

/// Asserts that there is a man page, and that `man`, if it is installed, can show it.
fn assert_page(name: &str) {
    let sections = ["1", "5", "7"];
    let pages = sections.map(|section| repository().join(format!("man/{name}.{section}")));
    let page = pages.iter().find(|page| page.is_file());
    let page = page.unwrap_or_else(|| panic!("no man page `{name}`"));
    if let Ok(output) = Command::new("man").arg("-l").arg(page).output() {
        assert!(
            output.status.success() && !output.stdout.is_empty(),
            "man {name}"
        );
    }
}

#[test]
fn the_table_has_every_command() {
    let (page, help) = (Page::read(), Help::new());
    let rows = page.rows("`dgw ");
    let named = rows
        .iter()
        .filter_map(|row| help.check(row[0].trim_matches('`')));
    let named = named.collect::<BTreeSet<_>>();
    assert_eq!(named, help.commands.iter().cloned().collect());
}

#[test]
fn help_lists_every_exit_code() {
    let help = User::new().stdout(&["--help"]);
    let codes = help
        .split("Exit codes:")
        .nth(1)
        .expect("exit codes in the help");
    let codes = codes
        .lines()
        .filter_map(|line| line.trim().split_once("  "));
    let codes = codes.flat_map(|(codes, _)| codes.split(", "));
    let codes = codes.map(str::parse).collect::<Result<BTreeSet<u8>, _>>();

    let numbers = |file: &str, pattern: &str| {
        let source = fs::read_to_string(repository().join(file)).expect(file);
        let pattern = Regex::new(pattern).expect("a valid pattern");
        let numbers = pattern
            .captures_iter(&source)
            .map(|found| found[1].parse::<u8>());
        numbers
            .collect::<Result<BTreeSet<_>, _>>()
            .expect("numbers")
    };
    let mut expected = numbers("src/error.rs", r"(?m)^ +Self::\w+ => (\d+),$");
    let signals = numbers("src/signals.rs", r"(?m)^    \w+ = (\d+),$");
    expected.extend(signals.iter().map(|signal| 128 + signal));
    assert!(expected.len() > 15, "only {expected:?}");
    assert_eq!(codes.expect("numbers"), expected);
}

#[test]
fn links_lead_somewhere() {
    for document in [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "SECURITY.md",
    ] {
        check_links(&Page::of(document));
    }
}

fn check_links(page: &Page) {
    let anchors = page.headings.iter().map(|heading| {
        let kept = heading
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.collect::<String>().to_lowercase().replace(' ', "-")
    });
    let anchors = anchors.collect::<BTreeSet<_>>();
    let link = Regex::new(r"\]\(([^)]+)\)").expect("a valid pattern");
    for target in link
        .captures_iter(&page.text)
        .map(|found| found[1].to_owned())
    {
        match target.strip_prefix('#') {
            Some(anchor) => assert!(anchors.contains(anchor), "{target}"),
            None if target.starts_with("https://") => {}
            None => assert!(repository().join(&target).is_file(), "{target}"),
        }
    }
}
