//! Time limits of a wait, and how long the gateway may be silent meanwhile.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::Error;
use crate::gateway;
use crate::output::Printer;

/// How long the gateway may be away, for instance while it restarts, before a wait without a time
/// limit of its own is given up.
const OUTAGE_LIMIT: Duration = Duration::from_secs(30);

/// A time limit, counted from when it was created.
#[derive(Clone, Copy)]
pub(crate) struct Deadline {
    limit: Duration,
    end: Instant,
}

impl Deadline {
    /// Starts a time limit now.
    pub(crate) fn after(limit: Duration) -> Self {
        Self {
            limit,
            end: Instant::now() + limit,
        }
    }

    /// Returns the length of the time limit.
    pub(crate) fn limit(self) -> Duration {
        self.limit
    }

    /// Returns when the time limit expires.
    pub(crate) fn end(self) -> Instant {
        self.end
    }

    /// Creates the error for an expired time limit; `pending` is what had not happened yet.
    pub(crate) fn error(self, pending: String) -> Error {
        Error::TimedOut {
            pending,
            limit: self.limit,
        }
    }
}

/// Runs `work` until the deadline, if there is one.
///
/// # Errors
/// The error of `work`, or that the time limit expired while `pending`.
pub(crate) async fn with_deadline<T>(
    deadline: Option<Deadline>,
    pending: &str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let Some(deadline) = deadline else {
        return work.await;
    };
    timeout_at(deadline.end, work)
        .await
        .unwrap_or_else(|_| Err(deadline.error(pending.to_owned())))
}

/// Tolerates a gateway that does not respond during a wait, for a limited time.
pub(crate) struct OutageTolerance {
    last_response: Instant,
    has_deadline: bool,
}

impl OutageTolerance {
    /// Tolerates an outage until `deadline`, which the wait itself observes, or for
    /// [`OUTAGE_LIMIT`] where there is none.
    pub(crate) fn until(deadline: Option<Deadline>) -> Self {
        Self {
            last_response: Instant::now(),
            has_deadline: deadline.is_some(),
        }
    }

    /// Notes that the gateway has responded.
    pub(crate) fn responded(&mut self) {
        self.last_response = Instant::now();
    }

    /// Tolerates a temporary failure.
    ///
    /// # Errors
    /// Returns `error` if it is not temporary or the outage has lasted too long.
    pub(crate) fn tolerate(&self, error: gateway::Error) -> Result<(), gateway::Error> {
        let is_short = self.has_deadline || self.last_response.elapsed() < OUTAGE_LIMIT;
        if error.is_temporary() && is_short {
            return Ok(());
        }
        Err(error)
    }
}

/// Says once that the gateway does not respond, and once that it responds again, for commands that
/// run until they are interrupted.
pub(crate) struct OutageNotice<'a> {
    printer: &'a Printer,
    is_away: bool,
}

impl<'a> OutageNotice<'a> {
    /// Starts with a gateway that responds.
    pub(crate) fn new(printer: &'a Printer) -> Self {
        Self {
            printer,
            is_away: false,
        }
    }

    /// Notes a failure that may pass.
    pub(crate) fn failed(&mut self, error: &impl std::fmt::Display) {
        if !std::mem::replace(&mut self.is_away, true) {
            Printer::warn_always(&format!("{error}; trying again"));
        }
    }

    /// Notes a response.
    pub(crate) fn responded(&mut self) {
        if std::mem::take(&mut self.is_away) {
            self.printer.note("the gateway responds again");
        }
    }
}
