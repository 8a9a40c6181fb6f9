//! A cluster that was just asked for: it ends up running with its name known, or it is shut
//! down.

mod creation;

use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::time::{Instant, sleep};

use super::interrupt::Interrupts;
use super::waiting::UNKNOWN_AT_FIRST;
use crate::error::{Error, Signal};
use crate::gateway::{self, Gateway, Status};
use crate::output::Printer;

/// How a cluster's end is seen.
#[derive(Clone, Copy)]
struct Patience {
    /// How long it is seen through before it is given up and reported.
    shutdown: Duration,
    /// How long the gateway may be away meanwhile.
    outage: Duration,
    /// Whether the gateway's word that it ends it isn't enough.
    is_until_gone: bool,
}

/// Somebody waits, or is about to end dgw with less kindness. Longer than a cluster may be unknown at
/// first: until then, nobody can say that it is gone.
const HURRY: Patience = Patience {
    shutdown: Duration::from_secs(45),
    outage: Duration::from_secs(10),
    is_until_gone: false,
};

/// After a job that may have taken hours, a gateway that is being restarted is waited for. Whoever
/// can't wait sends another signal.
const LEISURE: Patience = Patience {
    shutdown: Duration::from_secs(300),
    outage: Duration::from_secs(120),
    is_until_gone: true,
};

impl Patience {
    fn is_over(self, status: Status) -> bool {
        match status {
            Status::Pending | Status::Running => false,
            Status::Stopping => !self.is_until_gone,
            Status::Stopped | Status::Failed => true,
        }
    }
}

/// Between looks at a cluster that should be going, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A cluster that is dgw's to shut down until it is handed over.
pub(super) struct OwnedCluster {
    pub(super) name: String,
    since: Instant,
}

impl OwnedCluster {
    /// Does `work` on the cluster. Where that fails or is interrupted, or panics, the cluster is
    /// shut down; else it's still there to be shut down.
    ///
    /// # Errors
    /// The work's own, or the interrupt.
    pub(super) async fn or_shut_down<T>(
        self,
        gateway: &Gateway,
        interrupts: &mut Interrupts,
        printer: &Printer,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<(Self, T), Error> {
        let failed = tokio::select! {
            biased;
            done = AssertUnwindSafe(work).catch_unwind() => match done {
                Ok(Ok(value)) => return Ok((self, value)),
                // It has ended by itself, or is about to.
                Ok(Err(error @ Error::StartFailed { .. })) => return Err(error),
                failed => failed,
            },
            signal = interrupts.next() => {
                let progress = printer.progress(&format!(
                    "{}: shutting down cluster {}; once more to leave it",
                    signal.word(),
                    self.name,
                ));
                let interrupted = self.interrupted(signal, gateway, interrupts).await;
                drop(progress);
                return Err(interrupted);
            }
        };
        let ended = self.see_off(HURRY, gateway, interrupts, printer).await;
        if let Err(note) = ended {
            Printer::warn_always(&note);
        }
        failed
            .unwrap_or_else(|panic| resume_unwind(panic))
            .map(|value| (self, value))
    }

    /// Does `work` on the cluster, then shuts it down, whatever the work came to.
    ///
    /// # Errors
    /// The work's own; or, where that went well, what is left.
    pub(super) async fn then_shut_down<T>(
        self,
        gateway: &Gateway,
        interrupts: &mut Interrupts,
        printer: &Printer,
        work: impl AsyncFnOnce(&mut Interrupts) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let done = AssertUnwindSafe(work(interrupts)).catch_unwind().await;
        interrupts.start_over();
        let ended = self.see_off(LEISURE, gateway, interrupts, printer).await;
        match (done.unwrap_or_else(|panic| resume_unwind(panic)), ended) {
            (done, Ok(())) => done,
            (Ok(_), Err(note)) => Err(Error::LeftBehind(note)),
            (Err(error), Err(note)) => {
                Printer::warn_always(&note);
                Err(error)
            }
        }
    }

    /// Shuts the cluster down, and shows it.
    async fn see_off(
        &self,
        patience: Patience,
        gateway: &Gateway,
        interrupts: &mut Interrupts,
        printer: &Printer,
    ) -> Result<(), String> {
        let name = &self.name;
        let progress = printer.progress(&format!("shutting down cluster {name}"));
        self.shut_down(patience, gateway, interrupts).await?;
        progress.finish(&format!("cluster {name} is shut down"));
        Ok(())
    }

    async fn interrupted(
        self,
        signal: Signal,
        gateway: &Gateway,
        interrupts: &mut Interrupts,
    ) -> Error {
        let note = match self.shut_down(HURRY, gateway, interrupts).await {
            Ok(()) => format!("cluster {} is shut down", self.name),
            Err(note) => note,
        };
        Error::Interrupted { signal, note }
    }

    /// Sees the cluster's end. Whoever insists needn't wait for it.
    ///
    /// # Errors
    /// What may be left, and how to end it.
    async fn shut_down(
        &self,
        patience: Patience,
        gateway: &Gateway,
        interrupts: &mut Interrupts,
    ) -> Result<(), String> {
        let name = &self.name;
        let left = |why: &str| {
            format!("cluster {name} may still be there ({why}): end it with `dgw shutdown {name}`")
        };
        tokio::select! {
            biased;
            ended = self.see_its_end(patience, gateway) => ended.map_err(|error| left(&error.to_string())),
            _ = interrupts.insistence() => Err(left("interrupted again")),
        }
    }

    /// Asks for the end until the gateway agrees, and looks until it has come: the server answers
    /// 204 to names it doesn't know yet, too, so only a status tells.
    async fn see_its_end(
        &self,
        patience: Patience,
        gateway: &Gateway,
    ) -> Result<(), gateway::Error> {
        let deadline = Instant::now() + patience.shutdown;
        let mut pause = FIRST_PAUSE;
        let mut last_answer = Instant::now();
        let mut agreed = false;
        loop {
            let looked = match self.look(patience, gateway, &mut agreed).await {
                Ok(true) => return Ok(()),
                looked => looked,
            };
            if looked.is_ok() {
                last_answer = Instant::now();
            }
            let is_hopeless = match &looked {
                Ok(_) => Instant::now() > deadline,
                Err(error) => !error.is_temporary() || last_answer.elapsed() > patience.outage,
            };
            if is_hopeless {
                return looked.and(Err(gateway::Error::Slow));
            }
            sleep(pause).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
    }

    /// Asks for the end, unless the gateway has agreed before, and looks whether it has come.
    async fn look(
        &self,
        patience: Patience,
        gateway: &Gateway,
        agreed: &mut bool,
    ) -> Result<bool, gateway::Error> {
        let asked = if *agreed {
            Ok(())
        } else {
            gateway.delete(&self.name).await
        };
        *agreed = asked.is_ok();
        match gateway.cluster(&self.name).await {
            Ok(cluster) if patience.is_over(cluster.status) => Ok(true),
            Ok(_) => asked.map(|()| false),
            Err(gateway::Error::NoSuchCluster(_)) => {
                let is_gone = *agreed && self.since.elapsed() > UNKNOWN_AT_FIRST;
                // It will have to be asked again once it is known.
                *agreed = false;
                asked.map(|()| is_gone)
            }
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests;
