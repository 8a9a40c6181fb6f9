//! Signals that ask dgw to end, for commands that have something to clean up first. Other
//! commands die of them, as processes do.

use std::time::Duration;

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
use tokio::time::Instant;

use anyhow::Context as _;

use crate::error::{Error, Signal};

/// Signals as close as this are one.
pub(super) const SAME_WISH: Duration = Duration::from_secs(1);

/// SIGINT, SIGQUIT, SIGTERM and SIGHUP, from now on.
pub(super) struct Interrupts {
    /// When the first one came.
    first: Option<Instant>,
    interrupt: Option<Stream>,
    quit: Option<Stream>,
    terminate: Option<Stream>,
    hangup: Option<Stream>,
}

impl Interrupts {
    /// Takes the signals over, but not those that whoever started dgw has it ignore, as `nohup`
    /// does.
    ///
    /// # Errors
    /// The system doesn't let go of a signal.
    pub(super) fn listen() -> Result<Self, Error> {
        let ignored = ignored();
        let stream = |which: Signal, kind| {
            if ignored & (1 << (which as u8 - 1)) != 0 {
                return Ok(None);
            }
            signal(kind).map(Some).context("can't listen for signals")
        };
        Ok(Self {
            first: None,
            interrupt: stream(Signal::Interrupt, SignalKind::interrupt())?,
            quit: stream(Signal::Quit, SignalKind::quit())?,
            terminate: stream(Signal::Terminate, SignalKind::terminate())?,
            hangup: stream(Signal::Hangup, SignalKind::hangup())?,
        })
    }

    /// The next signal.
    pub(super) async fn next(&mut self) -> Signal {
        let signal = tokio::select! {
            () = arrival(self.interrupt.as_mut()) => Signal::Interrupt,
            () = arrival(self.quit.as_mut()) => Signal::Quit,
            () = arrival(self.terminate.as_mut()) => Signal::Terminate,
            () = arrival(self.hangup.as_mut()) => Signal::Hangup,
        };
        self.first.get_or_insert_with(Instant::now);
        signal
    }

    /// A signal that says again what one has said before. What follows the first at once is the
    /// same wish: session managers send two, wrappers pass on what the terminal has sent already.
    pub(super) async fn insistence(&mut self) -> Signal {
        loop {
            let first = self.first;
            let signal = self.next().await;
            if first.is_some_and(|first| first.elapsed() >= SAME_WISH) {
                return signal;
            }
        }
    }

    /// Forgets what came before: it was meant for something else.
    pub(super) fn start_over(&mut self) {
        self.first = None;
    }

    /// `work`, for as long as no signal comes.
    ///
    /// # Errors
    /// The work's own, or the signal, with `note`.
    pub(super) async fn or<T>(
        &mut self,
        note: &str,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        tokio::select! {
            biased;
            done = work => done,
            signal = self.next() => Err(Error::Interrupted { signal, note: note.to_owned() }),
        }
    }
}

async fn arrival(stream: Option<&mut Stream>) {
    match stream {
        Some(stream) => {
            stream.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// The signals this process ignores, a bit each, lowest for signal 1 (proc(5)); none where the
/// system doesn't tell.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.unwrap_or(0)
}
