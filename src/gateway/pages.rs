//! The web pages of a running cluster, by way of the gateway's HTTP proxy, for requests that
//! somebody else makes.
//!
//! No credentials go there: the pages need none, and the proxy would pass them on to a process of
//! the user's.

use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Body, Client, Method, Response, StatusCode, Url};

use super::client::Gateway;
use super::error::{self, AuthFailure, Error};

/// A cluster's pages, and how to get there.
#[derive(Clone)]
pub(crate) struct Pages {
    http: Client,
    base: String,
    /// The path that all of them are under, with a slash at its end.
    root: Url,
    origin: HeaderValue,
    by_proxy: bool,
    patience: Duration,
}

impl Gateway {
    /// The pages of the cluster `name`. Sends nothing yet.
    ///
    /// # Errors
    /// The name makes no URL.
    pub(crate) fn pages(&self, name: &str) -> Result<Pages, Error> {
        let setup = |what: &str| Error::Setup(format!("{what} of the cluster's pages"));
        let root = Url::parse(&format!("{}/clusters/{name}/", self.base));
        let root = root.map_err(|_| setup("no URL"))?;
        // Browsers come to the gateway by its public address: a site that checks expects that.
        let public = Url::parse(&self.public_address).unwrap_or_else(|_| root.clone());
        let origin = public.origin().ascii_serialization();
        Ok(Pages {
            http: self.http(),
            base: self.base.clone(),
            origin: HeaderValue::from_str(&origin).map_err(|_| setup("no origin"))?,
            root,
            by_proxy: self.by_proxy,
            patience: self.request_timeout,
        })
    }
}

impl Pages {
    /// What a browser that came to the gateway itself would give as the origin of its requests.
    pub(crate) fn origin(&self) -> HeaderValue {
        self.origin.clone()
    }

    /// The URL of the page at `path`, which begins with a slash and may hold a query; nothing where
    /// that would be none of the cluster's.
    pub(crate) fn locate(&self, path: &str) -> Option<Url> {
        let url = Url::parse(&format!("{}{}", self.root, path.strip_prefix('/')?)).ok()?;
        // Dots in the path may have led elsewhere.
        self.below(&url).is_some().then_some(url)
    }

    /// Where a redirect of the cluster's leads to, for somebody who sees its pages at the root of
    /// another server.
    ///
    /// The scheduler knows nothing of the path that its pages are under, and is right as it is;
    /// something on the way that does know it is not.
    pub(crate) fn relocate(&self, location: &str) -> Option<String> {
        let absolute = self.root.join(location).ok()?;
        let names_root = location.starts_with('/') || Url::parse(location).is_ok();
        names_root.then(|| self.below(&absolute)).flatten()
    }

    /// The part of `url` after the root, from the slash on.
    fn below(&self, url: &Url) -> Option<String> {
        if url.origin() != self.root.origin() {
            return None;
        }
        let path = url.path().strip_prefix(self.root.path())?;
        // Two slashes at the beginning would name another server.
        let path = path.trim_start_matches('/');
        let query = url
            .query()
            .map_or(String::new(), |query| format!("?{query}"));
        Some(format!("/{path}{query}"))
    }

    /// What the cluster answers, as soon as its head is there; the body comes as it is read.
    ///
    /// # Errors
    /// There is no answer, or only the HTTP proxy's on the way.
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
        let sending = request.headers(headers).send();
        let answer = tokio::time::timeout(self.patience, sending).await;
        let Ok(answer) = answer else {
            return Err(Error::Silent {
                url: bare(&url),
                limit: self.patience,
            });
        };
        let answer = answer.map_err(|error| {
            error::network(&error, &self.base, self.by_proxy, bare(&url), self.patience)
        })?;
        let status = answer.status();
        log::info!(
            "{method} {}: {}, {:.0?}",
            bare(&url),
            status.as_u16(),
            started.elapsed()
        );
        if status == StatusCode::PROXY_AUTHENTICATION_REQUIRED {
            return Err(Error::Authentication(Box::new(AuthFailure::ProxyRefused)));
        }
        Ok(answer)
    }
}

/// `url` without what nobody needs to see.
fn bare(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages() -> Pages {
        let tls = super::super::tls::client_config().expect("TLS");
        let http = Client::builder().tls_backend_preconfigured(tls);
        Pages {
            http: http.build().expect("a client"),
            base: "https://hub.example.org/dg".to_owned(),
            root: Url::parse("https://hub.example.org/dg/clusters/ab12/").expect("a URL"),
            origin: HeaderValue::from_static("https://hub.example.org"),
            by_proxy: false,
            patience: Duration::from_secs(1),
        }
    }

    #[test]
    fn every_path_is_the_clusters_own() {
        let located = |path| pages().locate(path).map(|url| url.to_string());
        let root = "https://hub.example.org/dg/clusters/ab12";
        for path in [
            "/",
            "/status?theme=dark",
            "/info/worker/tls%3A%2F%2F127.0.0.1%3A1.html",
            "//evil.example/x",
        ] {
            assert_eq!(located(path), Some(format!("{root}{path}")));
        }
        for path in ["/../cd34/status", "/%2e%2e/cd34", "/..\\..\\x", "status"] {
            assert_eq!(located(path), None, "{path}");
        }
    }

    #[test]
    fn redirects_lead_below_the_root() {
        let relocated = |to| pages().relocate(to);
        let below = Some("/status?x=1".to_owned());
        assert_eq!(relocated("/dg/clusters/ab12/status?x=1"), below);
        assert_eq!(
            relocated("https://hub.example.org/dg/clusters/ab12/status?x=1"),
            below
        );
        for location in [
            "/status",
            "status",
            "info/main.html",
            "https://other.example/",
        ] {
            assert_eq!(relocated(location), None, "{location}");
        }
    }
}
