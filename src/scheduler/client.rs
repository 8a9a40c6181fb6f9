//! Connections to the schedulers behind a gateway.

use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::time::timeout_at;

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
    /// Fails if the scheduler can't be reached or a response can't be read. There is no time limit.
    pub(super) async fn ask(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
        operations: &[Value],
    ) -> Result<Vec<RawResponse>, SchedulerError> {
        let started = Instant::now();
        let identity = identity.ok_or(SchedulerError::NoCertificate)?;
        let connector = Connector::new(&self.proxy, cluster, identity)?;
        let mut stream = connector.connect().await?;
        let responses = comm::ask(&mut stream, operations).await?;
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

    /// Limits `request` to the time that each scheduler has.
    ///
    /// # Errors
    /// Fails if the time runs out, or if `request` fails.
    pub(super) async fn in_time<T>(
        &self,
        request: impl Future<Output = Result<T, SchedulerError>>,
    ) -> Result<T, SchedulerError> {
        tokio::time::timeout(self.timeout, request)
            .await
            .unwrap_or(Err(SchedulerError::TimedOut(self.timeout)))
    }

    /// Asks by the comm protocol, with HTTP as the fallback: at once where comm fails, alongside it
    /// where there is no response after half of the time.
    ///
    /// # Errors
    /// Fails if the time runs out, or if both fail: then with the error of the comm protocol, which
    /// says more.
    pub(super) async fn by_comm_or_http<T>(
        &self,
        cluster: &str,
        by_comm: impl Future<Output = Result<T, SchedulerError>>,
        by_http: impl Future<Output = Result<T, SchedulerError>>,
    ) -> Result<T, SchedulerError> {
        let http_start = tokio::time::Instant::now() + self.timeout / 2;
        let log_error = |result: &Result<T, SchedulerError>| {
            if let Err(error) = result {
                log::info!("scheduler of {cluster}: {error}");
            }
        };
        let mut by_comm = Box::pin(by_comm.inspect(log_error));
        let mut by_http = Box::pin(by_http.inspect(log_error));
        self.in_time(async {
            let early_result = timeout_at(http_start, &mut by_comm).await;
            let comm_result = if let Ok(result) = early_result {
                result
            } else {
                tokio::select! {
                    biased;
                    result = &mut by_comm => result,
                    result = &mut by_http => match result {
                        Ok(value) => return Ok(value),
                        Err(_) => return by_comm.await,
                    },
                }
            };
            match comm_result {
                Ok(value) => Ok(value),
                Err(error) => by_http.await.map_err(|_| error),
            }
        })
        .await
    }

    /// Returns the URL of a scheduler's page, through the gateway.
    pub(super) fn url(&self, cluster: &str, page: &str) -> String {
        let cluster = utf8_percent_encode(cluster, ENCODED);
        format!("{}/clusters/{cluster}/{page}", self.base)
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

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

    async fn first(
        by_comm: impl Future<Output = Result<&'static str, SchedulerError>>,
        by_http: impl Future<Output = Result<&'static str, SchedulerError>>,
    ) -> Result<&'static str, SchedulerError> {
        schedulers().by_comm_or_http("ab12", by_comm, by_http).await
    }

    fn failed<T>() -> Result<T, SchedulerError> {
        Err(SchedulerError::NoCertificate)
    }

    #[tokio::test]
    async fn prefers_comm_and_falls_back_to_http() {
        let (comm, http) = (|| ready(Ok("comm")), || ready(Ok("http")));
        let used = first(comm(), http()).await.expect("a value");
        assert_eq!(used, "comm");
        let after_failure = first(ready(failed()), http()).await.expect("a value");
        assert_eq!(after_failure, "http");
        let after_silence = first(pending(), http()).await.expect("a value");
        assert_eq!(after_silence, "http");
        let late = async {
            tokio::time::sleep(Duration::from_millis(45)).await;
            Ok("comm")
        };
        let without_http = first(late, ready(failed())).await.expect("a value");
        assert_eq!(without_http, "comm");
    }

    #[tokio::test]
    async fn reports_the_error_of_comm_or_the_timeout() {
        let http_failed = || ready(Err(SchedulerError::Malformed("by HTTP")));
        let both_failed = first(ready(failed()), http_failed()).await;
        assert!(matches!(both_failed, Err(SchedulerError::NoCertificate)));
        for by_http in [http_failed().boxed(), pending().boxed()] {
            let timed_out = first(pending(), by_http).await;
            assert!(matches!(timed_out, Err(SchedulerError::TimedOut(_))));
        }
    }

    #[test]
    fn cluster_name_stays_one_part_of_the_path() {
        let url = |name| schedulers().url(name, "health");
        assert_eq!(url("a.b-c_1"), "http://h/dg/clusters/a.b-c_1/health");
        assert_eq!(url("a/b?c"), "http://h/dg/clusters/a%2Fb%3Fc/health");
    }
}
