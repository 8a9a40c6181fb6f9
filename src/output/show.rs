//! One cluster in full.

use serde::Serialize;
use serde_json::Value;

use super::clusters::options;
use super::error::Error;
use super::sorting::{RowSchema, SortBy};
use super::table::{self, Cell, Column, Fit, KEEP, Layout, SHORTEN_LAST, Table};
use super::terminal::wrapped;
use super::{escape, quantity};
use crate::duration;
use crate::gateway::Status;
use crate::observed::{ObservedCluster, ProtectionStatus};
use crate::scheduler::{
    Activity, ClusterEvent, Idle, PackageVersions, SchedulerReport, Versions, Worker,
};

/// A cluster, and all that its scheduler reports. The record begins with the fields of `list`.
#[derive(Debug, Serialize)]
pub(crate) struct ClusterDetails {
    #[serde(flatten)]
    row: ObservedCluster,
    worker_details: Option<Vec<WorkerRow>>,
    versions: Option<Versions>,
    job: Option<JobSummary>,
    last_loss: Option<ClusterEvent>,
}

/// The scheduler's job in its queue.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub(crate) struct JobSummary {
    /// For people.
    #[serde(skip)]
    text: String,
    record: Value,
}

impl JobSummary {
    /// A job as `text` for people, and its record.
    pub(crate) fn new(text: String, record: &impl Serialize) -> Self {
        Self {
            text,
            record: serde_json::to_value(record).unwrap_or_default(),
        }
    }
}

/// A worker, and the time since the scheduler last heard from it, for people.
#[derive(Debug, Serialize)]
pub(crate) struct WorkerRow {
    #[serde(flatten)]
    worker: Worker,
    #[serde(skip)]
    seen: String,
}

/// Worker names are shortened before hosts.
const BEFORE_HOST: Fit = Fit {
    rank: 2,
    ..SHORTEN_LAST
};

/// The longest of the keys.
const KEYS: usize = "scheduler".len();

impl ClusterDetails {
    pub(crate) fn new(
        row: ObservedCluster,
        report: SchedulerReport,
        job: Option<JobSummary>,
    ) -> Self {
        let worker_row = |worker: Worker| WorkerRow {
            seen: known(worker.last_seen, |time| duration::short(row.since(time))),
            worker,
        };
        let workers = report.worker_details;
        Self {
            worker_details: workers.map(|all| all.into_iter().map(worker_row).collect()),
            versions: report.versions,
            job,
            last_loss: None,
            row: ObservedCluster {
                activity: Some(report.activity),
                ..row
            },
        }
    }

    /// Adds the last worker that was lost.
    pub(crate) fn with_last_loss(self, last_loss: Option<ClusterEvent>) -> Self {
        Self { last_loss, ..self }
    }

    /// The cluster for people, and the titles of the workers' columns that have no room.
    pub(super) fn table(&self, layout: Layout) -> Table {
        let indent = " ".repeat(KEYS + 2);
        let lines = self.lines().into_iter().map(|(key, value)| {
            let key = format!("{key:<KEYS$}  ");
            wrapped(&escape::text(&value), layout.width, &key, &indent)
        });
        let mut text = lines.collect::<String>();
        let mut omitted = Vec::new();
        if let Some(workers @ [_, ..]) = self.worker_details.as_deref() {
            let table = table::render(workers, &columns(), true, layout);
            text.push('\n');
            text.push_str(&table.text);
            omitted = table.omitted;
        }
        Table { text, omitted }
    }

    /// Sorts the workers.
    ///
    /// # Errors
    /// They have neither such a column nor such a field.
    pub(super) fn sort_workers(&mut self, by: &SortBy) -> Result<(), Error> {
        if let Some(workers) = self.worker_details.take() {
            self.worker_details = Some(by.sort(workers, &worker_schema())?);
        }
        Ok(())
    }

    fn lines(&self) -> Vec<(&'static str, String)> {
        let cluster = &self.row.cluster;
        let options = Some(options(&cluster.options)).filter(|text| !text.is_empty());
        let lines = [
            ("cluster", Some(cluster.name.clone())),
            ("label", self.row.label.clone()),
            ("status", Some(self.status())),
            ("started", Some(cluster.start_time.to_string())),
            ("job", self.job.as_ref().map(|job| job.text.clone())),
            ("stopped", cluster.stop_time.map(|time| time.to_string())),
            ("scheduler", cluster.scheduler_address.clone()),
            ("dashboard", cluster.dashboard_link.clone()),
            ("options", options),
        ];
        let known = lines
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        let mut lines = known.collect::<Vec<_>>();
        if let Some(activity) = &self.row.activity
            && cluster.status == Status::Running
        {
            lines.extend(self.activity(activity));
        }
        lines.extend(self.loss().map(|text| ("last loss", text)));
        lines.extend(self.protection().map(|text| ("kept", text)));
        lines
    }

