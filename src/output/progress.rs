//! The progress of a wait: a spinner on a terminal, a line at each change of phase elsewhere.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use super::escape;
use super::messages::print_line;
use super::terminal;
use crate::age;

/// A wait that ends sooner shows no spinner.
const DELAY: Duration = Duration::from_millis(250);

const TICK: Duration = Duration::from_millis(120);

/// The display of a wait. Dropped, it leaves nothing on the screen.
pub(crate) struct Progress {
    started: Instant,
    phase: String,
    /// Details that change too often for lines of their own.
    remark: String,
    display: Display,
}

enum Display {
    None,
    Lines,
    Spinner {
        bar: ProgressBar,
        appears: JoinHandle<()>,
    },
}

impl Progress {
    pub(super) fn start(what: &str, quiet: bool, verbose: bool) -> Self {
        let is_terminal = std::io::stderr().is_terminal() && !terminal::is_dumb();
        let display = if quiet {
            Display::None
        } else if is_terminal && !verbose {
            spinner()
        } else {
            Display::Lines
        };
        let mut progress = Self {
            started: Instant::now(),
            phase: String::new(),
            remark: String::new(),
            display,
        };
        progress.phase(what);
        progress
    }

    /// Shows what dgw waits for now. Repeating the same phase changes nothing.
    pub(crate) fn phase(&mut self, phase: &str) {
        let phase = escape::text(phase);
        if self.phase == phase {
            return;
        }
        self.phase = phase.into_owned();
        let phase = &self.phase;
        match &self.display {
            Display::None => {}
            Display::Lines => print_line(phase),
            Display::Spinner { bar, .. } => bar.set_message(format!("{phase}{}", self.remark)),
        }
    }

    /// Shows a remark beside the phase, on the spinner only.
    pub(crate) fn remark(&mut self, remark: Option<&str>) {
        let remark = remark.map(|remark| format!(", {}", escape::text(remark)));
        self.remark = remark.unwrap_or_default();
        if let Display::Spinner { bar, .. } = &self.display {
            bar.set_message(format!("{}{}", self.phase, self.remark));
        }
    }

    /// Ends the display with a line that states the outcome and the time it took.
    pub(crate) fn finish(self, outcome: &str) {
        let elapsed = age::short(self.started.elapsed());
        let is_shown = !matches!(self.display, Display::None);
        drop(self);
        if is_shown {
            print_line(&format!("{} ({elapsed})", escape::text(outcome)));
        }
    }

    /// Prints a line that stays.
    pub(crate) fn note(&self, text: &str) {
        if !matches!(self.display, Display::None) {
            self.around(|| print_line(&escape::text(text)));
        }
    }

    /// Runs `print` with the spinner out of its way.
    pub(crate) fn around<T>(&self, print: impl FnOnce() -> T) -> T {
        match &self.display {
            Display::Spinner { bar, .. } => bar.suspend(print),
            Display::None | Display::Lines => print(),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Display::Spinner { bar, appears } = &self.display {
            appears.abort();
            bar.finish_and_clear();
        }
    }
}

fn spinner() -> Display {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
        bar.set_style(style);
    }
    let appearing = bar.clone();
    let appears = tokio::spawn(async move {
        tokio::time::sleep(DELAY).await;
        appearing.set_draw_target(ProgressDrawTarget::stderr());
        appearing.enable_steady_tick(TICK);
    });
    Display::Spinner { bar, appears }
}
