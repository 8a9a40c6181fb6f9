//! Questions on the terminal, and answers from there or from a pipe.

use std::io::{self, IsTerminal as _, Read as _, Write as _};

use anyhow::Context as _;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::escape;
use super::printer::Printer;
use super::suspension::{Suspension, Turn};
use crate::error::Error;

/// Far longer than any token.
const SIZE_LIMIT: u64 = 64 * 1024;

/// Whether what is typed is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Echo {
    On,
    Off,
}

/// What is typed on the terminal of stdin isn't echoed, but for the line's end. Dropped, it is again:
/// after an answer, and after a signal.
struct Hidden {
    before: Termios,
    hidden: Termios,
}

const CANNOT_HIDE: &str = "can't hide what is typed";

impl Printer {
    /// Whether somebody can be asked.
    pub(crate) fn can_ask() -> bool {
        io::stdin().is_terminal()
    }

    /// Asks for `what` on stderr, with a `note` to it, and reads a line from stdin, a terminal or not;
    /// without its end. Only a terminal is asked.
    ///
    /// # Errors
    /// stdin can't be read, holds nothing or more than a line, or isn't text.
    pub(crate) async fn ask(what: &str, note: &str, echo: Echo) -> Result<String, Error> {
        let nothing = || Error::Usage(format!("no {what} on stdin"));
        if !Self::can_ask() {
            // The thread that waits must not be the one that minds signals.
            let line = tokio::task::spawn_blocking(piped);
            let line = line.await.context("can't wait for stdin")??;
            return line.ok_or_else(nothing);
        }
        let question = &format!("{what}{note}");
        // All before the question: who stops dgw at once, or types at once, must not find the echo on.
        let mut suspension = Suspension::listen()?;
        let hidden = match echo {
            Echo::On => None,
            Echo::Off => Some(Hidden::new().context(CANNOT_HIDE)?),
        };
        put(question);
        // Whoever stops waiting for it leaves it behind.
        let mut line = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            io::stdin().read_line(&mut line).map(|_| line)
        });
        let line = loop {
            tokio::select! {
                line = &mut line => break line.context("can't wait for the answer")?,
                turn = suspension.next() => match turn {
                    Turn::Asked => {
                        hidden.as_ref().map(Hidden::pause);
                        Suspension::begin();
                    }
                    Turn::Over => {
                        hidden.as_ref().map_or(Ok(()), Hidden::resume).context(CANNOT_HIDE)?;
                        put(question);
                    }
                },
            }
        };
        drop(hidden);
        let line = line.context("can't read the answer")?;
        if !line.ends_with('\n') {
            // The end of input leaves the cursor where it is.
            let _ = writeln!(anstream::stderr());
        }
        if line.is_empty() {
            return Err(nothing());
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}

impl Hidden {
    fn new() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ECHONL);
        let this = Self { before, hidden };
        this.resume().map(|()| this)
    }

    /// Drops what was typed before.
    fn resume(&self) -> io::Result<()> {
        Ok(tcsetattr(
            io::stdin(),
            OptionalActions::Flush,
            &self.hidden,
        )?)
    }

    fn pause(&self) {
        // `Now`, not `Drain`: a terminal that has hung up would never drain.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        self.pause();
    }
}

fn put(question: &str) {
    let mut stderr = anstream::stderr();
    let _ = write!(stderr, "{}: ", escape::text(question));
    let _ = stderr.flush();
}

/// The line on stdin; `None` where there is nothing at all.
fn piped() -> Result<Option<String>, Error> {
    let mut text = String::new();
    let mut stdin = io::stdin().lock().take(SIZE_LIMIT);
    stdin
        .read_to_string(&mut text)
        .context("can't read the secret from stdin")?;
    let mut lines = text.lines();
    let line = lines.next().map(str::to_owned);
    if lines.any(|line| !line.trim().is_empty()) {
        return Err(Error::Usage(
            "stdin holds more than one line: give it the secret alone".to_owned(),
        ));
    }
    Ok(line)
}
