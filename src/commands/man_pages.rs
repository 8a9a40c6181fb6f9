//! The man pages, generated from the command line and from the texts beside this file.
//! `SNAPSHOTS=overwrite cargo test man_pages` regenerates them.

mod topic;

use std::fs;
use std::path::Path;

use clap::CommandFactory as _;
use clap::builder::Resettable;
use clap_mangen::roff::{Roff, roman};

use super::Cli;

const VERSION: &str = concat!("dgw ", env!("CARGO_PKG_VERSION"));

/// The pages that are not about a subcommand.
const TOPICS: [&str; 4] = [
    include_str!("man_pages/dgw-config.5.md"),
    include_str!("man_pages/dgw-idle.7.md"),
    include_str!("man_pages/dgw-scripts.7.md"),
    include_str!("man_pages/dgw-site.7.md"),
];

/// Returns every page: its file name and its text.
fn pages() -> Vec<(String, String)> {
    // The pages are the same with every feature.
    let mut root = Cli::command()
        .disable_help_subcommand(true)
        .long_version(Resettable::Reset);
    root.build();
    let subcommands = root
        .get_subcommands()
        .filter(|subcommand| !subcommand.is_hide_set())
        .cloned()
        .collect::<Vec<_>>();
    let mut names = vec!["dgw(1)".to_owned()];
    names.extend(TOPICS.map(|source| {
        let topic::Heading { name, section, .. } = topic::heading(source);
        format!("{name}({section})")
    }));
    names.extend(
        subcommands
            .iter()
            .map(|subcommand| format!("dgw-{}(1)", subcommand.get_name())),
    );
    let mut pages = vec![("dgw(1)".to_owned(), command_page(root, "dgw"))];
    for subcommand in subcommands {
        let name = format!("dgw-{}", subcommand.get_name());
        let text = command_page(subcommand.display_name(&name), &name);
        pages.push((format!("{name}(1)"), text));
    }
    for source in TOPICS {
        let topic::Heading { name, section, .. } = topic::heading(source);
        let text = topic::render(source, VERSION).render();
        pages.push((format!("{name}({section})"), text));
    }
    pages
        .into_iter()
        .map(|(page, text)| {
            let file = page.trim_end_matches(')').replace('(', ".");
            let see_also = see_also(&page, &text, &names);
            (file, text + &see_also)
        })
        .collect()
}

/// Renders the page of a command: clap's part of it, and a section for each one of its own text.
fn command_page(mut command: clap::Command, name: &str) -> String {
    let more = command.get_after_long_help().map(ToString::to_string);
    // clap_mangen's own synopsis omits the names of values and how many there may be.
    let usage = command
        .render_usage()
        .to_string()
        .trim_start_matches("Usage: ")
        .to_owned();
    // The text after the options becomes sections of its own, with its line breaks.
    let man = clap_mangen::Man::new(
        command
            .override_usage(usage)
            .after_long_help(Resettable::Reset),
    )
    .title(name.to_uppercase())
    .manual("Dask Gateway")
    .source(VERSION);
    let mut text = Vec::new();
    man.render(&mut text).expect("a page renders");
    let mut text = String::from_utf8(text).expect("a page is text");
    for section in more.unwrap_or_default().split("\n\n") {
        if let Some((title, lines)) = section.split_once(":\n") {
            let mut roff = Roff::new();
            roff.control("SH", [title.to_uppercase().as_str()]);
            roff.control("nf", []);
            roff.text(lines.split_inclusive('\n').map(roman).collect::<Vec<_>>());
            roff.control("fi", []);
            text.push_str(&roff.render());
        }
    }
    text
}

/// Renders the section that refers from `page` to others: dgw(1) refers to all of them, the others to
/// dgw(1), dgw-config(5), dgw-scripts(7) and those whose commands or names occur in `text`.
fn see_also(page: &str, text: &str, names: &[String]) -> String {
    let plain = text.replace("\\-", "-").replace("\\fR", "");
    let is_related = |name: &String| {
        let command = name.trim_end_matches("(1)").replacen('-', " ", 1);
        let pattern = format!(r"{}\b", regex::escape(&command));
        let is_named = regex::Regex::new(&pattern).is_ok_and(|pattern| pattern.is_match(&plain));
        let is_for_all = ["dgw(1)", "dgw-config(5)", "dgw-scripts(7)"].contains(&name.as_str());
        page == "dgw(1)" || is_for_all || plain.contains(name.as_str()) || is_named
    };
    let related = names
        .iter()
        .filter(|name| *name != page && is_related(name))
        .cloned()
        .collect::<Vec<_>>();
    let mut roff = Roff::new();
    roff.control("SH", ["SEE ALSO"])
        .text([roman(related.join(", "))]);
    roff.render()
}

#[test]
fn man_pages_are_current() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
    let pages = pages();
    for (file, text) in &pages {
        let shipped = snapbox::Data::read_from(&directory.join(file), None);
        snapbox::Assert::new()
            .action_env("SNAPSHOTS")
            .normalize_paths(false)
            .eq(text.as_str(), shipped.raw());
    }
    let mut existing = fs::read_dir(&directory)
        .expect("man/ is there")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .collect::<Vec<_>>();
    let mut expected = pages.into_iter().map(|(file, _)| file).collect::<Vec<_>>();
    existing.sort();
    expected.sort();
    assert_eq!(
        existing, expected,
        "a page for each subcommand and topic, and no other"
    );
}
