//! The timeline of a cluster: what its scheduler remembers in its events and its log.
//!
//! A scheduler keeps the last thousand events of each topic (`distributed.admin.low-level-log-length`;
//! a hundred thousand up to 2023). dgw asks for the topics `all` and `scheduler`, and for those of the
//! workers that were lost, never for all topics at once: programs can store anything in others.

mod raw;
mod totals;

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::json;

use self::raw::RawEvent;
pub(crate) use self::totals::EventTotals;
use super::client::Schedulers;
use super::error::SchedulerError;
use super::logs::{LogEntry, LogRange};
use super::{comm, wire};
use crate::count;
use crate::gateway::TlsIdentity;

/// The topics of a cluster's events: since 2025 graphs are in the second.
const TOPICS: [&str; 2] = ["all", "scheduler"];

/// The most lost workers whose own events are asked for, the latest ones.
const LOSSES_LIMIT: usize = 50;

/// Seconds by which entries of a log may be out of order.
const OVERLAP: f64 = 10.0;

/// Seconds within which the gateway ends what is left of a worker that was lost.
const REPLACED: f64 = 30.0;

/// Limit on the characters of a text: a scheduler may log the names of all tasks.
const TEXT_LIMIT: usize = 500;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum EventKind {
    Started,
    Scaling,
    WorkerJoined,
    /// As requested, or for an unknown reason.
    WorkerLeft,
    /// Nobody asked for it.
    WorkerLost,
    ClientJoined,
    ClientLeft,
    Graph,
    Warning,
    Error,
    /// A job of the cluster has ended.
    JobEnded,
}

impl EventKind {
    /// Returns its name in records.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Scaling => "scaling",
            Self::WorkerJoined => "worker-joined",
            Self::WorkerLeft => "worker-left",
            Self::WorkerLost => "worker-lost",
            Self::ClientJoined => "client-joined",
            Self::ClientLeft => "client-left",
            Self::Graph => "graph",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::JobEnded => "job-ended",
        }
    }
}

/// An event in the life of a cluster.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ClusterEvent {
    /// By the scheduler's clock.
    pub(crate) time: Timestamp,
    pub(crate) event: EventKind,
    /// The worker, the client or the job.
    pub(crate) name: Option<String>,
    /// The number of tasks that were submitted, or lost with a worker.
    pub(crate) tasks: Option<u64>,
    pub(crate) text: String,
    /// The last lines of a lost worker's log.
    pub(crate) log: Vec<String>,
}

impl ClusterEvent {
    /// Creates an event without tasks and log.
    pub(crate) fn new(
        time: Timestamp,
        event: EventKind,
        name: Option<String>,
        text: String,
    ) -> Self {
        Self {
            time,
            event,
            name: name.map(truncated),
            tasks: None,
            text: truncated(text),
            log: Vec::new(),
        }
    }
}

