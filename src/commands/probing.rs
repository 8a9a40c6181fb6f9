//! Asking many schedulers at the same time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use futures_util::stream::{self, StreamExt as _};

use super::counted;
use crate::cli::ProbeArgs;
use crate::gateway::{Cluster, Gateway, Status, TlsIdentities};
use crate::output::{ClusterRow, Printer};

/// So many schedulers are asked at a time: many enough that one that is silent holds up none, and
/// few enough for the proxy that all of them are behind.
pub(super) const AT_ONCE: usize = 16;

/// When so many have been silent, the others aren't asked: it is not them, and waiting for each would
/// take minutes where there are thousands.
const MOST_SILENT: usize = 4 * AT_ONCE;

/// The rows, those of running clusters with what these tell within their time, unless that is known
/// already. That some were not asked is said.
pub(super) async fn probed(
    rows: Vec<ClusterRow>,
    identities: &TlsIdentities,
    gateway: &Gateway,
    probe: &ProbeArgs,
    printer: &Printer,
) -> Vec<ClusterRow> {
    let schedulers = super::schedulers(gateway, probe);
    let (silent, unasked) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let probing = rows.into_iter().enumerate().map(async |(at, mut row)| {
        let Cluster { name, status, .. } = &row.cluster;
        let told = match row.activity.take() {
            None if *status != Status::Running => None,
            None if silent.load(Ordering::Relaxed) >= MOST_SILENT => {
                unasked.fetch_add(1, Ordering::Relaxed);
                None
            }
            None => {
                let started = Instant::now();
                let told = schedulers.activity(name, identities.get(name)).await.ok();
                // The fault may be that of the way that failed at once.
                if told.is_none() && started.elapsed() * 2 > probe.probe_timeout {
                    silent.fetch_add(1, Ordering::Relaxed);
                }
                told
            }
            told => told,
        };
        row.activity = Some(told.unwrap_or_default());
        (at, row)
    });
    let probing = stream::iter(probing).buffer_unordered(AT_ONCE);
    let mut rows = probing.collect::<Vec<_>>().await;
    rows.sort_by_key(|(at, _)| *at);
    let unasked = unasked.into_inner();
    if unasked > 0 {
        printer.warn(&format!(
            "{} were not asked: {} schedulers before them were silent",
            counted(unasked),
            silent.into_inner()
        ));
    }
    rows.into_iter().map(|(_, row)| row).collect()
}
