//! Shutting down many clusters, and waiting until they are gone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use serde::Serialize;
use tokio::time::{Instant, sleep_until};

use super::Error;
use super::clean_up::OrphanSearch;
use super::deadline::OutageTolerance;
use super::labels;
use super::protection::current_protection;
use crate::count;
use crate::gateway::{Cluster, Gateway, Status};
use crate::output::{Format, Printer};
use crate::session::Session;
use crate::signals::{Interrupted, Interrupts};

/// The number of requests in flight. More gain nothing: the gateway itself stops twenty clusters at
/// a time.
const CONCURRENCY: usize = 16;

/// The pauses between requests for what is left: a tenth of the time that the shutdown has taken, so
/// that nobody waits much longer than the gateway does, within these bounds.
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The statuses of a cluster that is not gone. Kubernetes never shows STOPPING, other backends do.
pub(crate) const NOT_ENDED: [Status; 3] = [Status::Pending, Status::Running, Status::Stopping];

/// The results of the requests to shut clusters down.
#[derive(Default)]
pub(crate) struct ShutdownRequests {
    /// The clusters for which the gateway accepted the request.
    pub(crate) accepted: Vec<Cluster>,
    /// The clusters that were left running at the last moment, with the reason.
    pub(crate) spared: Vec<(String, String)>,
    /// The clusters for which the check or the request failed, with the cause.
    pub(crate) failed: Vec<(String, Error)>,
}

/// What must hold for a cluster right before its shutdown. Nothing, for one that the user named.
#[derive(Clone, Copy, Default)]
pub(crate) struct LastCheck<'a> {
    /// It must still be an orphan of this search.
    pub(crate) orphan_of: Option<&'a OrphanSearch<'a>>,
    /// `dgw keep` must not protect it.
    pub(crate) is_unprotected: bool,
}

impl LastCheck<'_> {
    /// Returns the reason to leave `cluster` running, if there is one.
    async fn find_reason(
        self,
        cluster: &Cluster,
        gateway: &Gateway,
    ) -> Result<Option<String>, Error> {
        if let Some(search) = self.orphan_of
            && let Some(reason) = search.recheck(cluster).await?
        {
            return Ok(Some(reason.to_string()));
        }
        // Last, because the requests took time and `dgw keep` may have run meanwhile.
        if !self.is_unprotected {
            return Ok(None);
        }
        let protection = current_protection(&cluster.name, gateway)?;
        Ok(protection.map(|protection| protection.to_string()))
    }
}

/// Requests the shutdown of each cluster for which `check` holds. A failure does not stop the rest.
pub(crate) async fn request_shutdown(
    clusters: Vec<Cluster>,
    check: LastCheck<'_>,
    gateway: &Gateway,
) -> ShutdownRequests {
    let requests = clusters.into_iter().map(async |cluster| {
        let result = match check.find_reason(&cluster, gateway).await {
            Ok(None) => match gateway.delete(&cluster.name).await {
                Ok(()) => Ok(None),
                Err(error) => Err(error.into()),
            },
            found => found,
        };
        (cluster, result)
    });
    let results = stream::iter(requests)
        .buffered(CONCURRENCY)
        .collect::<Vec<_>>()
        .await;
    let mut requests = ShutdownRequests::default();
    for (cluster, result) in results {
        match result {
            Ok(None) => requests.accepted.push(cluster),
            Ok(Some(reason)) => requests.spared.push((cluster.name, reason)),
            Err(error) => requests.failed.push((cluster.name, error)),
        }
    }
    requests
}

/// Waits until all of `clusters` are gone. Prints each name as its cluster goes; for other formats,
/// returns the records of those that are gone. The error is that the limit expired, that the gateway
/// stays away, an interrupt, or that stdout can't be written.
pub(crate) async fn wait_until_gone(
    clusters: &[Cluster],
    limit: Duration,
    session: &Session,
) -> (Vec<Cluster>, Result<(), Error>) {
    let mut gone = Vec::new();
    let outcome = wait(clusters, limit, &mut gone, session).await;
    if prints_names(&session.printer) {
        return (Vec::new(), outcome);
    }
    let ended = [Status::Stopped, Status::Failed];
    (
        latest_records(gone, &ended, &session.gateway).await,
        outcome,
    )
}

