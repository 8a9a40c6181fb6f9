//! Decides which requests may see the dashboard.

use std::sync::{Mutex, PoisonError};

use hyper::header::{COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, UPGRADE};
use hyper::http::uri::Authority;
use hyper::{Method, Request};

use super::error::Error;
use super::secret::{self, RandomSecret};

/// Parameter of the link that holds its secret.
const PARAMETER: &str = "secret";

/// Name of the cookie.
const COOKIE_NAME: &str = "dgw";

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Header of requests for a service worker's script.
const SERVICE_WORKER: HeaderName = HeaderName::from_static("service-worker");

/// The server's host name, and the secrets that open the dashboard: first that of a one-time link,
/// then that of a cookie.
pub(super) struct Guard {
    host: String,
    link: Mutex<RandomSecret>,
    session: RandomSecret,
}

/// Result of checking a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Access {
    /// The request is the user's own.
    Granted,
    /// The request used the link; the response must set this cookie.
    Login {
        cookie: HeaderValue,
        /// True if a link on another site's page led here. Then the browser would not send the
        /// cookie along with a redirect.
        is_cross_site: bool,
    },
    /// The request used a link although it has the cookie already.
    LoggedIn {
        /// True if the link was valid. It no longer is, since browsers keep it in their history.
        used_link: bool,
    },
    Refused(Refusal),
}

/// Reason why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The host name is not this server's, as when a page has its own name lead here.
    Host,
    /// The request comes from another page.
    CrossSite,
    NoCookie,
    /// The link is wrong or was used.
    InvalidLink,
    /// The browser prefetches a link that the user may never open.
    Prefetch,
    /// A page wants to stay in the browser as a service worker.
    ServiceWorker,
    /// `CONNECT` and `TRACE` are for proxies.
    Method,
}

impl Guard {
    /// Makes a new host name and new secrets.
    ///
    /// # Errors
    /// Fails if the system provides no random numbers.
    pub(super) fn new() -> Result<Self, Error> {
        Ok(Self {
            host: format!("{}.localhost", secret::random_label()?),
            link: Mutex::new(RandomSecret::new()?),
            session: RandomSecret::new()?,
        })
    }

    /// Returns the link that opens the dashboard next, which is served on `port`.
    pub(super) fn link(&self, port: u16) -> String {
        let link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        format!("http://{}:{port}/?{PARAMETER}={}", self.host, link.expose())
    }

    /// Checks a request. A valid link is used up by it; nothing else changes.
    pub(super) fn check<B>(&self, request: &Request<B>) -> Access {
        let Some(host) = self.own_host(request) else {
            return Access::Refused(Refusal::Host);
        };
        let (method, headers) = (request.method(), request.headers());
        if [Method::CONNECT, Method::TRACE].contains(method) {
            return Access::Refused(Refusal::Method);
        }
        if headers.contains_key(SERVICE_WORKER) {
            return Access::Refused(Refusal::ServiceWorker);
        }
        let has_cookie = cookie_values(headers).any(|value| self.session.matches(value));
        // Older browsers don't send it.
        let is_cross_site = headers.contains_key(SEC_FETCH_SITE)
            && !matches!(
                single_value(headers, SEC_FETCH_SITE),
                Some("none" | "same-origin")
            );
        if let Some(secret) = link_secret(request) {
            if is_prefetch(headers) {
                return Access::Refused(Refusal::Prefetch);
            }
            let used_link = self.use_link(secret);
            return match (has_cookie, used_link) {
                (true, used_link) => Access::LoggedIn { used_link },
                (false, true) => Access::Login {
                    cookie: new_cookie(&self.session),
                    is_cross_site,
                },
                (false, false) => Access::Refused(Refusal::InvalidLink),
            };
        }
        // Browsers send an origin with WebSockets and forms, and may leave it out of requests that
        // only read.
        let needs_origin =
            headers.contains_key(UPGRADE) || ![Method::GET, Method::HEAD].contains(method);
        let is_own_page = if headers.contains_key(ORIGIN) {
            single_value(headers, ORIGIN).is_some_and(|origin| is_same_origin(origin, &host))
        } else {
            !needs_origin
        };
        if !is_own_page || is_cross_site {
            return Access::Refused(Refusal::CrossSite);
        }
        if !has_cookie {
            return Access::Refused(Refusal::NoCookie);
        }
        Access::Granted
    }

    /// Returns the host and port that a request names, if the host is this server's. Any port will
    /// do: `ssh -L` may have changed it.
    fn own_host<B>(&self, request: &Request<B>) -> Option<Authority> {
        // Only proxies get whole URLs.
        if request.uri().authority().is_some() {
            return None;
        }
        let text = single_value(request.headers(), HOST)?;
        let host = text.parse::<Authority>().ok()?;
        // What is no port is none to the parser.
        let is_address = host.as_str() == host.host() || host.port_u16().is_some();
        let is_own = host.host().eq_ignore_ascii_case(&self.host) && !text.contains('@');
        (is_own && is_address).then_some(host)
    }

    /// Returns true if `secret` is the link's. Then a new link replaces it.
    fn use_link(&self, secret: &str) -> bool {
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        if !link.matches(secret) {
            return false;
        }
        // Without randomness for a new link, nobody logs in: a link never works twice.
        let Ok(new) = RandomSecret::new() else {
            return false;
        };
        *link = new;
        true
    }
}

/// Returns the value of a header; `None` if there are several, or none.
fn single_value(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Returns true if `origin` is a page of this server, which the browser knows as `host`.
fn is_same_origin(origin: &str, host: &Authority) -> bool {
    let Some(origin) = origin.strip_prefix("http://") else {
        return false;
    };
    origin.parse::<Authority>().is_ok_and(|origin| {
        origin.host().eq_ignore_ascii_case(host.host()) && port(&origin) == port(host)
    })
}

fn port(host: &Authority) -> u16 {
    host.port_u16().unwrap_or(80)
}

/// Returns the secret in a request for the link.
fn link_secret<B>(request: &Request<B>) -> Option<&str> {
    if request.method() != Method::GET || request.uri().path() != "/" {
        return None;
    }
    let mut parameters = request.uri().query()?.split('&');
    parameters.find_map(|parameter| parameter.strip_prefix(PARAMETER)?.strip_prefix('='))
}

fn is_prefetch(headers: &HeaderMap) -> bool {
    ["sec-purpose", "purpose"].iter().any(|name| {
        let purpose = headers.get(*name);
        purpose.is_some_and(|value| value.to_str().is_ok_and(|value| value.contains("prefetch")))
    })
}

/// Returns the values of this server's cookie. Browsers send one header with all cookies; pages of
/// other servers on this machine may have set one of the same name.
fn cookie_values(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let pairs = single_value(headers, COOKIE).into_iter();
    pairs
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='))
}

fn new_cookie(session: &RandomSecret) -> HeaderValue {
    let session = session.expose();
    let text = format!("{COOKIE_NAME}={session}; Path=/; HttpOnly; SameSite=Strict");
    let mut value = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests;
