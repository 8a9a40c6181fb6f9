//! The logs that a scheduler and its workers hold in memory: the last ten thousand entries each.
//!
//! `get_logs` returns the newest entries first and stops at the first that is older than `start`. In
//! 2022.4 it returns the oldest first: the same limits would keep the oldest entries, or none, so
//! dgw fetches such a log whole each time. Workers are asked through the scheduler, each on a
//! connection of its own: a worker that can't be reached keeps the scheduler waiting for 30 s, and
//! everything behind it on that connection too.

mod entry;
#[cfg(any(test, fuzzing))]
pub(super) mod fuzzed;

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hash::RandomState;

use serde_json::{Value, json};

use entry::Key;
pub(crate) use entry::LogEntry;

use super::client::Schedulers;
use super::error::SchedulerError;
use super::limits::SIZE_LIMIT;
use super::{comm, http, wire};
use crate::gateway::TlsIdentity;

/// Seconds that entries may be out of order, since threads log at the same time. Entries this much
/// older than the newest are fetched again, and those already read are dropped.
const OVERLAP: f64 = 10.0;

/// The part of a log to fetch.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct LogRange {
    /// At most this many of the newest entries.
    limit: Option<usize>,
    /// No entries older than this, in seconds since the epoch.
    start: Option<f64>,
    /// The order in which the log arrives, once it is known.
    order: Option<LogOrder>,
}

/// The order in which a log arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LogOrder {
    NewestFirst,
    OldestFirst,
}

/// Entries of a log, oldest first.
#[derive(Debug)]
pub(crate) struct FetchedLog {
    entries: Vec<LogEntry>,
    order: LogOrder,
}

/// The position up to which a log has been read.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogPosition {
    /// The range to fetch next.
    range: LogRange,
    /// How often each entry of the last response is in it that may come again: two equal ones may be
    /// logged at once. An entry that has left the scheduler's log doesn't return, so nothing earlier
    /// is kept.
    seen: HashMap<Key, usize>,
    hasher: RandomState,
}

impl LogRange {
    /// Takes the limits of the first request for a log.
    pub(crate) fn new(limit: Option<usize>, start: Option<f64>) -> Self {
        Self {
            limit,
            start,
            order: None,
        }
    }

    fn includes(&self, entry: &LogEntry) -> bool {
        self.start.is_none_or(|start| entry.created >= start)
    }
}

impl LogPosition {
    /// Returns the range to fetch next.
    pub(crate) fn next_range(&self) -> LogRange {
        self.range
    }

    /// Starts to read `log` with its last `limit` entries. The log must hold one entry more than
    /// `limit`, if there are as many, and none older than `since`. The last part of the result is
    /// true if `limit` left out entries.
    pub(crate) fn begin(
        log: FetchedLog,
        limit: Option<usize>,
        since: Option<f64>,
    ) -> (Self, Vec<LogEntry>, bool) {
        let surplus = limit.map_or(0, |limit| log.entries.len().saturating_sub(limit));
        // Entries before the first one left out were not fetched, and must not appear later.
        let left_out = log.entries.first().filter(|_| surplus > 0);
        let mut position = Self::default();
        position.range.start = left_out.and_then(LogEntry::finite_time);
        position.range.order = Some(log.order);
        let mut entries = position.take_new(log);
        let start = position.range.start.into_iter();
        position.range.start = start.chain(since).reduce(f64::max);
        let shown = entries.len().saturating_sub(limit.unwrap_or(usize::MAX));
        entries.drain(..shown);
        (position, entries, surplus > 0)
    }

    /// Returns the entries of `log` that were not read yet, oldest first. The log must hold
    /// everything in [`Self::next_range`], and may hold more.
    pub(crate) fn take_new(&mut self, log: FetchedLog) -> Vec<LogEntry> {
        let mut entries = log.entries;
        entries.retain(|entry| self.range.includes(entry));
        let newest = entries
            .iter()
            .filter_map(LogEntry::finite_time)
            .reduce(f64::max);
        let overlap = newest.map(|newest| newest - OVERLAP);
        let start = self.range.start.into_iter().chain(overlap).reduce(f64::max);
        let mut counts = HashMap::new();
        entries.retain(|entry| {
            let key = entry.key(&self.hasher);
            let seen = self.seen.get(&key).copied().unwrap_or(0);
            let count = counts.entry(key).or_insert(0);
            *count += 1;
            *count > seen
        });
        let Some(start) = start else {
            // No entry has a time, so the log was fetched whole, and will be again.
            self.seen = counts;
            return entries;
        };
        self.range.start = Some(start);
        // An entry whose time is NaN is never known to be old.
        let is_old = |time: f64| time < start;
        counts.retain(|(created, _), _| !is_old(f64::from_bits(*created)));
        self.seen = counts;
        entries
    }
}