    /// The status, and since when.
    fn status(&self) -> String {
        let cluster = &self.row.cluster;
        let status = cluster.status;
        match cluster.stop_time {
            Some(stop) => {
                let life = stop.duration_since(cluster.start_time).unsigned_abs();
                let (life, ago) = (duration::short(life), duration::short(self.row.since(stop)));
                format!("{status}, {life} after its start, {ago} ago")
            }
            None => format!("{status}, started {} ago", duration::short(self.row.age())),
        }
    }

    /// The last worker that was lost, and why.
    fn loss(&self) -> Option<String> {
        let loss = self.last_loss.as_ref()?;
        let name = loss.name.as_deref().unwrap_or("?");
        let ago = duration::short(self.row.since(loss.time));
        let log = loss.log.last();
        let log = log.map_or_else(String::new, |line| format!("; its log ends: {line}"));
        Some(format!("worker {name} {ago} ago: {}{log}", loss.text))
    }

    /// The end of the protection by `dgw keep`, if there is one.
    fn protection(&self) -> Option<String> {
        match self.row.protection? {
            ProtectionStatus::None => None,
            ProtectionStatus::Unknown => Some("?".to_owned()),
            ProtectionStatus::Until(time) => Some(format!("until {time:.0}")),
            ProtectionStatus::WithoutEnd => Some("until `dgw keep --forget`".to_owned()),
        }
    }

    fn activity(&self, activity: &Activity) -> Vec<(&'static str, String)> {
        let count = |count: Option<u64>| known(count, |count| count.to_string());
        let tasks = known(activity.tasks.as_ref(), |tasks| {
            let states = tasks.by_state().into_iter();
            let some = states.filter(|(_, number)| *number != Some(0));
            let texts = some.map(|(state, number)| format!("{} {state}", count(number)));
            let texts = texts.collect::<Vec<_>>().join(", ");
            match quantity::done_of_all(tasks) {
                _ if texts.is_empty() => "none".to_owned(),
                Some(done) => format!("{done} done: {texts}"),
                None => texts,
            }
        });
        let idle = match activity.idle {
            Idle::Unknown => "?".to_owned(),
            Idle::Busy => "no".to_owned(),
            Idle::Since(time) => format!("for {}", duration::short(self.row.since(time))),
        };
        let versions = self.versions.as_ref().map(|all| &all.scheduler);
        let workers = known(activity.workers, |workers| {
            format!("{workers}, threads {}", count(activity.threads))
        });
        vec![
            ("versions", known(versions, packages)),
            ("workers", workers),
            (
                "memory",
                memory(activity.memory_used, activity.memory_limit),
            ),
            ("tasks", tasks),
            ("clients", count(activity.clients)),
            ("idle", idle),
        ]
    }
}

/// WORKER HOST THREADS CPU MEMORY TASKS SEEN.
pub(crate) fn worker_schema() -> RowSchema<WorkerRow> {
    RowSchema {
        columns: columns(),
        fields: WORKER_FIELDS.into(),
        elsewhere: None,
    }
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

fn columns() -> Vec<Column<WorkerRow>> {
    vec![
        Column::new("WORKER", BEFORE_HOST, |row| {
            let name = row.name();
            match row.worker.status.as_deref() {
                None | Some("running") => Cell::text(name),
                Some(status) => Cell::new(format!("{name}({status})"), name),
            }
        }),
        Column::new("HOST", SHORTEN_LAST, |row| {
            let host = row.worker.host.as_deref();
            host.map_or_else(Cell::unknown, Cell::text)
        }),
        Column::new("THREADS", KEEP, |row| Cell::number(row.worker.threads)),
        Column::new("CPU", KEEP, |row| {
            let cpu = row.worker.cpu;
            Cell::new(known(cpu, |cpu| format!("{cpu:.0}%")), cpu)
        }),
        Column::new("MEMORY", KEEP, |row| {
            let used = row.worker.memory;
            let text = quantity::used_of_word(used, row.worker.memory_limit);
            Cell::new(known(text, |text| text), used)
        }),
        Column::new("TASKS", KEEP, |row| Cell::number(row.worker.tasks)),
        Column::new("SEEN", KEEP, |row| {
            // The worker heard from last has been silent for the shortest time.
            let silence = row.worker.last_seen.map(|time| -time.as_millisecond());
            Cell::new(row.seen.as_str(), silence)
        }),
    ]
}

impl WorkerRow {
    fn name(&self) -> &str {
        self.worker.name.as_ref().unwrap_or(&self.worker.address)
    }
}

/// A value as text; `?` where it is unknown.
fn known<T>(value: Option<T>, text: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| "?".to_owned(), text)
}

/// Used and limit, or `?`.
fn memory(used: Option<u64>, limit: Option<u64>) -> String {
    known(quantity::used_of(used, limit), |text| text)
}

/// Returns `Python 3.11.7, dask …`.
pub(crate) fn packages(packages: &PackageVersions) -> String {
    let texts = packages
        .each()
        .map(|(name, version)| format!("{name} {}", version.unwrap_or("?")));
    texts.join(", ")
}

#[cfg(test)]
mod tests;
