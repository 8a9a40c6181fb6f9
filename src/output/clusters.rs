//! The table of clusters.

use std::time::Duration;

use comfy_table::Color;
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::quantity;
use super::sorting::RowSchema;
use super::table::{Column, Fit};
use crate::age;
use crate::gateway::{Cluster, Status};
use crate::scheduler::{Activity, Idle, Tasks};

/// A cluster, and the gateway's clock when the cluster was fetched.
#[derive(Debug, Serialize)]
pub(crate) struct ClusterRow {
    #[serde(flatten)]
    pub(crate) cluster: Cluster,
    #[serde(skip)]
    pub(crate) now: Timestamp,
    /// The scheduler's figures, if they were requested.
    #[serde(flatten)]
    pub(crate) activity: Option<Activity>,
    /// The protection from clean-up, if it was looked up.
    #[serde(flatten)]
    pub(crate) protection: Option<ProtectionStatus>,
}

/// A cluster's protection from clean-up. In records, `kept_until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProtectionStatus {
    Unknown,
    None,
    Until(Timestamp),
    ForGood,
}

impl Serialize for ProtectionStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time = match self {
            Self::Unknown | Self::None => None,
            Self::Until(time) => Some(*time),
            Self::ForGood => Some(FOR_GOOD),
        };
        serializer.collect_map([("kept_until", time)])
    }
}

/// 9999-12-30T00:00:00Z: still a time, for programs that compare it with others.
const FOR_GOOD: Timestamp = Timestamp::constant(253_402_128_000, 0);

impl ClusterRow {
    /// The time since the cluster was started; zero where the clocks disagree.
    pub(crate) fn age(&self) -> Duration {
        self.since(self.cluster.start_time)
    }

    /// The time since `time`, by the gateway's clock.
    pub(super) fn since(&self, time: Timestamp) -> Duration {
        Duration::try_from(self.now.duration_since(time)).unwrap_or_default()
    }

    /// The time until `time`, by the gateway's clock.
    fn until(&self, time: Timestamp) -> Duration {
        Duration::try_from(time.duration_since(self.now)).unwrap_or_default()
    }

    /// The text of a cell about the cluster's activity: `?` for what isn't known, `-` where
    /// the cluster isn't running.
    fn activity_text(&self, text: impl FnOnce(&Activity) -> Option<String>) -> String {
        if self.cluster.status != Status::Running {
            return "-".to_owned();
        }
        let known = self.activity.as_ref().and_then(text);
        known.unwrap_or_else(|| "?".to_owned())
    }

    /// A number of the cluster's activity to sort by; null where it is unknown.
    fn activity_key(&self, number: impl FnOnce(&Activity) -> Option<u64>) -> Value {
        self.activity.as_ref().and_then(number).into()
    }

    /// Name, status and age, for messages.
    pub(crate) fn line(&self) -> String {
        let Cluster { name, status, .. } = &self.cluster;
        format!("{name}  {status:<8}  {}", age::short(self.age()))
    }
}

