//! Responses as schedulers spell them, in `MessagePack` and JSON alike.
//!
//! Every field is optional: one that is missing or of another type is unknown, and the others stay
//! readable.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use jiff::Timestamp;
use serde::de::value::{self, BorrowedStrDeserializer, CowStrDeserializer, MapAccessDeserializer};
use serde::de::{
    self, DeserializeSeed, IgnoredAny, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};
use serde::{Deserialize, Deserializer};

use super::model::PackageSet;
use super::model::{Activity, Idle, PackageVersions, Tasks, Worker};

/// A value; `None` if it is of another type.
pub(super) struct Known<T>(pub(super) Option<T>);

// Not derived: that would ask for `T: Default`.
impl<T> Default for Known<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Known<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KnownVisitor(PhantomData))
    }
}

/// Passes a value on to `T`, and skips it if it is of another type. Nothing is buffered: so what is
/// inside a `T` must be [`Known`] too, because an error in there is one of the whole response.
struct KnownVisitor<T>(PhantomData<T>);

macro_rules! visit_scalars {
    ($($method:ident($type:ty))*) => {$(
        fn $method<E: de::Error>(self, value: $type) -> Result<Self::Value, E> {
            let decoder = IntoDeserializer::<'de, value::Error>::into_deserializer(value);
            Ok(Known(T::deserialize(decoder).ok()))
        }
    )*};
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for KnownVisitor<T> {
    type Value = Known<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    visit_scalars! {
        visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_f64(f64)
        visit_str(&str) visit_string(String)
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
        let decoder = BorrowedStrDeserializer::<value::Error>::new(text);
        Ok(Known(T::deserialize(decoder).ok()))
    }

    fn visit_bytes<E: de::Error>(self, _: &[u8]) -> Result<Self::Value, E> {
        Ok(Known(None))
    }

    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
        Ok(Known(None))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Self::Value, D::Error> {
        IgnoredAny::deserialize(inner).map(|_| Known(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Known(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let mut entries = NamedEntries {
            map,
            is_started: false,
        };
        let value = T::deserialize(MapAccessDeserializer::new(&mut entries));
        if entries.is_started {
            return value.map(|value| Known(Some(value)));
        }
        // It is no map that `T` wants.
        while entries
            .map
            .next_entry::<IgnoredAny, IgnoredAny>()?
            .is_some()
        {}
        Ok(Known(value.ok()))
    }
}

/// The entries of a map whose keys are texts. Others are skipped: events contain anything.
struct NamedEntries<A> {
    map: A,
    is_started: bool,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for NamedEntries<A> {
    type Error = A::Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, A::Error> {
        self.is_started = true;
        while let Some(key) = self.map.next_key::<Key<'de>>()? {
            if let Some(name) = key.0 {
                return seed.deserialize(CowStrDeserializer::new(name)).map(Some);
            }
            self.map.next_value::<IgnoredAny>()?;
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

/// The key of an entry if it is a text.
pub(super) struct Key<'a>(pub(super) Option<Cow<'a, str>>);

#[derive(Deserialize)]
#[serde(transparent)]
struct CowText<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = deserializer.deserialize_identifier(KnownVisitor::<CowText<'de>>(PhantomData))?;
        Ok(Self(key.0.map(|text| text.0)))
    }
}

/// Response to `identity` or `identity.json`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Identity {
    /// Since 2025.4, which can also list fewer than all workers.
    n_workers: Known<u64>,
    workers: Known<BTreeMap<String, Known<Member>>>,
    started: Known<f64>,
}

/// A worker in [`Identity`].
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
    task_counts: Known<BTreeMap<String, Known<u64>>>,
    /// These two, up to 2022, stand for `task_counts`.
    executing: Known<u64>,
    ready: Known<u64>,
}

/// Response to `dump_state` without its large parts.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct State {
    transition_counter: Known<u64>,
    clients: Known<BTreeMap<String, Known<IgnoredAny>>>,
    task_groups: Known<BTreeMap<String, Known<Group>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Group {
    states: Known<BTreeMap<String, Known<u64>>>,
}

/// Response to `counts.json`.
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

/// Response to `versions`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct VersionsResponse {
    packages: Packages,
}

/// The packages that matter of those that a scheduler or worker lists.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Packages {
    python: Known<String>,
    dask: Known<String>,
    distributed: Known<String>,
}

impl Identity {
    /// Returns when the scheduler started.
    pub(super) fn started(&self) -> Option<Timestamp> {
        self.started.0.and_then(time)
    }

    /// Returns the totals of all workers, and each worker.
    pub(super) fn activity_and_workers(self) -> (Activity, Option<Vec<Worker>>) {
        let Some(members) = self.workers.0 else {
            return (Activity::default(), None);
        };
        let count = self.n_workers.0.unwrap_or(members.len() as u64);
        if count != members.len() as u64 {
            // The list is incomplete, so its totals would be wrong.
            let activity = Activity {
                workers: Some(count),
                ..Activity::default()
            };
            return (activity, None);
        }
        let workers = members
            .into_iter()
            .map(|(address, member)| worker(address, member.0.unwrap_or_default()))
            .collect::<Vec<_>>();
        let activity = Activity {
            workers: Some(count),
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
        // Zero means no limit.
        memory_limit: member.memory_limit.0.filter(|limit| *limit > 0),
        tasks: match metrics.task_counts.0 {
            Some(counts) => sum(counts
                .into_iter()
                .filter(|(state, _)| !DONE.contains(&state.as_str()))
                .map(|(_, count)| count.0)),
            None => sum([metrics.executing.0, metrics.ready.0].into_iter()),
        },
        last_seen: member.last_seen.0.and_then(time),
    }
}

/// States of tasks that take no more work of the worker.
const DONE: [&str; 6] = [
    "memory",
    "released",
    "error",
    "forgotten",
    "cancelled",
    "missing",
];

impl State {
    /// Sets what the state says about clients and tasks in an `activity` that has the workers.
    pub(super) fn complete(&self, activity: &mut Activity) {
        activity.clients = self.clients();
        activity.outsiders = self.outsiders(activity.workers);
        activity.tasks = self.tasks();
    }

    /// Counts the connected clients. The scheduler lists itself among them, for tasks of
    /// `fire_and_forget`, and every published dataset: these are left out.
    fn clients(&self) -> Option<u64> {
        let names = self.clients.0.as_ref()?.keys();
        let is_own = |name: &str| name == "fire-and-forget" || name.starts_with("published-");
        Some(names.filter(|name| !is_own(name)).count() as u64)
    }

    /// Counts the connected clients that no task opened. Without `workers` no task has any.
    fn outsiders(&self, workers: Option<u64>) -> Option<u64> {
        if workers? == 0 {
            return self.clients();
        }
        let names = self.clients.0.as_ref()?.keys();
        let of_tasks = names.filter(|name| is_of_a_task(name)).count() as u64;
        self.clients()?.checked_sub(of_tasks)
    }

    /// Returns how often a task changed its state.
    pub(super) fn transitions(&self) -> Option<u64> {
        self.transition_counter.0
    }

    /// Counts the tasks by state.
    fn tasks(&self) -> Option<Tasks> {
        let groups = self.task_groups.0.as_ref()?.values();
        let groups = groups.map(|group| group.0.as_ref()?.states.0.as_ref());
        let groups = groups.collect::<Option<Vec<_>>>()?;
        // No group has the state: no task is in it, or the scheduler is older than the state `queued`.
        let count = |state: &str| {
            let counts = groups.iter().filter_map(|states| states.get(state));
            sum(counts.map(|count| count.0))
        };
        // States that dgw doesn't know count too.
        let all = groups
            .iter()
            .copied()
            .flatten()
            .filter(|(state, _)| *state != "forgotten");
        Some(Tasks {
            total: sum(all.map(|(_, count)| count.0)),
            processing: count("processing"),
            queued: count("queued"),
            waiting: count("waiting"),
            unrunnable: count("no-worker"),
            memory: count("memory"),
            erred: count("erred"),
            released: count("released"),
        })
    }

    /// Interprets the response to `check_idle`. Nil means "busy", but schedulers before 2023.4, which
    /// don't know the operation, return it too. `transition_counter`, new in 2023.6, tells them
    /// apart.
    pub(super) fn idle(&self, since: Option<f64>) -> Idle {
        match (since, self.transition_counter.0) {
            (Some(since), _) => time(since).map_or(Idle::Unknown, Idle::Since),
            (None, Some(_)) => Idle::Busy,
            (None, None) => Idle::Unknown,
        }
    }
}

impl Counts {
    /// Counts the tasks by state. Queued ones only count in the total, so they are the total less
    /// all others. That is exact only while no result is held, since a result counts once for every
    /// worker that holds it.
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

impl VersionsResponse {
    /// Returns the versions of the packages that matter.
    pub(super) fn packages(self) -> PackageVersions {
        let Packages {
            python,
            dask,
            distributed,
        } = self.packages;
        PackageVersions {
            python: python.0.map(without_final),
            dask: dask.0,
            distributed: distributed.0,
        }
    }

    /// Returns true if this release of distributed has the operation `check_idle`, new in 2023.4;
    /// `None` if the release is unknown.
    pub(super) fn has_check_idle(&self) -> Option<bool> {
        self.is_at_least(2023, 4)
    }

    /// Returns true if the release of distributed is of this month or later; `None` if it is unknown.
    pub(super) fn is_at_least(&self, year: u32, month: u32) -> Option<bool> {
        let version = self.packages.distributed.0.as_ref()?;
        let mut parts = version.split('.').map(str::parse::<u32>);
        let release = (parts.next()?.ok()?, parts.next()?.ok()?);
        Some(release >= (year, month))
    }
}

/// Response to `versions` with all packages in it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct InstalledResponse {
    packages: Known<BTreeMap<String, Known<String>>>,
}

impl InstalledResponse {
    /// Returns the packages; `None` if there are none that can be read.
    pub(super) fn packages(self) -> Option<PackageSet> {
        let packages = self.packages.0?.into_iter();
        let packages = packages.map(|(name, version)| {
            let version = match name.as_str() {
                "python" => version.0.map(without_final),
                _ => version.0,
            };
            (name, version)
        });
        Some(packages.collect())
    }
}

/// Returns Python's version, `3.11.7`, of the text `3.11.7.final.0`.
fn without_final(mut version: String) -> String {
    if let Some(end) = version.find(".final") {
        version.truncate(end);
    }
    version
}

/// Returns true if a task opened the client of this name, with `get_client` or the like. It stays
/// connected as long as its worker (`distributed.worker.Worker._get_client`). A person's client may
/// have a name with the same beginning and more text before the UUID.
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

/// Adds up `counts`; `None` if one is unknown or the sum overflows.
fn sum(mut counts: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    counts.try_fold(0_u64, |sum, count| sum.checked_add(count?))
}

/// Converts seconds since the epoch, cut to milliseconds; `None` if there is no such time.
pub(super) fn time(seconds: f64) -> Option<Timestamp> {
    let duration = jiff::SignedDuration::try_from_secs_f64(seconds).ok()?;
    let milliseconds = i64::try_from(duration.as_millis()).ok()?;
    Timestamp::from_millisecond(milliseconds).ok()
}

#[cfg(test)]
mod tests;
