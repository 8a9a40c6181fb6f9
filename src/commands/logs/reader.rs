//! Reading logs continuously, from the position reached in each.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::time::Instant;

use super::error::{LogsError, unreachable};
use crate::gateway::TlsIdentity;
use crate::output::{LogLine, Printer};
use crate::scheduler::{FetchedLog, LogPosition, LogRange, SchedulerError, Schedulers};

/// Each worker costs a connection to the scheduler, which asks them in turn, and the memory for a log.
const CONCURRENCY: usize = 8;

/// The memory for entries that are printed together, in the order of their times: ten thousand of
/// ten workers.
const SIZE_LIMIT: usize = 32 * 1024 * 1024;

/// How long an unreachable worker is not asked again: it costs the scheduler 30 s and a line in its
/// log.
const RETRY_PAUSE: Duration = Duration::from_secs(30);

/// The process whose log is read.
#[derive(Debug)]
pub(super) enum LogSource {
    Scheduler,
    /// The worker at this address.
    Worker(String),
    AllWorkers,
}

impl LogSource {
    /// Finds the worker that `pattern` names.
    ///
    /// # Errors
    /// The scheduler can't be asked, or no worker matches, or several.
    pub(super) async fn find_worker(
        pattern: &str,
        schedulers: &Schedulers,
        name: &str,
        identity: Option<&TlsIdentity>,
    ) -> Result<Self, LogsError> {
        let workers = schedulers
            .workers(name, identity)
            .await
            .map_err(|error| unreachable(name, error))?;
        let line = |(address, name): &(String, String)| format!("{name} at {address}");
        match matching(pattern, &workers).as_slice() {
            [(address, _)] => Ok(Self::Worker(address.clone())),
            [] => Err(LogsError::NoWorkerMatches {
                name: name.to_owned(),
                pattern: pattern.to_owned(),
                workers: workers.iter().map(line).collect(),
            }),
            several => Err(LogsError::SeveralWorkersMatch {
                name: name.to_owned(),
                pattern: pattern.to_owned(),
                matching: several.iter().copied().map(line).collect(),
            }),
        }
    }
}

/// Returns the workers that `pattern` matches: the one with that name or address, or those whose name
/// begins with it.
fn matching<'a>(pattern: &str, workers: &'a [(String, String)]) -> Vec<&'a (String, String)> {
    let is_exact = |(address, name): &&(String, String)| {
        let bare = address.split_once("://").map_or("", |(_, bare)| bare);
        [name, address, bare].contains(&pattern)
    };
    if let Some(exact) = workers.iter().find(is_exact) {
        return vec![exact];
    }
    workers
        .iter()
        .filter(|(_, name)| name.starts_with(pattern))
        .collect()
}

/// Reads the logs of a cluster, each from the position reached.
pub(super) struct LogReader<'a> {
    schedulers: &'a Schedulers,
    cluster: &'a str,
    source: LogSource,
    /// The number of workers, if all are asked.
    workers: Option<usize>,
    /// The number of entries from a log that was not read yet.
    limit: Option<usize>,
    /// The time of the earliest entry, in seconds since the epoch.
    since: Option<f64>,
    /// By the worker's address; empty for the scheduler.
    positions: HashMap<String, LogPosition>,
    /// Workers that did not respond, and when they were asked.
    silent: HashMap<String, Instant>,
    /// True if the limit omitted entries.
    is_cut: bool,
}

impl<'a> LogReader<'a> {
    /// Prepares to read from `source`.
    pub(super) fn new(
        schedulers: &'a Schedulers,
        cluster: &'a str,
        source: LogSource,
        limit: Option<usize>,
        since: Option<f64>,
    ) -> Self {
        Self {
            schedulers,
            cluster,
            source,
            workers: None,
            limit,
            since,
            positions: HashMap::new(),
            silent: HashMap::new(),
            is_cut: false,
        }
    }

    /// Returns true if all workers were asked and there are none.
    pub(super) fn has_no_workers(&self) -> bool {
        self.workers == Some(0)
    }

    /// Returns true if the limit omitted entries.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// Reads every entry from now on, of new workers too.
    pub(super) fn remove_limit(&mut self) {
        self.limit = None;
    }

