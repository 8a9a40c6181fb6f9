//! The table of protected clusters.

use serde::Serialize;

use super::sorting::RowSchema;
use super::table::{Cell, Column, KEEP};
use crate::gateway::Status;
use crate::observed::ProtectionStatus;

/// A cluster and its protection by `dgw keep`.
#[derive(Debug, Serialize)]
pub(crate) struct ProtectedCluster {
    name: String,
    /// `None` if the gateway does not list the cluster.
    status: Option<Status>,
    #[serde(flatten)]
    protection: ProtectionStatus,
}

impl ProtectedCluster {
    pub(crate) fn new(name: String, status: Option<Status>, protection: ProtectionStatus) -> Self {
        Self {
            name,
            status,
            protection,
        }
    }
}

/// NAME STATUS UNTIL.
pub(crate) fn shape() -> RowSchema<ProtectedCluster> {
    RowSchema {
        columns: columns(),
        fields: ["name", "status", "kept", "kept_until"].into(),
        elsewhere: None,
    }
}

fn columns() -> Vec<Column<ProtectedCluster>> {
    vec![
        Column::new("NAME", KEEP, |row| Cell::text(&row.name)),
        Column::new("STATUS", KEEP, |row| match row.status {
            Some(status) => Cell::new(status.as_str(), status as u8),
            None => Cell::unknown(),
        }),
        Column::new("UNTIL", KEEP, |row| match row.protection {
            ProtectionStatus::Until(time) => Cell::text(format!("{time:.0}")),
            ProtectionStatus::WithoutEnd => Cell::text("always"),
            ProtectionStatus::None | ProtectionStatus::Unknown => Cell::unknown(),
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_match_the_records() {
        let row = ProtectedCluster::new("ab12".to_owned(), None, ProtectionStatus::WithoutEnd);
        let record = serde_json::to_value(&row).expect("a record");
        let fields = record.as_object().expect("an object").keys();
        assert_eq!(fields.collect::<Vec<_>>(), shape().fields);
        assert_eq!(record["kept"], true);
        assert!(record["kept_until"].is_null() && record["status"].is_null());
    }
}
