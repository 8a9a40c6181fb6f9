//! The client: sends a request with credentials, with limits on time and size, and retries where
//! that changes nothing.

use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable as _};
use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue,
    RETRY_AFTER, SERVER, SET_COOKIE, VIA, WWW_AUTHENTICATE,
};
use reqwest::{Method, Url, redirect};

use super::auth::Authorization;
use super::body::{BodyError, read_body};
use super::error::Error;
use super::network_error::{Destination, cause};
use super::reach::{http_proxy_for, mask_proxy_credentials};
use super::request::{MIB, Request};
use super::resolver::Resolver;
use super::response::Response;
use super::tls;
use crate::config::{Address, HttpProxy, Settings, mask_issued};

/// A handshake that takes longer is not going to succeed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The pauses between the attempts stay under two seconds together, unless the gateway asks for
/// longer ones.
const RETRIES: usize = 2;
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// If a gateway asks for a longer pause than this, the request fails at once.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A client of a gateway, with the user's credentials.
#[derive(Clone)]
pub(crate) struct Gateway {
    http: reqwest::Client,
    pub(super) destination: Destination,
    authorization: Authorization,
    pub(super) request_timeout: Duration,
    pub(super) public_address: String,
    scheduler_proxy: String,
    /// Takes the place of the network.
    #[cfg(test)]
    pub(super) server: Option<std::sync::Arc<dyn super::simulated::Server>>,
}

impl Gateway {
    /// Creates a client for the configured gateway. Sends nothing yet.
    ///
    /// # Errors
    /// Fails if the HTTP proxy's URL is malformed, or if no header can carry the credentials.
    pub(crate) fn new(settings: &Settings, request_timeout: Duration) -> Result<Self, Error> {
        Ok(Self {
            authorization: Authorization::new(settings)?,
            public_address: settings.public_address.clone(),
            scheduler_proxy: settings.scheduler_proxy.clone(),
            ..Self::anonymous(&settings.address, &settings.http_proxy, request_timeout)?
        })
    }

