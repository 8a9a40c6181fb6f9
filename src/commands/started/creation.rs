//! Asking for a cluster, and what may have been started where the answer doesn't come.

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::{HURRY, LONGEST_PAUSE, OwnedCluster};
use crate::commands::interrupt::Interrupts;
use crate::commands::selection;
use crate::commands::waiting::Deadline;
use crate::error::{Error, Signal};
use crate::gateway::{Gateway, Status};
use crate::output::{ClusterRow, Progress};

/// Clocks are read to the second, and a request takes its time.
const SLACK: Duration = Duration::from_secs(3);

/// How long a gateway that lets a time limit run out is still waited for, to learn what it starts.
const GRACE: Duration = Duration::from_secs(5);

/// How long it is asked what it may have started, where it hasn't told.
const LOOK: Duration = Duration::from_secs(10);

const NOTHING: &str = "nothing was started";

impl OwnedCluster {
    /// Asks for a cluster. An interrupt meanwhile waits for the answer, to know what to shut
    /// down; so does the time limit, but not for long.
    ///
    /// # Errors
    /// The gateway refused, or its answer was lost: then with the clusters that may have been
    /// started. Interrupted, or out of time: then nothing is left behind, or it is said what may be.
    pub(in crate::commands) async fn create(
        gateway: &Gateway,
        options: &Map<String, Value>,
        limit: Option<Deadline>,
        interrupts: &mut Interrupts,
        progress: &Progress,
    ) -> Result<Self, Error> {
        let since = Instant::now();
        let mut creation = std::pin::pin!(gateway.create(options));
        let wait = |why: &str| {
            progress.note(&format!(
                "{why}: waiting for the gateway's answer, to shut down what it starts"
            ));
        };
        let (created, cut) = tokio::select! {
            biased;
            created = &mut creation => (created, None),
            signal = interrupts.next() => {
                wait(signal.word());
                tokio::select! {
                    biased;
                    created = &mut creation => (created, Some(Cut::Signal(signal))),
                    _ = interrupts.insistence() => return Err(in_doubt(signal, "no answer yet")),
                }
            }
            limit = over(limit) => {
                wait("timed out");
                tokio::select! {
                    biased;
                    created = &mut creation => (created, Some(Cut::Deadline(limit))),
                    signal = interrupts.next() => return Err(in_doubt(signal, "no answer yet")),
                    () = sleep(GRACE) => {
                        let seen = suspects(gateway, since);
                        return Err(Error::DoubtfulTimedOut { limit: limit.span(), seen: seen.await });
                    }
                }
            }
        };
        match (created, cut) {
            (Ok(name), None) => Ok(Self { name, since }),
            (Ok(name), Some(Cut::Signal(signal))) => {
                let started = Self { name, since };
                Err(started.interrupted(signal, gateway, interrupts).await)
            }
            (Ok(name), Some(Cut::Deadline(limit))) => {
                let started = Self { name, since };
                let note = match started.shut_down(HURRY, gateway, interrupts).await {
                    Ok(()) => format!("cluster {} is shut down", started.name),
                    Err(note) => note,
                };
                Err(limit.error(format!("the gateway took too long to answer; {note}")))
            }
            (Err(error), Some(Cut::Signal(signal))) if error.may_have_succeeded() => {
                Err(in_doubt(signal, &error.to_string()))
            }
            (Err(_), Some(Cut::Signal(signal))) => Err(Error::Interrupted {
                signal,
                note: NOTHING.to_owned(),
            }),
            (Err(source), cut) if source.may_have_succeeded() => tokio::select! {
                seen = suspects(gateway, since) => Err(match cut {
                    Some(Cut::Deadline(limit)) => Error::DoubtfulTimedOut { limit: limit.span(), seen },
                    _ => Error::Doubtful { source, seen },
                }),
                signal = interrupts.next() => Err(in_doubt(signal, &source.to_string())),
            },
            (Err(error), _) => Err(error.into()),
        }
    }
}

/// What a request for a cluster was cut short by.
enum Cut {
    Signal(Signal),
    Deadline(Deadline),
}

/// Returns when the limit is over; without one, never.
async fn over(limit: Option<Deadline>) -> Deadline {
    match limit {
        Some(limit) => {
            sleep_until(limit.end()).await;
            limit
        }
        None => std::future::pending().await,
    }
}

/// The active clusters that were started since then, on the gateway's clock, as soon as it answers;
/// `None` where it doesn't. Another `dgw` may have started them, by the very same command in another
/// job: they are named, never shut down.
async fn suspects(gateway: &Gateway, since: Instant) -> Option<Vec<String>> {
    let look = async {
        loop {
            match gateway.clusters(&Status::ACTIVE).await {
                Ok(listing) => return Some(listing),
                Err(error) if error.is_temporary() => sleep(LONGEST_PAUSE).await,
                Err(_) => return None,
            }
        }
    };
    let listing = timeout(LOOK, look).await.ok()??;
    let window = since.elapsed() + SLACK;
    let rows = selection::aged(listing).filter(|row: &ClusterRow| row.age() <= window);
    Some(selection::lines(&rows.collect::<Vec<_>>()))
}

fn in_doubt(signal: Signal, why: &str) -> Error {
    Error::Interrupted {
        signal,
        note: format!("{why}; a cluster may have been started: `dgw list` shows it"),
    }
}
