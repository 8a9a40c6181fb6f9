//! Forwards requests to the web pages of a running cluster through the gateway's HTTP proxy.
//!
//! It sends no credentials: the pages need none, and the proxy would pass them on to one of the
//! user's processes.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use percent_encoding::percent_decode_str;
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Body, Client, Method, Response, StatusCode, Url};

use super::client::Gateway;
use super::error::{AuthFailure, Error};
use super::network_error::Destination;

/// Limit on how often a path is percent-encoded. The scheduler's links are encoded once.
const MAX_ENCODINGS: usize = 3;

/// A client of one cluster's web pages.
#[derive(Clone)]
pub(crate) struct DashboardClient {
    http: Client,
    destination: Destination,
    /// The URL that all pages are under, with a trailing slash.
    root: Url,
    origin: HeaderValue,
    request_timeout: Duration,
}

impl Gateway {
    /// A client of the web pages of the cluster `name`. Sends nothing yet.
    ///
    /// # Errors
    /// Fails if no URL can contain the name.
    pub(crate) fn dashboard_client(&self, name: &str) -> Result<DashboardClient, Error> {
        let invalid = || Error::Setup("the cluster's pages have no valid URL".to_owned());
        let root =
            Url::parse(&format!("{}/clusters/{name}/", self.base_url())).map_err(|_| invalid())?;
        // Browsers use the gateway's public address; a site that checks the origin expects that one.
        let public = Url::parse(&self.public_address).unwrap_or_else(|_| root.clone());
        let origin = public.origin().ascii_serialization();
        Ok(DashboardClient {
            http: self.http(),
            destination: self.destination.clone(),
            origin: HeaderValue::from_str(&origin).map_err(|_| invalid())?,
            root,
            request_timeout: self.request_timeout,
        })
    }
}

impl DashboardClient {
    /// The `Origin` header of a browser that uses the gateway directly.
    pub(crate) fn origin(&self) -> HeaderValue {
        self.origin.clone()
    }

    /// The URL of the page at `path`, which begins with a slash and may contain a query. `None` if
    /// that URL is not one of the cluster's.
    pub(crate) fn page_url(&self, path: &str) -> Option<Url> {
        let path = path.strip_prefix('/')?;
        let (page, _query) = path.split_once('?').unwrap_or((path, ""));
        if !stays_below(page) {
            return None;
        }
        let url = Url::parse(&format!("{}{path}", self.root)).ok()?;
        self.path_below_root(&url).is_some().then_some(url)
    }

    /// Rewrites the location of a redirect for a browser that sees the pages at the root of another
    /// server. `None` if the location is right as it is.
    ///
    /// The scheduler does not know the path that its pages are under, so its redirects are right. A
    /// server in between that knows the path sends redirects that must be rewritten.
    pub(crate) fn rewrite_location(&self, location: &str) -> Option<String> {
        let absolute = self.root.join(location).ok()?;
        let names_root = location.starts_with('/') || Url::parse(location).is_ok();
        names_root
            .then(|| self.path_below_root(&absolute))
            .flatten()
    }

    /// The path of `url` below the root, with a leading slash and the query.
    fn path_below_root(&self, url: &Url) -> Option<String> {
        if url.origin() != self.root.origin() {
            return None;
        }
        let path = url.path().strip_prefix(self.root.path())?;
        // Two leading slashes would name another server.
        let path = path.trim_start_matches('/');
        Some(match url.query() {
            Some(query) => format!("/{path}?{query}"),
            None => format!("/{path}"),
        })
    }

    /// Sends a request and returns the response as soon as its headers have arrived; the body
    /// arrives as it is read.
    ///
    /// # Errors
    /// Fails if there is no response in time, or if the HTTP proxy requires credentials.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: Url,
        headers: HeaderMap,
        body: Option<Body>,
    ) -> Result<Response, Error> {
        let started = Instant::now();
        let mut request = self.http.request(method.clone(), url.clone());
        if let Some(body) = body {
            request = request.body(body);
        }
        let limit = self.request_timeout;
        let response = tokio::time::timeout(limit, request.headers(headers).send())
            .await
            .map_err(|_| Error::NoResponse {
                url: without_query(&url),
                limit,
            })?
            .map_err(|error| {
                self.destination
                    .network_error(&error, without_query(&url), limit)
            })?;
        let status = response.status();
        log::info!(
            "{method} {}: {}, {:.0?}",
            without_query(&url),
            status.as_u16(),
            started.elapsed()
        );
        if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            return Err(AuthFailure::ProxyRefused.into());
        }
        Ok(response)
    }
}