/// Adds those of `clusters` that are gone to `gone` until all are, by one request for the list at ever
/// longer intervals.
async fn wait(
    clusters: &[Cluster],
    limit: Duration,
    gone: &mut Vec<Cluster>,
    session: &Session,
) -> Result<(), Error> {
    let Session {
        gateway, printer, ..
    } = session;
    let mut interrupts = Interrupts::listen()?;
    let prints_each = prints_names(printer);
    let mut remaining = clusters.to_vec();
    let total = count::of(clusters.len(), "cluster");
    let mut progress =
        (!clusters.is_empty()).then(|| printer.progress(&format!("shutting down {total}")));
    let started = Instant::now();
    let deadline = started + limit;
    let mut outcome = Ok(());
    // The default limit is nobody's choice, so an outage has its usual limit.
    let mut outage = OutageTolerance::until(None);
    while !remaining.is_empty() {
        let pause = (started.elapsed() / 10).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        let list = async {
            sleep_until(deadline.min(Instant::now() + pause)).await;
            gateway.clusters(&NOT_ENDED).await.map(Some)
        };
        let listed = tokio::select! {
            listed = list => listed,
            signal = interrupts.next() => {
                let note = "the gateway continues to shut the clusters down";
                outcome = Err(Interrupted::new(signal, note).into());
                break;
            }
        };
        match listed.or_else(|error| outage.tolerate(error).map(|()| None)) {
            Ok(None) => {}
            Ok(Some(listing)) => {
                outage.responded();
                let names = names(listing.clusters);
                let (still_there, ended): (Vec<_>, Vec<_>) = remaining
                    .into_iter()
                    .partition(|cluster| names.contains(&cluster.name));
                remaining = still_there;
                if let Some(progress) = &mut progress
                    && !ended.is_empty()
                {
                    if prints_each {
                        progress.around(|| print_shut_down(&ended, printer))?;
                    }
                    if !remaining.is_empty() {
                        let count = clusters.len() - remaining.len();
                        progress.phase(&format!("{count} of {total} gone"));
                    }
                }
                labels::forget(ended.iter().map(|cluster| cluster.name.as_str()), gateway);
                gone.extend(ended);
            }
            Err(error) => {
                outcome = Err(error.into());
                break;
            }
        }
        if Instant::now() >= deadline && !remaining.is_empty() {
            outcome = Err(Error::TimedOut {
                pending: format!("{} of {total} had not shut down yet", remaining.len()),
                limit,
            });
            break;
        }
    }
    match progress {
        Some(progress) if remaining.is_empty() => progress.finish(&format!("{total} shut down")),
        progress => drop(progress),
    }
    if !remaining.is_empty() {
        let names = remaining
            .iter()
            .map(|cluster| cluster.name.as_str())
            .collect::<Vec<_>>()
            .join(" ");
        Printer::warn_always(&format!("shutdown requested but not confirmed: {names}"));
    }
    outcome
}

/// Returns the current records of clusters whose shutdown was requested; unchanged where only their
/// names are printed, which needs no request.
pub(crate) async fn current_records(clusters: &[Cluster], session: &Session) -> Vec<Cluster> {
    if clusters.is_empty() || prints_names(&session.printer) {
        return clusters.to_vec();
    }
    latest_records(clusters.to_vec(), &Status::ALL, &session.gateway).await
}

/// Returns the latest records of `clusters`, as far as the gateway still knows them: it keeps ended
/// clusters for a day.
async fn latest_records(
    clusters: Vec<Cluster>,
    statuses: &[Status],
    gateway: &Gateway,
) -> Vec<Cluster> {
    let listing = gateway.clusters(statuses).await;
    let mut known = listing
        .map(|listing| listing.clusters)
        .unwrap_or_default()
        .into_iter()
        .map(|cluster| (cluster.name.clone(), cluster))
        .collect::<BTreeMap<_, _>>();
    clusters
        .into_iter()
        .map(|cluster| known.remove(&cluster.name).unwrap_or(cluster))
        .collect()
}

/// Returns true if the output format consists of names.
fn prints_names(printer: &Printer) -> bool {
    matches!(
        printer.format(),
        Format::Table | Format::Wide | Format::Name
    )
}

fn names(clusters: Vec<Cluster>) -> BTreeSet<String> {
    clusters.into_iter().map(|cluster| cluster.name).collect()
}

/// Prints the names of clusters that were shut down, or their records.
///
/// # Errors
/// stdout can't be written.
pub(crate) fn print_shut_down(clusters: &[Cluster], printer: &Printer) -> Result<(), Error> {
    print_records(clusters, |cluster| &cluster.name, printer)
}

/// A cluster with the name of its gateway.
#[derive(Serialize)]
pub(crate) struct ClusterOfGateway<'a> {
    pub(crate) gateway: &'a str,
    #[serde(flatten)]
    pub(crate) cluster: Cluster,
}

/// Prints the names of clusters of several gateways that were shut down, or their records.
///
/// # Errors
/// stdout can't be written.
pub(crate) fn print_shut_down_of_gateways(
    clusters: &[ClusterOfGateway<'_>],
    printer: &Printer,
) -> Result<(), Error> {
    print_records(clusters, |it| &it.cluster.name, printer)
}

fn print_records<T: Serialize>(
    records: &[T],
    name: impl Fn(&T) -> &str,
    printer: &Printer,
) -> Result<(), Error> {
    let names = || records.iter().flat_map(|it| [name(it), "\n"]).collect();
    Ok(printer.result(&records, names)?)
}
