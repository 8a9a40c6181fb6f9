//! Writing to stdout.

use std::borrow::Cow;
use std::io::{self, Write};

use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat, stat};

use super::error::Error;

/// Replaces the text on the screen line by line: nothing flickers, and nothing scrolls out of it. The
/// last line counts the lines without room; `footer` follows it. These sequences aren't colour:
/// `NO_COLOR` doesn't apply.
pub(super) fn redraw(text: &str, footer: Option<&str>) -> Result<(), Error> {
    const HOME: &str = "\x1b[H";
    const END_LINE: &str = "\x1b[K\n";
    const CLEAR_BELOW: &str = "\x1b[J";
    let height = terminal_size::terminal_size().map_or(24, |(_, height)| usize::from(height.0));
    let mut shown = HOME.to_owned();
    let footer_lines = footer.iter().count();
    let lines = fitting(text, height.saturating_sub(1 + footer_lines));
    for line in lines.into_iter().chain(footer.map(Cow::from)) {
        shown.push_str(&line);
        shown.push_str(END_LINE);
    }
    shown.push_str(CLEAR_BELOW);
    write_to(io::stdout().lock(), &shown)
}

/// The lines of `text` that fit into `room` lines, and how many more there are.
fn fitting(text: &str, room: usize) -> Vec<Cow<'_, str>> {
    let count = text.lines().count();
    let kept = match room {
        // Nothing but the count would fit.
        ..2 => room,
        room if count > room => room - 1,
        _ => count,
    };
    let mut lines = text.lines().take(kept).map(Cow::from).collect::<Vec<_>>();
    if kept < count && kept < room {
        lines.push(format!("({} more)", count - kept).into());
    }
    lines
}

/// Writes data to stdout, without colour where stdout is not to have any. To parse a long text for
/// colour takes longer than to make it.
pub(super) fn write(text: &str) -> Result<(), Error> {
    if text.contains('\x1b') {
        write_to(anstream::stdout().lock(), text)
    } else {
        write_to(io::stdout().lock(), text)
    }
}

fn write_to(mut stdout: impl Write, text: &str) -> Result<(), Error> {
    let written = stdout.write_all(text.as_bytes());
    written.and_then(|()| stdout.flush()).map_err(Error::Stdout)
}

/// Returns true if data written to stdout is lost without an error: in the null device, which Rust's
/// runtime also opens in the place of a closed stdout, or in a descriptor that can't be written,
/// which Rust's standard library ignores. The two can't be told apart.
pub(super) fn is_discarded() -> bool {
    let stdout = io::stdout();
    let Ok(status) = fstat(&stdout) else {
        return true;
    };
    let is_null = FileType::from_raw_mode(status.st_mode) == FileType::CharacterDevice
        && stat("/dev/null").is_ok_and(|null| null.st_rdev == status.st_rdev);
    is_null || fcntl_getfl(&stdout).is_ok_and(|flags| (flags & OFlags::RWMODE) == OFlags::RDONLY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_the_lines_without_room() {
        for (room, shown) in [
            (5, "NAME,a,b,c"),
            (4, "NAME,a,b,c"),
            (3, "NAME,a,(2 more)"),
            (2, "NAME,(3 more)"),
            (1, "NAME"),
            (0, ""),
        ] {
            assert_eq!(fitting("NAME\na\nb\nc\n", room).join(","), shown);
        }
    }
}
