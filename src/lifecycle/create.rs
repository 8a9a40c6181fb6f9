//! Requesting a cluster, and what may have been started if the response is lost.

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::deadline::Deadline;
use super::owned::{LONGEST_PAUSE, OwnedCluster};
use super::{Error, select};
use crate::gateway::{Gateway, Status};
use crate::output::Progress;
use crate::signals::{Interrupted, Interrupts, Signal};

/// Clocks are read to the second, and a request takes its time.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(3);

/// How long to wait for the response after the time limit, to learn the name of what was started.
const RESPONSE_GRACE: Duration = Duration::from_secs(5);

/// How long to ask the gateway what it may have started.
const LOOKUP_LIMIT: Duration = Duration::from_secs(10);

const NOTHING_STARTED: &str = "nothing was started";

/// Requests a cluster. After an interrupt it still waits for the response, to know what to shut
/// down; after the time limit too, but not for long.
///
/// # Errors
/// The gateway refused, or its response was lost: then with the clusters that may have been
/// started. After an interrupt or the time limit nothing is left behind, or the error says what may
/// be.
pub(super) async fn create(
    gateway: &Gateway,
    options: &Map<String, Value>,
    deadline: Option<Deadline>,
    interrupts: &mut Interrupts,
    progress: &Progress,
) -> Result<OwnedCluster, Error> {
    let requested = Instant::now();
    let mut creation = std::pin::pin!(gateway.create(options));
    let explain_wait = |why: &str| {
        progress.note(&format!(
            "{why}: waiting for the gateway's response, to shut down what it starts"
        ));
    };
    let (created, cut_off) = tokio::select! {
        biased;
        created = &mut creation => (created, None),
        signal = interrupts.next() => {
            explain_wait(signal.word());
            tokio::select! {
                biased;
                created = &mut creation => (created, Some(CutOff::Signal(signal))),
                _ = interrupts.next_repeated() => return Err(uncertain(signal, "no response yet")),
            }
        }
        deadline = expired(deadline) => {
            explain_wait("timed out");
            tokio::select! {
                biased;
                created = &mut creation => (created, Some(CutOff::Deadline(deadline))),
                signal = interrupts.next() => return Err(uncertain(signal, "no response yet")),
                () = sleep(RESPONSE_GRACE) => {
                    return Err(Error::StartUncertainTimedOut {
                        limit: deadline.limit(),
                        seen: recently_started(gateway, requested).await,
                    });
                }
            }
        }
    };
    match (created, cut_off) {
        (Ok(name), None) => Ok(OwnedCluster::new(name)),
        (Ok(name), Some(CutOff::Signal(signal))) => {
            let interrupted = OwnedCluster::new(name)
                .shut_down_after(signal, gateway, interrupts)
                .await;
            Err(interrupted.into())
        }
        (Ok(name), Some(CutOff::Deadline(deadline))) => {
            let note = OwnedCluster::new(name)
                .shut_down_promptly(gateway, interrupts)
                .await;
            Err(deadline.error(format!("the gateway took too long to respond; {note}")))
        }
        (Err(error), Some(CutOff::Signal(signal))) if error.may_have_succeeded() => {
            Err(uncertain(signal, &error.to_string()))
        }
        (Err(_), Some(CutOff::Signal(signal))) => {
            Err(Interrupted::new(signal, NOTHING_STARTED).into())
        }
        (Err(source), cut_off) if source.may_have_succeeded() => tokio::select! {
            seen = recently_started(gateway, requested) => Err(match cut_off {
                Some(CutOff::Deadline(deadline)) => Error::StartUncertainTimedOut {
                    limit: deadline.limit(),
                    seen,
                },
                _ => Error::StartUncertain { source, seen },
            }),
            signal = interrupts.next() => Err(uncertain(signal, &source.to_string())),
        },
        (Err(error), _) => Err(error.into()),
    }
}

/// The reason that ended the wait for the response to a request.
enum CutOff {
    Signal(Signal),
    Deadline(Deadline),
}

/// Waits until the deadline expires; for ever without one.
async fn expired(deadline: Option<Deadline>) -> Deadline {
    match deadline {
        Some(deadline) => {
            sleep_until(deadline.end()).await;
            deadline
        }
        None => std::future::pending().await,
    }
}

/// Lists the active clusters that were started since `requested`, by the gateway's clock; `None`
/// where the gateway does not respond. Another `dgw`, even the same command in another job, may have
/// started them: they are named, never shut down.
async fn recently_started(gateway: &Gateway, requested: Instant) -> Option<Vec<String>> {
    let listing = timeout(LOOKUP_LIMIT, async {
        loop {
            match gateway.clusters(&Status::ACTIVE).await {
                Ok(listing) => return Some(listing),
                Err(error) if error.is_temporary() => sleep(LONGEST_PAUSE).await,
                Err(_) => return None,
            }
        }
    })
    .await
    .ok()??;
    let longest_age = requested.elapsed() + CLOCK_TOLERANCE;
    let rows = select::rows(listing)
        .filter(|row| row.age() <= longest_age)
        .collect::<Vec<_>>();
    Some(select::candidates(&rows))
}

fn uncertain(signal: Signal, why: &str) -> Error {
    let note = format!("{why}; a cluster may have been started: `dgw list` shows it");
    Interrupted::new(signal, note).into()
}
