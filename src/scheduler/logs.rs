//! The logs that a scheduler and its workers hold in memory: the last ten thousand entries each.
//!
//! `get_logs` gives them newest first, and ends at the first that is older than `start`. In 2022.4
//! it gives them oldest first: the same limits would keep the oldest, or nothing at all, so that
//! such a log is asked for whole, each time. Workers are asked by way of the scheduler, each on a
//! connection of its own: one that can't be reached keeps the scheduler waiting for 30 s, and with
//! it everything behind it on that connection. Where that way is closed, there are web pages.

mod entry;
mod page;

use std::collections::HashMap;

use serde_json::{Value, json};

use entry::Key;
pub(crate) use entry::LogEntry;

use super::{SchedulerError, Schedulers, comm, http, wire};
use crate::gateway::TlsIdentity;

/// Threads log a little out of order: an entry that was made before another may come after it.
/// What is this much older than the newest is asked for again, and sorted out here.
const OVERLAP: f64 = 10.0;

/// The part of a log to ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct LogRange {
    /// So many of the newest entries; all of them if left out.
    limit: Option<usize>,
    /// Those not older than this, in seconds since the epoch.
    start: Option<f64>,
    /// Where they come from, once that is settled.
    source: Option<Source>,
}

/// Where entries come from. Another one would repeat what was read from the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    NewestFirst,
    OldestFirst,
    Page,
}

/// Entries, oldest first.
#[derive(Debug)]
pub(crate) struct FetchedLog {
    entries: Vec<LogEntry>,
    source: Source,
}

/// How far a log has been read.
#[derive(Clone, Debug, Default)]
pub(crate) struct LogPosition {
    start: Option<f64>,
    source: Option<Source>,
    /// How often each entry since `start` was read: the same may be logged twice in one moment.
    seen: HashMap<Key, usize>,
}

impl LogRange {
    /// What a log is begun with.
    pub(crate) fn first(limit: Option<usize>, start: Option<f64>) -> Self {
        Self {
            limit,
            start,
            source: None,
        }
    }
}

impl LogPosition {
    /// Where to go on.
    pub(crate) fn part(&self) -> LogRange {
        LogRange {
            limit: None,
            start: self.start,
            source: self.source,
        }
    }

    /// Begins with the last `limit` of the entries, which are those since `since` or the last of
    /// them, at least one more than the limit if there are as many; tells whether any are left out.
    pub(crate) fn begin(
        log: FetchedLog,
        limit: Option<usize>,
        since: Option<f64>,
    ) -> (Self, Vec<LogEntry>, bool) {
        let surplus = limit.map_or(0, |limit| log.entries.len().saturating_sub(limit));
        // What lies before the first that is left out is left out, too.
        let left_out = log.entries.first().filter(|_| surplus > 0);
        let mut position = Self {
            start: left_out.and_then(LogEntry::proper_time),
            source: Some(log.source),
            seen: HashMap::new(),
        };
        let mut entries = position.read(log);
        let start = [position.start, since].into_iter().flatten();
        position.start = start.reduce(f64::max);
        let shown = entries.len().saturating_sub(limit.unwrap_or(usize::MAX));
        entries.drain(..shown);
        (position, entries, surplus > 0)
    }

    /// Those entries, oldest first, that were not read yet. The log is all that there is since
    /// [`LogPosition::part`], or more.
    pub(crate) fn read(&mut self, log: FetchedLog) -> Vec<LogEntry> {
        let mut entries = log.entries;
        entries.retain(|entry| self.start.is_none_or(|start| entry.created >= start));
        let newest = entries
            .iter()
            .filter_map(LogEntry::proper_time)
            .reduce(f64::max);
        let newest = newest.map(|newest| newest - OVERLAP);
        // The one that is known, or the later of both.
        let start = [self.start, newest].into_iter().flatten().reduce(f64::max);
        let mut times = HashMap::new();
        let mut fresh = Vec::new();
        for entry in entries {
            let key = entry.key();
            let known = self.seen.get(&key).copied().unwrap_or(0);
            let now = times.entry(key).or_insert(0);
            *now += 1;
            if *now > known {
                fresh.push(entry);
            }
        }
        let Some(start) = start else {
            // Without times this log is all that there is, and all that can come again.
            self.seen = times;
            return fresh;
        };
        for (key, count) in times {
            let seen = self.seen.entry(key).or_insert(0);
            *seen = count.max(*seen);
        }
        self.start = Some(start);
        // An entry without a proper time can't be told to be old.
        let is_old = |time: f64| time < start;
        self.seen
            .retain(|(created, _, _), _| !is_old(f64::from_bits(*created)));
        fresh
    }
}

