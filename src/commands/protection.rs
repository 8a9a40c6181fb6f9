//! What `list` and `show` tell of protections.

use jiff::Timestamp;

use crate::activity::{Keep, Keeps, Moment, Store};
use crate::gateway::Gateway;
use crate::output::{Aged, Printer, Protection};

/// Puts into each row whether the cluster is protected. Where that can't be known, it's said once,
/// and shown as unknown.
pub(super) fn mark(rows: &mut [Aged], gateway: &Gateway, printer: &Printer) {
    let store = Store::of(gateway.base());
    let keeps = match store.and_then(|store| Keeps::read(&store)) {
        Ok(keeps) => Some(keeps),
        Err(error) => {
            printer.warn(&format!("which clusters are protected is unknown: {error}"));
            None
        }
    };
    for row in rows {
        let now = Moment {
            here: Timestamp::now(),
            gateway: Some(row.now),
        };
        row.protection = Some(match &keeps {
            None => Protection::Unknown,
            Some(keeps) => of(keeps.of(&row.cluster.name, &now)),
        });
    }
}

pub(super) fn of(keep: Option<Keep>) -> Protection {
    match keep {
        None => Protection::None,
        Some(Keep { until: None }) => Protection::ForGood,
        Some(Keep { until: Some(time) }) => Protection::Until(time),
    }
}
