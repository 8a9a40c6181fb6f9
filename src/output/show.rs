//! One cluster in full.

use std::cmp::Ordering;

use serde::{Serialize, Serializer};
use unicode_width::UnicodeWidthStr as _;

use super::clusters::{ClusterRow, ProtectionStatus, options};
use super::sorting::{RowSchema, SortBy};
use super::table::{self, Cell, Column, Fit};
use super::{escape, quantity, sorting};
use crate::duration;
use crate::error::Error;
use crate::gateway::{Cluster, Status};
use crate::job::Job;
use crate::scheduler::{Activity, Idle, PackageVersions, SchedulerReport, Versions, Worker};

/// A cluster, and all that it tells of itself.
#[derive(Debug)]
pub(crate) struct ClusterDetails {
    pub(crate) aged: ClusterRow,
    pub(crate) report: SchedulerReport,
    /// The scheduler's job, while it is waited for.
    pub(crate) job: Option<Job>,
}

/// The record of one: what it shares with those of `list` comes first, in the same order.
#[derive(Serialize)]
struct Record<'a> {
    #[serde(flatten)]
    cluster: &'a Cluster,
    #[serde(flatten)]
    activity: &'a Activity,
    #[serde(flatten)]
    protection: Option<ProtectionStatus>,
    worker_details: &'a Option<Vec<Worker>>,
    versions: &'a Option<Versions>,
    job: &'a Option<Job>,
}

impl Serialize for ClusterDetails {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = Record {
            cluster: &self.aged.cluster,
            activity: &self.report.activity,
            protection: self.aged.protection,
            worker_details: &self.report.worker_details,
            versions: &self.report.versions,
            job: &self.job,
        };
        record.serialize(serializer)
    }
}

/// A worker, and for how long it has been silent.
#[derive(Serialize)]
pub(super) struct Row<'a> {
    #[serde(flatten)]
    worker: &'a Worker,
    #[serde(skip)]
    seen: String,
}

/// Places of a bar, without its brackets.
const BAR: u16 = 8;

impl ClusterDetails {
    /// For people; `width` is the terminal's, `None` for no limit.
    pub(super) fn text(&self, width: Option<usize>) -> String {
        let cluster = &self.aged.cluster;
        let options = options(&cluster.options);
        let mut lines = vec![
            ("cluster", cluster.name.clone()),
            ("status", self.phase()),
            ("started", cluster.start_time.to_string()),
        ];
        lines.extend(self.job.as_ref().map(|job| ("job", job_text(job))));
        lines.extend(cluster.stop_time.map(|time| ("stopped", time.to_string())));
        let addresses = [
            ("scheduler", &cluster.scheduler_address),
            ("dashboard", &cluster.dashboard_link),
        ];
        let addresses = addresses.into_iter();
        lines.extend(addresses.filter_map(|(key, address)| Some((key, address.clone()?))));
        if !options.is_empty() {
            lines.push(("options", options));
        }
        if cluster.status == Status::Running {
            lines.extend(self.activity());
        }
        lines.extend(self.protection().map(|text| ("kept", text)));
        let lines = lines.into_iter().map(|(key, value)| {
            let margin = KEYS + 2;
            let value = escape::text(&value);
            let value = wrapped(
                &value,
                width.map(|width| width.saturating_sub(margin)),
                margin,
            );
            format!("{key:<KEYS$}  {value}\n")
        });
        let mut text = lines.collect::<String>();
        if let Some(workers) = self
            .report
            .worker_details
            .as_ref()
            .filter(|all| !all.is_empty())
        {
            text.push('\n');
            text.push_str(&self.workers(workers, width));
        }
        text
    }

    /// Puts the workers into this order.
    ///
    /// # Errors
    /// They have neither such a column nor such a field.
    pub(super) fn sort_workers(&mut self, by: &SortBy) -> Result<(), Error> {
        let Some(workers) = &self.report.worker_details else {
            return Ok(());
        };
        let rows = by.sort(self.rows(workers), &shape())?;
        let sorted = rows.into_iter().map(|row| row.worker.clone());
        self.report.worker_details = Some(sorted.collect());
        Ok(())
    }