fn truncated(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(TEXT_LIMIT) {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// Identifies an event: its time, kind, and the address, client or text that it is about.
type Key = (u64, EventKind, String);

/// Reads the events of one cluster, each once.
pub(crate) struct EventReader<'a> {
    schedulers: &'a Schedulers,
    cluster: &'a str,
    /// The names of workers by their addresses.
    names: HashMap<String, String>,
    /// The events of the last response.
    seen: HashSet<Key>,
    /// The time up to which the log was read, in seconds since the epoch.
    log_end: Option<f64>,
    fault: Option<IncompleteTimeline>,
}

/// Why a timeline is incomplete.
#[derive(Debug, thiserror::Error)]
#[error("some events are missing: can't read the scheduler's {what}: {source}")]
pub(crate) struct IncompleteTimeline {
    what: &'static str,
    source: SchedulerError,
}

impl<'a> EventReader<'a> {
    pub(crate) fn new(schedulers: &'a Schedulers, cluster: &'a str) -> Self {
        Self {
            schedulers,
            cluster,
            names: HashMap::new(),
            seen: HashSet::new(),
            log_end: None,
            fault: None,
        }
    }

    /// Returns what was missing the last time.
    pub(crate) fn take_fault(&mut self) -> Option<IncompleteTimeline> {
        self.fault.take()
    }

    /// Returns the last loss of a worker.
    ///
    /// # Errors
    /// Fails if the scheduler's events can't be read.
    pub(crate) async fn last_loss(
        &mut self,
        identity: Option<&TlsIdentity>,
    ) -> Result<Option<ClusterEvent>, SchedulerError> {
        let [all] = &self.topics(identity, &["all".to_owned()]).await?[..] else {
            return Ok(None);
        };
        // Most clusters have lost none: these are asked one question.
        let mut removals = all.iter().filter_map(RawEvent::removal);
        if removals.all(|(_, removal)| removal.is_expected == Some(true)) {
            return Ok(None);
        }
        let events = self.read(identity).await?;
        let is_loss = |event: &ClusterEvent| event.event == EventKind::WorkerLost;
        Ok(events.into_iter().rfind(is_loss))
    }

    /// Returns the time of the latest event.
    ///
    /// # Errors
    /// Fails if the scheduler's events can't be read.
    pub(crate) async fn latest(
        &self,
        identity: Option<&TlsIdentity>,
    ) -> Result<Option<Timestamp>, SchedulerError> {
        let topics = self.topics(identity, &TOPICS.map(str::to_owned)).await?;
        Ok(topics.iter().flatten().filter_map(RawEvent::time).max())
    }

    /// Adds up the events after `since`, or all of them.
    ///
    /// # Errors
    /// Fails if the scheduler's events can't be read.
    pub(crate) async fn totals(
        &mut self,
        identity: Option<&TlsIdentity>,
        since: Option<Timestamp>,
    ) -> Result<EventTotals, SchedulerError> {
        let topics = self.topics(identity, &TOPICS.map(str::to_owned)).await?;
        let totals = EventTotals::of(&topics, since);
        // Most clusters have lost none: these are asked one question.
        if totals.lost_workers.is_some() {
            return Ok(totals);
        }
        let lost_workers = self.read(identity).await.ok().map(|events| {
            let is_loss = |event: &&ClusterEvent| event.event == EventKind::WorkerLost;
            let losses = events.iter().filter(is_loss);
            let is_new = |event: &&ClusterEvent| since.is_none_or(|since| event.time > since);
            losses.filter(is_new).count() as u64
        });
        Ok(EventTotals {
            lost_workers,
            ..totals
        })
    }

    /// Returns the events that were not read yet, in the order of their times.
    ///
    /// # Errors
    /// Fails if the scheduler does not respond in time, or neither its events nor its log can be read.
    /// If one of them can, [`Self::take_fault`] returns what is wrong with the other.
    pub(crate) async fn read(
        &mut self,
        identity: Option<&TlsIdentity>,
    ) -> Result<Vec<ClusterEvent>, SchedulerError> {
        let topics = TOPICS.map(str::to_owned);
        let (started, events, log) = tokio::join!(
            self.started_and_names(identity),
            self.topics(identity, &topics),
            self.schedulers.log(
                self.cluster,
                identity,
                None,
                LogRange::new(None, self.log_end.map(|end| end - OVERLAP)),
            ),
        );
        let (started, members) = started?;
        let (events, log) = match (events, log) {
            (Ok(events), Ok(log)) => (events, log.into_entries()),
            (Ok(events), Err(source)) => {
                self.fault = Some(IncompleteTimeline {
                    what: "log",
                    source,
                });
                (events, Vec::new())
            }
            (Err(source @ (SchedulerError::TooLarge | SchedulerError::Malformed(_))), Ok(log)) => {
                self.fault = Some(IncompleteTimeline {
                    what: "events",
                    source,
                });
                (Vec::new(), log.into_entries())
            }
            (Err(error), _) => return Err(error),
        };
        let events = events.into_iter().flatten().collect::<Vec<_>>();
        self.log_end = log
            .iter()
            .filter_map(LogEntry::finite_time)
            .reduce(f64::max)
            .or(self.log_end);
        self.names
            .extend(log.iter().filter_map(|entry| registered(&entry.text)));
        self.names.extend(members);
        let lost = lost_workers(&events);
        let own_events = if lost.is_empty() {
            Vec::new()
        } else {
            self.topics(identity, &lost).await.unwrap_or_default()
        };
        let own_events = lost.into_iter().zip(own_events).collect();
        let mut found = Vec::new();
        if let Some(time) = started {
            let key = (0, EventKind::Started, String::new());
            let text = "the scheduler started".to_owned();
            found.push((key, ClusterEvent::new(time, EventKind::Started, None, text)));
        }
        found.extend(from_events(&events, &self.names, &own_events));
        found.extend(log.iter().filter_map(from_log));
        let mut keys = HashSet::new();
        let mut new = Vec::new();
        for (key, event) in found {
            if keys.insert(key.clone()) && !self.seen.contains(&key) {
                new.push(event);
            }
        }
        self.seen = keys;
        new.sort_by_key(|event| event.time);
        Ok(new)
    }

    /// Fetches when the scheduler started, and the addresses and names of its workers.
    async fn started_and_names(
        &self,
        identity: Option<&TlsIdentity>,
    ) -> Result<(Option<Timestamp>, Vec<(String, String)>), SchedulerError> {
        let schedulers = self.schedulers;
        let operation = comm::operation("identity");
        let request = schedulers.ask_one(self.cluster, identity, &operation);
        let response = schedulers.in_time(request).await?;
        let response = response.read::<wire::Identity>()?;
        let started = response.started();
        let workers = response.activity_and_workers().1.unwrap_or_default();
        let names = workers
            .into_iter()
            .filter_map(|worker| Some((worker.address, worker.name?)));
        Ok((started, names.collect()))
    }

    /// Fetches the events of each of `topics`.
    async fn topics(
        &self,
        identity: Option<&TlsIdentity>,
        topics: &[String],
    ) -> Result<Vec<Vec<RawEvent>>, SchedulerError> {
        let operations = topics
            .iter()
            .map(|topic| json!({"op": "events", "reply": true, "topic": topic}))
            .collect::<Vec<_>>();
        let request = self.schedulers.ask(self.cluster, identity, &operations);
        let responses = self.schedulers.in_time(request).await?;
        responses.iter().map(comm::RawResponse::read).collect()
    }
}

/// Returns the addresses of the workers whose own events tell why they left, the latest ones first.
fn lost_workers(events: &[RawEvent]) -> Vec<String> {
    let removals = events.iter().rev().filter_map(RawEvent::removal);
    let unexpected = removals.filter(|(_, removal)| removal.is_expected != Some(true));
    let mut addresses = Vec::<String>::new();
    for (_, removal) in unexpected {
        if addresses.len() < LOSSES_LIMIT && !addresses.iter().any(|known| known == removal.worker)
        {
            addresses.push(removal.worker.to_owned());
        }
    }
    addresses
}

fn from_events(
    events: &[RawEvent],
    names: &HashMap<String, String>,
    own_events: &HashMap<String, Vec<RawEvent>>,
) -> Vec<(Key, ClusterEvent)> {
    let mut gone = HashSet::new();
    let mut losses = HashMap::new();
    let mut found = Vec::new();
    for event in events {
        let Some(time) = event.time() else { continue };
        let mut add = |kind, subject: &str, name: Option<String>, tasks, text: String| {
            let key = (event.0.to_bits(), kind, subject.to_owned());
            let known = ClusterEvent::new(time, kind, name, text);
            found.push((key, ClusterEvent { tasks, ..known }));
        };
        let name = |address: &str| {
            let name = names.get(address).map_or(address, String::as_str);
            Some(name.to_owned())
        };
        if let Some((_, removal)) = event.removal() {
            let own = own_events.get(removal.worker).map(Vec::as_slice);
            let (mut kind, mut text) = removal.judged(event.0, own.unwrap_or_default());
            let (tasks, worker) = (removal.tasks(), removal.worker);
            let loss = losses.insert(name(worker), event.0);
            // A nanny restarts its worker under the same name, while the gateway replaces both.
            if kind == EventKind::WorkerLost && loss.is_some_and(|time| event.0 - time < REPLACED) {
                kind = EventKind::WorkerLeft;
                text.push_str("; the gateway replaces lost workers");
            }
            add(kind, worker, name(worker), tasks, text);
        } else if let Some(worker) = event.joined_worker() {
            add(
                EventKind::WorkerJoined,
                worker,
                name(worker),
                None,
                String::new(),
            );
        } else if let Some((client, has_joined)) = event.client() {
            let kind = if has_joined {
                gone.remove(client);
                EventKind::ClientJoined
            } else if gone.insert(client) {
                EventKind::ClientLeft
            } else {
                // It is logged twice.
                continue;
            };
            add(kind, client, Some(client.to_owned()), None, String::new());
        } else if let Some((tasks, has_failed)) = event.graph() {
            if has_failed {
                let text = "a graph could not be added".to_owned();
                add(EventKind::Error, "", None, None, text);
            } else {
                let tasks_text = |tasks| count::of(tasks, "task");
                let text = tasks.map_or_else(|| "? tasks".to_owned(), tasks_text);
                add(
                    EventKind::Graph,
                    "",
                    None,
                    tasks,
                    format!("{text} submitted"),
                );
            }
        }
    }
    found
}

/// Returns the event of a log's entry; `None` for what is in other events, or no event.
fn from_log(entry: &LogEntry) -> Option<(Key, ClusterEvent)> {
    let (logger, message) = entry.text.split_once(" - ").unwrap_or(("", &entry.text));
    let kind = match entry.level.as_str() {
        "WARNING" if message.starts_with("Removing worker ") => return None,
        "WARNING" => EventKind::Warning,
        "ERROR" | "CRITICAL" => EventKind::Error,
        _ if logger != "dask_gateway.scheduler_preload" => return None,
        _ if message.contains("scal") => EventKind::Scaling,
        _ => return None,
    };
    let key = (entry.finite_time()?.to_bits(), kind, entry.text.clone());
    let text = message.trim_end().to_owned();
    Some((key, ClusterEvent::new(entry.time?, kind, None, text)))
}

/// Returns the address and the name of a worker that a scheduler logs as registered: `Register worker
/// addr: ADDRESS name: NAME`, or `Register worker <WorkerState 'ADDRESS', name: NAME, …>` up to 2024.
fn registered(text: &str) -> Option<(String, String)> {
    let (_, worker) = text.split_once("Register worker ")?;
    let (address, rest) = worker.split_once("name: ")?;
    let end = rest.find([',', ' ', '\n', '>']).unwrap_or(rest.len());
    let address = address.trim_start_matches("addr: ");
    let address = address.trim_start_matches("<WorkerState ");
    let address = address.trim_matches([' ', ',', '\'']);
    Some((address.to_owned(), rest[..end].to_owned()))
}

#[cfg(test)]
mod tests;
