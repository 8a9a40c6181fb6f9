//! The line of stderr's terminal on which the spinner turns.

use std::io::{self, Write as _};

use indicatif::TermLike;

/// The columns left free at the right for the `^C` that the terminal shows. If it wrapped, the line of
/// the spinner could not be cleared.
const FREE: u16 = 2;

/// Stderr's terminal, a little narrower.
#[derive(Debug)]
pub(super) struct SpinnerLine;

impl SpinnerLine {
    fn size() -> (u16, u16) {
        let size = terminal_size::terminal_size_of(io::stderr());
        size.map_or((80, 24), |(width, height)| (width.0, height.0))
    }
}

impl TermLike for SpinnerLine {
    fn width(&self) -> u16 {
        Self::size().0.saturating_sub(FREE).max(1)
    }

    fn height(&self) -> u16 {
        Self::size().1
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        moved(lines, 'A')
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        moved(lines, 'B')
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        moved(columns, 'C')
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        moved(columns, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(&format!("{text}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        io::stderr().write_all(text.as_bytes())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.write_str("\r\x1b[2K")
    }

    fn flush(&self) -> io::Result<()> {
        io::stderr().flush()
    }
}

fn moved(distance: usize, direction: char) -> io::Result<()> {
    match distance {
        0 => Ok(()),
        _ => SpinnerLine.write_str(&format!("\x1b[{distance}{direction}")),
    }
}
