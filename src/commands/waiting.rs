//! Waiting until a cluster runs.

use std::time::Duration;

use tokio::time::{Instant, sleep};

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
/// It failed or was stopped. STOPPING counts: a start that the gateway gives up passes through it.
pub(super) async fn until_running(
    gateway: &Gateway,
    name: &str,
    is_new: bool,
    progress: &mut Progress,
) -> Result<Cluster, Error> {
    let started = Instant::now();
    let poll = async || gateway.cluster_when_started(name).await;
    let mut last_answer = Instant::now();
    loop {
        let asked = Instant::now();
        let answer = if is_new {
            once_known(poll).await
        } else {
            poll().await
        };
        let cluster = match answer {
            Ok(cluster) => cluster,
            Err(error) if error.may_pass() && last_answer.elapsed() < OUTAGE_LIMIT => {
                progress.phase(&format!("the gateway does not answer; {}", pending(name)));
                sleep(PAUSE).await;
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        last_answer = Instant::now();
        match cluster.status {
            Status::Running => return Ok(cluster),
            Status::Pending => progress.phase(&pending(name)),
            status if is_new => {
                return Err(Error::StartFailed {
                    name: cluster.name,
                    status,
                    after: started.elapsed(),
                });
            }
            status => {
                return Err(Error::NotRunning {
                    name: cluster.name,
                    status,
                });
            }
        }
        if asked.elapsed() < SUSPICIOUSLY_SOON {
            sleep(PAUSE).await;
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

/// The phase that a start begins with.
pub(super) fn pending(name: &str) -> String {
    format!("cluster {name} is PENDING")
}

/// A time limit that has begun.
#[derive(Clone, Copy)]
pub(super) struct Limit {
    span: Duration,
    end: Instant,
}

impl Limit {
    pub(super) fn of(span: Duration) -> Self {
        Self {
            span,
            end: Instant::now() + span,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        Instant::now() >= self.end
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
    limit: Option<Limit>,
    what: &str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let Some(limit) = limit else {
        return work.await;
    };
    let done = tokio::time::timeout_at(limit.end, work).await;
    done.unwrap_or_else(|_| Err(limit.error(what.to_owned())))
}
