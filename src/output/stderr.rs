//! Lines on stderr.

use std::io::Write as _;

/// Prints a line on stderr; a failure can't be reported anywhere.
pub(super) fn print_line(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}