    fn rows<'a>(&self, workers: &'a [Worker]) -> Vec<Row<'a>> {
        let row = |worker| Row {
            worker,
            seen: worker_seen(&self.aged, worker),
        };
        workers.iter().map(row).collect()
    }

    /// The status, and since when.
    fn phase(&self) -> String {
        let status = self.aged.cluster.status;
        let age = duration::short(self.aged.age());
        match self.aged.cluster.stop_time {
            Some(stop) => {
                let start = self.aged.cluster.start_time;
                let life = stop.duration_since(start).unsigned_abs();
                let life = duration::short(life);
                let ago = duration::short(self.aged.since(stop));
                format!("{status}, {life} after its start, {ago} ago")
            }
            None => format!("{status}, started {age} ago"),
        }
    }

    /// Until when it's protected from clean-up, if it is.
    fn protection(&self) -> Option<String> {
        match self.aged.protection? {
            ProtectionStatus::None => None,
            ProtectionStatus::Unknown => Some(unknown()),
            ProtectionStatus::Until(time) => Some(format!("until {time:.0}")),
            ProtectionStatus::ForGood => Some("for good".to_owned()),
        }
    }

    fn activity(&self) -> Vec<(&'static str, String)> {
        let told = &self.report.activity;
        let count = |count: Option<u64>| count.map_or_else(unknown, |count| count.to_string());
        let versions = self.report.versions.as_ref();
        vec![
            (
                "versions",
                versions.map_or_else(unknown, |all| packages(&all.scheduler)),
            ),
            (
                "workers",
                match (told.workers, told.threads) {
                    (None, _) => unknown(),
                    (Some(workers), threads) => format!("{workers}, threads {}", count(threads)),
                },
            ),
            (
                "memory",
                memory(told.memory_used, told.memory_limit).unwrap_or_else(unknown),
            ),
            (
                "tasks",
                told.tasks.as_ref().map_or_else(unknown, |tasks| {
                    let states = tasks.by_state().into_iter();
                    let some = states.filter(|(_, number)| *number != Some(0));
                    let texts = some.map(|(state, number)| format!("{} {state}", count(number)));
                    let texts = texts.collect::<Vec<_>>();
                    if texts.is_empty() {
                        "none".to_owned()
                    } else {
                        texts.join(", ")
                    }
                }),
            ),
            ("clients", count(told.clients)),
            (
                "idle",
                match told.idle {
                    Idle::Unknown => unknown(),
                    Idle::Busy => "no".to_owned(),
                    Idle::Since(time) => format!("for {}", duration::short(self.aged.since(time))),
                },
            ),
        ]
    }

    fn workers(&self, workers: &[Worker], width: Option<usize>) -> String {
        table::render(&self.rows(workers), &columns(), true, width, false)
    }
}

/// What its queue tells of a job.
fn job_text(job: &Job) -> String {
    match job.expectation() {
        Some(expectation) => format!("{}, {expectation}", job.text()),
        None => job.text(),
    }
}

fn worker_seen(aged: &ClusterRow, worker: &Worker) -> String {
    let seen = worker.last_seen;
    seen.map_or_else(unknown, |time| duration::short(aged.since(time)))
}

/// The longest of the keys.
const KEYS: usize = "scheduler".len();

/// What workers are shown as, and may be sorted by.
pub(super) fn shape<'a>() -> RowSchema<Row<'a>> {
    RowSchema {
        columns: columns().into(),
        fields: WORKER_FIELDS.into(),
        elsewhere: None,
    }
}

/// What workers may be sorted by.
pub(crate) fn worker_sort_names() -> Vec<String> {
    sorting::names(&shape())
}

const WORKER_FIELDS: [&str; 10] = [
    "name",
    "address",
    "host",
    "status",
    "threads",
    "cpu",
    "memory",
    "memory_limit",
    "tasks",
    "last_seen",
];

