//! A cluster that dgw started and must shut down unless it hands it over.

use std::cell::Cell;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::{Instant, sleep};

use super::Error;
use super::labels;
use super::wait::UNKNOWN_AT_FIRST;
use crate::descriptors;
use crate::gateway::{self, Gateway, Status};
use crate::output::Printer;
use crate::session::Session;
use crate::signals::{Interrupted, Interrupts, Signal};

/// How long a shutdown is pursued, and when it counts as done.
#[derive(Clone, Copy)]
pub(super) struct ShutdownPolicy {
    /// How long to try before the cluster is reported as left behind.
    limit: Duration,
    /// How long the gateway may be away meanwhile.
    outage: Duration,
    /// True to wait until the cluster is gone, not only STOPPING.
    until_gone: bool,
}

/// For someone who is waiting, or about to kill dgw. Longer than a cluster may be unknown at first:
/// before that, nobody can tell that it is gone.
pub(super) const PROMPT: ShutdownPolicy = ShutdownPolicy {
    limit: Duration::from_secs(45),
    outage: Duration::from_secs(10),
    until_gone: false,
};

/// After a job that may have taken hours: waits for a gateway that restarts. Another signal ends the
/// wait.
const PATIENT: ShutdownPolicy = ShutdownPolicy {
    limit: Duration::from_secs(300),
    outage: Duration::from_secs(120),
    until_gone: true,
};

impl ShutdownPolicy {
    fn is_done(self, status: Status) -> bool {
        match status {
            Status::Pending | Status::Running => false,
            Status::Stopping => !self.until_gone,
            Status::Stopped | Status::Failed => true,
        }
    }
}

/// The pauses between requests during a shutdown.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Descriptors that a shutdown needs: a connection, and the files and sockets of a look-up.
const RESERVE: usize = 4;

/// A cluster that dgw started and must shut down unless it hands it over.
pub(crate) struct OwnedCluster {
    pub(crate) name: String,
    /// When the gateway's response with its name arrived: it was created before.
    pub(super) created: Instant,
    /// True if the cluster has ended by itself, so that nothing is left to shut down.
    pub(super) has_ended: Cell<bool>,
    /// Descriptors that are closed for the shutdown, which needs some of its own.
    reserve: Cell<Vec<OwnedFd>>,
}

