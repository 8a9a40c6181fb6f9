//! A cluster as dgw observed it: the gateway's record, with what its scheduler reported and how it is
//! protected.

use std::time::Duration;

use jiff::Timestamp;
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};

use crate::duration;
use crate::gateway::Cluster;
use crate::scheduler::Activity;

/// A cluster as it was observed at one moment.
#[derive(Debug, Serialize)]
pub(crate) struct ObservedCluster {
    /// The name of its gateway, if clusters of several gateways are shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) gateway: Option<String>,
    #[serde(flatten)]
    pub(crate) cluster: Cluster,
    /// The user's own name for it, if it has one and names were looked up.
    pub(crate) label: Option<String>,
    /// The gateway's clock at that moment.
    #[serde(skip)]
    pub(crate) now: Timestamp,
    /// The scheduler's figures, if they were requested.
    #[serde(flatten)]
    pub(crate) activity: Option<Activity>,
    /// The protection by `dgw keep`, if it was looked up.
    #[serde(flatten)]
    pub(crate) protection: Option<ProtectionStatus>,
}

/// How `dgw keep` protects a cluster. In records, `kept` and `kept_until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProtectionStatus {
    Unknown,
    None,
    Until(Timestamp),
    WithoutEnd,
}

impl ProtectionStatus {
    /// Returns true if the cluster is protected; `None` if that is unknown.
    pub(crate) fn is_protected(self) -> Option<bool> {
        match self {
            Self::Unknown => None,
            Self::None => Some(false),
            Self::Until(_) | Self::WithoutEnd => Some(true),
        }
    }

    /// Returns the end of the protection, if it has one.
    fn end(self) -> Option<Timestamp> {
        match self {
            Self::Until(time) => Some(time),
            Self::Unknown | Self::None | Self::WithoutEnd => None,
        }
    }
}

impl Serialize for ProtectionStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_map(Some(2))?;
        fields.serialize_entry("kept", &self.is_protected())?;
        fields.serialize_entry("kept_until", &self.end())?;
        fields.end()
    }
}

impl ObservedCluster {
    /// Returns the time since the cluster was started; zero where the clocks disagree.
    pub(crate) fn age(&self) -> Duration {
        self.since(self.cluster.start_time)
    }

    /// Returns the time since `time`, by the gateway's clock.
    pub(crate) fn since(&self, time: Timestamp) -> Duration {
        Duration::try_from(self.now.duration_since(time)).unwrap_or_default()
    }

    /// Returns name, status, age and the user's own name in a line, for messages.
    pub(crate) fn summary(&self) -> String {
        let Cluster { name, status, .. } = &self.cluster;
        let age = duration::short(self.age());
        let mut line = format!("{name}  {status:<8}  {age}");
        for word in [&self.label, &self.gateway].into_iter().flatten() {
            line.push_str("  ");
            line.push_str(word);
        }
        line
    }
}
