//! Answers as schedulers spell them, in `MessagePack` and JSON alike.
//!
//! No field is relied on: one that is missing, or isn't what it should be, is unknown and leaves
//! the others readable.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::model::{Activity, Idle, PackageVersions, Tasks, Worker};

/// A value, if it is one of its type.
pub(super) struct Known<T>(pub(super) Option<T>);

// Not derived: that would ask for `T: Default`.
impl<T> Default for Known<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Known<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Either<T> {
            Expected(T),
            Other(IgnoredAny),
        }
        Ok(Self(match Either::deserialize(deserializer)? {
            Either::Expected(value) => Some(value),
            Either::Other(_) => None,
        }))
    }
}

/// `identity`, or `identity.json`.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(super) struct Identity {
    /// Only since 2025.4, when a question for fewer than all of them came up too.
    n_workers: Known<u64>,
    workers: Known<BTreeMap<String, Known<Member>>>,
    started: Known<f64>,
}

/// A worker in it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Member {
    name: Known<String>,
    host: Known<String>,
    status: Known<String>,
    nthreads: Known<u64>,
    memory_limit: Known<u64>,
    last_seen: Known<f64>,
    metrics: Known<Metrics>,
}

/// A worker's last heartbeat.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Metrics {
    cpu: Known<f64>,
    memory: Known<u64>,
    task_counts: Known<BTreeMap<String, u64>>,
    /// These two in place of the one above, up to 2022.
    executing: Known<u64>,
    ready: Known<u64>,
}

/// `dump_state` without what is large.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct State {
    transition_counter: Known<u64>,
    #[expect(clippy::zero_sized_map_values, reason = "no map can be read as a set")]
    clients: Known<BTreeMap<String, IgnoredAny>>,
    task_groups: Known<BTreeMap<String, Group>>,
}

#[derive(Deserialize)]
struct Group {
    states: BTreeMap<String, u64>,
}

/// `counts.json`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    tasks: Known<u64>,
    processing: Known<u64>,
    waiting: Known<u64>,
    unrunnable: Known<u64>,
    memory: Known<u64>,
    erred: Known<u64>,
    released: Known<u64>,
}

/// `versions`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Versions {
    packages: BTreeMap<String, Known<String>>,
}

impl Identity {
    /// When the scheduler started.
    pub(super) fn started(&self) -> Option<Timestamp> {
        self.started.0.and_then(time)
    }

    /// What it tells of all workers together, and of each.
    pub(super) fn tell(self) -> (Activity, Option<Vec<Worker>>) {
        let Some(members) = self.workers.0 else {
            return (Activity::default(), None);
        };
        // A part of them adds up to nothing.
        if self
            .n_workers
            .0
            .is_some_and(|count| count != members.len() as u64)
        {
            let workers = self.n_workers.0;
            return (
                Activity {
                    workers,
                    ..Activity::default()
                },
                None,
            );
        }
        let workers = members
            .into_iter()
            .map(|(address, member)| worker(address, member.0.unwrap_or_default()))
            .collect::<Vec<_>>();
        let activity = Activity {
            workers: Some(workers.len() as u64),
            threads: sum(workers.iter().map(|worker| worker.threads)),
            memory_used: sum(workers.iter().map(|worker| worker.memory)),
            memory_limit: sum(workers.iter().map(|worker| worker.memory_limit)),
            ..Activity::default()
        };
        (activity, Some(workers))
    }
}

fn worker(address: String, member: Member) -> Worker {
    let metrics = member.metrics.0.unwrap_or_default();
    Worker {
        name: member.name.0,
        address,
        host: member.host.0,
        status: member.status.0,
        threads: member.nthreads.0,
        cpu: metrics.cpu.0.filter(|cpu| cpu.is_finite()),
        memory: metrics.memory.0,
        // Zero stands for a worker without a limit.
        memory_limit: member.memory_limit.0.filter(|limit| *limit > 0),
        tasks: match metrics.task_counts.0 {
            Some(counts) => sum(counts
                .into_iter()
                .filter(|(state, _)| !IS_DONE.contains(&state.as_str()))
                .map(|(_, count)| Some(count))),
            None => sum([metrics.executing.0, metrics.ready.0].into_iter()),
        },
        last_seen: member.last_seen.0.and_then(time),
    }
}

/// A worker's states for tasks that it has nothing to do for.
const IS_DONE: [&str; 6] = [
    "memory",
    "released",
    "error",
    "forgotten",
    "cancelled",
    "missing",
];

impl State {
    /// How many clients are connected. The scheduler counts itself among them, for what was sent
    /// off by `fire_and_forget`, and every published dataset.
    pub(super) fn clients(&self) -> Option<u64> {
        let names = self.clients.0.as_ref()?.keys();
        let is_own = |name: &str| name == "fire-and-forget" || name.starts_with("published-");
        Some(names.filter(|name| !is_own(name)).count() as u64)
    }

