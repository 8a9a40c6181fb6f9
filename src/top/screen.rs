//! Takes over the terminal, and restores it.

use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write as _};
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{self, Event};
use ratatui::crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{execute, queue};
use ratatui::layout::{Position, Rect};
use ratatui::{Frame, Terminal};
use tokio::sync::mpsc;

use crate::error::{ExitCode, Failure};
use crate::output::{Format, Printer, is_dumb_terminal};
use crate::thread;

/// True while the terminal is taken over.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// The size of a frame of a large screen, so that it is written at once.
const FRAME: usize = 64 * 1024;

/// Why `dgw top` can't use the terminal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScreenError {
    #[error("{0}")]
    Unavailable(&'static str),
    #[error("can't read or write the terminal: {0}")]
    Terminal(#[from] io::Error),
}

impl Failure for ScreenError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Unavailable(_) => ExitCode::Usage,
            Self::Terminal(_) => ExitCode::Other,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = "`dgw list -o wide --watch` and `dgw show` show the same without a terminal";
        matches!(self, Self::Unavailable(_)).then(|| hint.to_owned())
    }
}

/// Checks that there is a terminal to draw on, and nothing else that would write to it.
///
/// # Errors
/// stdin or stdout is no terminal, the terminal can't move its cursor, another output format was
/// requested, or `-v` logs to the same terminal.
pub(crate) fn require_screen(printer: &Printer) -> Result<(), ScreenError> {
    let missing = missing(
        printer.format(),
        io::stdin().is_terminal() && io::stdout().is_terminal(),
        is_dumb_terminal(),
        printer.is_verbose() && io::stderr().is_terminal(),
    );
    missing.map_or(Ok(()), |what| Err(ScreenError::Unavailable(what)))
}

fn missing(
    format: Format,
    has_terminal: bool,
    is_dumb: bool,
    has_log: bool,
) -> Option<&'static str> {
    if format != Format::Table {
        Some("`dgw top` has no other output format: leave out `-o`")
    } else if !has_terminal {
        Some("`dgw top` needs a terminal on stdin and stdout")
    } else if is_dumb {
        Some("`dgw top` does not work with TERM=dumb")
    } else if has_log {
        Some("`dgw top -v` writes to the screen: redirect stderr to a file")
    } else {
        None
    }
}

/// The terminal while dgw uses it. Dropping it, or a panic, restores the terminal.
pub(super) struct Screen {
    /// Never dropped: it would print to stderr that it can't show the cursor, and panic where
    /// stderr is a terminal that has hung up.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<BufWriter<Stdout>>>>,
}

impl Screen {
    /// Takes over the terminal.
    ///
    /// # Errors
    /// The terminal can't be set up or written.
    pub(super) fn open() -> Result<Self, ScreenError> {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            previous(panic);
        }));
        let writer = BufWriter::with_capacity(FRAME, io::stdout());
        let terminal = Terminal::new(CrosstermBackend::new(writer))?;
        let mut screen = Self {
            terminal: ManuallyDrop::new(terminal),
        };
        screen.take()?;
        Ok(screen)
    }

    fn take(&mut self) -> Result<(), ScreenError> {
        IS_TAKEN.store(true, Ordering::SeqCst);
        enable_raw_mode()?;
        Ok(execute!(
            self.terminal.backend_mut(),
            EnterAlternateScreen,
            Hide
        )?)
    }

    /// Restores the terminal while dgw is suspended.
    pub(super) fn suspend() {
        restore();
    }

    /// Takes over the terminal again, whatever state the shell left it in, and draws all of it the
    /// next time.
    ///
    /// # Errors
    /// The terminal can't be set up or written.
    pub(super) fn resume(&mut self) -> Result<(), ScreenError> {
        restore();
        self.take()?;
        let terminal = &mut self.terminal;
        let size = terminal.size()?;
        let area = Rect::from((Position::ORIGIN, size));
        Ok(terminal.resize(area)?)
    }

    /// Writes what has changed, as one update where the terminal supports it.
    ///
    /// # Errors
    /// The terminal can't be written.
    pub(super) fn draw(&mut self, render: impl FnOnce(&mut Frame<'_>)) -> Result<(), ScreenError> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(render)?;
        Ok(execute!(
            self.terminal.backend_mut(),
            EndSynchronizedUpdate
        )?)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Restores the terminal. Errors are ignored: there is nowhere left to print them.
fn restore() {
    if IS_TAKEN.swap(false, Ordering::SeqCst) {
        let mut stdout = io::stdout();
        let _ = execute!(stdout, EndSynchronizedUpdate, Show, LeaveAlternateScreen);
        let _ = disable_raw_mode();
        let _ = stdout.flush();
    }
}

/// Receives keys and changes of the terminal's size from now on, up to the first error.
pub(super) fn events() -> mpsc::UnboundedReceiver<io::Result<Event>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let keys = sender.clone();
    // It can't be cancelled while it waits for a key: it ends with the process.
    let started = thread::start(move || {
        loop {
            let event = event::read();
            let is_last = event.is_err();
            if keys.send(event).is_err() || is_last {
                return;
            }
        }
    });
    if let Err(error) = started {
        let _ = sender.send(Err(error));
    }
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_first_thing_that_is_missing() {
        let starts = |format, has_terminal, is_dumb, has_log, start: &str| {
            let missing = missing(format, has_terminal, is_dumb, has_log);
            assert!(
                missing.is_some_and(|it| it.starts_with(start)),
                "{missing:?}"
            );
        };
        assert_eq!(missing(Format::Table, true, false, false), None);
        starts(Format::Json, false, true, true, "`dgw top` has no other");
        starts(
            Format::Table,
            false,
            true,
            true,
            "`dgw top` needs a terminal",
        );
        starts(
            Format::Table,
            true,
            true,
            true,
            "`dgw top` does not work with TERM",
        );
        starts(Format::Table, true, false, true, "`dgw top -v` writes");
    }

    #[test]
    fn only_an_unavailable_screen_is_a_usage_error_with_a_hint() {
        let unavailable = ScreenError::Unavailable("no terminal");
        assert_eq!(unavailable.exit_code(), ExitCode::Usage);
        assert!(
            unavailable
                .hint()
                .is_some_and(|hint| hint.contains("dgw show"))
        );
        let unread = ScreenError::Terminal(io::Error::other("gone"));
        assert_eq!((unread.exit_code(), unread.hint()), (ExitCode::Other, None));
    }
}
