//! Which clusters `dgw keep` protects, as `list`, `show` and `keep` print it.

use crate::observed::{ObservedCluster, ProtectionStatus};
use crate::orphans::{ClockReading, Protection, Protections};

use crate::private::StateDir;
use crate::session::Session;

/// Sets the protection of each row. Where it can't be read, warns once and sets it to unknown.
pub(crate) fn mark_protection(rows: &mut [ObservedCluster], session: &Session) {
    let protections = StateDir::of(session.gateway.base_url())
        .and_then(|state| Protections::read(&state))
        .map_err(|error| {
            let message = format!("can't tell which clusters are protected: {error}");
            session.printer.warn(&message);
        });
    for row in rows {
        let now = ClockReading::now(Some(row.now));
        row.protection = Some(match &protections {
            Err(()) => ProtectionStatus::Unknown,
            Ok(protections) => protection_status(protections.of(&row.cluster.name, &now)),
        });
    }
}

/// Converts a protection to what is printed of it.
pub(crate) fn protection_status(protection: Option<Protection>) -> ProtectionStatus {
    match protection {
        None => ProtectionStatus::None,
        Some(Protection { until: None }) => ProtectionStatus::ForGood,
        Some(Protection { until: Some(time) }) => ProtectionStatus::Until(time),
    }
}