    /// How many of these no task opened. Without `workers` there is none that has any.
    pub(super) fn outsiders(&self, workers: Option<u64>) -> Option<u64> {
        if workers? == 0 {
            return self.clients();
        }
        let names = self.clients.0.as_ref()?.keys();
        let of_tasks = names.filter(|name| is_of_a_task(name)).count() as u64;
        self.clients()?.checked_sub(of_tasks)
    }

    pub(super) fn transitions(&self) -> Option<u64> {
        self.transition_counter.0
    }

    pub(super) fn tasks(&self) -> Option<Tasks> {
        let groups = self.task_groups.0.as_ref()?;
        // A state that no group has yet is one without tasks, or, `queued`, older than the state.
        let count = |state: &str| {
            let counts = groups.values().filter_map(|group| group.states.get(state));
            sum(counts.map(|count| Some(*count)))
        };
        let mut tasks = Tasks {
            total: None,
            processing: count("processing"),
            queued: count("queued"),
            waiting: count("waiting"),
            unrunnable: count("no-worker"),
            memory: count("memory"),
            erred: count("erred"),
            released: count("released"),
        };
        // States that nobody has heard of yet count too.
        let known = groups.values().flat_map(|group| group.states.iter());
        let known = known.filter(|(state, _)| *state != "forgotten");
        tasks.total = sum(known.map(|(_, count)| Some(*count)));
        Some(tasks)
    }

    /// What `check_idle` meant: its nil is "busy", and from a scheduler before 2023.4, "what?".
    /// `transition_counter` came with 2023.6 and tells them apart.
    pub(super) fn idle(&self, since: Option<f64>) -> Idle {
        match (since, self.transition_counter.0) {
            (Some(since), _) => time(since).map_or(Idle::Unknown, Idle::Since),
            (None, Some(_)) => Idle::Busy,
            (None, None) => Idle::Unknown,
        }
    }
}

impl Counts {
    /// Queued tasks are counted nowhere but among all. They are what is left of these without the
    /// rest, as long as no result is held: each counts once for every worker that holds it.
    pub(super) fn tasks(&self) -> Tasks {
        let states = [
            &self.processing,
            &self.waiting,
            &self.unrunnable,
            &self.erred,
            &self.released,
        ];
        let others = sum(states.into_iter().map(|count| count.0));
        let is_exact = self.memory.0 == Some(0);
        Tasks {
            total: self.tasks.0,
            processing: self.processing.0,
            queued: self
                .tasks
                .0
                .zip(others)
                .and_then(|(total, others)| total.checked_sub(others))
                .filter(|_| is_exact),
            waiting: self.waiting.0,
            unrunnable: self.unrunnable.0,
            memory: self.memory.0.filter(|_| is_exact),
            erred: self.erred.0,
            released: self.released.0,
        }
    }
}

impl Versions {
    pub(super) fn packages(mut self) -> PackageVersions {
        let mut version = |name: &str| self.packages.remove(name)?.0;
        PackageVersions {
            // `3.11.7.final.0`
            python: version("python").map(|text| match text.split_once(".final") {
                Some((release, _)) => release.to_owned(),
                None => text,
            }),
            dask: version("dask"),
            distributed: version("distributed"),
        }
    }

    /// Whether it is a release of distributed that knows the question `check_idle`: those since
    /// 2023.4. `None` if it isn't told.
    pub(super) fn knows_idle(&self) -> Option<bool> {
        let version = self.packages.get("distributed")?.0.as_ref()?;
        let mut parts = version.split('.').map(str::parse::<u32>);
        let (year, month) = (parts.next()?.ok()?, parts.next()?.ok()?);
        Some((year, month) >= (2023, 4))
    }
}

/// Whether a client of this name was opened by a task, with `get_client` or the like. It stays
/// connected for as long as the worker is there (`distributed.worker.Worker._get_client`). A person's
/// may have a name that begins alike, and goes on before the UUID.
pub(super) fn is_of_a_task(client: &str) -> bool {
    let Some(uuid) = client.strip_prefix("Client-worker-") else {
        return false;
    };
    let parts = uuid.split('-').map(|part| {
        let is_hex = part.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_hex.then_some(part.len())
    });
    parts.eq([8, 4, 4, 4, 12].map(Some))
}

/// The sum, if all are known and it's one that can be.
fn sum(mut counts: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    counts.try_fold(0_u64, |sum, count| sum.checked_add(count?))
}

/// Seconds since the epoch.
pub(super) fn time(seconds: f64) -> Option<Timestamp> {
    let duration = jiff::SignedDuration::try_from_secs_f64(seconds).ok()?;
    let milliseconds = i64::try_from(duration.as_millis()).ok()?;
    Timestamp::from_millisecond(milliseconds).ok()
}

#[cfg(test)]
mod tests;
