//! What the gateway tells of a cluster.
//!
//! Records carry `tls_cert` and `tls_key` too. What is printed has no field for either: what isn't
//! there can't leak. They are an [`TlsIdentity`], for those who ask for it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::config::Secret;

/// Where a cluster is in its life, spelled as the server spells it (`models.ClusterStatus`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub(crate) enum Status {
    Pending,
    Running,
    Stopping,
    Stopped,
    Failed,
}

impl Status {
    pub(crate) const ALL: [Self; 5] = [
        Self::Pending,
        Self::Running,
        Self::Stopping,
        Self::Stopped,
        Self::Failed,
    ];

    /// The statuses that the server lists when it isn't asked for others.
    pub(crate) const ACTIVE: [Self; 2] = [Self::Pending, Self::Running];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Stopping => "STOPPING",
            Self::Stopped => "STOPPED",
            Self::Failed => "FAILED",
        }
    }

    pub(crate) fn is_active(self) -> bool {
        Self::ACTIVE.contains(&self)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Status {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| "one of pending, running, stopping, stopped, failed".to_owned())
    }
}

/// A cluster, with the fields of Python's `ClusterReport`.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) status: Status,
    #[serde(serialize_with = "rfc3339")]
    pub(crate) start_time: Timestamp,
    #[serde(serialize_with = "maybe_rfc3339")]
    pub(crate) stop_time: Option<Timestamp>,
    pub(crate) options: Map<String, Value>,
    pub(crate) dashboard_link: Option<String>,
    pub(crate) scheduler_address: Option<String>,
}

#[cfg(test)]
impl Cluster {
    /// One that runs, and of which nothing else matters.
    pub(crate) fn running(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            status: Status::Running,
            start_time: Timestamp::UNIX_EPOCH,
            stop_time: None,
            options: Map::new(),
            dashboard_link: None,
            scheduler_address: None,
        }
    }
}

/// Clusters, oldest first, as they were at one moment.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) clusters: Vec<Cluster>,
    /// The gateway's clock, which set the start times, if it told it.
    pub(crate) clock: Option<Timestamp>,
}

impl Listing {
    /// What ages are counted from: this machine's clock only where the gateway tells none.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.unwrap_or_else(Timestamp::now)
    }
}

/// What a running cluster's scheduler knows its own by. Nothing to print.
#[derive(Debug)]
pub(crate) struct TlsIdentity {
    pub(crate) certificate: Secret,
    pub(crate) key: Secret,
}

/// TLS identities by the names of their clusters.
pub(crate) type TlsIdentities = BTreeMap<String, TlsIdentity>;

/// A record on the wire, with what makes an identity.
#[derive(Deserialize)]
pub(super) struct FullRecord {
    #[serde(flatten)]
    pub(super) record: Record,
    tls_cert: Option<String>,
    tls_key: Option<String>,
}

impl FullRecord {
    /// The cluster's name and its identity, taken out of the record. Only running ones have one.
    pub(super) fn take_identity(&mut self) -> Option<(String, TlsIdentity)> {
        let identity = TlsIdentity {
            certificate: Secret::new(self.tls_cert.take()?),
            key: Secret::new(self.tls_key.take()?),
        };
        Some((self.record.name.clone(), identity))
    }
}

/// A record on the wire; times are milliseconds since the epoch.
#[derive(Debug, Deserialize)]
pub(super) struct Record {
    name: String,
    status: Status,
    start_time: i64,
    stop_time: Option<i64>,
    #[serde(default)]
    options: Map<String, Value>,
    dashboard_route: Option<String>,
}

impl Record {
    /// The cluster, its links resolved as Python's `ClusterReport._from_json` does.
    ///
    /// # Errors
    /// A time that no calendar has, or a name that can't be one.
    pub(super) fn into_cluster(
        self,
        public_address: &str,
        scheduler_proxy: &str,
    ) -> Result<Cluster, &'static str> {
        let time = |ms| {
            Timestamp::from_millisecond(ms).map_err(|_| "it holds a time that no calendar has")
        };
        if !is_proper_name(&self.name) {
            return Err("it holds a cluster without a proper name");
        }
        Ok(Cluster {
            start_time: time(self.start_time)?,
            stop_time: self.stop_time.map(time).transpose()?,
            // Anything but a path would change the host that the link leads to.
            dashboard_link: self
                .dashboard_route
                .filter(|route| route.starts_with('/') && is_plain_route(route))
                .map(|route| format!("{public_address}{route}")),
            scheduler_address: (self.status == Status::Running)
                .then(|| format!("gateway://{scheduler_proxy}/{}", self.name)),
            name: self.name,
            status: self.status,
            options: self.options,
        })
    }
}

/// Whether a cluster may be called so. Names are `uuid4().hex`, behind a namespace on Kubernetes.
/// People paste them into shells: nothing else may come through, least of all a leading dash.
pub(super) fn is_proper_name(name: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.bytes().all(is_plain)
}

/// Whether a route may become part of a link. Links stand in lines that shells run: what some shell
/// takes for more than a character, even between quotes, is percent-encoded in a URL.
fn is_plain_route(route: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_graphic() && !br#""'$<>\^`{|}"#.contains(&b);
    route.bytes().all(is_plain)
}

fn rfc3339<S: serde::Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

#[expect(clippy::ref_option, reason = "the signature that serde's derive calls")]
fn maybe_rfc3339<S: serde::Serializer>(
    time: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    time.map(|time| time.to_string()).serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(route: &str) -> Option<String> {
        let record = serde_json::json!({
            "name": "a1", "status": "RUNNING", "start_time": 1, "stop_time": null,
            "dashboard_route": route,
        });
        let record = serde_json::from_value::<Record>(record).expect("a record");
        let cluster = record.into_cluster("https://h.example", "h.example:443");
        cluster.expect("a cluster").dashboard_link
    }

    #[test]
    fn no_route_makes_a_link_that_a_shell_could_run() {
        let fine = "/clusters/ns.a1/status?x=1&y=%27#top";
        assert_eq!(link(fine), Some(format!("https://h.example{fine}")));
        for part in [
            "\\';id;'", "'", "\\", "`id`", "$(id)", "\"", "\n", "\x1b", " ", "\u{ad}", "{a,b}",
        ] {
            assert_eq!(link(&format!("/clusters/a1/{part}")), None, "{part}");
        }
        assert_eq!(link("@evil.example/"), None);
    }
}
