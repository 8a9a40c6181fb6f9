//! The capabilities of the terminal that dgw runs in, and text fitted to it.

use std::io::{self, IsTerminal as _};

use anstyle::AnsiColor;

/// Returns true if the terminal moves no cursor and clears no line, but only takes text as a file
/// does.
pub(crate) fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Returns true if the locale's encoding has more than ASCII.
pub(super) fn is_unicode() -> bool {
    let mut variables = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter();
    let locale = variables.find_map(|name| {
        let value = std::env::var(name).ok();
        value.filter(|value| !value.is_empty())
    });
    let locale = locale.unwrap_or_default().to_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// The width of the terminal that stdout is. Elsewhere the one in `COLUMNS`, which programs like
/// `watch` set for the commands whose output they show; `None` where neither tells.
pub(super) fn width() -> Option<usize> {
    let is_terminal = io::stdout().is_terminal();
    let size = is_terminal.then(terminal_size::terminal_size).flatten();
    size.map(|(width, _)| usize::from(width.0)).or_else(|| {
        let columns = std::env::var("COLUMNS").ok()?.parse().ok()?;
        (columns > 0).then_some(columns)
    })
}

/// Returns true if stdout gets colour, by `--color`, `NO_COLOR`, `CLICOLOR_FORCE` and what it is.
pub(super) fn has_colour() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
}

/// A coloured word at the start of a line; the stream it is printed to removes unwanted colour.
pub(super) fn label(word: &str, colour: AnsiColor) -> String {
    let style = colour.on_default().bold();
    format!("{style}{word}{style:#}")
}

/// One line of text as lines of at most `width` columns, each with a line break: the first begins
/// with `first`, the others with `rest`. They are broken at spaces only, so that paths and commands
/// can be copied.
pub(super) fn wrapped(text: &str, width: Option<usize>, first: &str, rest: &str) -> String {
    let options = textwrap::Options::new(width.unwrap_or(usize::MAX))
        .initial_indent(first)
        .subsequent_indent(rest)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation);
    let lines = textwrap::wrap(text, options);
    let lines = lines.iter().map(|line| format!("{}\n", line.trim_end()));
    lines.collect()
}
