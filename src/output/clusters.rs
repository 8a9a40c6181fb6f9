//! The table of clusters.

use std::cmp::{Ordering, Reverse};
use std::time::Duration;

use comfy_table::Color;
use jiff::Timestamp;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::quantity;
use super::sorting::RowSchema;
use super::table::{Cell, Column, Fit};
use crate::duration;
use crate::gateway::{Cluster, Status};
use crate::scheduler::{Activity, Idle, Tasks};

/// A cluster, and the gateway's clock when it was looked at.
#[derive(Debug, Serialize)]
pub(crate) struct ClusterRow {
    #[serde(flatten)]
    pub(crate) cluster: Cluster,
    #[serde(skip)]
    pub(crate) now: Timestamp,
    /// What it's doing, if that was asked for.
    #[serde(flatten)]
    pub(crate) activity: Option<Activity>,
    /// Whether it's protected from clean-up, if that was asked for.
    #[serde(flatten)]
    pub(crate) protection: Option<ProtectionStatus>,
}

/// Whether a cluster is protected from clean-up. In records, `kept_until`.
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
            Self::Until(time) => Some(time.to_string()),
            Self::ForGood => Some(FOR_GOOD.to_owned()),
        };
        let mut fields = serializer.serialize_map(Some(1))?;
        fields.serialize_entry("kept_until", &time)?;
        fields.end()
    }
}

/// A time still, for those who compare it with others.
const FOR_GOOD: &str = "9999-12-30T00:00:00Z";

impl ClusterRow {
    /// How long ago the cluster was started; nothing where the clocks disagree.
    pub(crate) fn age(&self) -> Duration {
        self.since(self.cluster.start_time)
    }

    /// How long ago `time` was, by the gateway's clock.
    pub(super) fn since(&self, time: Timestamp) -> Duration {
        Duration::try_from(self.now.duration_since(time)).unwrap_or_default()
    }

    /// For how long nothing has been running; not at all while something is.
    fn idle_for(&self, activity: &Activity) -> Option<Duration> {
        match activity.idle {
            Idle::Unknown => None,
            Idle::Busy => Some(Duration::ZERO),
            Idle::Since(time) => Some(self.since(time)),
        }
    }

    /// For how long it's protected still; what is unknown counts as for good.
    fn kept_for(&self) -> Option<Duration> {
        match self.protection? {
            ProtectionStatus::None => None,
            ProtectionStatus::Until(time) => Some(self.until(time)),
            ProtectionStatus::Unknown | ProtectionStatus::ForGood => Some(Duration::MAX),
        }
    }

    /// How far `time` is ahead, by the gateway's clock.
    fn until(&self, time: Timestamp) -> Duration {
        Duration::try_from(time.duration_since(self.now)).unwrap_or_default()
    }

    /// By what the clusters tell, the unknown last.
    fn compare<T: Ord>(
        &self,
        other: &Self,
        told: impl Fn(&Self, &Activity) -> Option<T>,
    ) -> Ordering {
        let key = |row: &Self| {
            row.activity
                .as_ref()
                .and_then(|activity| told(row, activity))
        };
        match (key(self), key(other)) {
            (Some(one), Some(two)) => one.cmp(&two),
            (one, two) => one.is_none().cmp(&two.is_none()),
        }
    }

    /// What a column shows of the cluster's activity: `?` for what isn't known, `-` where there's
    /// nothing to know.
    fn told(&self, show: impl FnOnce(&Activity) -> Option<String>) -> Cell {
        if self.cluster.status != Status::Running {
            return Cell::plain("-");
        }
        let told = self.activity.as_ref().and_then(show);
        Cell::plain(told.unwrap_or_else(|| "?".to_owned()))
    }

    /// Name, status and age, for messages.
    pub(crate) fn line(&self) -> String {
        let Cluster { name, status, .. } = &self.cluster;
        format!("{name}  {status:<8}  {}", crate::duration::short(self.age()))
    }
}

/// NAME STATUS AGE OPTIONS DASHBOARD.
pub(crate) fn shape() -> RowSchema<ClusterRow> {
    let wide = wide_shape(true);
    let titles = wide.columns.iter().map(|column| column.title);
    let elsewhere = titles.chain(wide.fields).collect();
    RowSchema {
        columns: vec![NAME, STATUS, AGE, OPTIONS, DASHBOARD],
        fields: CLUSTER_FIELDS.into(),
        elsewhere: Some((elsewhere, "`-o wide`, or `--wide`")),
    }
}

