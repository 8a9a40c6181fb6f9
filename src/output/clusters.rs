//! The table of clusters.

use std::fmt::{self, Write as _};
use std::time::Duration;

use anstyle::AnsiColor;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::escape;
use super::option_values::without_values;
use super::quantity;
use super::sorting::RowSchema;
use super::table::{Cell, Column, KEEP, OMIT, SHORTEN, SHORTEN_LAST};
use crate::duration;
use crate::gateway::Status;
use crate::observed::{ObservedCluster, ProtectionStatus};
use crate::scheduler::{Activity, Idle};

impl ObservedCluster {
    /// The time until `time`, by the gateway's clock.
    fn until(&self, time: Timestamp) -> Duration {
        Duration::try_from(time.duration_since(self.now)).unwrap_or_default()
    }

    /// A cell about the cluster's activity: `?` for what isn't known, `-` where the cluster isn't
    /// running.
    fn activity_cell<'a>(
        &'a self,
        cell: impl FnOnce(&'a Activity) -> Option<Cell<'a>>,
    ) -> Cell<'a> {
        if self.cluster.status != Status::Running {
            return Cell::new("-", Value::Null);
        }
        let known = self.activity.as_ref().and_then(cell);
        known.unwrap_or_else(Cell::unknown)
    }

    fn count(&self, count: impl FnOnce(&Activity) -> Option<u64>) -> Cell<'_> {
        self.activity_cell(|activity| Some(Cell::number(count(activity))))
    }
}

/// NAME STATUS AGE OPTIONS DASHBOARD, with LABEL before them if asked for.
pub(crate) fn shape(has_label: bool) -> RowSchema<ObservedCluster> {
    const TITLES: [&str; 6] = ["LABEL", "NAME", "STATUS", "AGE", "OPTIONS", "DASHBOARD"];
    let is_narrow = |column: &Column<ObservedCluster>| TITLES.contains(&column.title);
    let (mut columns, others) = columns().into_iter().partition::<Vec<_>, _>(is_narrow);
    columns.retain(|column| has_label || column.title != LABEL);
    let titles = others.iter().map(|column| column.title);
    RowSchema {
        elsewhere: Some((
            titles.chain(ACTIVITY_FIELDS).collect(),
            "`-o wide`, or `--wide`",
        )),
        columns,
        fields: CLUSTER_FIELDS.into(),
    }
}

/// The columns of [`shape`] and those about the clusters' activity, with LABEL and KEEP if asked for.
pub(crate) fn wide_shape(has_label: bool, has_keep: bool) -> RowSchema<ObservedCluster> {
    let mut columns = columns();
    columns.retain(|column| has_keep || column.title != "KEEP");
    columns.retain(|column| has_label || column.title != LABEL);
    RowSchema {
        columns,
        fields: [&CLUSTER_FIELDS[..], &ACTIVITY_FIELDS].concat(),
        elsewhere: None,
    }
}

/// Adds GATEWAY, the name of each cluster's gateway, before the other columns of `schema`.
pub(crate) fn with_gateway(mut schema: RowSchema<ObservedCluster>) -> RowSchema<ObservedCluster> {
    let column: Column<ObservedCluster> = Column::new("GATEWAY", KEEP, |row| {
        let gateway = row.gateway.as_deref();
        Cell::new(gateway.unwrap_or("-"), gateway)
    });
    schema.columns.insert(0, column);
    schema.fields.insert(0, "gateway");
    schema
}

/// The title of the users' own names.
const LABEL: &str = "LABEL";

/// The fields of every record.
const CLUSTER_FIELDS: [&str; 8] = [
    "name",
    "status",
    "start_time",
    "stop_time",
    "options",
    "dashboard_link",
    "scheduler_address",
    "label",
];

/// The fields that follow where the schedulers were asked.
const ACTIVITY_FIELDS: [&str; 9] = [
    "workers",
    "threads",
    "memory_used",
    "memory_limit",
    "tasks",
    "clients",
    "idle_since",
    "kept",
    "kept_until",
];