/// WORKER HOST THREADS CPU MEMORY TASKS SEEN.
fn columns<'a>() -> [Column<Row<'a>>; 7] {
    [
        Column {
            title: "WORKER",
            fit: Fit::Yield,
            cell: |row| match row.worker.status.as_deref() {
                None | Some("running") => Cell::plain(row.name()),
                Some(status) => Cell::plain(format!("{} ({status})", row.name())),
            },
            order: |a, b| a.name().cmp(b.name()),
        },
        Column {
            title: "HOST",
            fit: Fit::Yield,
            cell: |row| Cell::plain(row.worker.host.clone().unwrap_or_else(unknown)),
            order: |a, b| known_first(a.worker.host.as_ref(), b.worker.host.as_ref(), Ord::cmp),
        },
        Column {
            title: "THREADS",
            fit: Fit::Keep,
            cell: |row| number(row.worker.threads),
            order: |a, b| {
                known_first(
                    a.worker.threads.as_ref(),
                    b.worker.threads.as_ref(),
                    Ord::cmp,
                )
            },
        },
        Column {
            title: "CPU",
            fit: Fit::Keep,
            cell: |row| {
                let cpu = row.worker.cpu.map(|cpu| format!("{cpu:.0}%"));
                Cell::plain(cpu.unwrap_or_else(unknown))
            },
            order: |a, b| known_first(a.worker.cpu.as_ref(), b.worker.cpu.as_ref(), f64::total_cmp),
        },
        Column {
            title: "MEMORY",
            fit: Fit::Keep,
            cell: |row| {
                let memory = memory(row.worker.memory, row.worker.memory_limit);
                Cell::plain(memory.unwrap_or_else(unknown))
            },
            order: |a, b| known_first(a.worker.memory.as_ref(), b.worker.memory.as_ref(), Ord::cmp),
        },
        Column {
            title: "TASKS",
            fit: Fit::Keep,
            cell: |row| number(row.worker.tasks),
            order: |a, b| known_first(a.worker.tasks.as_ref(), b.worker.tasks.as_ref(), Ord::cmp),
        },
        Column {
            title: "SEEN",
            fit: Fit::Keep,
            cell: |row| Cell::plain(&row.seen),
            order: |a, b| {
                // Who was heard last has been silent for the shortest time.
                known_first(
                    a.worker.last_seen.as_ref(),
                    b.worker.last_seen.as_ref(),
                    |a, b| b.cmp(a),
                )
            },
        },
    ]
}

impl Row<'_> {
    fn name(&self) -> &str {
        self.worker.name.as_ref().unwrap_or(&self.worker.address)
    }
}

/// The order of what may be unknown, which comes last.
fn known_first<T>(
    a: Option<&T>,
    b: Option<&T>,
    order: impl FnOnce(&T, &T) -> Ordering,
) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => order(a, b),
        (a, b) => a.is_none().cmp(&b.is_none()),
    }
}

fn number(number: Option<u64>) -> Cell {
    Cell::plain(number.map_or_else(unknown, |number| number.to_string()))
}

fn unknown() -> String {
    "?".to_owned()
}

/// Used and limit, after a bar where both are known.
fn memory(used: Option<u64>, limit: Option<u64>) -> Option<String> {
    let text = quantity::used_of(used, limit)?;
    Some(match used.zip(limit) {
        Some((used, limit)) => format!("{} {text}", quantity::bar(used, limit, BAR)),
        None => text,
    })
}

fn packages(packages: &PackageVersions) -> String {
    let texts = packages
        .each()
        .map(|(name, version)| format!("{name} {}", version.unwrap_or("?")));
    texts.join(", ")
}

/// `text` broken between words into lines of `width` places, those after the first indented.
fn wrapped(text: &str, width: Option<usize>, indent: usize) -> String {
    let Some(width) = width else {
        return text.to_owned();
    };
    let mut lines = String::new();
    let mut taken = 0;
    for word in text.split(' ') {
        let needed = word.width();
        if taken > 0 && taken + 1 + needed > width {
            lines.push('\n');
            lines.push_str(&" ".repeat(indent));
            taken = 0;
        } else if taken > 0 {
            lines.push(' ');
            taken += 1;
        }
        lines.push_str(word);
        taken += needed;
    }
    lines
}

#[cfg(test)]
mod tests;