impl OwnedCluster {
    /// Owns the cluster `name`, which a response of the gateway has just named.
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            created: Instant::now(),
            has_ended: Cell::new(false),
            reserve: Cell::new(descriptors::reserve(RESERVE).unwrap_or_default()),
        }
    }

    /// Runs `work` on the cluster. If it fails, panics or is interrupted, shuts the cluster down;
    /// otherwise the caller still owns it.
    ///
    /// # Errors
    /// The error of `work`, or the interrupt.
    pub(crate) async fn run_or_shut_down<T, E: From<Interrupted>>(
        self,
        session: &Session,
        interrupts: &mut Interrupts,
        work: impl AsyncFnOnce(&Self) -> Result<T, E>,
    ) -> Result<(Self, T), E> {
        let Session {
            gateway, printer, ..
        } = session;
        let failed = tokio::select! {
            biased;
            done = AssertUnwindSafe(work(&self)).catch_unwind() => match done {
                Ok(Ok(value)) => return Ok((self, value)),
                Ok(Err(error)) if self.has_ended.get() => {
                    labels::forget([self.name.as_str()], gateway);
                    return Err(error);
                }
                failed => failed,
            },
            signal = interrupts.next() => {
                let progress = printer.progress(&format!(
                    "{}: shutting down; interrupt again to leave cluster {}",
                    signal.word(),
                    self.name,
                ));
                let interrupted = self.shut_down_after(signal, gateway, interrupts).await;
                drop(progress);
                return Err(interrupted.into());
            }
        };
        if let Err(left) = self.shut_down_shown(PROMPT, session, interrupts).await {
            Printer::warn_always(&left);
        }
        failed
            .unwrap_or_else(|panic| resume_unwind(panic))
            .map(|value| (self, value))
    }

    /// Remembers that the cluster was ended by something else.
    pub(crate) fn note_end(&self) {
        self.has_ended.set(true);
    }

    /// Runs `work` on the cluster, then shuts it down, whatever the result.
    ///
    /// # Errors
    /// The error of `work`; if it succeeded, that the cluster may still exist.
    pub(crate) async fn run_then_shut_down<T, E: From<Error>>(
        self,
        session: &Session,
        interrupts: &mut Interrupts,
        work: impl AsyncFnOnce(&Self, &mut Interrupts) -> Result<T, E>,
    ) -> Result<T, E> {
        let done = AssertUnwindSafe(work(&self, interrupts))
            .catch_unwind()
            .await;
        interrupts.reset();
        let ended = if self.has_ended.get() {
            // What says so may be wrong, and there is nothing to show if it is right.
            self.shut_down(PATIENT, &session.gateway, interrupts).await
        } else {
            self.shut_down_shown(PATIENT, session, interrupts).await
        };
        match (done.unwrap_or_else(|panic| resume_unwind(panic)), ended) {
            (done, Ok(())) => done,
            (Ok(_), Err(left)) => Err(Error::LeftBehind(left).into()),
            (Err(error), Err(left)) => {
                Printer::warn_always(&left);
                Err(error)
            }
        }
    }

    /// Shuts the cluster down and shows the progress.
    ///
    /// # Errors
    /// See [`OwnedCluster::shut_down`].
    async fn shut_down_shown(
        &self,
        policy: ShutdownPolicy,
        session: &Session,
        interrupts: &mut Interrupts,
    ) -> Result<(), String> {
        let name = &self.name;
        let progress = session
            .printer
            .progress(&format!("shutting down cluster {name}"));
        self.shut_down(policy, &session.gateway, interrupts).await?;
        progress.finish(&format!("cluster {name} was shut down"));
        Ok(())
    }

    /// Shuts the cluster down after `signal`, and says what became of it.
    pub(super) async fn shut_down_after(
        &self,
        signal: Signal,
        gateway: &Gateway,
        interrupts: &mut Interrupts,
    ) -> Interrupted {
        Interrupted::new(signal, self.shut_down_promptly(gateway, interrupts).await)
    }

    /// Shuts the cluster down; returns what became of it, in words.
    pub(super) async fn shut_down_promptly(
        &self,
        gateway: &Gateway,
        interrupts: &mut Interrupts,
    ) -> String {
        match self.shut_down(PROMPT, gateway, interrupts).await {
            Ok(()) => format!("cluster {} was shut down", self.name),
            Err(left) => left,
        }
    }

    /// Shuts the cluster down, until a repeated signal.
    ///
    /// # Errors
    /// Says that the cluster may still exist, why, and how to end it.
    async fn shut_down(
        &self,
        policy: ShutdownPolicy,
        gateway: &Gateway,
        interrupts: &mut Interrupts,
    ) -> Result<(), String> {
        let name = &self.name;
        let left = |why: &str| {
            format!(
                "cluster {name} may still exist ({why}): shut it down with `dgw shutdown {name}`"
            )
        };
        tokio::select! {
            biased;
            ended = self.pursue_shutdown(policy, gateway) => {
                ended
                    .map(|()| labels::forget([name.as_str()], gateway))
                    .map_err(|error| left(&error.to_string()))
            }
            _ = interrupts.next_repeated() => Err(left("interrupted again")),
        }
    }

    /// Requests the shutdown until the gateway accepts it, and polls until it is done: the server
    /// returns 204 for names that it does not know yet, too, so only a status is proof.
    async fn pursue_shutdown(
        &self,
        policy: ShutdownPolicy,
        gateway: &Gateway,
    ) -> Result<(), gateway::Error> {
        drop(self.reserve.take());
        let deadline = Instant::now() + policy.limit;
        let mut pause = FIRST_PAUSE;
        let mut last_response = Instant::now();
        let mut is_accepted = false;
        loop {
            let advancing = self.advance_shutdown(policy, gateway, &mut is_accepted);
            let result = match AssertUnwindSafe(advancing).catch_unwind().await {
                Ok(Ok(true)) => return Ok(()),
                Ok(result) => result,
                Err(_) => Err(gateway::Error::Panicked),
            };
            if result.is_ok() {
                last_response = Instant::now();
            }
            let is_hopeless = match &result {
                Ok(_) => Instant::now() > deadline,
                Err(error) => !error.is_temporary() || last_response.elapsed() > policy.outage,
            };
            if is_hopeless {
                return result.and(Err(gateway::Error::Slow));
            }
            sleep(pause).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
    }

    /// Requests the shutdown unless the gateway has accepted it, and returns true if it is done.
    async fn advance_shutdown(
        &self,
        policy: ShutdownPolicy,
        gateway: &Gateway,
        is_accepted: &mut bool,
    ) -> Result<bool, gateway::Error> {
        let requested = if *is_accepted {
            Ok(())
        } else {
            gateway.delete(&self.name).await
        };
        *is_accepted = requested.is_ok();
        // A response may be late, and then says nothing about the time of its arrival.
        let asked = Instant::now();
        match gateway.cluster(&self.name).await {
            Ok(cluster) if policy.is_done(cluster.status) => Ok(true),
            Ok(_) => requested.map(|()| false),
            Err(gateway::Error::NoSuchCluster(_)) => {
                let is_gone = *is_accepted && asked - self.created > UNKNOWN_AT_FIRST;
                // The request must be repeated once the gateway knows the cluster.
                *is_accepted = false;
                requested.map(|()| is_gone)
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