impl Schedulers {
    /// The log of the worker at an address, or the scheduler's own.
    ///
    /// # Errors
    /// It didn't answer in time, or not in a way that could be understood; or the scheduler can't
    /// reach the worker.
    pub(crate) async fn log(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
        worker: Option<&str>,
        part: LogRange,
    ) -> Result<FetchedLog, SchedulerError> {
        let asked = async |part| self.raw_log(cluster, identity, worker, part).await;
        match part.source {
            Some(Source::OldestFirst) => Ok(FetchedLog::new(
                asked(LogRange::default()).await?,
                Source::OldestFirst,
            )),
            Some(Source::NewestFirst) => {
                Ok(FetchedLog::new(asked(part).await?, Source::NewestFirst))
            }
            Some(Source::Page) => self.in_time(self.log_page(cluster, worker)).await,
            None => {
                let by_comm = async {
                    let raw = asked(part).await?;
                    if order(&raw) == Some(Source::NewestFirst) {
                        return Ok(FetchedLog::new(raw, Source::NewestFirst));
                    }
                    // Too few to tell, or the wrong ones.
                    let raw = asked(LogRange::default()).await?;
                    let order = order(&raw).unwrap_or(Source::NewestFirst);
                    Ok(FetchedLog::new(raw, order).only(part))
                };
                if part.start.is_some() {
                    // The page doesn't tell what is younger.
                    return by_comm.await;
                }
                // Whole: what is left out now must not come later as if it were new.
                let by_http = self.log_page(cluster, worker);
                self.either(cluster, by_comm, by_http).await
            }
        }
    }

    async fn log_page(
        &self,
        cluster: &str,
        worker: Option<&str>,
    ) -> Result<FetchedLog, SchedulerError> {
        let path = worker.map_or(["info", "main", "logs"], |address| {
            ["info", "logs", address]
        });
        let url = self.route(cluster, &path, "html");
        page::read(&url, &http::get_bytes(&self.http, &url).await?)
    }

    async fn raw_log(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
        worker: Option<&str>,
        part: LogRange,
    ) -> Result<Raw, SchedulerError> {
        let question = question(part);
        let Some(address) = worker else {
            return self.ask_one(cluster, identity, question).await?.read();
        };
        let question = json!({
            "op": "broadcast", "reply": true, "msg": question, "workers": [address],
            "on_error": "ignore",
        });
        let answer = self.ask_one(cluster, identity, question).await?;
        let mut by_worker = answer.read::<HashMap<String, Raw>>()?;
        // The scheduler leaves out whom it couldn't reach.
        by_worker.remove(address).ok_or(SchedulerError::Unreached)
    }

    /// The workers' addresses, and their names where they have one.
    ///
    /// # Errors
    /// As for the scheduler's log.
    pub(crate) async fn workers(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
    ) -> Result<Vec<(String, String)>, SchedulerError> {
        let by_comm = async {
            let answer = self
                .ask_one(cluster, identity, super::op("identity"))
                .await?;
            answer.read::<wire::Identity>()
        };
        let url = self.route(cluster, &["json", "identity"], "json");
        let by_http = http::get::<wire::Identity>(&self.http, &url);
        let (_, workers) = self.either(cluster, by_comm, by_http).await?.tell();
        let workers = workers.ok_or(SchedulerError::Garbled("it names no workers"))?;
        let named = workers.into_iter().map(|worker| {
            let name = worker.name.unwrap_or_else(|| worker.address.clone());
            (worker.address, name)
        });
        Ok(named.collect())
    }

    async fn ask_one(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
        question: Value,
    ) -> Result<comm::Answer, SchedulerError> {
        let asking = self.ask(cluster, identity, std::slice::from_ref(&question));
        let mut answers = self.in_time(asking).await?.into_iter();
        answers
            .next()
            .ok_or(SchedulerError::Garbled("it is missing"))
    }

    async fn in_time<T>(
        &self,
        asking: impl Future<Output = Result<T, SchedulerError>>,
    ) -> Result<T, SchedulerError> {
        let answer = tokio::time::timeout(self.patience, asking).await;
        answer.unwrap_or(Err(SchedulerError::Late(self.patience)))
    }
}

/// Entries as they come.
type Raw = Vec<(f64, String, String)>;

/// By the first and the last, which are far enough apart not to be a little out of order.
fn order(raw: &Raw) -> Option<Source> {
    let ((first, ..), (last, ..)) = raw.first().zip(raw.last())?;
    match first.partial_cmp(last)? {
        std::cmp::Ordering::Less => Some(Source::OldestFirst),
        std::cmp::Ordering::Greater => Some(Source::NewestFirst),
        std::cmp::Ordering::Equal => None,
    }
}

impl FetchedLog {
    fn new(mut raw: Raw, source: Source) -> Self {
        if source == Source::NewestFirst {
            raw.reverse();
        }
        let entries = raw.into_iter();
        let entries = entries.map(|(created, level, text)| LogEntry::new(created, level, text));
        Self {
            entries: entries.collect(),
            source,
        }
    }

    /// Of a whole log, the part that was asked for.
    fn only(mut self, part: LogRange) -> Self {
        let is_young = |entry: &LogEntry| part.start.is_none_or(|start| entry.created >= start);
        self.entries.retain(is_young);
        let surplus = part
            .limit
            .map_or(0, |limit| self.entries.len().saturating_sub(limit));
        self.entries.drain(..surplus);
        self
    }
}

fn question(part: LogRange) -> Value {
    let mut question = json!({"op": "get_logs", "reply": true, "timestamps": true});
    // Zero would be all of them, as it is where nothing is said; two tell the order.
    if let Some(limit) = part.limit {
        question["n"] = json!(limit.max(2));
    }
    if let Some(start) = part.start {
        question["start"] = json!(start);
    }
    question
}

#[cfg(test)]
mod tests;
