//! The logs that a scheduler and its workers hold in memory: the last ten thousand entries each.
//!
//! `get_logs` gives them newest first, and ends at the first that is older than `start`. In 2022.4
//! it gives them oldest first: the same limits would keep the oldest, or nothing at all, so that
//! such a log is asked for whole, each time. Workers are asked by way of the scheduler, each on a connection of its own: one that can't be reached
//! keeps the scheduler waiting for 30 s, and with it everything behind it on that connection.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Fault, Schedulers, comm, wire};
use crate::gateway::Identity;

/// Threads log a little out of order: an entry that was made before another may come after it.
/// What is this much older than the newest is asked for again, and sorted out here.
const OVERLAP: f64 = 10.0;

/// One entry of a log. `time` is by the clock of where it was made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Entry {
    /// Seconds since the epoch, as they came: what is the same entry has the very same.
    #[serde(skip)]
    created: f64,
    #[serde(serialize_with = "super::model::maybe_rfc3339")]
    pub(crate) time: Option<Timestamp>,
    pub(crate) level: String,
    /// May have several lines, as those with a traceback do.
    pub(crate) text: String,
}

/// The part of a log to ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Part {
    /// So many of the newest entries; all of them if left out.
    limit: Option<usize>,
    /// Those not older than this, in seconds since the epoch.
    start: Option<f64>,
    /// The order they come in, where that is known.
    order: Option<Order>,
}

/// In which order entries come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    NewestFirst,
    OldestFirst,
}

/// Entries, oldest first.
#[derive(Debug)]
pub(crate) struct Log {
    entries: Vec<Entry>,
    order: Order,
}

/// How far a log has been read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Position {
    start: Option<f64>,
    order: Option<Order>,
    /// How often each entry since `start` was read: the same may be logged twice in one moment.
    seen: HashMap<(u64, String, String), usize>,
}

impl Entry {
    fn new(created: f64, level: String, text: String) -> Self {
        Self {
            created,
            time: wire::time(created),
            text: without_prefix(&level, &text).unwrap_or(text),
            level,
        }
    }

    #[cfg(test)]
    pub(crate) fn at(created: f64, level: &str, text: &str) -> Self {
        Self::new(created, level.to_owned(), text.to_owned())
    }

    /// Oldest first, for entries of several logs.
    pub(crate) fn order(&self, other: &Self) -> std::cmp::Ordering {
        self.created.total_cmp(&other.created)
    }

    fn key(&self) -> (u64, String, String) {
        let created = self.created.to_bits();
        (created, self.level.clone(), self.text.clone())
    }
}

impl Part {
    /// What a log is begun with.
    pub(crate) fn first(limit: Option<usize>, start: Option<f64>) -> Self {
        Self {
            limit,
            start,
            order: None,
        }
    }
}

impl Position {
    /// Where to go on.
    pub(crate) fn part(&self) -> Part {
        Part {
            limit: None,
            start: self.start,
            order: self.order,
        }
    }

