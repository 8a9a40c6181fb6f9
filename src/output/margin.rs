//! A line of the terminal that changes, with room left at its end.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::TermLike;

/// What a person may type at the end of the line, as the `^C` of Ctrl-C, stays in the line, and goes
/// when that is cleared. Without it the cursor would stand at the edge, and the line be left behind.
const MARGIN: u16 = 8;

/// The terminal that stderr is, narrower by a margin.
#[derive(Debug, Default)]
pub(super) struct Margin {
    /// What one drawing writes, until it is flushed.
    drawn: Mutex<String>,
}

impl Margin {
    fn drawn(&self) -> MutexGuard<'_, String> {
        self.drawn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn step(&self, lines: usize, direction: char) {
        if lines > 0 {
            let _ = write!(self.drawn(), "\x1b[{lines}{direction}");
        }
    }
}

fn size() -> (u16, u16) {
    let size = terminal_size::terminal_size_of(io::stderr());
    size.map_or((80, 24), |(width, height)| (width.0, height.0))
}

impl TermLike for Margin {
    fn width(&self) -> u16 {
        let (width, _) = size();
        // Of a narrow terminal the line keeps the half.
        width - MARGIN.min(width / 2)
    }

    fn height(&self) -> u16 {
        size().1
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.step(n, 'A');
        Ok(())
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.step(n, 'B');
        Ok(())
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.step(n, 'C');
        Ok(())
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.step(n, 'D');
        Ok(())
    }

    fn write_line(&self, s: &str) -> io::Result<()> {
        let _ = writeln!(self.drawn(), "{s}");
        Ok(())
    }

    fn write_str(&self, s: &str) -> io::Result<()> {
        self.drawn().push_str(s);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        self.drawn().push_str("\r\x1b[2K");
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let mut drawn = self.drawn();
        let mut stderr = io::stderr().lock();
        stderr.write_all(drawn.as_bytes())?;
        drawn.clear();
        stderr.flush()
    }
}
