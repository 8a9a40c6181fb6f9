//! What a running cluster tells of itself. `None` is unknown, and never means zero.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// A cluster at work, in numbers.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Activity {
    pub(crate) workers: Option<u64>,
    pub(crate) threads: Option<u64>,
    /// Bytes, of all workers together; so is the limit.
    pub(crate) memory_used: Option<u64>,
    pub(crate) memory_limit: Option<u64>,
    pub(crate) tasks: Option<Tasks>,
    /// Those connected, without the scheduler's own.
    pub(crate) clients: Option<u64>,
    /// Those of them that no task of the cluster's own opened.
    #[serde(skip)]
    pub(crate) outsiders: Option<u64>,
    #[serde(rename = "idle_since")]
    pub(crate) idle: Idle,
}

/// Since when nothing has been running, queued or unrunnable. Clients and results don't count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Idle {
    #[default]
    Unknown,
    Busy,
    /// By the scheduler's clock.
    Since(Timestamp),
}

impl Serialize for Idle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Unknown | Self::Busy => serializer.serialize_none(),
            Self::Since(time) => serializer.collect_str(time),
        }
    }
}

/// Tasks by the state they are in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Tasks {
    /// Every task that the scheduler knows.
    pub(crate) total: Option<u64>,
    /// Sent to a worker, and running or waiting there.
    pub(crate) processing: Option<u64>,
    /// Held back by the scheduler until a worker has room.
    pub(crate) queued: Option<u64>,
    /// For what they depend on.
    pub(crate) waiting: Option<u64>,
    /// Those that no worker there is fit for.
    pub(crate) unrunnable: Option<u64>,
    /// Done, their results held.
    pub(crate) memory: Option<u64>,
    pub(crate) erred: Option<u64>,
    pub(crate) released: Option<u64>,
}

impl Tasks {
    /// Those still to be done; unknown where they are more than there can be.
    pub(crate) fn unfinished(&self) -> Option<u64> {
        let counts = [self.processing, self.queued, self.waiting, self.unrunnable];
        let mut counts = counts.into_iter();
        counts.try_fold(0_u64, |sum, count| sum.checked_add(count?))
    }

    /// Each state with its number, those to be done first.
    pub(crate) fn by_state(&self) -> [(&'static str, Option<u64>); 7] {
        [
            ("processing", self.processing),
            ("queued", self.queued),
            ("waiting", self.waiting),
            ("unrunnable", self.unrunnable),
            ("in memory", self.memory),
            ("erred", self.erred),
            ("released", self.released),
        ]
    }
}

/// A cluster in numbers, and what its scheduler remembers.
#[derive(Clone, Debug)]
pub(crate) struct Evidence {
    pub(crate) activity: Activity,
    pub(crate) past: ClientHistory,
}

/// What a scheduler remembers of work and of clients. All times are by its own clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientHistory {
    /// Since when nothing has been running, queued or unrunnable; `None` where it is at work, or
    /// too old to tell (before 2023.4).
    pub(crate) idle_since: Option<Timestamp>,
    /// How often a task of any kind changed its state, since it started; since 2023.6.
    pub(crate) transitions: Option<u64>,
    /// No client has come or gone since then, as far as it can tell: when the last one did, or
    /// how far back its list of such events reaches.
    pub(crate) unattended_since: Timestamp,
    /// The client that came or went last, by the name that it alone bears.
    pub(crate) last_client: Option<String>,
    /// The latest time that it told: its clock can't be before that.
    pub(crate) latest: Timestamp,
}

/// A cluster at work, in full.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct SchedulerReport {
    #[serde(flatten)]
    pub(crate) activity: Activity,
    pub(crate) worker_details: Option<Vec<Worker>>,
    pub(crate) versions: Option<Versions>,
}

/// A worker, as the scheduler last heard from it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Worker {
    pub(crate) name: Option<String>,
    pub(crate) address: String,
    pub(crate) host: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) threads: Option<u64>,
    /// Per cent of one core.
    pub(crate) cpu: Option<f64>,
    pub(crate) memory: Option<u64>,
    pub(crate) memory_limit: Option<u64>,
    /// Those still to be done there.
    pub(crate) tasks: Option<u64>,
    #[serde(serialize_with = "maybe_rfc3339")]
    pub(crate) last_seen: Option<Timestamp>,
}

/// What a cluster runs on.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Versions {
    pub(crate) scheduler: PackageVersions,
    /// By the workers' addresses.
    pub(crate) workers: Option<BTreeMap<String, PackageVersions>>,
}

/// The packages that must fit together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct PackageVersions {
    pub(crate) python: Option<String>,
    pub(crate) dask: Option<String>,
    pub(crate) distributed: Option<String>,
}

impl PackageVersions {
    /// Each with its name.
    pub(crate) fn each(&self) -> [(&'static str, Option<&str>); 3] {
        [
            ("Python", self.python.as_deref()),
            ("dask", self.dask.as_deref()),
            ("distributed", self.distributed.as_deref()),
        ]
    }
}

#[expect(clippy::ref_option, reason = "the signature that serde's derive calls")]
pub(super) fn maybe_rfc3339<S: Serializer>(
    time: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(|time| time.to_string()).serialize(serializer)
}
