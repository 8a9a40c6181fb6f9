//! Clusters as the gateway describes them.
//!
//! Records also contain `tls_cert` and `tls_key`. [`Cluster`], which is printed, has no field for
//! either, so they can't leak; they are in [`TlsIdentity`].

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use jiff::Timestamp;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::name::is_valid_name;
use crate::config::Secret;

/// The state of a cluster, spelled as the server spells it (`models.ClusterStatus`).
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
    /// Every status, in the order of a cluster's life.
    pub(crate) const ALL: [Self; 5] = [
        Self::Pending,
        Self::Running,
        Self::Stopping,
        Self::Stopped,
        Self::Failed,
    ];

    /// The statuses that the server lists by default.
    pub(crate) const ACTIVE: [Self; 2] = [Self::Pending, Self::Running];

    /// The server's spelling.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Stopping => "STOPPING",
            Self::Stopped => "STOPPED",
            Self::Failed => "FAILED",
        }
    }

    /// Returns true if the cluster is pending or running.
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
    pub(crate) start_time: Timestamp,
    pub(crate) stop_time: Option<Timestamp>,
    pub(crate) options: Map<String, Value>,
    pub(crate) dashboard_link: Option<String>,
    pub(crate) scheduler_address: Option<String>,
}

#[cfg(test)]
impl Cluster {
    /// A running cluster for a test that needs no other fields.
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

/// Clusters at one moment, oldest first.
#[derive(Debug)]
pub(crate) struct Listing {
    pub(crate) clusters: Vec<Cluster>,
    /// The time by the gateway's clock, which set the start times, if the response contains it.
    pub(crate) clock: Option<Timestamp>,
}

impl Listing {
    /// The time from which ages are counted: by the gateway's clock, else by this machine's.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.unwrap_or_else(Timestamp::now)
    }
}

/// The certificate and key that connect to a running cluster's scheduler. Never printed.
#[derive(Debug)]
pub(crate) struct TlsIdentity {
    pub(crate) certificate: Secret,
    pub(crate) key: Secret,
}

/// TLS identities by cluster name.
pub(crate) type TlsIdentities = BTreeMap<String, TlsIdentity>;

/// A cluster in a response. Times are milliseconds since the epoch. `S` is [`String`] where the TLS
/// identity is needed.
#[derive(Deserialize)]
pub(super) struct Record<S = IgnoredAny> {
    name: String,
    status: Status,
    #[serde(with = "jiff::fmt::serde::timestamp::millisecond::required")]
    start_time: Timestamp,
    #[serde(default, with = "jiff::fmt::serde::timestamp::millisecond::optional")]
    stop_time: Option<Timestamp>,
    #[serde(default)]
    options: Map<String, Value>,
    dashboard_route: Option<String>,
    tls_cert: Option<S>,
    tls_key: Option<S>,
}

/// The clusters of a list, which is a map by their names: each record has its name too.
pub(super) struct Records<S = IgnoredAny>(pub(super) Vec<Record<S>>);

impl<'de, S: Deserialize<'de>> Deserialize<'de> for Records<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RecordsVisitor<S>(PhantomData<S>);

        impl<'de, S: Deserialize<'de>> Visitor<'de> for RecordsVisitor<S> {
            type Value = Records<S>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("clusters by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Records<S>, A::Error> {
                let mut records = Vec::new();
                while let Some((IgnoredAny, record)) = map.next_entry()? {
                    records.push(record);
                }
                Ok(Records(records))
            }
        }

        deserializer.deserialize_map(RecordsVisitor(PhantomData))
    }
}

impl Record<String> {
    /// Takes the TLS identity out of the record, with the cluster's name. Only running clusters
    /// have one.
    pub(super) fn take_identity(&mut self) -> Option<(String, TlsIdentity)> {
        let identity = TlsIdentity {
            certificate: Secret::new(self.tls_cert.take()?),
            key: Secret::new(self.tls_key.take()?),
        };
        Some((self.name.clone(), identity))
    }
}

impl<S> Record<S> {
    /// The cluster, with links resolved as in Python's `ClusterReport._from_json`.
    ///
    /// # Errors
    /// Fails with a reason if the name is invalid.
    pub(super) fn into_cluster(
        self,
        public_address: &str,
        scheduler_proxy: &str,
    ) -> Result<Cluster, &'static str> {
        if !is_valid_name(&self.name) {
            return Err("it contains an invalid cluster name");
        }
        Ok(Cluster {
            // Anything but a path would change the host of the link.
            dashboard_link: self
                .dashboard_route
                .filter(|route| route.starts_with('/') && is_shell_safe(route))
                .map(|route| [public_address, &route].concat()),
            scheduler_address: (self.status == Status::Running)
                .then(|| ["gateway://", scheduler_proxy, "/", &self.name].concat()),
            name: self.name,
            status: self.status,
            start_time: self.start_time,
            stop_time: self.stop_time,
            options: self.options,
        })
    }
}

/// Returns true if a route can be part of a link. Links appear in lines that shells run, so characters
/// that are special to some shell, even between quotes, are not allowed; URLs percent-encode them.
fn is_shell_safe(route: &str) -> bool {
    route.bytes().all(|b| match b {
        b'"' | b'\'' | b'$' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => false,
        b => b.is_ascii_graphic(),
    })
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
    fn drops_links_that_are_unsafe_in_a_shell() {
        let fine = "/clusters/ns.a1/status?x=1&y=%27#top";
        assert_eq!(link(fine), Some(format!("https://h.example{fine}")));
        for part in [
            "\\';id;'", "'", "\\", "`id`", "$(id)", "\"", "\n", "\x1b", " ", "\u{ad}", "{a,b}",
        ] {
            assert_eq!(link(&format!("/clusters/a1/{part}")), None, "{part}");
        }
        assert_eq!(link("@evil.example/"), None);
    }

    #[test]
    fn times_are_milliseconds_in_responses_and_rfc3339_in_output() {
        let mut record = serde_json::json!({
            "name": "a1", "status": "STOPPED", "start_time": 1_795_000_000_000_i64,
            "stop_time": 1_795_000_000_500_i64, "dashboard_route": null,
        });
        let cluster = |record: &Value| {
            let record = serde_json::from_value::<Record>(record.clone()).expect("a record");
            let cluster = record.into_cluster("https://h.example", "h.example:443");
            serde_json::to_value(cluster.expect("a cluster")).expect("JSON")
        };
        let stopped = cluster(&record);
        assert_eq!(stopped["start_time"], "2026-11-18T11:06:40Z");
        assert_eq!(stopped["stop_time"], "2026-11-18T11:06:40.5Z");
        record["stop_time"] = Value::Null;
        assert_eq!(cluster(&record)["stop_time"], Value::Null);
        record
            .as_object_mut()
            .expect("an object")
            .remove("stop_time");
        assert_eq!(cluster(&record)["stop_time"], Value::Null);
        record["start_time"] = Value::from(i64::MAX);
        assert!(serde_json::from_value::<Record>(record).is_err());
    }
}
