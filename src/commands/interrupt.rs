//! Signals that ask dgw to end, for commands that have something to clean up first. Other
//! commands die of them, as processes do.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
use tokio::time::Instant;

use anyhow::Context as _;

use crate::error::{Error, Signal};

/// Signals as close as this are one.
pub(super) const SAME_WISH: Duration = Duration::from_secs(1);

/// The [`Signal`]s, from now on.
pub(super) struct Interrupts {
    /// When the first one came.
    first: Option<Instant>,
    streams: Vec<(Signal, Stream)>,
}

impl Interrupts {
    /// Takes the signals over, but not those that whoever started dgw has it ignore, as `nohup`
    /// does.
    ///
    /// # Errors
    /// The system doesn't let go of a signal.
    pub(super) fn listen() -> Result<Self, Error> {
        let ignored = ignored();
        let heard = Signal::ALL.into_iter();
        let heard = heard.filter(|which| ignored & (1 << (*which as u8 - 1)) == 0);
        let streams = heard.map(|which| {
            let kind = SignalKind::from_raw(i32::from(which as u8));
            Ok((which, stream(kind)?))
        });
        Ok(Self {
            first: None,
            streams: streams.collect::<Result<_, Error>>()?,
        })
    }

    /// The next signal.
    pub(super) async fn next(&mut self) -> Signal {
        let streams = &mut self.streams;
        let signal = poll_fn(|context| {
            let mut all = streams.iter_mut();
            let arrived = all.find_map(|(signal, stream)| {
                stream.poll_recv(context).is_ready().then_some(*signal)
            });
            arrived.map_or(Poll::Pending, Poll::Ready)
        });
        let signal = signal.await;
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

/// SIGUSR1 and SIGUSR2, which mean nothing to dgw and may mean something to a COMMAND: batch systems
/// send them before the time is up.
///
/// # Errors
/// The system doesn't let go of a signal.
pub(super) fn strangers() -> Result<[Stream; 2], Error> {
    let [one, other] = [SignalKind::user_defined1(), SignalKind::user_defined2()];
    Ok([stream(one)?, stream(other)?])
}

/// Keeps [`strangers`] from ending dgw where there is something to clean up.
///
/// # Errors
/// The system doesn't let go of a signal.
pub(super) fn shield() -> Result<(), Error> {
    strangers().map(drop)
}

fn stream(kind: SignalKind) -> Result<Stream, Error> {
    Ok(signal(kind).context("can't listen for signals")?)
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