/// NAME STATUS AGE OPTIONS DASHBOARD.
pub(crate) fn shape() -> RowSchema<ClusterRow> {
    const TITLES: [&str; 5] = ["NAME", "STATUS", "AGE", "OPTIONS", "DASHBOARD"];
    let is_narrow = |column: &Column<ClusterRow>| TITLES.contains(&column.title);
    let (columns, others) = columns().into_iter().partition::<Vec<_>, _>(is_narrow);
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

/// The columns of [`shape`] and those about the clusters' activity, with KEEP if asked for.
pub(crate) fn wide_shape(has_keep: bool) -> RowSchema<ClusterRow> {
    let mut columns = columns();
    columns.retain(|column| has_keep || column.title != "KEEP");
    RowSchema {
        columns,
        fields: [&CLUSTER_FIELDS[..], &ACTIVITY_FIELDS].concat(),
        elsewhere: None,
    }
}

/// The fields of every record.
const CLUSTER_FIELDS: [&str; 7] = [
    "name",
    "status",
    "start_time",
    "stop_time",
    "options",
    "dashboard_link",
    "scheduler_address",
];

/// The fields that follow where the schedulers were asked.
const ACTIVITY_FIELDS: [&str; 8] = [
    "workers",
    "threads",
    "memory_used",
    "memory_limit",
    "tasks",
    "clients",
    "idle_since",
    "kept_until",
];

fn columns() -> Vec<Column<ClusterRow>> {
    vec![
        // A prefix of a name is enough to name a cluster by.
        Column::new(
            "NAME",
            Fit::ShortenLast,
            |row| row.cluster.name.clone(),
            |row| row.cluster.name.clone().into(),
        ),
        Column::new(
            "STATUS",
            Fit::Keep,
            |row: &ClusterRow| row.cluster.status.to_string(),
            |row| (row.cluster.status as u8).into(),
        )
        .with_colour(|row| colour(row.cluster.status)),
        Column::new(
            "AGE",
            Fit::Keep,
            |row| age::short(row.age()),
            |row| (-row.cluster.start_time.as_millisecond()).into(),
        ),
        Column::new(
            "WORKERS",
            Fit::Keep,
            |row| row.activity_text(|activity| Some(activity.workers?.to_string())),
            |row| row.activity_key(|activity| activity.workers),
        ),
        Column::new(
            "CORES",
            Fit::Keep,
            |row| row.activity_text(|activity| Some(activity.threads?.to_string())),
            |row| row.activity_key(|activity| activity.threads),
        ),
        Column::new(
            "MEMORY",
            Fit::Keep,
            |row| {
                row.activity_text(|activity| {
                    quantity::used_of(activity.memory_used, activity.memory_limit)
                })
            },
            |row| row.activity_key(|activity| activity.memory_used),
        ),
        Column::new(
            "TASKS",
            Fit::Keep,
            |row| row.activity_text(|activity| tasks(activity.tasks.as_ref()?)),
            |row| row.activity_key(|activity| activity.tasks.as_ref()?.unfinished()),
        ),
        Column::new(
            "CLIENTS",
            Fit::Keep,
            |row| row.activity_text(|activity| Some(activity.clients?.to_string())),
            |row| row.activity_key(|activity| activity.clients),
        ),
        Column::new(
            "IDLE",
            Fit::Keep,
            |row| {
                row.activity_text(|activity| match activity.idle {
                    Idle::Unknown => None,
                    Idle::Busy => Some("-".to_owned()),
                    Idle::Since(time) => Some(age::short(row.since(time))),
                })
            },
            |row| {
                row.activity_key(|activity| match activity.idle {
                    Idle::Unknown => None,
                    Idle::Busy => Some(0),
                    Idle::Since(time) => Some(row.since(time).as_secs()),
                })
            },
        ),
        Column::new(
            "KEEP",
            Fit::Keep,
            |row| match row.protection {
                None | Some(ProtectionStatus::None) => "-".to_owned(),
                Some(ProtectionStatus::Unknown) => "?".to_owned(),
                Some(ProtectionStatus::ForGood) => "always".to_owned(),
                Some(ProtectionStatus::Until(time)) => age::short(row.until(time)),
            },
            // Unprotected clusters first, then by the time that is left; unknown counts as for good.
            |row| match row.protection {
                None | Some(ProtectionStatus::None) => (-1).into(),
                Some(ProtectionStatus::Until(time)) => row.until(time).as_secs().into(),
                Some(ProtectionStatus::Unknown | ProtectionStatus::ForGood) => u64::MAX.into(),
            },
        ),
        Column::new(
            "OPTIONS",
            Fit::Shorten,
            |row| options(&row.cluster.options),
            |row| options(&row.cluster.options).into(),
        ),
        Column::new(
            "DASHBOARD",
            Fit::Drop,
            |row| {
                row.cluster
                    .dashboard_link
                    .clone()
                    .unwrap_or_else(|| "-".to_owned())
            },
            |row| row.cluster.dashboard_link.clone().into(),
        ),
    ]
}

/// `UNFINISHED/ALL`.
fn tasks(tasks: &Tasks) -> Option<String> {
    let count = |count: Option<u64>| count.map_or_else(|| "?".to_owned(), |n| n.to_string());
    let (unfinished, total) = (tasks.unfinished(), tasks.total);
    unfinished.or(total)?;
    Some(format!("{}/{}", count(unfinished), count(total)))
}

fn colour(status: Status) -> Color {
    match status {
        Status::Running => Color::DarkGreen,
        Status::Pending | Status::Stopping => Color::DarkYellow,
        Status::Failed => Color::DarkRed,
        Status::Stopped => Color::DarkGrey,
    }
}

/// `KEY=VALUE …`, without the options that are empty.
pub(crate) fn options(options: &Map<String, Value>) -> String {
    let has_value = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    };
    let shown = options.iter().filter(|(_, value)| has_value(value));
    let texts = shown.map(|(key, value)| match value {
        Value::String(text) => format!("{key}={text}"),
        value => format!("{key}={value}"),
    });
    texts.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_match_the_records() {
        let mut row = ClusterRow {
            cluster: Cluster::running("a"),
            now: Timestamp::UNIX_EPOCH,
            activity: None,
            protection: None,
        };
        let fields = |row: &ClusterRow| {
            let record = serde_json::to_value(row).expect("a record");
            let record = record.as_object().expect("an object");
            record.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(fields(&row), shape().fields);
        row.activity = Some(Activity::default());
        row.protection = Some(ProtectionStatus::None);
        assert_eq!(fields(&row), wide_shape(true).fields);
    }
}
