//! Every request that dgw makes of a gateway.

use std::collections::BTreeMap;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Error;
use super::answer::Answer;
use super::clamped::Clamped;
use super::client::{Gateway, LONG_POLL, Request};
use super::model::{Cluster, FullRecord, Listing, Record, Status, TlsIdentities, is_proper_name};
use super::options::OptionField;

/// What a cluster's name is made of; everything else is encoded and can't leave the path.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// What the workers of a cluster should number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scaling {
    /// Exactly so many; adaptive scaling goes off.
    Fixed(u32),
    /// As many as the work asks for, within bounds; the gateway's own where one is left out.
    Adaptive {
        minimum: Option<u32>,
        maximum: Option<u32>,
    },
    /// Adaptive scaling goes off; the workers that are there stay.
    Off,
}

#[derive(Deserialize)]
struct Created {
    name: String,
}

#[derive(Deserialize)]
struct ScaleResponse {
    ok: bool,
    msg: Option<String>,
}

#[derive(Deserialize)]
struct Offer {
    cluster_options: Vec<OptionField>,
}

impl Gateway {
    /// One's own clusters in any of `statuses`, oldest first.
    ///
    /// # Errors
    /// See [`Error`]; so for every method here.
    pub(crate) async fn clusters(&self, statuses: &[Status]) -> Result<Listing, Error> {
        let answer = self.send(get(list_path(statuses))).await?;
        let records = answer.json::<BTreeMap<String, Record>>()?;
        self.listing(&answer, records.into_values())
    }

    /// The same in the same one request, with the identities of those that run.
    pub(crate) async fn clusters_with_identities(
        &self,
        statuses: &[Status],
    ) -> Result<(Listing, TlsIdentities), Error> {
        let answer = self.send(get(list_path(statuses))).await?;
        let records = answer.json::<BTreeMap<String, FullRecord>>()?;
        self.identified(&answer, records.into_values().collect())
    }

    /// A listing of one cluster, in whatever status, with its identity if it runs.
    pub(crate) async fn cluster_with_identity(
        &self,
        name: &str,
    ) -> Result<(Listing, TlsIdentities), Error> {
        let request = Request {
            cluster: Some(name),
            ..get(cluster_path(name))
        };
        let answer = self.send(request).await?;
        let record = answer.json::<FullRecord>()?;
        self.identified(&answer, vec![record])
    }

    fn identified(
        &self,
        answer: &Answer,
        mut records: Vec<FullRecord>,
    ) -> Result<(Listing, TlsIdentities), Error> {
        let identities = records.iter_mut().filter_map(FullRecord::take_identity);
        let identities = identities.collect();
        let records = records.into_iter().map(|full| full.record);
        Ok((self.listing(answer, records)?, identities))
    }

    fn listing(
        &self,
        answer: &Answer,
        records: impl Iterator<Item = Record>,
    ) -> Result<Listing, Error> {
        let mut clusters = records
            .map(|record| record.into_cluster(&self.public_address, &self.scheduler_proxy))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|what| answer.not_gateway(what))?;
        clusters.sort_by_key(|cluster| cluster.start_time);
        Ok(Listing {
            clusters,
            clock: answer.date(),
        })
    }

    /// One cluster, in whatever status.
    pub(crate) async fn cluster(&self, name: &str) -> Result<Cluster, Error> {
        self.record(name, "", Duration::ZERO).await
    }

    /// One cluster, as soon as it is no longer pending, or as it is after [`LONG_POLL`].
    pub(crate) async fn cluster_when_started(&self, name: &str) -> Result<Cluster, Error> {
        self.record(name, "?wait", LONG_POLL).await
    }

    async fn record(&self, name: &str, query: &str, patience: Duration) -> Result<Cluster, Error> {
        let answer = self
            .send(Request {
                cluster: Some(name),
                patience,
                ..get(format!("{}{query}", cluster_path(name)))
            })
            .await?;
        answer
            .json::<Record>()?
            .into_cluster(&self.public_address, &self.scheduler_proxy)
            .map_err(|what| answer.not_gateway(what))
    }

    /// Starts a cluster and returns its name; the cluster is still pending then.
    pub(crate) async fn create(&self, options: &Map<String, Value>) -> Result<String, Error> {
        let answer = self
            .send(Request {
                body: Some(json!({ "cluster_options": options })),
                ..request(Method::POST, "/api/v1/clusters/".to_owned())
            })
            .await?;
        let Created { name } = answer.json()?;
        if !is_proper_name(&name) {
            return Err(answer.not_gateway("it names no proper cluster"));
        }
        Ok(name)
    }

    /// Asks for a cluster's end. The server answers alike for names it doesn't know: with nothing
    /// (204). Something is somebody else's answer, a login page's, and the server was never asked.
    pub(crate) async fn delete(&self, name: &str) -> Result<(), Error> {
        let request = Request {
            cluster: Some(name),
            ..request(Method::DELETE, cluster_path(name))
        };
        let answer = self.send(request).await?;
        if answer.body.is_empty() {
            Ok(())
        } else {
            Err(answer.not_gateway("it says something where a gateway says nothing"))
        }
    }

    /// Sets how many workers a running cluster should have.
    pub(crate) async fn scale(
        &self,
        name: &str,
        scaling: Scaling,
    ) -> Result<Option<Clamped>, Error> {
        let (route, body) = match scaling {
            Scaling::Fixed(count) => ("scale", json!({ "count": count })),
            Scaling::Adaptive { minimum, maximum } => (
                "adapt",
                json!({ "minimum": minimum, "maximum": maximum, "active": true }),
            ),
            Scaling::Off => ("adapt", json!({ "active": false })),
        };
        let answer = self
            .send(Request {
                cluster: Some(name),
                body: Some(body),
                ..request(Method::POST, format!("{}/{route}", cluster_path(name)))
            })
            .await?;
        let ScaleResponse { ok, msg } = answer.json()?;
        let reason = || msg.unwrap_or_else(|| "it gave no reason".to_owned());
        Ok((!ok).then(|| Clamped::new(scaling, reason())))
    }

    /// The options that this gateway offers for a new cluster.
    pub(crate) async fn options(&self) -> Result<Vec<OptionField>, Error> {
        let answer = self.send(get("/api/v1/options".to_owned())).await?;
        Ok(answer.json::<Offer>()?.cluster_options)
    }
}

fn list_path(statuses: &[Status]) -> String {
    // The slash at the end is required.
    let path = "/api/v1/clusters/".to_owned();
    if statuses == Status::ACTIVE {
        return path;
    }
    let names = statuses.iter().map(|status| status.as_str().to_lowercase());
    format!("{path}?status={}", names.collect::<Vec<_>>().join(","))
}

pub(super) fn get(path: String) -> Request<'static> {
    request(Method::GET, path)
}

fn request(method: Method, path: String) -> Request<'static> {
    Request {
        method,
        path,
        body: None,
        cluster: None,
        patience: Duration::ZERO,
    }
}

fn cluster_path(name: &str) -> String {
    format!("/api/v1/clusters/{}", utf8_percent_encode(name, NAME))
}
