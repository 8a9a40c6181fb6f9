//! Questions on the terminal, and answers from there or from a pipe.

use std::io::{self, IsTerminal as _, Read as _, Write as _};

use anyhow::Context as _;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::escape;
use super::printer::Printer;
use crate::error::Error;

/// Far longer than any token.
const SIZE_LIMIT: u64 = 64 * 1024;

/// Whether what is typed is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Echo {
    On,
    Off,
}

/// The terminal of stdin as it was. Dropped, it is so again: after an answer, and after a signal.
struct Restored(Termios);

impl Printer {
    /// Whether somebody can be asked.
    pub(crate) fn can_ask() -> bool {
        io::stdin().is_terminal()
    }

    /// Asks on stderr, and reads a line from stdin, a terminal or not; without its end. Only a
    /// terminal is asked.
    ///
    /// # Errors
    /// stdin can't be read, holds more than a line, or isn't text.
    pub(crate) async fn ask(question: &str, echo: Echo) -> Result<String, Error> {
        if !Self::can_ask() {
            // The thread that waits must not be the one that minds signals.
            let line = tokio::task::spawn_blocking(piped);
            return line.await.context("can't wait for stdin")?;
        }
        // Before the question: what is typed after it must not be seen.
        let restored = match echo {
            Echo::On => None,
            Echo::Off => Some(Restored::hide().context("can't hide what is typed")?),
        };
        let mut stderr = anstream::stderr();
        let _ = write!(stderr, "{}: ", escape::text(question));
        let _ = stderr.flush();
        // Whoever stops waiting for it leaves it behind.
        let line = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            io::stdin().read_line(&mut line).map(|_| line)
        });
        let line = line.await.context("can't wait for the answer")?;
        drop(restored);
        let line = line.context("can't read the answer")?;
        if !line.ends_with('\n') {
            // The end of input leaves the cursor where it is.
            let _ = writeln!(stderr);
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}

impl Restored {
    /// Stops the echo, but for that of the line's end; drops what was typed before.
    fn hide() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ECHONL);
        tcsetattr(io::stdin(), OptionalActions::Flush, &hidden)?;
        Ok(Self(before))
    }
}

impl Drop for Restored {
    fn drop(&mut self) {
        // `Now`, not `Drain`: a terminal that has hung up would never drain.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

fn piped() -> Result<String, Error> {
    let mut text = String::new();
    let mut stdin = io::stdin().lock().take(SIZE_LIMIT);
    stdin
        .read_to_string(&mut text)
        .context("can't read the secret from stdin")?;
    let mut lines = text.lines();
    let line = lines.next().unwrap_or_default().to_owned();
    if lines.any(|line| !line.trim().is_empty()) {
        return Err(Error::Usage(
            "stdin holds more than one line: give it the secret alone".to_owned(),
        ));
    }
    Ok(line)
}
