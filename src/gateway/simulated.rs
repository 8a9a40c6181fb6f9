//! A gateway without a network, for tests: requests end here instead of being sent.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::header::{DATE, HeaderValue};
use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::{Method, StatusCode, Url};
use tokio::time::timeout;

use super::client::Gateway;
use super::error::Error;
use super::response::Response;

/// Answers the requests of a [`Gateway`].
pub(crate) trait Server: Send + Sync {
    /// Returns a future of the response to `method` on `path`, which may end with a query.
    fn respond(
        &self,
        method: Method,
        path: String,
    ) -> BoxFuture<'static, Result<ServerResponse, NetworkFault>>;
}

pub(crate) struct ServerResponse {
    pub(crate) status: u16,
    pub(crate) date: Timestamp,
    pub(crate) body: String,
}

/// Why a request gets no response.
#[derive(Clone, Copy, Debug)]
pub(crate) enum NetworkFault {
    /// There is no connection.
    Refused,
    /// The connection breaks before the whole response has arrived.
    Broken,
}

impl Gateway {
    /// Sends all requests to `server`.
    pub(crate) fn served_by(mut self, server: Arc<dyn Server>) -> Self {
        self.server = Some(server);
        self
    }

    pub(super) async fn simulate(
        &self,
        server: &dyn Server,
        sending: reqwest::RequestBuilder,
        url: Url,
        limit: Duration,
    ) -> Result<Response, Error> {
        let request = sending.build().expect("a valid request");
        let query = url
            .query()
            .map_or(String::new(), |query| format!("?{query}"));
        let path = format!("{}{query}", url.path());
        match timeout(limit, server.respond(request.method().clone(), path)).await {
            Ok(Ok(response)) => {
                let date = rfc2822::to_string(&response.date.to_zoned(jiff::tz::TimeZone::UTC));
                let date = HeaderValue::from_str(&date.expect("a date")).expect("a header");
                Ok(Response {
                    url,
                    setting: self.destination.setting,
                    status: StatusCode::from_u16(response.status).expect("a status"),
                    headers: [(DATE, date)].into_iter().collect(),
                    body: response.body.into_bytes(),
                })
            }
            Ok(Err(NetworkFault::Refused)) => Err(Error::Unreachable {
                address: self.base_url().to_owned(),
                setting: self.destination.setting,
                cause: None,
                certificate: None,
                by_proxy: false,
            }),
            Ok(Err(NetworkFault::Broken)) => Err(Error::Lost {
                url: url.to_string(),
                reason: "the connection broke".to_owned(),
            }),
            Err(_) => Err(Error::NoResponse {
                url: url.to_string(),
                limit,
            }),
        }
    }
}
