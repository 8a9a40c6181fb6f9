//! The man pages, generated from the command line. `SNAPSHOTS=overwrite cargo test` regenerates them.

use std::fs;
use std::path::Path;

use clap::CommandFactory as _;
use clap::builder::Resettable;
use clap_mangen::roff::{Roff, roman};

use super::Cli;

/// Returns every page: its file name and its text.
fn pages() -> Vec<(String, String)> {
    // The pages are the same with every feature.
    let mut root = Cli::command()
        .disable_help_subcommand(true)
        .long_version(Resettable::Reset);
    root.build();
    let subcommands = root
        .get_subcommands()
        .filter(|subcommand| !subcommand.is_hide_set());
    let subcommands = subcommands.map(|subcommand| {
        let name = format!("dgw-{}", subcommand.get_name());
        page(subcommand.clone().display_name(&name), &name)
    });
    let mut pages = subcommands.collect::<Vec<_>>();
    pages.push(page(root.clone(), "dgw"));
    pages
}

fn page(mut command: clap::Command, name: &str) -> (String, String) {
    let version = concat!("dgw ", env!("CARGO_PKG_VERSION"));
    let more = command.get_after_long_help().map(ToString::to_string);
    let see_also = if name == "dgw" {
        let shown = command
            .get_subcommands()
            .filter(|command| !command.is_hide_set());
        let pages = shown
            .map(clap::Command::get_name)
            .filter(|name| *name != "help")
            .map(|name| format!("dgw-{name}(1)"));
        pages.collect::<Vec<_>>().join(", ")
    } else {
        "dgw(1)".to_owned()
    };
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
    .source(version);
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
    let mut roff = Roff::new();
    roff.control("SH", ["SEE ALSO"]).text([roman(see_also)]);
    text.push_str(&roff.render());
    (format!("{name}.1"), text)
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
        "a page for each subcommand, and no other"
    );
}
