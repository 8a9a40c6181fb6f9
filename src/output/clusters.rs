//! The table of clusters.

use std::cmp::Reverse;
use std::time::Duration;

use comfy_table::Color;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use super::table::{Cell, Column, Fit};
use crate::gateway::{Cluster, Status};

/// A cluster, and the gateway's clock when it was looked at.
#[derive(Debug, Serialize)]
pub(crate) struct Aged {
    #[serde(flatten)]
    pub(crate) cluster: Cluster,
    #[serde(skip)]
    pub(crate) now: Timestamp,
}

impl Aged {
    /// How long ago the cluster was started; nothing where the clocks disagree.
    pub(crate) fn age(&self) -> Duration {
        let age = self.now.duration_since(self.cluster.start_time);
        Duration::try_from(age).unwrap_or_default()
    }

    /// Name, status and age, for messages.
    pub(crate) fn line(&self) -> String {
        let Cluster { name, status, .. } = &self.cluster;
        format!("{name}  {status:<8}  {}", crate::age::short(self.age()))
    }
}

/// NAME STATUS AGE OPTIONS DASHBOARD.
pub(crate) fn columns() -> [Column<Aged>; 5] {
    [
        Column {
            title: "NAME",
            fit: Fit::Keep,
            cell: |row| Cell::plain(&row.cluster.name),
            order: |a, b| a.cluster.name.cmp(&b.cluster.name),
        },
        Column {
            title: "STATUS",
            fit: Fit::Keep,
            cell: |row| Cell::coloured(row.cluster.status.as_str(), colour(row.cluster.status)),
            order: |a, b| a.cluster.status.cmp(&b.cluster.status),
        },
        Column {
            title: "AGE",
            fit: Fit::Keep,
            cell: |row| Cell::plain(crate::age::short(row.age())),
            order: |a, b| Reverse(a.cluster.start_time).cmp(&Reverse(b.cluster.start_time)),
        },
        Column {
            title: "OPTIONS",
            fit: Fit::Shorten,
            cell: |row| Cell::plain(options(&row.cluster.options)),
            order: |a, b| options(&a.cluster.options).cmp(&options(&b.cluster.options)),
        },
        Column {
            title: "DASHBOARD",
            fit: Fit::Drop,
            cell: |row| Cell::plain(row.cluster.dashboard_link.as_deref().unwrap_or("-")),
            order: |a, b| a.cluster.dashboard_link.cmp(&b.cluster.dashboard_link),
        },
    ]
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
fn options(options: &Map<String, Value>) -> String {
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