fn columns() -> Vec<Column<ObservedCluster>> {
    vec![
        Column::new(LABEL, KEEP, |row| {
            let label = row.label.as_deref();
            Cell::new(label.unwrap_or("-"), label)
        }),
        // A prefix of a name is enough to name a cluster by.
        Column::new("NAME", SHORTEN_LAST, |row| Cell::text(&row.cluster.name)),
        Column::new("STATUS", KEEP, |row| {
            let status = row.cluster.status;
            Cell::new(status.as_str(), status as u8).coloured(colour(status))
        }),
        Column::new("AGE", KEEP, |row| {
            let start = row.cluster.start_time.as_millisecond();
            Cell::new(duration::short(row.age()), -start)
        }),
        Column::new("WORKERS", KEEP, |row| {
            row.count(|activity| activity.workers)
        }),
        Column::new("CORES", KEEP, |row| row.count(|activity| activity.threads)),
        Column::new("MEMORY", KEEP, |row| {
            row.activity_cell(|activity| {
                let used = activity.memory_used;
                let text = quantity::used_of_word(used, activity.memory_limit)?;
                Some(Cell::new(text, used))
            })
        }),
        Column::new("DONE/TASKS", KEEP, |row| {
            row.activity_cell(|activity| {
                let tasks = activity.tasks.as_ref()?;
                Some(Cell::new(quantity::done_of_all(tasks)?, tasks.unfinished()))
            })
        }),
        Column::new("CLIENTS", KEEP, |row| {
            row.count(|activity| activity.clients)
        }),
        Column::new("IDLE", KEEP, |row| {
            row.activity_cell(|activity| match activity.idle {
                Idle::Unknown => None,
                Idle::Busy => Some(Cell::new("-", 0)),
                Idle::Since(time) => {
                    let idle = row.since(time);
                    Some(Cell::new(duration::short(idle), idle.as_secs()))
                }
            })
        }),
        Column::new("KEEP", KEEP, |row| match row.protection {
            // Unprotected clusters first, then by the time that is left; unknown counts as without end.
            None | Some(ProtectionStatus::None) => Cell::new("-", -1),
            Some(ProtectionStatus::Unknown) => Cell::new("?", u64::MAX),
            Some(ProtectionStatus::WithoutEnd) => Cell::new("always", u64::MAX),
            Some(ProtectionStatus::Until(time)) => {
                let left = row.until(time);
                Cell::new(duration::short(left), left.as_secs())
            }
        }),
        Column::new("OPTIONS", SHORTEN, |row| {
            Cell::text(joined_options(&row.cluster.options, ","))
        }),
        Column::new("DASHBOARD", OMIT, |row| {
            let link = row.cluster.dashboard_link.as_ref();
            link.map_or_else(|| Cell::new("-", Value::Null), Cell::text)
        }),
    ]
}

fn colour(status: Status) -> AnsiColor {
    match status {
        Status::Running => AnsiColor::Green,
        Status::Pending | Status::Stopping => AnsiColor::Yellow,
        Status::Failed => AnsiColor::Red,
        Status::Stopped => AnsiColor::BrightBlack,
    }
}

/// `KEY=VALUE …`, without the options that are empty; cut to what a cell may show.
pub(crate) fn options(options: &Map<String, Value>) -> String {
    joined_options(options, " ")
}

fn joined_options(options: &Map<String, Value>, separator: &str) -> String {
    let has_value = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    };
    let shown = options.iter().filter(|(_, value)| has_value(value));
    let mut text = CutText::default();
    for (at, (key, value)) in shown.enumerate() {
        let gap = if at == 0 { "" } else { separator };
        let written = match value {
            Value::String(value) => write!(text, "{gap}{key}={value}"),
            value => write!(text, "{gap}{key}={}", without_values(value)),
        };
        if written.is_err() {
            break;
        }
    }
    text.0
}

/// A text that accepts no more than a cell needs to be masked and cut.
#[derive(Default)]
struct CutText(String);

impl fmt::Write for CutText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = escape::CELL_ROOM - self.0.len();
        let mut ends = (0..=room.min(text.len())).rev();
        let end = ends.find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        self.0.push_str(&text[..end]);
        if end < text.len() {
            return Err(fmt::Error);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::Cluster;

    #[test]
    fn fields_match_the_records() {
        let mut row = ObservedCluster {
            gateway: None,
            cluster: Cluster::running("a"),
            now: Timestamp::UNIX_EPOCH,
            label: None,
            activity: None,
            protection: None,
        };
        let fields = |row: &ObservedCluster| {
            let record = serde_json::to_value(row).expect("a record");
            let record = record.as_object().expect("an object");
            record.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(fields(&row), shape(true).fields);
        row.activity = Some(Activity::default());
        row.protection = Some(ProtectionStatus::None);
        assert_eq!(fields(&row), wide_shape(true, true).fields);
        row.gateway = Some("work".to_owned());
        assert_eq!(fields(&row), with_gateway(wide_shape(true, true)).fields);
    }
}
