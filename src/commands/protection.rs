//! What `list` and `show` tell of protections.

use crate::gateway::Gateway;
use crate::orphans::{ClockReading, Protection, Protections};
use crate::output::{ClusterRow, Printer, ProtectionStatus};
use crate::private::StateDir;

/// Puts into each row whether the cluster is protected. Where that can't be known, it's said once,
/// and shown as unknown.
pub(super) fn mark(rows: &mut [ClusterRow], gateway: &Gateway, printer: &Printer) {
    let store = StateDir::of(gateway.base_url());
    let keeps = match store.and_then(|store| Protections::read(&store)) {
        Ok(keeps) => Some(keeps),
        Err(error) => {
            printer.warn(&format!("which clusters are protected is unknown: {error}"));
            None
        }
    };
    for row in rows {
        let now = ClockReading::now(Some(row.now));
        row.protection = Some(match &keeps {
            None => ProtectionStatus::Unknown,
            Some(keeps) => of(keeps.of(&row.cluster.name, &now)),
        });
    }
}

pub(super) fn of(keep: Option<Protection>) -> ProtectionStatus {
    match keep {
        None => ProtectionStatus::None,
        Some(Protection { until: None }) => ProtectionStatus::ForGood,
        Some(Protection { until: Some(time) }) => ProtectionStatus::Until(time),
    }
}
