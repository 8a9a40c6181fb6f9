//! What a running cluster reports. `None` is unknown, and never means zero.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

/// Activity of a running cluster.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Activity {
    pub(crate) workers: Option<u64>,
    pub(crate) threads: Option<u64>,
    /// Bytes, of all workers together, like the limit.
    pub(crate) memory_used: Option<u64>,
    pub(crate) memory_limit: Option<u64>,
    pub(crate) tasks: Option<Tasks>,
    /// Connected clients, without the scheduler's own.
    pub(crate) clients: Option<u64>,
    /// Connected clients that no task of the cluster opened.
    #[serde(skip)]
    pub(crate) outsiders: Option<u64>,
    #[serde(rename = "idle_since")]
    pub(crate) idle: Idle,
}

/// Since when no task has been running, queued or unrunnable. Clients and results don't count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Idle {
    #[default]
    Unknown,
    Busy,
    /// By the scheduler's clock.
    Since(Timestamp),
}

impl Idle {
    /// Returns the time since when the cluster is idle, if it is.
    pub(super) fn since(self) -> Option<Timestamp> {
        match self {
            Self::Unknown | Self::Busy => None,
            Self::Since(time) => Some(time),
        }
    }
}

impl Serialize for Idle {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.since().serialize(serializer)
    }
}

/// Tasks by state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Tasks {
    /// Every task that the scheduler knows.
    pub(crate) total: Option<u64>,
    /// Sent to a worker, running or waiting there.
    pub(crate) processing: Option<u64>,
    /// Held back by the scheduler until a worker has room.
    pub(crate) queued: Option<u64>,
    /// Waiting for tasks that they depend on.
    pub(crate) waiting: Option<u64>,
    /// Without a worker that can run them.
    pub(crate) unrunnable: Option<u64>,
    /// Done, with their results held in memory.
    pub(crate) memory: Option<u64>,
    pub(crate) erred: Option<u64>,
    pub(crate) released: Option<u64>,
}

impl Tasks {
    /// Counts the tasks still to be done; `None` if one state is unknown or the sum overflows.
    pub(crate) fn unfinished(&self) -> Option<u64> {
        let counts = [self.processing, self.queued, self.waiting, self.unrunnable];
        let mut counts = counts.into_iter();
        counts.try_fold(0_u64, |sum, count| sum.checked_add(count?))
    }

    /// Counts the tasks with nothing left to do, those that failed among them; `None` if unknown.
    pub(crate) fn done(&self) -> Option<u64> {
        self.total?.checked_sub(self.unfinished()?)
    }

    /// Returns each state with its number, those to be done first.
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

/// Activity of a running cluster, and what its scheduler remembers, from one moment.
#[derive(Clone, Debug)]
pub(crate) struct ActivityAndHistory {
    pub(crate) activity: Activity,
    pub(crate) history: ClientHistory,
}

/// A scheduler's memory of work and of clients. All times are by its own clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClientHistory {
    /// Since when no task has been running, queued or unrunnable; `None` if it is busy or too old to
    /// know (before 2023.4).
    pub(crate) idle_since: Option<Timestamp>,
    /// How often tasks changed their state since it started; new in 2023.6.
    pub(crate) transitions: Option<u64>,
    /// No client has connected or disconnected since then: the time when the last one did, or of the
    /// start of its list of such events.
    pub(crate) unattended_since: Timestamp,
    /// Unique name of the client that connected or disconnected last.
    pub(crate) last_client: Option<String>,
    /// Latest time in its responses: its clock is not before that.
    pub(crate) latest: Timestamp,
}

/// Everything that a scheduler reports.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct SchedulerReport {
    #[serde(flatten)]
    pub(crate) activity: Activity,
    pub(crate) worker_details: Option<Vec<Worker>>,
    pub(crate) versions: Option<Versions>,
}

/// A worker, as of its last heartbeat.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Worker {
    pub(crate) name: Option<String>,
    pub(crate) address: String,
    pub(crate) host: Option<String>,
    pub(crate) status: Option<String>,
    pub(crate) threads: Option<u64>,
    /// Percent of one core.
    pub(crate) cpu: Option<f64>,
    pub(crate) memory: Option<u64>,
    pub(crate) memory_limit: Option<u64>,
    /// Tasks still to be done on it.
    pub(crate) tasks: Option<u64>,
    pub(crate) last_seen: Option<Timestamp>,
}

/// Packages by name with their versions; `None` for one that is not installed. What is known of no
/// package is absent.
pub(crate) type PackageSet = BTreeMap<String, Option<String>>;

/// Package versions of a cluster.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Versions {
    pub(crate) scheduler: PackageVersions,
    /// By worker address.
    pub(crate) workers: Option<BTreeMap<String, PackageVersions>>,
}

/// Versions of the packages that must fit together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct PackageVersions {
    pub(crate) python: Option<String>,
    pub(crate) dask: Option<String>,
    pub(crate) distributed: Option<String>,
}

impl PackageVersions {
    /// Returns each package with its version.
    pub(crate) fn each(&self) -> [(&'static str, Option<&str>); 3] {
        [
            ("Python", self.python.as_deref()),
            ("dask", self.dask.as_deref()),
            ("distributed", self.distributed.as_deref()),
        ]
    }
}
