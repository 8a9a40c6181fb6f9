//! Waiting until a cluster runs.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::account::StartDiagnostics;
use crate::error::Error;
use crate::gateway::{self, Cluster, Gateway, Status};
use crate::output::Progress;

/// On Kubernetes a cluster that was just created may be unknown for a while
/// (`KubeBackend.get_cluster` asks a cache).
pub(super) const UNKNOWN_AT_FIRST: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(500);

/// A gateway may be away for so long, as when it is restarted, before a wait is given up.
const OUTAGE_LIMIT: Duration = Duration::from_secs(30);

/// A long poll that answers sooner than this, and brings nothing new, is none: some proxy or cache
/// stands in between.
const SUSPICIOUSLY_SOON: Duration = Duration::from_secs(1);

/// The cluster `name`, as soon as it runs, by the server's own long poll.
///
/// # Errors
/// It failed or was stopped, or the limit runs out: then with what was seen of its start. STOPPING
/// counts: a start that the gateway gives up passes through it.
pub(super) async fn until_running(
    gateway: &Gateway,
    name: &str,
    is_new: bool,
    limit: Option<Deadline>,
    progress: &mut Progress,
) -> Result<Cluster, Error> {
    let mut account = StartDiagnostics::of(name);
    let started = Instant::now();
    let outcome = {
        let outage = OutageTolerance::borne_until(limit);
        let start = outcome(gateway, name, is_new, outage, &mut account, progress);
        match limit {
            Some(limit) => tokio::time::timeout_at(limit.end, start).await.ok(),
            None => Some(start.await),
        }
    };
    let name = name.to_owned();
    match outcome {
        Some(Err(error)) => Err(error.into()),
        Some(Ok(Outcome::Runs(cluster))) => Ok(cluster),
        Some(Ok(Outcome::Ended(status))) => Err(Error::StartFailed {
            name,
            status,
            after: started.elapsed(),
            trace: account.close().await,
        }),
        Some(Ok(Outcome::HadEnded(status))) => Err(Error::NotRunning { name, status }),
        None => Err(Error::StartTimedOut {
            name,
            limit: limit.map_or_else(|| started.elapsed(), |limit| limit.span),
            trace: account.close().await,
        }),
    }
}

/// The gateway's silence during a wait, and how long it is borne.
pub(super) struct OutageTolerance {
    last_answer: Instant,
    /// Whether somebody has said how long they wait.
    is_limited: bool,
}

impl OutageTolerance {
    /// Borne until `limit`, which the wait itself keeps, or for [`OUTAGE_LIMIT`] where there is none.
    pub(super) fn borne_until(limit: Option<Deadline>) -> Self {
        Self {
            last_answer: Instant::now(),
            is_limited: limit.is_some(),
        }
    }

    /// The gateway has answered.
    pub(super) fn is_over(&mut self) {
        self.last_answer = Instant::now();
    }

    /// Bears a failure that may pass.
    ///
    /// # Errors
    /// It won't pass, or has been borne for long enough.
    pub(super) fn bear(&self, error: gateway::Error) -> Result<(), gateway::Error> {
        let is_short = self.is_limited || self.last_answer.elapsed() < OUTAGE_LIMIT;
        if error.is_temporary() && is_short {
            return Ok(());
        }
        Err(error)
    }
}

/// What a start comes to.
enum Outcome {
    Runs(Cluster),
    /// It was PENDING, and is no longer.
    Ended(Status),
    /// It wasn't even PENDING.
    HadEnded(Status),
}

async fn outcome(
    gateway: &Gateway,
    name: &str,
    is_new: bool,
    mut outage: OutageTolerance,
    account: &mut StartDiagnostics,
    progress: &mut Progress,
) -> Result<Outcome, gateway::Error> {
    let poll = async || gateway.cluster_when_started(name).await;
    let mut was_pending = is_new;
    loop {
        let asked = Instant::now();
        let answer = account.during(progress, async {
            if is_new {
                once_known(poll).await
            } else {
                poll().await
            }
        });
        let cluster = match answer.await {
            Ok(cluster) => cluster,
            Err(error) => {
                outage.bear(error)?;
                account.heard_nothing(progress);
                sleep(PAUSE).await;
                continue;
            }
        };
        outage.is_over();
        // The server lets nobody wait for what isn't PENDING.
        was_pending |= asked.elapsed() > SUSPICIOUSLY_SOON;
        match cluster.status {
            Status::Running => return Ok(Outcome::Runs(cluster)),
            Status::Pending => {
                was_pending = true;
                account.heard_pending(progress);
            }
            status if was_pending => return Ok(Outcome::Ended(status)),
            status => return Ok(Outcome::HadEnded(status)),
        }
        if asked.elapsed() < SUSPICIOUSLY_SOON {
            account.during(progress, sleep(PAUSE)).await;
        }
    }
}

/// What `look` finds of a cluster that was created just now, as soon as the gateway knows it.
///
/// # Errors
/// Any but that the cluster is unknown; that one too, after a while.
pub(super) async fn once_known(
    look: impl AsyncFn() -> Result<Cluster, gateway::Error>,
) -> Result<Cluster, gateway::Error> {
    let started = Instant::now();
    loop {
        match look().await {
            Err(gateway::Error::NoSuchCluster(_)) if started.elapsed() < UNKNOWN_AT_FIRST => {
                sleep(PAUSE).await;
            }
            known => return known,
        }
    }
}

/// A time limit that has begun.
#[derive(Clone, Copy)]
pub(super) struct Deadline {
    span: Duration,
    end: Instant,
}

impl Deadline {
    pub(super) fn of(span: Duration) -> Self {
        Self {
            span,
            end: Instant::now() + span,
        }
    }

    pub(super) fn span(self) -> Duration {
        self.span
    }

    pub(super) fn end(self) -> Instant {
        self.end
    }

    /// That it is over, and `what` was still to come.
    pub(super) fn error(self, what: String) -> Error {
        Error::TimedOut {
            what,
            limit: self.span,
        }
    }
}

/// `work`, unless the limit runs out first.
///
/// # Errors
/// The work's own, or that the time is up, and `what` was still to come.
pub(super) async fn within<T>(
    limit: Option<Deadline>,
    what: &str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let Some(limit) = limit else {
        return work.await;
    };
    let done = tokio::time::timeout_at(limit.end, work).await;
    done.unwrap_or_else(|_| Err(limit.error(what.to_owned())))
}
