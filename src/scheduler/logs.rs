//! The logs that a scheduler and its workers hold in memory: the last ten thousand entries each.
//!
//! `get_logs` gives them newest first, and ends at the first that is older than `start`. Workers
//! are asked by way of the scheduler, each on a connection of its own: one that can't be reached
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
    pub(crate) limit: Option<usize>,
    /// Those not older than this, in seconds since the epoch.
    pub(crate) start: Option<f64>,
}

/// How far a log has been read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Position {
    start: Option<f64>,
    /// How often each entry since `start` was read: the same may be logged twice in one moment.
    seen: HashMap<(u64, String, String), usize>,
}

impl Entry {
    /// An entry as [`Position`] and people see it.
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

impl Position {
    /// Where to go on.
    pub(crate) fn part(&self) -> Part {
        Part {
            limit: None,
            start: self.start,
        }
    }

    /// Begins with the last `limit` of `entries`, which are those since `since` or the last of
    /// them, at least one more than the limit if there are as many; tells whether any are left out.
    pub(crate) fn begin(
        entries: Vec<Entry>,
        limit: Option<usize>,
        since: Option<f64>,
    ) -> (Self, Vec<Entry>, bool) {
        let surplus = limit.map_or(0, |limit| entries.len().saturating_sub(limit));
        // What lies before the first that is left out is left out, too.
        let left_out = entries.first().filter(|_| surplus > 0);
        let mut position = Self {
            start: left_out.map(|entry| entry.created).or(since),
            seen: HashMap::new(),
        };
        let mut entries = position.read(entries);
        entries.drain(..surplus);
        (position, entries, surplus > 0)
    }

    /// Those of `entries`, oldest first, that were not read yet. `entries` is all that the log has
    /// since [`Position::part`].
    pub(crate) fn read(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
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
    /// The scheduler's own log, oldest first.
    ///
    /// # Errors
    /// It didn't answer in time, or not in a way that could be understood.
    pub(crate) async fn scheduler_log(
        &self,
        cluster: &str,
        identity: Option<&Identity>,
        part: Part,
    ) -> Result<Vec<Entry>, Fault> {
        let question = question(part);
        let answer = self.ask_one(cluster, identity, question).await?;
        Ok(entries(answer.read()?))
    }

    /// The log of the worker at `address`, oldest first.
    ///
    /// # Errors
    /// As above; or the worker can't be reached.
    pub(crate) async fn worker_log(
        &self,
        cluster: &str,
        identity: Option<&Identity>,
        address: &str,
        part: Part,
    ) -> Result<Vec<Entry>, Fault> {
        let question = json!({
            "op": "broadcast", "reply": true, "msg": question(part), "workers": [address],
            "on_error": "ignore",
        });
        let answer = self.ask_one(cluster, identity, question).await?;
        let mut by_worker = answer.read::<HashMap<String, Raw>>()?;
        // The scheduler leaves out whom it couldn't reach.
        by_worker
            .remove(address)
            .map(entries)
            .ok_or(Fault::Unreached)
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

/// Entries as they come: newest first.
type Raw = Vec<(f64, String, String)>;

fn question(part: Part) -> Value {
    let mut question = json!({"op": "get_logs", "reply": true, "timestamps": true});
    // Zero would be all of them, as it is where nothing is said.
    if let Some(limit) = part.limit {
        question["n"] = json!(limit.max(1));
    }
    if let Some(start) = part.start {
        question["start"] = json!(start);
    }
    question
}

fn entries(raw: Raw) -> Vec<Entry> {
    let entries = raw.into_iter().rev();
    entries
        .map(|(created, level, text)| Entry::new(created, level, text))
        .collect()
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
