//! A cluster as dgw observed it: the gateway's record, with what its scheduler reported and how it is
//! protected.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::duration;
use crate::gateway::Cluster;
use crate::scheduler::Activity;

/// A cluster as it was observed at one moment.
#[derive(Debug, Serialize)]
pub(crate) struct ObservedCluster {
    #[serde(flatten)]
    pub(crate) cluster: Cluster,
    /// The gateway's clock at that moment.
    #[serde(skip)]
    pub(crate) now: Timestamp,
    /// The scheduler's figures, if they were requested.
    #[serde(flatten)]
    pub(crate) activity: Option<Activity>,
    /// The protection from clean-up, if it was looked up.
    #[serde(flatten)]
    pub(crate) protection: Option<ProtectionStatus>,
}

/// A cluster's protection from clean-up. In records, `kept_until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProtectionStatus {
    Unknown,
    None,
    Until(Timestamp),
    ForGood,
}

impl Serialize for ProtectionStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let time = match self {
            Self::Unknown | Self::None => None,
            Self::Until(time) => Some(*time),
            Self::ForGood => Some(FOR_GOOD),
        };
        serializer.collect_map([("kept_until", time)])
    }
}

/// 9999-12-30T00:00:00Z: still a time, for programs that compare it with others.
const FOR_GOOD: Timestamp = Timestamp::constant(253_402_128_000, 0);

impl ObservedCluster {
    /// Returns the time since the cluster was started; zero where the clocks disagree.
    pub(crate) fn age(&self) -> Duration {
        self.since(self.cluster.start_time)
    }

    /// Returns the time since `time`, by the gateway's clock.
    pub(crate) fn since(&self, time: Timestamp) -> Duration {
        Duration::try_from(self.now.duration_since(time)).unwrap_or_default()
    }

    /// Returns name, status and age in a line, for messages.
    pub(crate) fn summary(&self) -> String {
        let Cluster { name, status, .. } = &self.cluster;
        format!("{name}  {status:<8}  {}", duration::short(self.age()))
    }
}
