//! A cluster that was just asked for: it ends up running with its name known, or it is shut
//! down.

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::{Instant, sleep};

use super::interrupt::Interrupts;
use super::selection;
use crate::error::{Error, Signal};
use crate::gateway::{self, Gateway, Status};
use crate::output::{Aged, Printer};

/// How long a shutdown is seen through before it is given up and reported.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(20);

const PAUSE: Duration = Duration::from_millis(300);

/// Clocks are read to the second, and a request takes its time.
const SLACK: Duration = Duration::from_secs(3);

/// A cluster that is dgw's to shut down until it is handed over.
pub(super) struct Started {
    pub(super) name: String,
}

impl Started {
    /// Asks for a cluster. An interrupt meanwhile waits for the answer, to know what to shut
    /// down.
    ///
    /// # Errors
    /// The gateway refused, or its answer was lost: then with the clusters that may have been
    /// started. Interrupted: then nothing is left behind.
    pub(super) async fn create(
        gateway: &Gateway,
        options: &Map<String, Value>,
        interrupts: &mut Interrupts,
        printer: &Printer,
    ) -> Result<Self, Error> {
        let asked = Instant::now();
        let mut creation = std::pin::pin!(gateway.create(options));
        let mut interrupted = None;
        let created = loop {
            tokio::select! {
                created = &mut creation => break created,
                signal = interrupts.next() => {
                    if interrupted.is_some() {
                        return Err(abandoned(signal));
                    }
                    let word = signal.word();
                    printer.say(&format!(
                        "{word}: waiting for the gateway's answer, to shut down what it starts"
                    ));
                    interrupted = Some(signal);
                }
            }
        };
        match (created, interrupted) {
            (Ok(name), None) => Ok(Self { name }),
            (Ok(name), Some(signal)) => {
                let started = Self { name };
                Err(started.interrupted(signal, gateway, interrupts).await)
            }
            (Err(error), _) if error.leaves_doubt() => Err(Error::Doubtful {
                suspects: suspects(gateway, asked).await,
                source: error,
            }),
            (Err(error), _) => Err(error.into()),
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
            done = work => match done {
                Ok(value) => return Ok(value),
                // It has ended by itself, or is about to.
                Err(error @ Error::StartFailed { .. }) => return Err(error),
                Err(error) => error,
            },
            signal = interrupts.next() => {
                return Err(self.interrupted(signal, gateway, interrupts).await);
            }
        };
        let Self { name } = &self;
        match self.shut_down(gateway, interrupts).await {
            Ok(()) => printer.say(&format!("cluster {name} is shut down")),
            Err(note) => printer.warn(&note),
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

    /// Sees the cluster's end: the server answers 204 to names it doesn't know yet, so only a
    /// status tells. A second interrupt ends the waiting.
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
            ended = self.see_its_end(gateway) => {
                ended.map_err(|error| left(&error.to_string()))
            }
            _ = interrupts.next() => Err(left("interrupted again")),
            () = sleep(SHUTDOWN_LIMIT) => Err(left("the gateway took too long")),
        }
    }

    async fn see_its_end(&self, gateway: &Gateway) -> Result<(), gateway::Error> {
        let started = Instant::now();
        loop {
            let deleted = gateway.delete(&self.name).await;
            match gateway.cluster(&self.name).await {
                Ok(cluster) if !cluster.status.is_active() => return Ok(()),
                // Unknown at first is not gone: Kubernetes back ends know it a little later.
                Err(gateway::Error::NoSuchCluster(_)) if started.elapsed() > SLACK => {
                    return Ok(());
                }
                Ok(_) | Err(gateway::Error::NoSuchCluster(_)) => deleted?,
                Err(error) => return Err(error),
            }
            sleep(PAUSE).await;
        }
    }
}

/// The active clusters that were started since `asked`, on the gateway's clock. Another `dgw` may
/// have started them: they are named, never shut down.
async fn suspects(gateway: &Gateway, asked: Instant) -> Vec<String> {
    let Ok(listing) = gateway.clusters(&Status::ACTIVE).await else {
        return Vec::new();
    };
    let since = asked.elapsed() + SLACK;
    let rows = selection::aged(listing).filter(|row: &Aged| row.age() <= since);
    selection::lines(&rows.collect::<Vec<_>>())
}

fn abandoned(signal: Signal) -> Error {
    Error::Interrupted {
        signal,
        note: "a cluster may have been started; `dgw list` shows it".to_owned(),
    }
}
