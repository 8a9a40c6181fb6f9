//! Asking for clusters' ends, and seeing them gone.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use tokio::time::{Instant, sleep_until};

use super::counted;
use super::interrupt::Interrupts;
use super::orphans::Orphans;
use super::waiting::OutageTolerance;
use crate::error::Error;
use crate::gateway::{self, Cluster, Gateway, Status};
use crate::orphans::KeepReason;
use crate::output::{Format, Printer};

/// Requests in flight. More gain nothing: the gateway itself stops twenty clusters at a time.
const AT_ONCE: usize = 16;

/// Between looks at what is left, at least and at most; in between it is a tenth of the time that it
/// took so far, so that nobody waits much longer than the gateway does.
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Whatever isn't gone yet. Kubernetes never shows STOPPING, other back ends do.
pub(super) const NOT_GONE: [Status; 3] = [Status::Pending, Status::Running, Status::Stopping];

/// What came of asking.
#[derive(Default)]
pub(super) struct Asked {
    /// Those for which the gateway agreed.
    pub(super) agreed: Vec<Cluster>,
    /// Those that were not asked for after all, and why.
    pub(super) spared: Vec<(String, KeepReason)>,
    /// Those for which it didn't agree, and why.
    pub(super) refused: Vec<(String, gateway::Error)>,
}

/// Asks for the end of each; with `orphans`, of each that still is one. A failure doesn't stop the
/// rest.
pub(super) async fn ask(
    clusters: Vec<Cluster>,
    orphans: Option<&Orphans<'_>>,
    gateway: &Gateway,
) -> Asked {
    let asking = clusters.into_iter().map(async |cluster| {
        let answer = match orphans {
            Some(orphans) => match orphans.is_still_one(&cluster).await {
                Ok(Ok(())) => gateway.delete(&cluster.name).await.map(Ok),
                kept => kept,
            },
            None => gateway.delete(&cluster.name).await.map(Ok),
        };
        (cluster, answer)
    });
    let answers = stream::iter(asking).buffered(AT_ONCE).collect::<Vec<_>>();
    let mut asked = Asked::default();
    for (cluster, answer) in answers.await {
        match answer {
            Ok(Ok(())) => asked.agreed.push(cluster),
            Ok(Err(reason)) => asked.spared.push((cluster.name, reason)),
            Err(error) => asked.refused.push((cluster.name, error)),
        }
    }
    asked
}

/// Prints each name as its cluster goes; other formats get all of them at the end. Looks by list,
/// ever more seldom: one request for however many.
pub(super) async fn see_them_gone(
    asked: &[Cluster],
    limit: Duration,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    let mut interrupts = Interrupts::listen()?;
    let streams = shows_names(printer);
    let mut left = asked.to_vec();
    let mut gone = Vec::new();
    let of = counted(asked.len());
    let mut progress =
        (!asked.is_empty()).then(|| printer.progress(&format!("shutting down {of}")));
    let started = Instant::now();
    let deadline = started + limit;
    let mut outcome = Ok(());
    // The limit is nobody's own, unless they gave one: an outage has its usual one.
    let mut outage = OutageTolerance::borne_until(None);
    while !left.is_empty() {
        let pause = (started.elapsed() / 10).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
        let look = async {
            sleep_until(deadline.min(Instant::now() + pause)).await;
            gateway.clusters(&NOT_GONE).await.map(Some)
        };
        let looked = tokio::select! {
            looked = look => looked,
            signal = interrupts.next() => {
                let note = "the gateway goes on with what it was asked".to_owned();
                outcome = Err(Error::Interrupted { signal, note });
                break;
            }
        };
        let still = match looked.or_else(|error| outage.bear(error).map(|()| None)) {
            Ok(Some(listing)) => {
                outage.is_over();
                names(listing.clusters)
            }
            Ok(None) => names(left.clone()),
            Err(error) => {
                outcome = Err(error.into());
                break;
            }
        };
        let (there, went): (Vec<_>, Vec<_>) = left
            .into_iter()
            .partition(|cluster| still.contains(&cluster.name));
        left = there;
        if let Some(progress) = &mut progress
            && !went.is_empty()
        {
            if streams {
                progress.around(|| print(&went, printer))?;
            }
            if !left.is_empty() {
                progress.phase(&format!("{} of {of} gone", asked.len() - left.len()));
            }
        }
        gone.extend(went);
        if Instant::now() >= deadline && !left.is_empty() {
            outcome = Err(Error::TimedOut {
                what: format!("{} of {of} not gone yet", left.len()),
                limit,
            });
            break;
        }
    }
    match progress {
        Some(progress) if left.is_empty() => progress.finish(&format!("{of} shut down")),
        progress => drop(progress),
    }
    if !left.is_empty() {
        let names = left.iter().map(|cluster| cluster.name.as_str());
        let names = names.collect::<Vec<_>>().join(" ");
        Printer::warn_always(&format!("asked to end, but not seen to be gone: {names}"));
    }
    if !streams {
        let ended = [Status::Stopped, Status::Failed];
        print(&latest(gone, &ended, gateway).await, printer)?;
    }
    outcome
}

/// The records of clusters that were asked to end, as they are now; as they were where only their
/// names are shown, which needs no request.
pub(super) async fn as_they_are(
    asked: &[Cluster],
    gateway: &Gateway,
    printer: &Printer,
) -> Vec<Cluster> {
    if asked.is_empty() || shows_names(printer) {
        return asked.to_vec();
    }
    latest(asked.to_vec(), &Status::ALL, gateway).await
}

/// The latest records of `clusters`, as far as the gateway still tells: it keeps those that have
/// ended for a day.
async fn latest(clusters: Vec<Cluster>, statuses: &[Status], gateway: &Gateway) -> Vec<Cluster> {
    let listing = gateway.clusters(statuses).await;
    let known = listing.map(|listing| listing.clusters).unwrap_or_default();
    let known = known
        .into_iter()
        .map(|cluster| (cluster.name.clone(), cluster));
    let mut known = known.collect::<BTreeMap<_, _>>();
    let last = |cluster: Cluster| known.remove(&cluster.name).unwrap_or(cluster);
    clusters.into_iter().map(last).collect()
}

/// Whether names are all that is printed.
fn shows_names(printer: &Printer) -> bool {
    matches!(
        printer.format(),
        Format::Table | Format::Wide | Format::Name
    )
}

fn names(clusters: Vec<Cluster>) -> BTreeSet<String> {
    clusters.into_iter().map(|cluster| cluster.name).collect()
}

/// Prints their names, or in the format asked for.
pub(super) fn print(clusters: &[Cluster], printer: &Printer) -> Result<(), Error> {
    printer.result(&clusters, || {
        let names = clusters.iter().map(|cluster| format!("{}\n", cluster.name));
        names.collect()
    })
}
