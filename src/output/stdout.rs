//! stdout: what is written to it, and whether that gets anywhere.

use std::borrow::Cow;
use std::io::{self, Write as _};
use std::path::Path;

use rustix::fs::{FileType, OFlags, fcntl_getfl, fstat, stat};

use crate::error::Error;

/// Writes over what the screen shows, line by line: nothing flickers, and nothing is pushed out of
/// it to scroll back to. The last line tells of those that it has no room for. These sequences aren't colour, so `NO_COLOR` has no say in them.
pub(super) fn redraw(text: &str) -> io::Result<()> {
    const HOME: &str = "\x1b[H";
    const END_LINE: &str = "\x1b[K\n";
    const CLEAR_BELOW: &str = "\x1b[J";
    let height = terminal_size::terminal_size().map_or(24, |(_, height)| usize::from(height.0));
    let mut shown = HOME.to_owned();
    for line in in_sight(text, height.saturating_sub(1)) {
        shown.push_str(&line);
        shown.push_str(END_LINE);
    }
    shown.push_str(CLEAR_BELOW);
    let mut stdout = io::stdout().lock();
    stdout.write_all(shown.as_bytes())?;
    stdout.flush()
}

/// As much of `text` as there is room for in so many lines, and how much more there is.
fn in_sight(text: &str, room: usize) -> Vec<Cow<'_, str>> {
    let count = text.lines().count();
    let kept = match room {
        // A line that says so would be all there is.
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

/// Writes data to stdout, whole or not at all as far as errors tell.
pub(super) fn write(text: &str) -> Result<(), Error> {
    let mut stdout = anstream::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(Error::Stdout)
}

/// Whether what is written is lost without an error: into the null device, which is also what Rust's
/// runtime opens in the place of a stdout that was closed, or into a descriptor that takes no writing,
/// which its standard library passes over. Not to be told from each other for certain.
pub(super) fn leads_nowhere() -> bool {
    let stdout = io::stdout();
    let Ok(there) = fstat(&stdout) else {
        return true;
    };
    let is_null = FileType::from_raw_mode(there.st_mode) == FileType::CharacterDevice
        && stat(Path::new("/dev/null")).is_ok_and(|null| null.st_rdev == there.st_rdev);
    is_null || fcntl_getfl(&stdout).is_ok_and(|flags| (flags & OFlags::RWMODE) == OFlags::RDONLY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_room_is_counted() {
        for (room, shown) in [
            (5, "NAME,a,b,c"),
            (4, "NAME,a,b,c"),
            (3, "NAME,a,(2 more)"),
            (2, "NAME,(3 more)"),
            (1, "NAME"),
            (0, ""),
        ] {
            assert_eq!(in_sight("NAME\na\nb\nc\n", room).join(","), shown);
        }
    }
}
