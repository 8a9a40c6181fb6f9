//! Waiting until a cluster is running.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::Error;
use super::deadline::{Deadline, OutageTolerance};
use super::diagnose::StartDiagnostics;
use crate::gateway::{self, Cluster, Gateway, Status};
use crate::output::Progress;

/// On Kubernetes a cluster that was just created may be unknown for this long
/// (`KubeBackend.get_cluster` asks a cache).
pub(super) const UNKNOWN_AT_FIRST: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(500);

/// The time to wait for the status that a cluster ends with: a shutdown takes 3 to 6 seconds.
const FINAL_STATUS_LIMIT: Duration = Duration::from_secs(8);

/// The pause between requests for a cluster's end: the server can't be asked to report it.
const END_PAUSE: Duration = Duration::from_secs(2);

/// A long poll that returns sooner than this with nothing new is not held by the server: a proxy or
/// a cache stands in between.
const NO_LONG_POLL: Duration = Duration::from_secs(1);

/// Waits until the cluster `name` is running, by the server's own long poll. `is_new` tolerates
/// that the gateway does not know the cluster yet.
///
/// # Errors
/// The cluster failed or was stopped, or the time limit expired: both with what was seen of its
/// start. STOPPING counts as failed: the gateway passes through it when it gives up a start.
pub(crate) async fn wait_until_running(
    gateway: &Gateway,
    name: &str,
    is_new: bool,
    deadline: Option<Deadline>,
    progress: &mut Progress,
) -> Result<Cluster, Error> {
    let mut diagnostics = StartDiagnostics::of_start(name);
    let started = Instant::now();
    let outcome = {
        let outage = OutageTolerance::until(deadline);
        let start = poll_start(gateway, name, is_new, outage, &mut diagnostics, progress);
        match deadline {
            Some(deadline) => timeout_at(deadline.end(), start).await.ok(),
            None => Some(start.await),
        }
    };
    let name = name.to_owned();
    match outcome {
        Some(Err(error)) => Err(error.into()),
        Some(Ok(StartOutcome::Running(cluster))) => Ok(cluster),
        Some(Ok(StartOutcome::Failed(status))) => {
            let after = started.elapsed();
            let jobs = diagnostics.finish().await;
            let end = final_status(gateway, &name, status, deadline, progress);
            let status = Box::pin(end).await;
            Err(Error::StartFailed {
                name,
                status,
                after,
                jobs,
            })
        }
        Some(Ok(StartOutcome::AlreadyEnded(status))) => Err(Error::NotRunning { name, status }),
        None => Err(Error::StartTimedOut {
            name,
            limit: deadline.map_or_else(|| started.elapsed(), Deadline::limit),
            jobs: diagnostics.finish().await,
        }),
    }
}

/// How a start ended.
enum StartOutcome {
    Running(Cluster),
    /// The cluster was PENDING and has ended.
    Failed(Status),
    /// The cluster was not even PENDING.
    AlreadyEnded(Status),
}

async fn poll_start(
    gateway: &Gateway,
    name: &str,
    is_new: bool,
    mut outage: OutageTolerance,
    diagnostics: &mut StartDiagnostics,
    progress: &mut Progress,
) -> Result<StartOutcome, gateway::Error> {
    let poll = async || gateway.cluster_when_started(name).await;
    let mut was_pending = is_new;
    loop {
        let requested = Instant::now();
        let response = diagnostics.observe_during(progress, async {
            if is_new {
                retry_while_unknown(poll).await
            } else {
                poll().await
            }
        });
        let cluster = match response.await {
            Ok(cluster) => cluster,
            Err(error) => {
                outage.tolerate(error)?;
                diagnostics.show_outage(progress);
                sleep(PAUSE).await;
                continue;
            }
        };
        outage.responded();
        // The server holds the request only while the cluster is PENDING.
        was_pending |= requested.elapsed() > NO_LONG_POLL;
        match cluster.status {
            Status::Running => return Ok(StartOutcome::Running(cluster)),
            Status::Pending => {
                was_pending = true;
                diagnostics.show_pending(progress);
            }
            status if was_pending => return Ok(StartOutcome::Failed(status)),
            status => return Ok(StartOutcome::AlreadyEnded(status)),
        }
        if requested.elapsed() < NO_LONG_POLL {
            diagnostics.observe_during(progress, sleep(PAUSE)).await;
        }
    }
}

/// Returns the status that the cluster `name` ends with. Before, it is STOPPING if somebody shut it
/// down as well as if it failed; that is returned if it lasts.
pub(super) async fn final_status(
    gateway: &Gateway,
    name: &str,
    mut status: Status,
    deadline: Option<Deadline>,
    progress: &mut Progress,
) -> Status {
    let poll = async {
        while status == Status::Stopping {
            progress.phase(&format!("cluster {name} is {status}"));
            sleep(PAUSE).await;
            if let Ok(cluster) = gateway.cluster(name).await {
                status = cluster.status;
            }
        }
    };
    let limit = Instant::now() + FINAL_STATUS_LIMIT;
    let limit = deadline.map_or(limit, |deadline| limit.min(deadline.end()));
    // If the time expires, the status stays as it is.
    let _ = timeout_at(limit, poll).await;
    status
}

/// Repeats `request` about a cluster that was just created until the gateway knows it.
///
/// # Errors
/// The error of `request`; that the cluster is unknown, only after [`UNKNOWN_AT_FIRST`].
pub(crate) async fn retry_while_unknown(
    request: impl AsyncFn() -> Result<Cluster, gateway::Error>,
) -> Result<Cluster, gateway::Error> {
    let started = Instant::now();
    loop {
        let asked = Instant::now();
        match request().await {
            Err(gateway::Error::NoSuchCluster(_)) if asked - started < UNKNOWN_AT_FIRST => {
                sleep(PAUSE).await;
            }
            known => return known,
        }
    }
}

/// Waits until the cluster has ended.
///
/// # Errors
/// Fails if the gateway stays away.
pub(crate) async fn wait_until_ended(
    gateway: &Gateway,
    mut cluster: Cluster,
    deadline: Option<Deadline>,
    progress: &mut Progress,
) -> Result<Cluster, Error> {
    let mut outage = OutageTolerance::until(deadline);
    let name = cluster.name.clone();
    while !matches!(cluster.status, Status::Stopped | Status::Failed) {
        progress.phase(&format!("cluster {name} is {}", cluster.status));
        sleep(END_PAUSE).await;
        // Without a response the status is unknown.
        cluster = loop {
            match gateway.cluster(&name).await {
                Ok(current) => break current,
                // The gateway keeps ended clusters for a day, and forgets them when it restarts.
                Err(gateway::Error::NoSuchCluster(_)) => {
                    cluster.status = Status::Stopped;
                    break cluster;
                }
                Err(error) => outage.tolerate(error)?,
            }
            progress.phase("the gateway does not respond");
            sleep(END_PAUSE).await;
        };
        outage.responded();
    }
    Ok(cluster)
}