#[cfg(any(test, fuzzing))]
impl DashboardClient {
    /// A client of a cluster at `https://hub.example.org/dg`, for tests.
    pub(super) fn example() -> Self {
        let tls = crate::gateway::tls::client_config().expect("TLS");
        let http = Client::builder().tls_backend_preconfigured(tls);
        Self {
            http: http.build().expect("a client"),
            destination: Destination {
                address: "https://hub.example.org/dg".to_owned(),
                setting: "gateway.address",
                by_proxy: false,
            },
            root: Url::parse("https://hub.example.org/dg/clusters/ab12/").expect("a URL"),
            origin: HeaderValue::from_static("https://hub.example.org"),
            request_timeout: Duration::from_secs(1),
        }
    }
}

/// Returns true if `path` leads nowhere else, even if servers in between decode it, resolve its dots
/// or cut it off at a semicolon. Encoded slashes are part of the scheduler's own pages.
fn stays_below(path: &str) -> bool {
    let mut path = Cow::Borrowed(path);
    for _ in 0..=MAX_ENCODINGS {
        let Ok(decoded) = percent_decode_str(&path).decode_utf8() else {
            return false;
        };
        if decoded == path {
            let leads_outside = |segment: &str| {
                let name = segment.split([';', '?', '#']).next();
                matches!(name, Some("." | ".."))
            };
            return !path.contains(|c: char| c.is_control() || c == '\\')
                && !path.split('/').any(leads_outside);
        }
        path = Cow::Owned(decoded.into_owned());
    }
    false
}

/// `url` without its query, which may contain a secret.
fn without_query(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::fuzzed::assert_below_root;

    fn client() -> DashboardClient {
        DashboardClient::example()
    }

    #[test]
    fn page_urls_stay_below_the_root() {
        let page_url = |path| client().page_url(path).map(|url| url.to_string());
        let root = "https://hub.example.org/dg/clusters/ab12";
        for path in [
            "/",
            "/status?theme=dark",
            "/info/worker/tls%3A%2F%2F127.0.0.1%3A1.html",
            "//evil.example/x",
        ] {
            assert_eq!(page_url(path), Some(format!("{root}{path}")));
        }
        for path in [
            "status",
            "/../cd34/status",
            "/%2e%2e/cd34",
            "/..\\..\\x",
            // Servers in between may decode a path, more than once too.
            "/..%2f..%2fapi/version",
            "/..%252f..%252Fapi/version",
            "/%25252e%25252e%25252fapi",
            "/x%2f..%2f..%2fapi",
            "/%2e%2e%5capi",
            "/x%5c..%5c..",
            "/%%32%65%2e/api",
            "/.%2fstatus",
            // Some cut a path there.
            "/..;/api",
            "/..%3bx=1/api",
            "/..%3f",
            "/..%23",
            "/x%00",
            "/x%0d%0aHost:%20evil",
            "/%c0%ae%c0%ae/api",
            "/..?x=1",
        ] {
            assert_eq!(page_url(path), None, "{path}");
        }
    }

    proptest::proptest! {
        /// However often a server in between decodes a path, it is one of the cluster's.
        #[test]
        fn decoded_page_urls_stay_below_the_root(
            path in "(/|\\.|\\.\\.|%2[eEfF]|%5[cC]|%25|%3[bf]|%|2|5|[ef]|x|\\\\|;|\\?){0,16}",
            is_location in proptest::prelude::any::<bool>(),
        ) {
            let root = "/dg/clusters/ab12";
            let client = client();
            let path = if is_location {
                client.rewrite_location(&format!("{root}/{path}")).unwrap_or_default()
            } else {
                format!("/{path}")
            };
            if let Some(url) = client.page_url(&path) {
                assert_below_root(&url);
            }
        }
    }

    #[test]
    fn rewrites_locations_that_name_the_root() {
        let rewritten = |to| client().rewrite_location(to);
        let below = Some("/status?x=1".to_owned());
        assert_eq!(rewritten("/dg/clusters/ab12/status?x=1"), below);
        assert_eq!(
            rewritten("https://hub.example.org/dg/clusters/ab12/status?x=1"),
            below
        );
        let root = Some("/".to_owned());
        assert_eq!(rewritten("/dg/clusters/ab12/"), root);
        assert_eq!(rewritten("/dg/clusters/ab12//"), root);
        for location in [
            "/status",
            "status",
            "info/main.html",
            "https://other.example/",
        ] {
            assert_eq!(rewritten(location), None, "{location}");
        }
    }
}
