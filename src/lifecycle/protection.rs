//! Which clusters `dgw keep` protects: what is printed of it, and what a selection leaves out.

use jiff::Timestamp;

use super::Error;
use super::reasons::Reasons;
use crate::gateway::Gateway;
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
        Some(Protection { until: None }) => ProtectionStatus::WithoutEnd,
        Some(Protection { until: Some(time) }) => ProtectionStatus::Until(time),
    }
}

/// Separates `rows` into unprotected and protected clusters, with the `reasons` for these. `clock`
/// is the gateway's time of the listing.
///
/// # Errors
/// The protections can't be read, or others could have removed some: no cluster is known to be
/// unprotected.
pub(crate) fn separate_protected(
    rows: Vec<ObservedCluster>,
    gateway: &Gateway,
    clock: Option<Timestamp>,
    reasons: Reasons,
) -> Result<(Vec<ObservedCluster>, Vec<ObservedCluster>), Error> {
    let protections = Protections::read(&StateDir::of(gateway.base_url())?)?;
    let now = ClockReading::now(clock);
    let is_unprotected = |row: &ObservedCluster| {
        let name = &row.cluster.name;
        protections
            .of(name, &now)
            .inspect(|protection| reasons.left_out(name, protection))
            .is_none()
    };
    Ok(rows.into_iter().partition(is_unprotected))
}

/// Reads the protection of the cluster `name` right before its shutdown.
///
/// # Errors
/// It can't be read.
pub(super) fn current_protection(
    name: &str,
    gateway: &Gateway,
) -> Result<Option<Protection>, Error> {
    let state = StateDir::of(gateway.base_url())?;
    // By this machine's clock alone: the gateway's was read for the selection, a moment ago.
    Ok(Protections::read_one(
        &state,
        name,
        &ClockReading::now(None),
    )?)
}
