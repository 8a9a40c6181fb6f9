//! Ctrl-Z: restoring the terminal before dgw stops, and after it continues.

use anyhow::Context as _;
use rustix::process::{Signal as ProcessSignal, getpgrp, getpid, getsid, kill_process};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

use crate::error::Unexpected;

/// A change of the process's job control state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SuspensionEvent {
    /// dgw should stop, by [`Suspension::stop`].
    Stop,
    /// dgw continues. The shell may have changed the terminal's modes.
    Continue,
}

/// The stream of suspension events.
pub(crate) struct Suspension {
    stops: Stream,
    continues: Stream,
}

impl Suspension {
    /// Handles SIGTSTP and SIGCONT for as long as the process lives.
    ///
    /// # Errors
    /// The system refuses a handler.
    pub(crate) fn listen() -> Result<Self, Unexpected> {
        let on = |which: ProcessSignal| {
            signal(SignalKind::from_raw(which.as_raw())).context("can't handle signals")
        };
        Ok(Self {
            stops: on(ProcessSignal::TSTP)?,
            continues: on(ProcessSignal::CONT)?,
        })
    }

    /// Waits for the next event.
    pub(crate) async fn next(&mut self) -> SuspensionEvent {
        loop {
            tokio::select! {
                biased;
                // The first process of a session, as behind `ssh -t`, has no shell that could
                // continue it.
                Some(()) = self.stops.recv() => if getsid(None).is_ok_and(|session| session != getpgrp()) {
                    return SuspensionEvent::Stop;
                },
                Some(()) = self.continues.recv() => return SuspensionEvent::Continue,
                else => return std::future::pending().await,
            }
        }
    }

    /// Stops the process; returns when it continues.
    pub(crate) fn stop() {
        let _ = kill_process(getpid(), ProcessSignal::STOP);
    }
}
