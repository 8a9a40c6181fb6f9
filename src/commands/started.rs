//! A cluster that was just asked for: it ends up running with its name known, or it is shut
//! down.

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::{Instant, sleep};

use super::interrupt::Interrupts;
use super::selection;
use super::waiting::UNKNOWN_AT_FIRST;
use crate::error::{Error, Signal};
use crate::gateway::{self, Gateway, Status};
use crate::output::{Aged, Printer, Progress};

/// How long a shutdown is seen through before it is given up and reported. Longer than a cluster
/// may be unknown at first: until then, nobody can say that it is gone.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(45);

/// How long a gateway may be away meanwhile.
const OUTAGE_LIMIT: Duration = Duration::from_secs(10);

/// Between looks at a cluster that should be going, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Clocks are read to the second, and a request takes its time.
const SLACK: Duration = Duration::from_secs(3);

/// A cluster that is dgw's to shut down until it is handed over.
pub(super) struct Started {
    pub(super) name: String,
    since: Instant,
}

impl Started {
    /// Asks for a cluster. An interrupt meanwhile waits for the answer, to know what to shut
    /// down.
    ///
    /// # Errors
    /// The gateway refused, or its answer was lost: then with the clusters that may have been
    /// started. Interrupted: then nothing is left behind, or it is said what may be.
    pub(super) async fn create(
        gateway: &Gateway,
        options: &Map<String, Value>,
        interrupts: &mut Interrupts,
        progress: &Progress,
    ) -> Result<Self, Error> {
        let since = Instant::now();
        let mut creation = std::pin::pin!(gateway.create(options));
        let (created, interrupted) = tokio::select! {
            biased;
            created = &mut creation => (created, None),
            signal = interrupts.next() => {
                let word = signal.word();
                progress.say(&format!(
                    "{word}: waiting for the gateway's answer, to shut down what it starts"
                ));
                tokio::select! {
                    biased;
                    created = &mut creation => (created, Some(signal)),
                    _ = interrupts.insistence() => return Err(in_doubt(signal, "no answer yet")),
                }
            }
        };
        match (created, interrupted) {
            (Ok(name), None) => Ok(Self { name, since }),
            (Ok(name), Some(signal)) => {
                let started = Self { name, since };
                Err(started.interrupted(signal, gateway, interrupts).await)
            }
            (Err(error), Some(signal)) if error.leaves_doubt() => {
                Err(in_doubt(signal, &error.to_string()))
            }
            (Err(_), Some(signal)) => Err(Error::Interrupted {
                signal,
                note: "nothing was started".to_owned(),
            }),
            (Err(source), None) if source.leaves_doubt() => tokio::select! {
                suspects = suspects(gateway, since) => Err(Error::Doubtful { source, suspects }),
                signal = interrupts.next() => Err(in_doubt(signal, &source.to_string())),
            },
            (Err(error), None) => Err(error.into()),
        }
    }

    /// Does `work` on the cluster. Where that fails or is interrupted, the cluster is shut down.
    ///
    /// # Errors
    /// The work's own, or the interrupt.
    pub(super) async fn or_shut_down<T>(
        self,
        gateway: &Gateway,
        interrupts: &mut Interrupts,
        printer: &Printer,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let failed = tokio::select! {
            biased;
            done = work => match done {
                Ok(value) => return Ok(value),
                // It has ended by itself, or is about to.
                Err(error @ Error::StartFailed { .. }) => return Err(error),
                Err(error) => error,
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
        let Self { name, .. } = &self;
        let progress = printer.progress(&format!("shutting down cluster {name}"));
        match self.shut_down(gateway, interrupts).await {
            Ok(()) => progress.finish(&format!("cluster {name} is shut down")),
            Err(note) => {
                drop(progress);
                Printer::alarm(&note);
            }
        }
        Err(failed)
    }

    async fn interrupted(
        self,
        signal: Signal,
        gateway: &Gateway,
        interrupts: &mut Interrupts,
    ) -> Error {
        let note = match self.shut_down(gateway, interrupts).await {
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
        gateway: &Gateway,
        interrupts: &mut Interrupts,
    ) -> Result<(), String> {
        let name = &self.name;
        let left = |why: &str| {
            format!("cluster {name} may still be there ({why}): end it with `dgw shutdown {name}`")
        };
        tokio::select! {
            biased;
            ended = self.see_its_end(gateway) => ended.map_err(|error| left(&error.to_string())),
            _ = interrupts.insistence() => Err(left("interrupted again")),
        }
    }

    /// Asks for the end until the gateway agrees, and looks until it has come: the server answers
    /// 204 to names it doesn't know yet, too, so only a status tells.
    async fn see_its_end(&self, gateway: &Gateway) -> Result<(), gateway::Error> {
        let deadline = Instant::now() + SHUTDOWN_LIMIT;
        let mut pause = FIRST_PAUSE;
        let mut last_answer = Instant::now();
        let mut agreed = false;
        loop {
            let looked = match self.look(gateway, &mut agreed).await {
                Ok(true) => return Ok(()),
                looked => looked,
            };
            if looked.is_ok() {
                last_answer = Instant::now();
            }
            let is_hopeless = match &looked {
                Ok(_) => Instant::now() > deadline,
                Err(error) => !error.may_pass() || last_answer.elapsed() > OUTAGE_LIMIT,
            };
            if is_hopeless {
                return looked.and(Err(gateway::Error::Conflict(
                    "it takes longer than expected".to_owned(),
                )));
            }
            sleep(pause).await;
            pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        }
    }

    /// Asks for the end, unless the gateway has agreed before, and looks whether it has come.
    async fn look(&self, gateway: &Gateway, agreed: &mut bool) -> Result<bool, gateway::Error> {
        let asked = if *agreed {
            Ok(())
        } else {
            gateway.delete(&self.name).await
        };
        *agreed = asked.is_ok();
        match gateway.cluster(&self.name).await {
            Ok(cluster) if !cluster.status.is_active() => Ok(true),
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

/// The active clusters that were started since then, on the gateway's clock. Another `dgw` may
/// have started them: they are named, never shut down.
async fn suspects(gateway: &Gateway, since: Instant) -> Vec<String> {
    let Ok(listing) = gateway.clusters(&Status::ACTIVE).await else {
        return Vec::new();
    };
    let window = since.elapsed() + SLACK;
    let rows = selection::aged(listing).filter(|row: &Aged| row.age() <= window);
    selection::lines(&rows.collect::<Vec<_>>())
}

fn in_doubt(signal: Signal, why: &str) -> Error {
    Error::Interrupted {
        signal,
        note: format!("{why}; a cluster may have been started: `dgw list` shows it"),
    }
}
