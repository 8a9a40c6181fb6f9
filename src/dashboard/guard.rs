//! Who may see what.

use std::sync::{Mutex, PoisonError};

use hyper::header::{COOKIE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use hyper::http::uri::Authority;
use hyper::{Method, Request};

use super::Error;
use super::secret::Secret;

/// What the link gives its secret in.
const PARAMETER: &str = "secret";

/// What opens the dashboard: a link, once, and from then on a cookie.
pub(super) struct Guard {
    link: Mutex<Secret>,
    session: Secret,
}

/// What becomes of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the user's own.
    Admitted,
    /// It came by the link: the answer is to set this cookie.
    Login {
        cookie: HeaderValue,
        /// Whether a link of another page led here. Then the browser wouldn't send the cookie along
        /// with a redirect.
        is_foreign: bool,
    },
    /// It came by a link, and has the cookie already.
    LoggedIn {
        /// The link was good. It isn't any more: browsers keep it in their history.
        by_new_link: bool,
    },
    Refused(Refusal),
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// By a name that isn't this machine's, as a page does that has its own name lead here.
    Host,
    /// From another page.
    Foreign,
    /// Without the cookie.
    NoCookie,
    /// By a link that isn't, or is no longer, good.
    Link,
    /// The browser looks ahead at what the user may never open.
    Prefetch,
    /// `CONNECT` and `TRACE` are for proxies.
    Method,
}

impl Guard {
    /// # Errors
    /// The system gives no random numbers.
    pub(super) fn new() -> Result<Self, Error> {
        Ok(Self {
            link: Mutex::new(Secret::new()?),
            session: Secret::new()?,
        })
    }

    /// What the link that opens the dashboard next has after the address.
    pub(super) fn link(&self) -> String {
        let link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        format!("/?{PARAMETER}={}", link.expose())
    }

    /// Whether `request` may pass. Only the right link changes anything: it is used up then.
    pub(super) fn judge<B>(&self, request: &Request<B>) -> Verdict {
        let Some(host) = own_host(request) else {
            return Verdict::Refused(Refusal::Host);
        };
        let (method, headers) = (request.method(), request.headers());
        if [Method::CONNECT, Method::TRACE].contains(method) {
            return Verdict::Refused(Refusal::Method);
        }
        let cookie = Cookie::at(&host);
        let has_cookie = cookie.values(headers).any(|value| self.session.is(value));
        let site = only(headers, SEC_FETCH_SITE);
        let is_foreign = !matches!(site, None | Some("none" | "same-origin"));
        if let Some(secret) = secret_of(request) {
            if is_prefetch(headers) {
                return Verdict::Refused(Refusal::Prefetch);
            }
            if has_cookie {
                let by_new_link = self.use_up(secret);
                return Verdict::LoggedIn { by_new_link };
            }
            if !self.use_up(secret) {
                return Verdict::Refused(Refusal::Link);
            }
            return Verdict::Login {
                cookie: cookie.set(&self.session),
                is_foreign,
            };
        }
        // A browser names the page that a WebSocket or a form is of; it may not for what only reads.
        let must_tell = headers.contains_key(hyper::header::UPGRADE)
            || ![Method::GET, Method::HEAD].contains(method);
        let is_own = if headers.contains_key(ORIGIN) {
            only(headers, ORIGIN).is_some_and(|origin| is_origin(origin, &host))
        } else {
            !must_tell
        };
        if !is_own || is_foreign {
            return Verdict::Refused(Refusal::Foreign);
        }
        if !has_cookie {
            return Verdict::Refused(Refusal::NoCookie);
        }
        Verdict::Admitted
    }

    /// Whether `secret` is the link's. If so the link is void, and there is a new one.
    fn use_up(&self, secret: &str) -> bool {
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        if !link.is(secret) {
            return false;
        }
        // Without randomness for another one nobody logs in: a link never works twice.
        let Ok(another) = Secret::new() else {
            return false;
        };
        *link = another;
        true
    }
}

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Where a request says it goes, if that is a name of this machine. With any port: `ssh -L` may
/// have given it another.
fn own_host<B>(request: &Request<B>) -> Option<Authority> {
    // A proxy is asked for a whole URL, and this is none.
    if request.uri().authority().is_some() {
        return None;
    }
    let text = only(request.headers(), HOST)?;
    let host = text.parse::<Authority>().ok()?;
    let name = host.host().to_ascii_lowercase();
    let is_own = ["127.0.0.1", "localhost", "[::1]"].contains(&name.as_str());
    (is_own && !text.contains('@')).then_some(host)
}

/// The one value of a header; nothing where there are several, or none.
fn only(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn is_origin(origin: &str, host: &Authority) -> bool {
    let Some(origin) = origin.strip_prefix("http://") else {
        return false;
    };
    let same_port = |origin: &Authority| port(origin) == port(host);
    let origin = origin.parse::<Authority>();
    origin.is_ok_and(|origin| origin.host().eq_ignore_ascii_case(host.host()) && same_port(&origin))
}

fn port(host: &Authority) -> u16 {
    host.port_u16().unwrap_or(80)
}

/// The secret that a link gives, in a request that only a link makes.
fn secret_of<B>(request: &Request<B>) -> Option<&str> {
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

/// The cookie of this server. Browsers keep those of all ports of a host together, so its name has
/// the port, and that of the browser's end: dashboards of several machines may end there.
struct Cookie(String);

impl Cookie {
    fn at(host: &Authority) -> Self {
        Self(format!("dgw-{}", port(host)))
    }

    fn values<'a>(&'a self, headers: &'a HeaderMap) -> impl Iterator<Item = &'a str> {
        let texts = headers.get_all(COOKIE).iter();
        let texts = texts.filter_map(|text| text.to_str().ok());
        let pairs = texts.flat_map(|text| text.split(';'));
        pairs.filter_map(|pair| pair.trim().strip_prefix(self.0.as_str())?.strip_prefix('='))
    }

    fn set(&self, session: &Secret) -> HeaderValue {
        let text = format!(
            "{}={}; Path=/; HttpOnly; SameSite=Strict",
            self.0,
            session.expose()
        );
        let mut value =
            HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""));
        value.set_sensitive(true);
        value
    }
}

#[cfg(test)]
mod tests;
