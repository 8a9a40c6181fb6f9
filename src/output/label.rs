//! Words that begin what is said.

use anstyle::AnsiColor;

/// A coloured word; whoever prints it takes the colour out where it isn't wanted.
pub(super) fn label(word: &str, colour: AnsiColor) -> String {
    let style = colour.on_default().bold();
    format!("{style}{word}{style:#}")
}