impl Schedulers {
    /// Fetches the log of the worker at this address, or the scheduler's own.
    ///
    /// # Errors
    /// Fails if the scheduler does not respond in time, the response can't be read, or the
    /// scheduler can't reach the worker.
    pub(crate) async fn log(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
        worker: Option<&str>,
        range: LogRange,
    ) -> Result<FetchedLog, SchedulerError> {
        let fetch = async |range| self.raw_log(cluster, identity, worker, range).await;
        self.in_time(async {
            if range.order != Some(LogOrder::OldestFirst) {
                let raw = fetch(range).await?;
                if range.order.or_else(|| order(&raw)) == Some(LogOrder::NewestFirst) {
                    return Ok(FetchedLog::new(raw, LogOrder::NewestFirst));
                }
            }
            // The order is not known yet, or it is one in which limits leave out the wrong entries.
            let raw = fetch(LogRange::default()).await?;
            let order = order(&raw).or(range.order);
            Ok(FetchedLog::new(raw, order.unwrap_or(LogOrder::NewestFirst)).limited_to(range))
        })
        .await
    }

    async fn raw_log(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
        worker: Option<&str>,
        range: LogRange,
    ) -> Result<RawLog, SchedulerError> {
        let operation = get_logs(range);
        let Some(address) = worker else {
            return self.ask_one(cluster, identity, &operation).await?.read();
        };
        let broadcast = json!({
            "op": "broadcast", "reply": true, "msg": operation, "workers": [address],
            "on_error": "ignore",
        });
        let response = self.ask_one(cluster, identity, &broadcast).await?;
        let mut by_worker = response.read::<HashMap<String, RawLog>>()?;
        // The scheduler leaves out workers that it can't reach.
        by_worker
            .remove(address)
            .ok_or(SchedulerError::WorkerUnreachable)
    }

    /// Fetches each worker's address and name; where it has no name, the address stands for it.
    ///
    /// # Errors
    /// Fails if the scheduler does not respond in time, or the response can't be read.
    pub(crate) async fn workers(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
    ) -> Result<Vec<(String, String)>, SchedulerError> {
        let operation = comm::operation("identity");
        let by_comm = async {
            let response = self.ask_one(cluster, identity, &operation).await?;
            response.read::<wire::Identity>()
        };
        let url = self.url(cluster, "json/identity.json");
        let by_http = http::get::<wire::Identity>(&self.http, &url, SIZE_LIMIT);
        let identity = self.by_comm_or_http(cluster, by_comm, by_http).await?;
        let (_, workers) = identity.activity_and_workers();
        Ok(workers
            .ok_or(SchedulerError::Malformed("the list of workers is missing"))?
            .into_iter()
            .map(|worker| {
                let name = worker.name.unwrap_or_else(|| worker.address.clone());
                (worker.address, name)
            })
            .collect())
    }
}

/// Entries as they arrive: time, level and text.
type RawLog = Vec<(f64, String, String)>;

/// Tells the order by the first and the last entry, which are far enough apart not to be out of
/// order.
fn order(raw: &RawLog) -> Option<LogOrder> {
    let ((first, ..), (last, ..)) = raw.first().zip(raw.last())?;
    match first.partial_cmp(last)? {
        Ordering::Less => Some(LogOrder::OldestFirst),
        Ordering::Greater => Some(LogOrder::NewestFirst),
        Ordering::Equal => None,
    }
}

impl FetchedLog {
    fn new(mut raw: RawLog, order: LogOrder) -> Self {
        if order == LogOrder::NewestFirst {
            raw.reverse();
        }
        Self {
            entries: raw
                .into_iter()
                .map(|(created, level, text)| LogEntry::new(created, level, text))
                .collect(),
            order,
        }
    }

    /// Returns the entries, oldest first.
    pub(super) fn into_entries(self) -> Vec<LogEntry> {
        self.entries
    }

    /// Keeps only the entries in `range`.
    fn limited_to(mut self, range: LogRange) -> Self {
        self.entries.retain(|entry| range.includes(entry));
        let surplus = range
            .limit
            .map_or(0, |limit| self.entries.len().saturating_sub(limit));
        self.entries.drain(..surplus);
        self
    }
}

fn get_logs(range: LogRange) -> Value {
    let mut operation = json!({"op": "get_logs", "reply": true, "timestamps": true});
    // Zero would mean all entries. Two show the order.
    if let Some(limit) = range.limit {
        operation["n"] = json!(limit.max(2));
    }
    if let Some(start) = range.start {
        operation["start"] = json!(start);
    }
    operation
}

#[cfg(test)]
mod tests;
