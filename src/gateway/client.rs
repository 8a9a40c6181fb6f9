//! One request: sent with credentials, bounded in time and size, asked again only where that
//! changes nothing.

use std::time::{Duration, Instant};

use backon::{ExponentialBuilder, Retryable as _};
use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderName, HeaderValue, RETRY_AFTER,
    SERVER, VIA, WWW_AUTHENTICATE,
};
use reqwest::{Method, Url, redirect};
use serde_json::Value;

use super::answer::Answer;
use super::auth::Authorization;
use super::error::{self, Error};
use super::tls;
use crate::config::{Address, HttpProxy, Settings};

/// How long the server holds a `?wait` request (`routes.py`; 20.01–20.08 s measured).
pub(crate) const LONG_POLL: Duration = Duration::from_secs(20);

/// A handshake that takes longer is not going to succeed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A record with its certificate and key is about 3.5 kB: room for some 18,000 clusters.
const SIZE_LIMIT: usize = 64 * 1024 * 1024;

/// Asked again at most this often. Together the pauses stay under two seconds, unless the gateway
/// asks for longer ones.
const RETRIES: usize = 2;
const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// A gateway that asks for more patience than this is reported, not waited for.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// A gateway, and who one is there.
pub(crate) struct Gateway {
    http: reqwest::Client,
    pub(super) base: String,
    authorization: Authorization,
    sent: &'static str,
    /// Whether an HTTP proxy may stand in between.
    pub(super) by_proxy: bool,
    pub(super) request_timeout: Duration,
    pub(super) public_address: String,
    pub(super) scheduler_proxy: String,
}

/// What to send.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    /// Below the base address, beginning with a slash.
    pub(super) path: String,
    pub(super) body: Option<Value>,
    /// The cluster it is about, for a 404.
    pub(super) cluster: Option<&'a str>,
    /// How much longer than any other request it may take.
    pub(super) patience: Duration,
}

impl Gateway {
    /// A client for the configured gateway. Sends nothing yet.
    ///
    /// # Errors
    /// A proxy's URL that can't be one, or credentials that no header can carry.
    pub(crate) fn new(settings: &Settings, request_timeout: Duration) -> Result<Self, Error> {
        Ok(Self {
            authorization: Authorization::new(settings)?,
            sent: settings.credentials.kind(),
            public_address: settings.public_address.clone(),
            scheduler_proxy: settings.scheduler_proxy.clone(),
            ..Self::anonymous(&settings.address, &settings.http_proxy, request_timeout)?
        })
    }

