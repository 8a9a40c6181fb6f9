//! Ctrl-Z: what is to be done before dgw stops, and after it goes on.

use anyhow::Context as _;
use rustix::process::{Signal as ProcessSignal, getpgrp, getpid, getsid, kill_process};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::Error;

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// dgw should stop; [`Suspension::begin`] does so.
    Asked,
    /// It goes on. The shell may have changed the terminal's modes.
    Over,
}

/// Listens for both, for as long as the process lives.
pub(crate) struct Suspension {
    stops: Signal,
    continues: Signal,
}

impl Suspension {
    /// # Errors
    /// Signals can't be listened for.
    pub(crate) fn listen() -> Result<Self, Error> {
        let on = |which: ProcessSignal| {
            signal(SignalKind::from_raw(which.as_raw())).context("can't listen for signals")
        };
        Ok(Self {
            stops: on(ProcessSignal::TSTP)?,
            continues: on(ProcessSignal::CONT)?,
        })
    }

    /// The next that comes.
    pub(crate) async fn next(&mut self) -> Turn {
        loop {
            tokio::select! {
                biased;
                // Where it's the session's first process, as behind `ssh -t`, there's no shell that
                // could continue it.
                Some(()) = self.stops.recv() => if getsid(None).is_ok_and(|session| session != getpgrp()) {
                    return Turn::Asked;
                },
                Some(()) = self.continues.recv() => return Turn::Over,
                else => return std::future::pending().await,
            }
        }
    }

    /// Stops the process; returns when it goes on.
    pub(crate) fn begin() {
        let _ = kill_process(getpid(), ProcessSignal::STOP);
    }
}
