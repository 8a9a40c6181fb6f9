//! The requests about clusters and their options.

use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::client::Gateway;
use super::error::Error;
use super::model::{Cluster, Listing, Record, Records, Status, TlsIdentities};
use super::name::is_valid_name;
use super::options::OptionField;
use super::request::{MIB, Request};
use super::response::Response;
use super::scaling::{Clamped, ScaleResponse, Scaling};

/// How long the server holds a `?wait` request (`routes.py`; 20.01–20.08 s measured).
const LONG_POLL: Duration = Duration::from_secs(20);

/// The slash at the end is required.
const CLUSTERS: &str = "/api/v1/clusters/";

/// The size limit of a list. A record has 3.6 kB with a certificate and a key, and 0.4 kB without: room
/// for seven thousand running clusters, or sixty thousand others. A gateway serves hundreds.
const LIST_LIMIT: usize = 24 * MIB;

/// The characters of a cluster's name; all others are encoded and can't leave the path.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

#[derive(Deserialize)]
struct Created {
    name: String,
}

#[derive(Deserialize)]
struct OptionsResponse {
    cluster_options: Vec<OptionField>,
}

impl Gateway {
    /// The user's clusters in any of `statuses`, oldest first.
    ///
    /// # Errors
    /// Like every method here, fails if the request does; see [`Error`].
    pub(crate) async fn clusters(&self, statuses: &[Status]) -> Result<Listing, Error> {
        let response = self.send(list_request(statuses)).await?;
        let Records(records) = response.json::<Records>()?;
        self.listing(&response, records)
    }

    /// The user's clusters in any of `statuses`, and the TLS identities of the running ones, by a
    /// single request.
    pub(crate) async fn clusters_with_identities(
        &self,
        statuses: &[Status],
    ) -> Result<(Listing, TlsIdentities), Error> {
        let response = self.send(list_request(statuses)).await?;
        let Records(records) = response.json::<Records<String>>()?;
        self.listing_with_identities(&response, records)
    }

    /// A list with one cluster, in any status, and its TLS identity if it is running.
    pub(crate) async fn cluster_with_identity(
        &self,
        name: &str,
    ) -> Result<(Listing, TlsIdentities), Error> {
        let response = self.send(cluster_request(Method::GET, name, "")).await?;
        let record = response.json()?;
        self.listing_with_identities(&response, vec![record])
    }

    fn listing_with_identities(
        &self,
        response: &Response,
        mut records: Vec<Record<String>>,
    ) -> Result<(Listing, TlsIdentities), Error> {
        let identities = records
            .iter_mut()
            .filter_map(Record::take_identity)
            .collect();
        Ok((self.listing(response, records)?, identities))
    }

    fn listing<S>(&self, response: &Response, records: Vec<Record<S>>) -> Result<Listing, Error> {
        let mut clusters = records
            .into_iter()
            .map(|record| self.cluster_from(record, response))
            .collect::<Result<Vec<_>, _>>()?;
        // The name decides between clusters of the same moment, whatever order they arrive in.
        clusters.sort_unstable_by(|a, b| {
            let order = a.start_time.cmp(&b.start_time);
            order.then_with(|| a.name.cmp(&b.name))
        });
        Ok(Listing {
            clusters,
            clock: response.date(),
        })
    }

    fn cluster_from<S>(&self, record: Record<S>, response: &Response) -> Result<Cluster, Error> {
        record
            .into_cluster(&self.public_address, self.scheduler_proxy())
            .map_err(|reason| response.not_gateway(reason))
    }

    /// One cluster, in any status.
    pub(crate) async fn cluster(&self, name: &str) -> Result<Cluster, Error> {
        self.one_cluster(cluster_request(Method::GET, name, ""))
            .await
    }

    /// One cluster, as soon as it is no longer pending, or its state after [`LONG_POLL`].
    pub(crate) async fn cluster_when_started(&self, name: &str) -> Result<Cluster, Error> {
        self.one_cluster(Request {
            extra_time: LONG_POLL,
            ..cluster_request(Method::GET, name, "?wait")
        })
        .await
    }

    async fn one_cluster(&self, request: Request<'_>) -> Result<Cluster, Error> {
        let response = self.send(request).await?;
        self.cluster_from(response.json::<Record>()?, &response)
    }

    /// Requests a new cluster with `options` and returns its name. The cluster is still pending.
    pub(crate) async fn create(&self, options: &Map<String, Value>) -> Result<String, Error> {
        let request = Request {
            body: Some(json!({ "cluster_options": options })),
            ..Request::new(Method::POST, CLUSTERS)
        };
        let response = self.send(request).await.map_err(Error::about_start)?;
        let Created { name } = response.json()?;
        if !is_valid_name(&name) {
            return Err(response.not_gateway("it contains an invalid cluster name"));
        }
        Ok(name)
    }

    /// Requests the shutdown of a cluster. The server's response is empty (204), also for a name
    /// that it does not know; any content comes from something else, such as a login page.
    pub(crate) async fn delete(&self, name: &str) -> Result<(), Error> {
        let response = self.send(cluster_request(Method::DELETE, name, "")).await?;
        if response.body.is_empty() {
            Ok(())
        } else {
            Err(response.not_gateway("it has content, and a gateway's has none"))
        }
    }

    /// Scales a running cluster. Returns what the gateway granted, if that is less.
    pub(crate) async fn scale(
        &self,
        name: &str,
        scaling: Scaling,
    ) -> Result<Option<Clamped>, Error> {
        let (route, body) = scaling.request();
        let request = Request {
            body: Some(body),
            ..cluster_request(Method::POST, name, route)
        };
        let response = self.send(request).await?;
        Ok(response.json::<ScaleResponse>()?.into_clamped(scaling))
    }

    /// The options that this gateway offers for a new cluster.
    pub(crate) async fn options(&self) -> Result<Vec<OptionField>, Error> {
        let response = self.send(Request::get("/api/v1/options")).await?;
        Ok(response.json::<OptionsResponse>()?.cluster_options)
    }
}

fn list_request<'a>(statuses: &[Status]) -> Request<'a> {
    Request {
        size_limit: LIST_LIMIT,
        ..Request::get(list_path(statuses))
    }
}

fn list_path(statuses: &[Status]) -> String {
    if statuses == Status::ACTIVE {
        return CLUSTERS.to_owned();
    }
    let names = statuses.iter().map(|status| status.as_str().to_lowercase());
    format!("{CLUSTERS}?status={}", names.collect::<Vec<_>>().join(","))
}

fn cluster_request<'a>(method: Method, name: &'a str, suffix: &str) -> Request<'a> {
    let encoded = utf8_percent_encode(name, NAME);
    Request {
        cluster: Some(name),
        ..Request::new(method, format!("{CLUSTERS}{encoded}{suffix}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_for_statuses_only_if_they_differ_from_the_default() {
        assert_eq!(list_path(&Status::ACTIVE), CLUSTERS);
        let ended = [Status::Stopped, Status::Failed];
        assert_eq!(list_path(&ended), "/api/v1/clusters/?status=stopped,failed");
    }

    #[test]
    fn names_cannot_leave_the_path() {
        let request = cluster_request(Method::GET, "dask.a-b_c/../x?y", "?wait");
        assert_eq!(
            request.path,
            "/api/v1/clusters/dask.a-b_c%2F..%2Fx%3Fy?wait"
        );
        assert_eq!(request.cluster, Some("dask.a-b_c/../x?y"));
    }
}
