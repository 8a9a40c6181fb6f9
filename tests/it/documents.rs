//! The documents at the top of the repository name files and commands that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use regex::Regex;

use crate::readme::{Help, Page};
use crate::support::repository;

/// cargo's subcommands that are programs of their own, and may not be installed.
const CARGO_EXTENSIONS: [&str; 4] = ["deny", "fuzz", "mutants", "nextest"];

/// Directories that are made, not committed.
const MADE: [&str; 1] = ["target/"];

/// Documents that name what is no longer there: history.
const HISTORY: [&str; 1] = ["CHANGELOG.md"];

/// A piece of code in a document: between backticks, or a line of a code block.
struct Code {
    document: String,
    text: String,
}

fn documents() -> Vec<String> {
    let entries = fs::read_dir(repository()).expect("the repository");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let names = names.filter_map(|name| name.into_string().ok());
    names
        .filter(|name| is_markdown(name) && !HISTORY.contains(&&**name))
        .collect()
}

fn is_markdown(name: &str) -> bool {
    Path::new(name).extension() == Some("md".as_ref())
}

fn spans() -> Vec<Code> {
    let spans_of = |document: String| {
        let spans = Page::of(&document).spans.into_iter();
        spans.map(move |span| Code {
            document: document.clone(),
            text: span.text,
        })
    };
    documents().into_iter().flat_map(spans_of).collect()
}

fn lines() -> Vec<Code> {
    let lines_of = |document: String| {
        let blocks = Page::of(&document).blocks.into_iter();
        let is_shell = |language: &str| ["sh", "console"].contains(&language);
        let lines = blocks
            .filter(|block| is_shell(&block.language))
            .flat_map(|block| {
                let text = block.text;
                text.lines().map(str::to_owned).collect::<Vec<_>>()
            })
            .collect::<Vec<_>>();
        lines.into_iter().map(move |text| Code {
            document: document.clone(),
            text,
        })
    };
    documents().into_iter().flat_map(lines_of).collect()
}

/// Returns the words of a command after its variables, without what another program reads: a
/// comment, a pipe, a redirection.
fn words(line: &str) -> Vec<&str> {
    let line = line.trim_start_matches("$ ");
    let words = line.split_whitespace();
    words
        .skip_while(|word| word.contains('=') && !word.starts_with('-'))
        .take_while(|word| !["#", "|", ">", ">>", "&&", "||"].contains(word))
        .collect()
}

/// Returns true if `word` has the form of a path in the repository, placeholders included.
fn is_repository_path(word: &str) -> bool {
    static PATH: LazyLock<Regex> = LazyLock::new(|| {
        let pattern = r"^(?:[\w.][\w.*-]*/[\w./*-]*|[\w-]*\.(?:rs|md|toml))$";
        Regex::new(pattern).expect("a valid pattern")
    });
    // `PREFIX/etc/dask` is somewhere else.
    let first = word.split('/').next().unwrap_or_default();
    let is_placeholder = first.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    PATH.is_match(word) && !is_placeholder
}

/// Returns true if `path` is there, as far as it has no placeholder (`*`, or in capitals) in it.
fn is_there(path: &str) -> bool {
    let is_literal = |part: &&str| {
        let name = part.split('.').next().unwrap_or_default();
        let is_capitals = !name.is_empty() && name.chars().all(|c| c.is_ascii_uppercase());
        !part.contains('*') && (is_markdown(part) || !is_capitals)
    };
    let literal = path.split('/').take_while(is_literal);
    let literal = literal.collect::<Vec<_>>().join("/");
    repository().join(literal).exists()
}

#[test]
fn every_path_exists() {
    let spans = spans();
    let lines = lines();
    let in_lines = lines.iter().flat_map(|line| {
        words(&line.text)
            .into_iter()
            .map(|word| (&line.document, word))
    });
    let in_spans = spans.iter().flat_map(|span| {
        words(&span.text)
            .into_iter()
            .map(|word| (&span.document, word))
    });
    let mut found = 0;
    for (document, word) in in_spans.chain(in_lines) {
        let is_made = MADE.iter().any(|made| word.starts_with(made));
        if is_repository_path(word) && !is_made {
            assert!(is_there(word), "{document}: there is no `{word}`");
            found += 1;
        }
    }
    assert!(found > 5, "only {found} paths are recognized");
}

#[test]
fn paths_are_recognized() {
    for path in [
        "src/cli.rs",
        "tests/it/",
        ".ci/run",
        "src/*/error.rs",
        "Cargo.toml",
    ] {
        assert!(is_repository_path(path), "{path}");
        assert!(is_there(path), "{path}");
    }
    for path in ["src/no_such_file.rs", "scr/cli.rs", "no_such_file.md"] {
        assert!(is_repository_path(path), "{path}");
        assert!(!is_there(path), "{path}");
    }
    for other in [
        "/etc/dask",
        "~/.config/dask",
        "PREFIX/etc/dask",
        "https://a.example/b",
    ] {
        assert!(!is_repository_path(other), "{other}");
    }
}