    /// Returns the new entries, oldest first.
    ///
    /// # Errors
    /// The log can't be read; where all workers are asked, only that the scheduler can't be asked.
    pub(super) async fn read(
        &mut self,
        identity: Option<&TlsIdentity>,
    ) -> Result<Vec<LogLine>, SchedulerError> {
        let workers = match &self.source {
            LogSource::Scheduler => {
                let range = self.range("");
                let log = self
                    .schedulers
                    .log(self.cluster, identity, None, range)
                    .await?;
                return Ok(self.take("", "scheduler", log));
            }
            LogSource::Worker(address) => {
                let mut workers = self.schedulers.workers(self.cluster, identity).await?;
                workers.retain(|(other, _)| other == address);
                if workers.is_empty() {
                    return Err(SchedulerError::WorkerGone);
                }
                workers
            }
            LogSource::AllWorkers => {
                let workers = self.schedulers.workers(self.cluster, identity).await?;
                self.workers = Some(workers.len());
                workers
            }
        };
        // A worker that has left does not return at the same address with the same log.
        let current = workers.iter().map(|(address, _)| address.as_str());
        let current = current.collect::<HashSet<_>>();
        self.positions
            .retain(|address, _| current.contains(address.as_str()));
        self.silent
            .retain(|address, _| current.contains(address.as_str()));
        self.silent
            .retain(|_, requested| requested.elapsed() < RETRY_PAUSE);
        let requests = workers
            .into_iter()
            .filter(|(address, _)| !self.silent.contains_key(address))
            .map(|(address, name)| {
                let range = self.range(&address);
                let (schedulers, cluster) = (self.schedulers, self.cluster);
                async move {
                    let log = schedulers
                        .log(cluster, identity, Some(&address), range)
                        .await;
                    (address, name, log)
                }
            })
            .collect::<Vec<_>>();
        let mut logs = stream::iter(requests).buffered(CONCURRENCY);
        let (mut lines, mut size) = (Vec::new(), 0);
        let mut left_out = 0_usize;
        while let Some((address, name, log)) = logs.next().await {
            match log {
                Ok(_) if size > SIZE_LIMIT => left_out += 1,
                Ok(log) => {
                    let new = self.take(&address, &name, log);
                    size += new.iter().map(LogLine::size).sum::<usize>();
                    lines.extend(new);
                }
                Err(error) if matches!(self.source, LogSource::Worker(_)) => return Err(error),
                Err(error) => {
                    Printer::warn_always(&format!("can't read the log of worker {name}: {error}"));
                    self.silent.insert(address, Instant::now());
                }
            }
        }
        if left_out > 0 {
            let limit = SIZE_LIMIT / (1024 * 1024);
            Printer::warn_always(&format!(
                "the logs are larger than {limit} MiB: those of {left_out} workers are left out; \
                 see one with `--worker`, or fewer entries of each with `--tail`"
            ));
        }
        lines.sort_by(|a, b| a.entry.order(&b.entry));
        Ok(lines)
    }

    /// Returns the range to request: one entry more than wanted shows whether there are more.
    fn range(&self, key: &str) -> LogRange {
        let limit = self.limit.map(|limit| limit.saturating_add(1));
        self.positions
            .get(key)
            .map_or_else(|| LogRange::new(limit, self.since), LogPosition::next_range)
    }

    /// Returns what is new in the log of `key`, and advances its position.
    fn take(&mut self, key: &str, name: &str, log: FetchedLog) -> Vec<LogLine> {
        let entries = if let Some(position) = self.positions.get_mut(key) {
            position.take_new(log)
        } else {
            let (position, entries, is_cut) = LogPosition::begin(log, self.limit, self.since);
            self.positions.insert(key.to_owned(), position);
            self.is_cut |= is_cut;
            entries
        };
        entries
            .into_iter()
            .map(|entry| LogLine {
                name: name.to_owned(),
                entry,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_worker_by_name_prefix_or_address() {
        let workers = [
            ("tls://h:1", "ab12"),
            ("tls://h:12", "ab34"),
            ("tls://h:3", "ab"),
        ]
        .map(|(address, name)| (address.to_owned(), name.to_owned()));
        let found = |pattern: &str| {
            matching(pattern, &workers)
                .into_iter()
                .map(|(_, name)| name.as_str())
                .collect::<Vec<_>>()
        };
        assert_eq!(found("ab1"), ["ab12"]);
        assert_eq!(found("ab"), ["ab"]);
        assert_eq!(found("a").len(), 3);
        assert_eq!(found("tls://h:1"), ["ab12"]);
        assert_eq!(found("h:12"), ["ab34"]);
        assert!(found("tls://h").is_empty() && found("x").is_empty());
    }
}
