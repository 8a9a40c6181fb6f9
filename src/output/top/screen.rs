//! The terminal, taken over and given back.

use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write as _};
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{self, Event};
use ratatui::crossterm::terminal::{
    BeginSynchronizedUpdate, EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen,
    disable_raw_mode, enable_raw_mode,
};
use ratatui::crossterm::{execute, queue};
use tokio::sync::mpsc;

use super::model::View;
use crate::error::Error;
use crate::output::terminal;

/// Whether the terminal is taken over, for whoever has to give it back.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// A frame of a large screen, so that it's written at once.
const FRAME: usize = 64 * 1024;

/// The terminal, as long as dgw has it. Dropped, or in a panic, it is as it was found.
pub(crate) struct Screen {
    /// Never dropped: it would say on stderr that it can't show the cursor, and panic where stderr
    /// is a terminal that has hung up.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<BufWriter<Stdout>>>>,
}

impl Screen {
    /// Whether there is a terminal to draw on.
    ///
    /// # Errors
    /// There is none, or it can't.
    pub(crate) fn check() -> Result<(), Error> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(Error::NoScreen("a terminal, on stdin and on stdout"));
        }
        if terminal::is_dumb() {
            return Err(Error::NoScreen("a terminal that is more than TERM=dumb"));
        }
        Ok(())
    }

    /// Takes the terminal over.
    ///
    /// # Errors
    /// It can't be set up, or written.
    pub(crate) fn open() -> Result<Self, Error> {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            others(panic);
        }));
        let writer = BufWriter::with_capacity(FRAME, io::stdout());
        let terminal = Terminal::new(CrosstermBackend::new(writer)).map_err(Error::Stdout)?;
        let mut screen = Self {
            terminal: ManuallyDrop::new(terminal),
        };
        screen.take()?;
        Ok(screen)
    }

    fn take(&mut self) -> Result<(), Error> {
        IS_TAKEN.store(true, Ordering::SeqCst);
        enable_raw_mode().context("can't set up the terminal")?;
        execute!(self.terminal.backend_mut(), EnterAlternateScreen, Hide).map_err(Error::Stdout)
    }

    /// Gives the terminal back, for as long as dgw is stopped.
    pub(crate) fn leave() {
        give_back();
    }

    /// Takes it again, in whatever state the shell left it, and draws all of it the next time.
    ///
    /// # Errors
    /// As when it was taken first.
    pub(crate) fn come_back(&mut self) -> Result<(), Error> {
        give_back();
        self.take()?;
        let size = self.terminal.size().map_err(Error::Stdout)?;
        self.terminal
            .resize(ratatui::layout::Rect::from((
                ratatui::layout::Position::ORIGIN,
                size,
            )))
            .map_err(Error::Stdout)
    }

    /// Draws what has changed, and returns how many rows of the table are in sight.
    ///
    /// # Errors
    /// The terminal can't be written.
    pub(crate) fn draw(&mut self, view: &View) -> Result<usize, Error> {
        let mut rows = 0;
        self.draw_all(|frame| rows = super::draw(frame, view))
            .map_err(Error::Stdout)?;
        Ok(rows)
    }

    /// As one update, where the terminal knows of such; elsewhere it's nothing.
    fn draw_all(&mut self, render: impl FnOnce(&mut ratatui::Frame<'_>)) -> io::Result<()> {
        queue!(self.terminal.backend_mut(), BeginSynchronizedUpdate)?;
        self.terminal.draw(render)?;
        execute!(self.terminal.backend_mut(), EndSynchronizedUpdate)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Leaves the terminal as it was found. Nobody is left to hear of an error.
fn give_back() {
    if IS_TAKEN.swap(false, Ordering::SeqCst) {
        let mut stdout = io::stdout();
        let _ = execute!(stdout, EndSynchronizedUpdate, Show, LeaveAlternateScreen);
        let _ = disable_raw_mode();
        let _ = stdout.flush();
    }
}

/// What happens at the terminal, from now on: keys, and changes of its size. Ends with the error
/// that it ends with.
pub(crate) fn events() -> mpsc::UnboundedReceiver<io::Result<Event>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    // It can't be called off while it waits for a key: it ends with the process.
    std::thread::spawn(move || {
        loop {
            let event = event::read();
            let is_last = event.is_err();
            if sender.send(event).is_err() || is_last {
                return;
            }
        }
    });
    receiver
}