#[test]
fn every_dgw_command_exists() {
    let help = Help::new();
    // What README shows is checked where it is run.
    let spans = spans().into_iter();
    let lines = lines().into_iter();
    for Code { text, .. } in spans
        .chain(lines)
        .filter(|code| code.document != "README.md")
    {
        let words = words(&text);
        let is_placeholder = |word: &&str| word.starts_with(|c: char| c.is_ascii_uppercase());
        if words.first() == Some(&"dgw") && !words.get(1).is_some_and(is_placeholder) {
            help.check(&words.join(" "));
        }
    }
}

#[test]
fn every_cargo_command_exists() {
    let mut checked = BTreeSet::new();
    for Code { document, text } in spans().into_iter().chain(lines()) {
        let words = words(&text);
        if let ["cargo", subcommand, arguments @ ..] = &*words {
            let problem = problem_of_cargo(subcommand, arguments);
            assert_eq!(problem, None, "{document}: {text}");
            checked.insert(text);
        }
    }
    assert!(checked.len() > 2, "only {checked:?}");
}

#[test]
fn wrong_cargo_commands_are_recognized() {
    for (command, problem) in [
        ("tset", "no subcommand"),
        ("test --no-such-flag", "no flag"),
        ("test --test itt", "no file"),
        ("test --features kerberoz", "no feature"),
        ("test -- --ignored no_such_module", "no module"),
    ] {
        let words = words(command);
        let found = problem_of_cargo(words[0], &words[1..]).unwrap_or_default();
        assert!(found.starts_with(problem), "{command}: {found}");
    }
}

/// Returns the first thing in `cargo SUBCOMMAND ARGUMENTS…` that does not exist.
fn problem_of_cargo(subcommand: &str, arguments: &[&str]) -> Option<String> {
    let mut help = Command::new(env!("CARGO"));
    let help = help.args([subcommand, "--help"]).output().expect("cargo");
    if !help.status.success() {
        let is_known = CARGO_EXTENSIONS.contains(&subcommand);
        return (!is_known).then(|| format!("no subcommand `{subcommand}`"));
    }
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let mut parts = arguments.split(|word| *word == "--");
    let own = parts.next().unwrap_or_default();
    for (at, flag) in own.iter().enumerate() {
        let (flag, value) = match flag.split_once('=') {
            Some((flag, value)) => (flag, Some(value)),
            None => (*flag, own.get(at + 1).copied()),
        };
        if flag.starts_with('-') && !has_flag(&help, flag) {
            return Some(format!("no flag `{flag}`"));
        }
        let value = value.unwrap_or_default();
        if flag == "--test" && !repository().join("tests").join(value).is_dir() {
            return Some(format!("no file of tests `{value}`"));
        }
        if flag == "--features" && !has_feature(value) {
            return Some(format!("no feature `{value}`"));
        }
    }
    let of_tests = parts.next().filter(|_| subcommand == "test");
    let mut filters = of_tests.unwrap_or_default().iter();
    let unknown = filters.find(|filter| !filter.starts_with('-') && !is_module_of_tests(filter))?;
    Some(format!("no module of tests `{unknown}`"))
}

fn has_flag(help: &str, flag: &str) -> bool {
    let pattern = format!(r"(?m)(?:^|[ \[,]){}(?:[ ,.=\[\]]|$)", regex::escape(flag));
    let pattern = Regex::new(&pattern).expect("a valid pattern");
    pattern.is_match(help)
}

fn has_feature(name: &str) -> bool {
    let manifest = fs::read_to_string(repository().join("Cargo.toml")).expect("Cargo.toml");
    let (_, features) = manifest.split_once("[features]").expect("features");
    let features = features.split("\n[").next().unwrap_or_default();
    let is_it = |line: &str| line.starts_with(&format!("{name} = "));
    features.lines().any(is_it)
}

/// Returns true if `filter` selects a module of `tests/it`: by its name, or the end of it.
fn is_module_of_tests(filter: &str) -> bool {
    let filter = filter.trim_end_matches("::");
    let entries = fs::read_dir(repository().join("tests/it")).expect("tests/it");
    let files = entries.map(|entry| entry.expect("an entry").path());
    let name_of = |path: &Path| Some(path.file_stem()?.to_str()?.to_owned());
    let mut names = files.filter_map(|path| name_of(&path));
    names.any(|name| name.ends_with(filter))
}
