//! Pages that are not about a subcommand: from a subset of Markdown to man's own language.
//!
//! A page has one heading (`# name(section): description`), sections (`## Title`), paragraphs, lists,
//! tables of two columns and blocks between fences. Text between backticks becomes bold.

use std::iter::Peekable;
use std::str::Lines;

use clap_mangen::roff::{Inline, Roff, bold, roman};

/// The name of a page, such as `dgw-config`, its section, and a line about it.
pub(super) struct Heading<'a> {
    pub(super) name: &'a str,
    pub(super) section: &'a str,
    description: &'a str,
}

/// Returns the heading of the page.
pub(super) fn heading(source: &str) -> Heading<'_> {
    let line = source.lines().next().unwrap_or_default();
    let (title, description) = line
        .trim_start_matches("# ")
        .split_once(": ")
        .expect("`# name(section): description`");
    let (name, section) = title.split_once('(').expect("a section");
    Heading {
        name,
        section: section.trim_end_matches(')'),
        description,
    }
}

/// Renders the page, except for what follows its text.
pub(super) fn render(source: &str, version: &str) -> Roff {
    let Heading {
        name,
        section,
        description,
    } = heading(source);
    let mut roff = Roff::new();
    let title = name.to_uppercase();
    roff.control("TH", [&*title, section, "", version, "Dask Gateway"]);
    // Names of flags and keys must stay whole.
    roff.control("nh", []);
    roff.control("ad", ["l"]);
    roff.control("SH", ["NAME"]);
    roff.text([roman(format!("{name} - {description}"))]);
    let mut lines = source.lines().peekable();
    lines.next();
    while let Some(line) = lines.next() {
        if let Some(title) = line.strip_prefix("## ") {
            roff.control("SH", [&*title.to_uppercase()]);
        } else if line.starts_with("```") {
            literal(&mut lines, &mut roff);
        } else if line.starts_with('|') {
            row(line, &mut lines, &mut roff);
        } else if let Some(item) = line.strip_prefix("- ") {
            roff.control("IP", ["\u{2022}", "2"]);
            roff.text(spans(&paragraph(item, &mut lines)));
        } else if let Some((number, item)) = line.split_once(". ").filter(|(n, _)| is_number(n)) {
            roff.control("IP", [&*format!("{number}."), "3"]);
            roff.text(spans(&paragraph(item, &mut lines)));
        } else if !line.is_empty() {
            roff.control("PP", []);
            roff.text(spans(&paragraph(line, &mut lines)));
        }
    }
    roff
}

fn is_number(text: &str) -> bool {
    text.parse::<u8>().is_ok()
}

/// Renders the lines up to the closing fence as they are.
fn literal(lines: &mut Peekable<Lines<'_>>, roff: &mut Roff) {
    roff.control("PP", []);
    roff.control("RS", ["4"]);
    roff.control("nf", []);
    for line in lines.take_while(|line| *line != "```") {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff.control("RE", []);
}

/// Renders a table's row, unless it is the header.
fn row(line: &str, lines: &mut Peekable<Lines<'_>>, roff: &mut Roff) {
    let is_header = lines.next_if(|next| next.starts_with("|--")).is_some();
    if !is_header {
        let cells = line.trim_matches(['|', ' ']).split_once(" | ");
        let (term, meaning) = cells.expect("two cells");
        roff.control("TP", []);
        roff.text(spans(term));
        roff.text(spans(meaning));
    }
}

/// Joins the lines of a paragraph or of a list's item that begins with `first`.
fn paragraph(first: &str, lines: &mut Peekable<Lines<'_>>) -> String {
    let is_more = |line: &&str| !line.is_empty() && !line.starts_with("- ") && !starts_item(line);
    let mut text = first.to_owned();
    while let Some(line) = lines.next_if(is_more) {
        text.push(' ');
        text.push_str(line.trim());
    }
    text
}

fn starts_item(line: &str) -> bool {
    line.split_once(". ").is_some_and(|(n, _)| is_number(n))
}

/// Splits text at backticks, between which it becomes bold.
fn spans(text: &str) -> Vec<Inline> {
    text.split('`')
        .enumerate()
        .filter(|(_, part)| !part.is_empty())
        .map(|(at, part)| if at % 2 == 0 { roman(part) } else { bold(part) })
        .collect()
}