/// The same, with what the clusters are doing, and KEEP if asked for.
pub(crate) fn wide_shape(has_keep: bool) -> RowSchema<ClusterRow> {
    let mut columns = vec![
        NAME, STATUS, AGE, WORKERS, CORES, MEMORY, TASKS, CLIENTS, IDLE,
    ];
    if has_keep {
        columns.push(KEEP);
    }
    columns.extend([OPTIONS, DASHBOARD]);
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

/// What follows where the clusters were asked.
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

/// A part of a name is enough to mean a cluster by.
const NAME: Column<ClusterRow> = Column {
    title: "NAME",
    fit: Fit::Yield,
    cell: |row| Cell::plain(&row.cluster.name),
    order: |a, b| a.cluster.name.cmp(&b.cluster.name),
};

const STATUS: Column<ClusterRow> = Column {
    title: "STATUS",
    fit: Fit::Keep,
    cell: |row| Cell::coloured(row.cluster.status.as_str(), colour(row.cluster.status)),
    order: |a, b| a.cluster.status.cmp(&b.cluster.status),
};

const AGE: Column<ClusterRow> = Column {
    title: "AGE",
    fit: Fit::Keep,
    cell: |row| Cell::plain(duration::short(row.age())),
    order: |a, b| Reverse(a.cluster.start_time).cmp(&Reverse(b.cluster.start_time)),
};

const OPTIONS: Column<ClusterRow> = Column {
    title: "OPTIONS",
    fit: Fit::Shorten,
    cell: |row| Cell::plain(options(&row.cluster.options)),
    order: |a, b| options(&a.cluster.options).cmp(&options(&b.cluster.options)),
};

const DASHBOARD: Column<ClusterRow> = Column {
    title: "DASHBOARD",
    fit: Fit::Drop,
    cell: |row| Cell::plain(row.cluster.dashboard_link.as_deref().unwrap_or("-")),
    order: |a, b| a.cluster.dashboard_link.cmp(&b.cluster.dashboard_link),
};

const WORKERS: Column<ClusterRow> = Column {
    title: "WORKERS",
    fit: Fit::Keep,
    cell: |row| row.told(|activity| Some(activity.workers?.to_string())),
    order: |a, b| a.compare(b, |_, activity| activity.workers),
};

const CORES: Column<ClusterRow> = Column {
    title: "CORES",
    fit: Fit::Keep,
    cell: |row| row.told(|activity| Some(activity.threads?.to_string())),
    order: |a, b| a.compare(b, |_, activity| activity.threads),
};

const MEMORY: Column<ClusterRow> = Column {
    title: "MEMORY",
    fit: Fit::Keep,
    cell: |row| row.told(|activity| quantity::used_of(activity.memory_used, activity.memory_limit)),
    order: |a, b| a.compare(b, |_, activity| activity.memory_used),
};

const TASKS: Column<ClusterRow> = Column {
    title: "TASKS",
    fit: Fit::Keep,
    cell: |row| row.told(|activity| tasks(activity.tasks.as_ref()?)),
    order: |a, b| a.compare(b, |_, activity| activity.tasks.as_ref()?.unfinished()),
};

const CLIENTS: Column<ClusterRow> = Column {
    title: "CLIENTS",
    fit: Fit::Keep,
    cell: |row| row.told(|activity| Some(activity.clients?.to_string())),
    order: |a, b| a.compare(b, |_, activity| activity.clients),
};

const IDLE: Column<ClusterRow> = Column {
    title: "IDLE",
    fit: Fit::Keep,
    cell: |row| {
        row.told(|activity| match activity.idle {
            Idle::Unknown => None,
            Idle::Busy => Some("-".to_owned()),
            Idle::Since(time) => Some(duration::short(row.since(time))),
        })
    },
    order: |a, b| a.compare(b, ClusterRow::idle_for),
};

const KEEP: Column<ClusterRow> = Column {
    title: "KEEP",
    fit: Fit::Keep,
    cell: |row| {
        Cell::plain(match row.protection {
            None | Some(ProtectionStatus::None) => "-".to_owned(),
            Some(ProtectionStatus::Unknown) => "?".to_owned(),
            Some(ProtectionStatus::ForGood) => "always".to_owned(),
            Some(ProtectionStatus::Until(time)) => duration::short(row.until(time)),
        })
    },
    order: |a, b| a.kept_for().cmp(&b.kept_for()),
};

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

/// `KEY=VALUE …`, without the options that are empty and so say nothing.
pub(crate) fn options(options: &Map<String, Value>) -> String {
    let says_something = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(entries) => !entries.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    };
    let shown = options.iter().filter(|(_, value)| says_something(value));
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
    fn the_fields_are_those_of_the_records() {
        let mut aged = ClusterRow {
            cluster: Cluster::running("a"),
            now: Timestamp::UNIX_EPOCH,
            activity: None,
            protection: None,
        };
        let fields = |aged: &ClusterRow| {
            let record = serde_json::to_value(aged).expect("a record");
            let record = record.as_object().expect("an object");
            record.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(fields(&aged), shape().fields);
        aged.activity = Some(Activity::default());
        aged.protection = Some(ProtectionStatus::None);
        assert_eq!(fields(&aged), wide_shape(true).fields);
    }
}