    /// A client that names nobody, for what a gateway tells everyone.
    ///
    /// # Errors
    /// A proxy's URL that can't be one.
    pub(crate) fn anonymous(
        address: &Address,
        http_proxy: &HttpProxy,
        request_timeout: Duration,
    ) -> Result<Self, Error> {
        let mut http = reqwest::Client::builder()
            .user_agent(concat!("dgw/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT.min(request_timeout))
            .tls_backend_preconfigured(
                tls::client_config().map_err(|error| Error::Setup(error.to_string()))?,
            );
        http = match http_proxy {
            // Whoever sets a proxy for everything doesn't mean this very machine.
            HttpProxy::FromEnvironment { .. } if address.is_loopback() => http.no_proxy(),
            HttpProxy::FromEnvironment { .. } => http,
            HttpProxy::Direct => http.no_proxy(),
            HttpProxy::Url(url) => http.proxy(
                // The configuration has looked at it; the error would quote it, and any password.
                reqwest::Proxy::all(url.expose()).map_err(|_| {
                    Error::Setup("`gateway.http-client.proxy` is not a proxy's URL".to_owned())
                })?,
            ),
        };
        Ok(Self {
            http: http.build().map_err(|error| setup(&error))?,
            base: address.as_str().to_owned(),
            authorization: Authorization::Nobody,
            sent: error::NOBODY,
            by_proxy: match http_proxy {
                HttpProxy::FromEnvironment { is_named } => *is_named && !address.is_loopback(),
                HttpProxy::Url(_) => true,
                HttpProxy::Direct => false,
            },
            request_timeout,
            public_address: address.as_str().to_owned(),
            scheduler_proxy: address.host_and_port(),
        })
    }

    /// The HTTP client, which knows how to get out, and holds no credentials for where it gets to.
    pub(crate) fn http(&self) -> reqwest::Client {
        self.http.clone()
    }

    /// A client without credentials for another address, which must be of the same host.
    pub(super) fn elsewhere(&self, address: &str) -> Self {
        Self {
            http: self.http.clone(),
            base: address.to_owned(),
            authorization: Authorization::Nobody,
            sent: error::NOBODY,
            by_proxy: self.by_proxy,
            request_timeout: self.request_timeout,
            public_address: address.to_owned(),
            scheduler_proxy: self.scheduler_proxy.clone(),
        }
    }

    /// The address, without a slash at its end.
    pub(crate) fn base_url(&self) -> &str {
        &self.base
    }

    /// How long one request may take.
    pub(super) fn request_timeout(&self) -> Duration {
        self.request_timeout
    }

    /// `host:port` of the scheduler proxy.
    pub(crate) fn scheduler_proxy(&self) -> &str {
        &self.scheduler_proxy
    }

    /// Sends `request`; a GET that fails in passing is sent again.
    ///
    /// # Errors
    /// Everything but a 2xx answer within time and size.
    pub(super) async fn send(&self, request: Request<'_>) -> Result<Answer, Error> {
        if request.method != Method::GET {
            return self.once(&request).await;
        }
        let backoff = ExponentialBuilder::default()
            .with_min_delay(FIRST_PAUSE)
            .with_max_times(RETRIES)
            .with_jitter();
        (|| self.once(&request))
            .retry(backoff)
            .when(Error::is_transient)
            .adjust(|error, pause| match error.retry_after() {
                Some(asked) => pause.and((asked <= LONGEST_PAUSE).then_some(asked)),
                None => pause,
            })
            .notify(|error, pause| log::info!("asking again in {pause:.0?}: {error}"))
            .await
    }

    async fn once(&self, request: &Request<'_>) -> Result<Answer, Error> {
        let url = Url::parse(&format!("{}{}", self.base, request.path))
            .map_err(|error| Error::Setup(error.to_string()))?;
        let presented = self.authorization.presented(self.request_timeout).await?;
        let started = Instant::now();
        let limit = self.request_timeout + request.patience;
        let mut sending = self
            .http
            .request(request.method.clone(), url.clone())
            .timeout(limit);
        if let Some(authorization) = &presented.header {
            sending = sending.header(AUTHORIZATION, authorization.clone());
        }
        if let Some(body) = &request.body {
            sending = sending.json(body);
        }
        let answer = self.read(sending, url, limit).await?;
        log::info!(
            "{} {}: {}, {} bytes, {:.0?}",
            request.method,
            answer.url,
            answer.status.as_u16(),
            answer.body.len(),
            started.elapsed()
        );
        for (name, value) in &answer.headers {
            log::debug!("  {name}: {}", loggable(name, value));
        }
        presented.holds(&answer)?;
        answer.judged(&self.base, self.sent, request.cluster)
    }

    async fn read(
        &self,
        sending: reqwest::RequestBuilder,
        url: Url,
        limit: Duration,
    ) -> Result<Answer, Error> {
        let lost = |error: &reqwest::Error| {
            error::network(error, &self.base, self.by_proxy, url.to_string(), limit)
        };
        let mut response = sending.send().await.map_err(|error| lost(&error))?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| lost(&error))? {
            if body.len() + chunk.len() > SIZE_LIMIT {
                return Err(Error::NotGateway {
                    url: url.to_string(),
                    what: format!("it is larger than {} MiB", SIZE_LIMIT / (1024 * 1024)),
                });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            url,
            body,
        })
    }
}

fn setup(error: &reqwest::Error) -> Error {
    Error::Setup(error::cause(error).unwrap_or_else(|| "no reason given".to_owned()))
}

/// A header as a log may show it: the values of those that can hold no secret.
fn loggable<'a>(name: &HeaderName, value: &'a HeaderValue) -> &'a str {
    const HARMLESS: [HeaderName; 6] =
        [CONTENT_TYPE, CONTENT_LENGTH, DATE, SERVER, RETRY_AFTER, VIA];
    let text = || value.to_str().unwrap_or("…");
    if HARMLESS.contains(name) {
        text()
    } else if name == WWW_AUTHENTICATE {
        // What follows the scheme may be a token.
        text().split(' ').next().unwrap_or("…")
    } else {
        "…"
    }
}
