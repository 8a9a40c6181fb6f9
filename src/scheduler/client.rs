//! Connections to the schedulers behind a gateway.

use std::time::{Duration, Instant};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::time::timeout;

use super::comm::{self, RawResponse};
use super::error::SchedulerError;
use super::tls::Connector;
use crate::gateway::{Gateway, TlsIdentity};

/// Characters of a cluster's name that a URL takes as they are. Everything else is encoded, so that
/// a name can't leave its part of the path.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// A client of all schedulers behind one gateway.
#[derive(Debug)]
pub(crate) struct Schedulers {
    pub(super) http: reqwest::Client,
    base: String,
    proxy: String,
    pub(super) timeout: Duration,
}

impl Schedulers {
    /// Creates the client for the schedulers behind `gateway`; `timeout` limits each request. It sends
    /// no credentials of the gateway.
    pub(crate) fn behind(gateway: &Gateway, timeout: Duration) -> Self {
        Self {
            http: gateway.http(),
            base: gateway.base_url().to_owned(),
            proxy: gateway.scheduler_proxy().to_owned(),
            timeout,
        }
    }

    /// Sends all `operations` over one connection and returns their responses in the same order.
    ///
    /// # Errors
    /// Fails if the scheduler can't be reached or does not respond in time, or a response can't be
    /// read.
    pub(super) async fn ask(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
        operations: &[Value],
    ) -> Result<Vec<RawResponse>, SchedulerError> {
        let started = Instant::now();
        let identity = identity.ok_or(SchedulerError::NoCertificate)?;
        let exchange = async {
            let connector = Connector::new(&self.proxy, cluster, identity)?;
            comm::ask(&mut connector.connect().await?, operations).await
        };
        let responses = timeout(self.timeout, exchange)
            .await
            .unwrap_or(Err(SchedulerError::TimedOut(self.timeout)))?;
        log::info!(
            "asked the scheduler of {cluster}: {} responses, {} bytes, {:.0?}",
            responses.len(),
            responses.iter().map(RawResponse::len).sum::<usize>(),
            started.elapsed()
        );
        Ok(responses)
    }

    /// Sends one `operation` and returns its response.
    ///
    /// # Errors
    /// Fails like [`Self::ask`].
    pub(super) async fn ask_one(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
        operation: &Value,
    ) -> Result<RawResponse, SchedulerError> {
        self.ask(cluster, identity, std::slice::from_ref(operation))
            .await?
            .pop()
            .ok_or(SchedulerError::Malformed("it is missing"))
    }

    /// Returns the URL of a scheduler's page, through the gateway.
    pub(super) fn url(&self, cluster: &str, page: &str) -> String {
        let cluster = utf8_percent_encode(cluster, ENCODED);
        format!("{}/clusters/{cluster}/{page}", self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedulers() -> Schedulers {
        let tls = rustls::ClientConfig::builder_with_provider(
            rustls::crypto::ring::default_provider().into(),
        )
        .with_safe_default_protocol_versions()
        .expect("TLS versions")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
        Schedulers {
            http: reqwest::Client::builder()
                .tls_backend_preconfigured(tls)
                .build()
                .expect("a client"),
            base: "http://h/dg".to_owned(),
            proxy: "h:1".to_owned(),
            timeout: Duration::from_millis(60),
        }
    }

    #[test]
    fn cluster_name_stays_one_part_of_the_path() {
        let url = |name| schedulers().url(name, "health");
        assert_eq!(url("a.b-c_1"), "http://h/dg/clusters/a.b-c_1/health");
        assert_eq!(url("a/b?c"), "http://h/dg/clusters/a%2Fb%3Fc/health");
    }
}