    /// Begins with the last `limit` of the entries, which are those since `since` or the last of
    /// them, at least one more than the limit if there are as many; tells whether any are left out.
    pub(crate) fn begin(
        log: Log,
        limit: Option<usize>,
        since: Option<f64>,
    ) -> (Self, Vec<Entry>, bool) {
        let surplus = limit.map_or(0, |limit| log.entries.len().saturating_sub(limit));
        // What lies before the first that is left out is left out, too.
        let left_out = log.entries.first().filter(|_| surplus > 0);
        let mut position = Self {
            start: left_out.map(|entry| entry.created),
            order: Some(log.order),
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
    /// [`Position::part`], or more.
    pub(crate) fn read(&mut self, log: Log) -> Vec<Entry> {
        let mut entries = log.entries;
        entries.retain(|entry| self.start.is_none_or(|start| entry.created >= start));
        let times = entries.iter().map(|entry| entry.created);
        let newest = times.filter(|time| time.is_finite()).reduce(f64::max);
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
        for (key, count) in times {
            let seen = self.seen.entry(key).or_insert(0);
            *seen = count.max(*seen);
        }
        self.start = start;
        // An entry without a proper time can't be told to be old.
        let is_old = |time: f64| start.is_some_and(|start| time < start);
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
        identity: Option<&Identity>,
        worker: Option<&str>,
        part: Part,
    ) -> Result<Log, Fault> {
        let asked = async |part| self.raw_log(cluster, identity, worker, part).await;
        match part.order {
            Some(Order::OldestFirst) => {
                Ok(Log::new(asked(Part::default()).await?, Order::OldestFirst))
            }
            Some(order) => Ok(Log::new(asked(part).await?, order)),
            None => {
                let raw = asked(part).await?;
                if order(&raw) == Some(Order::NewestFirst) {
                    return Ok(Log::new(raw, Order::NewestFirst));
                }
                // Too few to tell, or the wrong ones.
                let raw = asked(Part::default()).await?;
                let order = order(&raw).unwrap_or(Order::NewestFirst);
                Ok(Log::new(raw, order).only(part))
            }
        }
    }

    async fn raw_log(
        &self,
        cluster: &str,
        identity: Option<&Identity>,
        worker: Option<&str>,
        part: Part,
    ) -> Result<Raw, Fault> {
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
        by_worker.remove(address).ok_or(Fault::Unreached)
    }

    /// The workers' addresses, and their names where they have one.
    ///
    /// # Errors
    /// As for the scheduler's log.
    pub(crate) async fn workers(
        &self,
        cluster: &str,
        identity: Option<&Identity>,
    ) -> Result<Vec<(String, String)>, Fault> {
        let question = super::op("identity");
        let answer = self.ask_one(cluster, identity, question).await?;
        let (_, workers) = answer.read::<wire::Identity>()?.tell();
        let workers = workers.ok_or(Fault::Garbled("it names no workers"))?;
        let named = workers.into_iter().map(|worker| {
            let name = worker.name.unwrap_or_else(|| worker.address.clone());
            (worker.address, name)
        });
        Ok(named.collect())
    }

    async fn ask_one(
        &self,
        cluster: &str,
        identity: Option<&Identity>,
        question: Value,
    ) -> Result<comm::Answer, Fault> {
        let identity = identity.ok_or(Fault::Unidentified)?;
        let asking = self.ask(cluster, identity, std::slice::from_ref(&question));
        let answers = tokio::time::timeout(self.patience, asking).await;
        let answers = answers.unwrap_or(Err(Fault::Late(self.patience)))?;
        let mut answers = answers.into_iter();
        answers.next().ok_or(Fault::Garbled("it is missing"))
    }
}

/// Entries as they come.
type Raw = Vec<(f64, String, String)>;

/// By the first and the last, which are far enough apart not to be a little out of order.
fn order(raw: &Raw) -> Option<Order> {
    let ((first, ..), (last, ..)) = raw.first().zip(raw.last())?;
    match first.partial_cmp(last)? {
        std::cmp::Ordering::Less => Some(Order::OldestFirst),
        std::cmp::Ordering::Greater => Some(Order::NewestFirst),
        std::cmp::Ordering::Equal => None,
    }
}

impl Log {
    fn new(mut raw: Raw, order: Order) -> Self {
        if order == Order::NewestFirst {
            raw.reverse();
        }
        let entries = raw.into_iter();
        let entries = entries.map(|(created, level, text)| Entry::new(created, level, text));
        Self {
            entries: entries.collect(),
            order,
        }
    }

    /// Of a whole log, the part that was asked for.
    fn only(mut self, part: Part) -> Self {
        let is_young = |entry: &Entry| part.start.is_none_or(|start| entry.created >= start);
        self.entries.retain(is_young);
        let surplus = part
            .limit
            .map_or(0, |limit| self.entries.len().saturating_sub(limit));
        self.entries.drain(..surplus);
        self
    }
}

fn question(part: Part) -> Value {
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

/// `2026-11-21 03:12:44,123 - NAME - LEVEL - MESSAGE`, dask's default `log-format`, without what
/// the entry has in fields of its own: `NAME - MESSAGE`. Any other format stays as it is.
fn without_prefix(level: &str, text: &str) -> Option<String> {
    let (time, rest) = text.split_once(" - ")?;
    let is_time = time.len() == "2026-11-21 03:12:44,123".len()
        && time
            .bytes()
            .all(|b| b.is_ascii_digit() || b"- :,".contains(&b));
    let (name, message) = rest.split_once(" - ")?;
    let message = message.strip_prefix(level)?.strip_prefix(" - ")?;
    is_time.then(|| format!("{name} - {message}"))
}

#[cfg(test)]
mod tests;
