//! Waiting until a cluster runs.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::Error;
use crate::gateway::{self, Cluster, Gateway, Status};
use crate::output::Progress;

/// On Kubernetes a cluster that was just created may be unknown for a while
/// (`KubeBackend.get_cluster` asks a cache).
const UNKNOWN_AT_FIRST: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(500);

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
    loop {
        match gateway.cluster_when_started(name).await {
            Ok(cluster) => match cluster.status {
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
            },
            Err(gateway::Error::NoSuchCluster(_))
                if is_new && started.elapsed() < UNKNOWN_AT_FIRST =>
            {
                sleep(PAUSE).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The phase that a start begins with.
pub(super) fn pending(name: &str) -> String {
    format!("cluster {name} is PENDING")
}

/// `work`, unless `limit` runs out first.
///
/// # Errors
/// The work's own, or that the time is up, and `what` was still to come.
pub(super) async fn within<T>(
    limit: Option<Duration>,
    what: &str,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let Some(limit) = limit else {
        return work.await;
    };
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        Err(Error::TimedOut {
            what: what.to_owned(),
            limit,
        })
    })
}