    /// Creates a client without credentials, for requests that need none.
    ///
    /// # Errors
    /// Fails if the HTTP proxy's URL is malformed.
    pub(crate) fn anonymous(
        address: &Address,
        http_proxy: &HttpProxy,
        request_timeout: Duration,
    ) -> Result<Self, Error> {
        mask_proxy_credentials(address, http_proxy);
        let tls = tls::client_config().map_err(|error| Error::Setup(error.to_string()))?;
        let http = reqwest::Client::builder()
            .user_agent(concat!("dgw/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .dns_resolver(Resolver)
            .connect_timeout(CONNECT_TIMEOUT.min(request_timeout))
            .tls_backend_preconfigured(tls);
        let http = match http_proxy {
            HttpProxy::Direct => http.no_proxy(),
            // HTTP_PROXY is not meant for this machine itself.
            HttpProxy::FromEnvironment if address.is_loopback() => http.no_proxy(),
            HttpProxy::FromEnvironment => http,
            HttpProxy::Url(url) => {
                // The configuration has checked the URL. The error would quote it, with its password.
                let proxy = reqwest::Proxy::all(url.expose()).map_err(|_| {
                    Error::Setup("`gateway.http-client.proxy` must be a proxy URL".to_owned())
                })?;
                http.proxy(proxy)
            }
        };
        Ok(Self {
            http: http.build().map_err(|error| {
                Error::Setup(cause(&error).unwrap_or_else(|| "unknown cause".to_owned()))
            })?,
            destination: Destination {
                address: address.as_str().to_owned(),
                setting: "gateway.address",
                by_proxy: http_proxy_for(address, http_proxy).is_some(),
            },
            authorization: Authorization::Anonymous,
            request_timeout,
            public_address: address.as_str().to_owned(),
            scheduler_proxy: address.host_and_port(),
            #[cfg(test)]
            server: None,
        })
    }

    /// Sets the flag or configuration key that the address comes from, which hints name. It is
    /// `gateway.address` by default.
    pub(crate) fn with_address_setting(mut self, setting: &'static str) -> Self {
        self.destination.setting = setting;
        self
    }

    /// The HTTP client, with proxy and TLS set up and without credentials.
    pub(crate) fn http(&self) -> reqwest::Client {
        self.http.clone()
    }

    /// The address, without a trailing slash.
    pub(crate) fn base_url(&self) -> &str {
        &self.destination.address
    }

    /// `host:port` of the scheduler proxy.
    pub(crate) fn scheduler_proxy(&self) -> &str {
        &self.scheduler_proxy
    }

    /// Sends `request`, and retries a GET request that failed in passing.
    ///
    /// # Errors
    /// Fails on everything but a 2xx response within the limits of time and size.
    pub(super) async fn send(&self, request: Request<'_>) -> Result<Response, Error> {
        if request.method != Method::GET {
            return self.send_once(&request).await;
        }
        let backoff = ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_max_times(RETRIES)
            .with_jitter();
        (|| self.send_once(&request))
            .retry(backoff)
            .when(Error::is_retryable)
            .adjust(|error, pause| match error {
                Error::Server {
                    retry_after: Some(requested),
                    ..
                } => pause.and((*requested <= LONGEST_PAUSE).then_some(*requested)),
                _ => pause,
            })
            .notify(|error, pause| log::info!("retrying in {pause:.0?}: {error}"))
            .await
    }

    async fn send_once(&self, request: &Request<'_>) -> Result<Response, Error> {
        let url = Url::parse(&format!("{}{}", self.base_url(), request.path))
            .map_err(|error| Error::Setup(error.to_string()))?;
        let auth = self.authorization.for_request(self.request_timeout).await?;
        let started = Instant::now();
        let limit = self.request_timeout + request.extra_time;
        let mut sending = self
            .http
            .request(request.method.clone(), url.clone())
            .timeout(limit);
        if let Some(header) = &auth.header {
            sending = sending.header(AUTHORIZATION, header.clone());
        }
        if let Some(body) = &request.body {
            sending = sending.json(body);
        }
        let response = self
            .receive(sending, url, limit, request.size_limit)
            .await?;
        log::info!(
            "{} {}: {}, {} bytes, {:.0?}",
            request.method,
            response.url,
            response.status.as_u16(),
            response.body.len(),
            started.elapsed()
        );
        mask_cookies(&response.headers);
        for (name, value) in &response.headers {
            log::debug!("  {name}: {}", loggable(name, value));
        }
        auth.verify(&response)?;
        let result = response.into_result(
            self.base_url(),
            self.authorization.method(),
            request.cluster,
        );
        result.map_err(|error| self.authorization.explain(error, self.base_url()))
    }

    async fn receive(
        &self,
        sending: reqwest::RequestBuilder,
        url: Url,
        limit: Duration,
        size_limit: usize,
    ) -> Result<Response, Error> {
        #[cfg(test)]
        if let Some(server) = &self.server {
            return self.simulate(server.as_ref(), sending, url, limit).await;
        }
        let failed = |error| {
            self.destination
                .network_error(&error, url.to_string(), limit)
        };
        let mut incoming = sending.send().await.map_err(failed)?;
        let mut response = Response {
            url: url.clone(),
            setting: self.destination.setting,
            status: incoming.status(),
            headers: std::mem::take(incoming.headers_mut()),
            body: Vec::new(),
        };
        match read_body(&mut incoming, size_limit).await {
            Ok(body) => response.body = body,
            Err(BodyError::Lost(error)) => return Err(failed(error)),
            Err(BodyError::TooLarge) => {
                let limit = size_limit / MIB;
                return Err(response.not_gateway(format!("it is larger than {limit} MiB")));
            }
        }
        Ok(response)
    }
}

/// Masks the cookies that a response sets: each is as good as the credentials for some minutes.
fn mask_cookies(headers: &HeaderMap) {
    for cookie in headers.get_all(SET_COOKIE) {
        let pair = cookie.to_str().ok().and_then(|text| text.split(';').next());
        if let Some((_, value)) = pair.and_then(|pair| pair.split_once('=')) {
            mask_issued(value.trim());
        }
    }
}

/// The value of a header as logs may show it: in full only if it can't hold a secret.
fn loggable<'a>(name: &HeaderName, value: &'a HeaderValue) -> &'a str {
    const HARMLESS: [HeaderName; 6] =
        [CONTENT_TYPE, CONTENT_LENGTH, DATE, SERVER, RETRY_AFTER, VIA];
    let text = || value.to_str().unwrap_or("…");
    if HARMLESS.contains(name) {
        text()
    } else if name == WWW_AUTHENTICATE {
        // A token may follow the scheme.
        text().split(' ').next().unwrap_or("…")
    } else {
        "…"
    }
}
