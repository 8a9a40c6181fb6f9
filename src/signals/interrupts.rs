//! Signals that ask dgw to end, for commands that must clean up first. Other commands die of them,
//! as processes do.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
use tokio::time::Instant;

use super::Signal;
use super::held::HeldSignals;
use crate::error::{ExitCode, Failure, Unexpected};

/// Signals within this time count as one: session managers send two, and wrappers pass on a signal
/// that the terminal has already sent.
pub(crate) const REPEAT_INTERVAL: Duration = Duration::from_secs(1);

/// SIGXFSZ.
const FILE_SIZE_SIGNAL: u8 = 25;

/// A signal that ended a command, and what became of its work.
#[derive(Debug, thiserror::Error)]
#[error("{}{}", signal.word(), note.as_ref().map_or_else(String::new, |note| format!(": {note}")))]
pub(crate) struct Interrupted {
    pub(crate) signal: Signal,
    /// `None` where the message was printed already.
    pub(crate) note: Option<String>,
}

impl Interrupted {
    /// Creates the error with a note about the user's work.
    pub(crate) fn new(signal: Signal, note: impl Into<String>) -> Self {
        Self {
            signal,
            note: Some(note.into()),
        }
    }
}

impl Failure for Interrupted {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Signal(self.signal.number())
    }

    fn is_silent(&self) -> bool {
        self.note.is_none()
    }
}

/// The stream of [`Signal`]s from the moment it is created.
pub(crate) struct Interrupts {
    /// When the first signal arrived.
    first: Option<Instant>,
    streams: Vec<(Signal, BoxStream<'static, ()>)>,
}

impl Interrupts {
    /// Handles every [`Signal`] except those that the parent process has set to be ignored, as
    /// `nohup` does.
    ///
    /// # Errors
    /// The system refuses a handler.
    pub(crate) fn listen() -> Result<Self, Unexpected> {
        let _held = HeldSignals::new()?;
        let ignored = ignored_signals();
        let streams = Signal::ALL
            .into_iter()
            .filter(|signal| !is_among(ignored, signal.number()))
            .map(|signal| {
                let kind = SignalKind::from_raw(i32::from(signal.number()));
                let mut arrivals = handle(kind)?;
                let arrivals = stream::poll_fn(move |context| arrivals.poll_recv(context));
                Ok((signal, arrivals.boxed()))
            });
        Ok(Self::of(streams.collect::<Result<_, Unexpected>>()?))
    }

    /// Takes the signals from streams.
    pub(crate) fn of(streams: Vec<(Signal, BoxStream<'static, ()>)>) -> Self {
        Self {
            first: None,
            streams,
        }
    }

    /// Waits for the next signal.
    pub(crate) async fn next(&mut self) -> Signal {
        let streams = &mut self.streams;
        let signal = poll_fn(|context| {
            let arrived = streams.iter_mut().find_map(|(signal, stream)| {
                let arrived = stream.poll_next_unpin(context);
                matches!(arrived, Poll::Ready(Some(()))).then_some(*signal)
            });
            arrived.map_or(Poll::Pending, Poll::Ready)
        })
        .await;
        self.first.get_or_insert_with(Instant::now);
        signal
    }

    /// Waits for a signal that repeats an earlier one, later than [`REPEAT_INTERVAL`] after the
    /// first.
    pub(crate) async fn next_repeated(&mut self) -> Signal {
        loop {
            let first = self.first;
            let signal = self.next().await;
            if first.is_some_and(|first| first.elapsed() >= REPEAT_INTERVAL) {
                return signal;
            }
        }
    }

    /// Forgets earlier signals, which concerned something else.
    pub(crate) fn reset(&mut self) {
        self.first = None;
    }

    /// Runs `work` until it is done or a signal arrives; `note` says what that means for the user's
    /// work.
    ///
    /// # Errors
    /// The error of `work`, or [`Interrupted`] with `note`.
    pub(crate) async fn run<T, E: From<Interrupted>>(
        &mut self,
        note: &str,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        tokio::select! {
            biased;
            done = work => done,
            signal = self.next() => Err(Interrupted::new(signal, note).into()),
        }
    }
}

/// Handles SIGUSR1 and SIGUSR2, which mean nothing to dgw and may mean something to a COMMAND:
/// batch systems send them before a job's time is up.
///
/// # Errors
/// The system refuses a handler.
pub(crate) fn user_signals() -> Result<[Stream; 2], Unexpected> {
    let _held = HeldSignals::new()?;
    let [one, other] = [SignalKind::user_defined1(), SignalKind::user_defined2()];
    Ok([handle(one)?, handle(other)?])
}

/// Prevents SIGUSR1 and SIGUSR2 from ending dgw while there is something to clean up.
///
/// # Errors
/// The system refuses a handler.
pub(crate) fn ignore_user_signals() -> Result<(), Unexpected> {
    user_signals().map(drop)
}

/// Prevents the limit on a file's size (`ulimit -f`) from ending dgw: writing to a full file fails, as
/// on a full disk. A COMMAND gets what dgw got, the default or that it is ignored.
///
/// # Errors
/// The system refuses a handler.
pub(crate) fn ignore_file_size_signal() -> Result<(), Unexpected> {
    if is_among(ignored_signals(), FILE_SIZE_SIGNAL) {
        return Ok(());
    }
    handle(SignalKind::from_raw(i32::from(FILE_SIZE_SIGNAL))).map(drop)
}

fn handle(kind: SignalKind) -> Result<Stream, Unexpected> {
    Ok(signal(kind).context("can't handle signals")?)
}

fn is_among(signals: u64, number: u8) -> bool {
    signals & (1 << (number - 1)) != 0
}

/// Returns the signals that this process ignores, a bit each, the lowest for signal 1 (proc(5));
/// none where the system does not tell.
fn ignored_signals() -> u64 {
    std::fs::read_to_string("/proc/self/status")
        .unwrap_or_default()
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}
