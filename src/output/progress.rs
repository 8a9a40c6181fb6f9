//! The progress of a wait: a spinner on a terminal, a line at each change of phase elsewhere.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinHandle;

use super::escape;
use super::spinner_line::SpinnerLine;
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
    is_quiet: bool,
    /// Hidden until it appears.
    spinner: ProgressBar,
    /// The task that shows the spinner; `None` where lines are printed instead, or nothing.
    appearance: Option<JoinHandle<()>>,
}

impl Progress {
    pub(super) fn start(phase: &str, quiet: bool, verbose: bool) -> Self {
        let is_terminal = std::io::stderr().is_terminal() && !terminal::is_dumb();
        let has_spinner = is_terminal && !quiet && !verbose;
        let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let mut progress = Self {
            started: Instant::now(),
            phase: String::new(),
            remark: String::new(),
            is_quiet: quiet,
            appearance: has_spinner.then(|| appear(spinner.clone())),
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
        if !self.is_quiet && self.appearance.is_none() {
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
        if !self.is_quiet {
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
        spinner.set_draw_target(ProgressDrawTarget::term_like(Box::new(SpinnerLine)));
        // Its own ticker is a thread.
        loop {
            spinner.tick();
            tokio::time::sleep(TICK).await;
        }
    })
}
