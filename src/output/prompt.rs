//! Questions on the terminal, and answers from there or from a pipe.

use std::io::{self, IsTerminal as _, Read as _, Write as _};

use anyhow::Context as _;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::error::Error;
use super::escape;
use super::printer::Printer;
use super::stderr::print_line;
use crate::signals::{Suspension, SuspensionEvent};
use crate::thread::{self, BlockingWork};

/// The most that is read from a pipe; far longer than any token.
const SIZE_LIMIT: u64 = 64 * 1024;

/// The terminal's echo while the user types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Echo {
    On,
    Off,
}

/// Hides what is typed on stdin's terminal, except for the end of the line. Dropped, after an answer
/// or a signal, it restores the echo.
struct HiddenInput {
    before: Termios,
    hidden: Termios,
}

const CANNOT_HIDE: &str = "can't hide what is typed";
const CANNOT_READ: &str = "can't read your input";

impl Printer {
    /// Returns true if stdin is a terminal.
    pub(crate) fn can_ask() -> bool {
        io::stdin().is_terminal()
    }

    /// Returns true if [`Printer::confirm`] can ask.
    pub(crate) fn can_confirm() -> bool {
        Self::can_ask() && io::stderr().is_terminal()
    }

    /// Reads `what` from a line on stdin, and returns it without the line's end. If stdin is a
    /// terminal, it first asks for it on stderr, with `note` after it.
    ///
    /// # Errors
    /// Fails if stdin can't be read, holds nothing or more than a line, or isn't UTF-8.
    pub(crate) async fn ask(what: &str, note: &str, echo: Echo) -> Result<String, Error> {
        let nothing = || Error::NoInput(what.to_owned());
        if !Self::can_ask() {
            // Not on this thread, which handles signals.
            let line = thread::start(piped)
                .context(CANNOT_READ)?
                .await
                .context(CANNOT_READ)??;
            return line.ok_or_else(nothing);
        }
        let question = format!("{what}{note}: ");
        // Before the question: neither a quick answer nor a quick Ctrl-Z may find the echo on.
        let mut suspension = Suspension::listen().map_err(anyhow::Error::from)?;
        let hidden = match echo {
            Echo::On => None,
            Echo::Off => Some(HiddenInput::new().context(CANNOT_HIDE)?),
        };
        put(&question);
        let mut open_line = OpenLine(true);
        let mut reading = read_line().context(CANNOT_READ)?;
        let line = loop {
            tokio::select! {
                line = &mut reading => break line,
                turn = suspension.next() => match turn {
                    SuspensionEvent::Stop => {
                        hidden.as_ref().map(HiddenInput::pause);
                        Suspension::stop();
                    }
                    SuspensionEvent::Continue => {
                        hidden.as_ref().map_or(Ok(()), HiddenInput::resume).context(CANNOT_HIDE)?;
                        put(&question);
                    }
                },
            }
        };
        drop(hidden);
        let line = line.context(CANNOT_READ)?.context(CANNOT_READ)?;
        // The end of input leaves the cursor where it is.
        open_line.0 = !line.ends_with('\n');
        drop(open_line);
        if line.is_empty() {
            return Err(nothing());
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }

    /// Shows `subject` and asks `question` on stderr; returns true only for a clear yes. The runtime
    /// goes on meanwhile, and with it the connection to the gateway.
    ///
    /// # Errors
    /// Fails if stdin or stderr is no terminal.
    pub(crate) async fn confirm(subject: &[String], question: &str) -> Result<bool, Error> {
        for text in subject {
            print_line(&format!("  {}", escape::text(text)));
        }
        if !Self::can_confirm() {
            return Err(Error::NeedsYes);
        }
        put(&format!("{question} [y/N] "));
        let answer = read_line()
            .context(CANNOT_READ)?
            .await
            .context(CANNOT_READ)?;
        let answer = answer.context(CANNOT_READ)?.trim().to_lowercase();
        Ok(["y", "yes"].contains(&answer.as_str()))
    }
}

/// The line of a question, which ends when this is dropped, also by an interrupt; unless the answer
/// ended it.
struct OpenLine(bool);

impl Drop for OpenLine {
    fn drop(&mut self) {
        if self.0 {
            print_line("");
        }
    }
}

impl HiddenInput {
    fn new() -> io::Result<Self> {
        let before = tcgetattr(io::stdin())?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        hidden.local_modes.insert(LocalModes::ECHONL);
        let this = Self { before, hidden };
        this.resume().map(|()| this)
    }

    /// Hides what is typed, and drops what was typed before.
    fn resume(&self) -> io::Result<()> {
        let mode = OptionalActions::Flush;
        Ok(tcsetattr(io::stdin(), mode, &self.hidden)?)
    }

    fn pause(&self) {
        // `Now`, not `Drain`: a terminal that has hung up would never drain.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.before);
    }
}

impl Drop for HiddenInput {
    fn drop(&mut self) {
        self.pause();
    }
}

fn put(question: &str) {
    let mut stderr = anstream::stderr();
    let _ = write!(stderr, "{}", escape::text(question));
    let _ = stderr.flush();
}

/// Reads a line on a thread of its own, which is left behind if the line is no longer wanted.
fn read_line() -> io::Result<BlockingWork<io::Result<String>>> {
    thread::start(|| {
        let mut line = String::new();
        io::stdin().read_line(&mut line).map(|_| line)
    })
}

/// The only line on stdin; `None` where there is nothing at all.
fn piped() -> Result<Option<String>, Error> {
    let mut text = String::new();
    let mut stdin = io::stdin().lock().take(SIZE_LIMIT);
    stdin
        .read_to_string(&mut text)
        .context("can't read the secret from stdin")?;
    let mut lines = text.lines();
    let line = lines.next().map(str::to_owned);
    if lines.any(|line| !line.trim().is_empty()) {
        return Err(Error::SeveralLines);
    }
    Ok(line)
}
