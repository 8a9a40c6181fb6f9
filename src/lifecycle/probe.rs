//! Asking many schedulers at the same time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};

use crate::count;
use crate::gateway::{Cluster, Status, TlsIdentities};
use crate::observed::ObservedCluster;
use crate::session::Session;

/// The number of schedulers asked at a time: enough that one silent scheduler delays no other, and
/// few enough for the proxy in front of all of them.
pub(super) const CONCURRENCY: usize = 16;

/// After this many silent schedulers the others are not asked: the cause is not theirs, and with
/// thousands of clusters waiting for each would take minutes.
const MOST_SILENT: usize = 4 * CONCURRENCY;

/// Asks the scheduler of each running cluster what it is doing, unless that is known already.
/// `timeout` limits each request. Warns if some were not asked.
pub(crate) async fn probe(
    rows: Vec<ObservedCluster>,
    identities: &TlsIdentities,
    session: &Session,
    timeout: Duration,
) -> Vec<ObservedCluster> {
    let schedulers = session.schedulers(timeout);
    let (silent, skipped) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let requests = rows.into_iter().enumerate().map(async |(index, mut row)| {
        let Cluster { name, status, .. } = &row.cluster;
        let activity = match row.activity.take() {
            None if *status != Status::Running => None,
            None if silent.load(Ordering::Relaxed) >= MOST_SILENT => {
                skipped.fetch_add(1, Ordering::Relaxed);
                None
            }
            None => {
                let started = Instant::now();
                let activity = schedulers.activity(name, identities.get(name)).await.ok();
                // A connection that fails at once costs no time.
                if activity.is_none() && started.elapsed() * 2 > timeout {
                    silent.fetch_add(1, Ordering::Relaxed);
                }
                activity
            }
            known => known,
        };
        row.activity = Some(activity.unwrap_or_default());
        (index, row)
    });
    let mut rows = stream::iter(requests)
        .buffer_unordered(CONCURRENCY)
        .collect::<Vec<_>>()
        .await;
    rows.sort_by_key(|(index, _)| *index);
    let skipped = skipped.into_inner();
    if skipped > 0 {
        session.printer.warn(&format!(
            "dgw did not ask {} (shown as unknown), because {} did not respond",
            count::of(skipped, "cluster"),
            count::of(silent.into_inner(), "other scheduler")
        ));
    }
    rows.into_iter().map(|(_, row)| row).collect()
}
