//! Signals that ask dgw to end, for commands that have something to clean up first. Other
//! commands die of them, as processes do.

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use anyhow::Context as _;

use crate::error::{Error, Signal};

/// SIGINT, SIGTERM and SIGHUP, from now on.
pub(super) struct Interrupts {
    interrupt: Option<Stream>,
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
            interrupt: stream(Signal::Interrupt, SignalKind::interrupt())?,
            terminate: stream(Signal::Terminate, SignalKind::terminate())?,
            hangup: stream(Signal::Hangup, SignalKind::hangup())?,
        })
    }

    /// The next signal.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            () = arrival(self.interrupt.as_mut()) => Signal::Interrupt,
            () = arrival(self.terminate.as_mut()) => Signal::Terminate,
            () = arrival(self.hangup.as_mut()) => Signal::Hangup,
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
