//! The progress of a wait: a spinner on a terminal, a line at each change of phase elsewhere.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use super::escape;
use super::stderr::print_line;
use super::terminal;
use crate::duration;

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
    /// Hidden, unless it is the display and has appeared.
    spinner: ProgressBar,
    appearance: Option<JoinHandle<()>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Display {
    None,
    Lines,
    Spinner,
}

impl Progress {
    pub(super) fn start(phase: &str, quiet: bool, verbose: bool) -> Self {
        let is_terminal = std::io::stderr().is_terminal() && !terminal::is_dumb();
        let display = if quiet {
            Display::None
        } else if is_terminal && !verbose {
            Display::Spinner
        } else {
            Display::Lines
        };
        let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let mut progress = Self {
            started: Instant::now(),
            phase: String::new(),
            remark: String::new(),
            display,
            appearance: (display == Display::Spinner).then(|| appear(spinner.clone())),
            spinner,
        };
        progress.phase(phase);
        progress
    }

    /// Shows what dgw waits for now. Repeating the same phase changes nothing.
    pub(crate) fn phase(&mut self, phase: &str) {
        let phase = escape::text(phase);
        if self.phase == phase {
            return;
        }
        self.phase = phase.into_owned();
        if self.display == Display::Lines {
            print_line(&self.phase);
        }
        self.update_spinner();
    }

    /// Shows a remark beside the phase, on the spinner only.
    pub(crate) fn remark(&mut self, remark: Option<&str>) {
        let remark = remark.map(|remark| format!(", {}", escape::text(remark)));
        self.remark = remark.unwrap_or_default();
        self.update_spinner();
    }

    fn update_spinner(&self) {
        self.spinner
            .set_message(format!("{}{}", self.phase, self.remark));
    }

    /// Ends the display with a line that states the outcome and the time it took.
    pub(crate) fn finish(self, outcome: &str) {
        let elapsed = duration::short(self.started.elapsed());
        self.spinner.finish_and_clear();
        self.note(&format!("{outcome} ({elapsed})"));
    }

    /// Prints a line that stays.
    pub(crate) fn note(&self, text: &str) {
        if self.display != Display::None {
            self.around(|| print_line(&escape::text(text)));
        }
    }

    /// Runs `print` with the spinner out of its way.
    pub(crate) fn around<T>(&self, print: impl FnOnce() -> T) -> T {
        self.spinner.suspend(print)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(appearance) = &self.appearance {
            appearance.abort();
            self.spinner.finish_and_clear();
        }
    }
}

/// Shows the spinner after a while.
fn appear(spinner: ProgressBar) -> JoinHandle<()> {
    if let Ok(style) = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}") {
        spinner.set_style(style);
    }
    tokio::spawn(async move {
        tokio::time::sleep(DELAY).await;
        spinner.set_draw_target(ProgressDrawTarget::stderr());
        spinner.enable_steady_tick(TICK);
    })
}
