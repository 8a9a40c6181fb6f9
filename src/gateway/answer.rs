//! From an HTTP answer to a value or an error.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use reqwest::{StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::Error;
use super::error::AuthFailure;

/// An answer that was read whole.
pub(super) struct Answer {
    pub(super) url: Url,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// The shape of the server's own errors.
#[derive(Deserialize)]
struct Complaint {
    error: String,
}

/// What servers since 2025.4 answer, with status 500, to a token the hub doesn't know
/// (`JupyterHubAuthenticator.authenticate`). No other sign tells it from a real failure.
const TOKEN_UNKNOWN: &str = "Permission failure verifying user's JupyterHub API token";

/// What servers answer, with status 500, to a ticket that they can't make sense of: of another
/// realm or key, expired, or sent twice (`KerberosAuthenticator.raise_auth_error`).
const TICKET_REFUSED: &str = "Error during kerberos authentication";

impl Answer {
    /// The body as `T`.
    ///
    /// # Errors
    /// The body isn't JSON, or not of this shape.
    pub(super) fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let what = if self.is_html() {
                "it is a web page".to_owned()
            } else {
                // The parser's message may quote the body, which holds keys: its place suffices.
                let kind = match error.classify() {
                    serde_json::error::Category::Eof => "its JSON ends too early",
                    serde_json::error::Category::Data => "its JSON is not of the expected form",
                    _ => "it is not JSON",
                };
                format!("{kind} (line {}, column {})", error.line(), error.column())
            };
            self.not_gateway(what)
        })
    }

    pub(super) fn not_gateway(&self, what: impl Into<String>) -> Error {
        Error::NotGateway {
            url: self.url.to_string(),
            what: what.into(),
        }
    }

    /// The server's clock, to the second.
    pub(super) fn date(&self) -> Option<Timestamp> {
        static HTTP_DATE: jiff::fmt::rfc2822::DateTimeParser =
            jiff::fmt::rfc2822::DateTimeParser::new();
        HTTP_DATE
            .parse_timestamp(self.headers.get(DATE)?.as_bytes())
            .ok()
    }

    /// This answer, or the error that it means. `address` and `sent` are for the messages.
    ///
    /// # Errors
    /// Every status but 2xx.
    pub(super) fn judged(
        self,
        address: &str,
        sent: &'static str,
        cluster: Option<&str>,
    ) -> Result<Self, Error> {
        let status = self.status;
        if status.is_success() {
            return Ok(self);
        }
        if status.is_redirection() {
            return Err(self.redirected());
        }
        let complaint = serde_json::from_slice::<Complaint>(&self.body)
            .ok()
            .map(|complaint| complaint.error);
        let address = address.to_owned();
        if let (StatusCode::NOT_FOUND, Some(name), Some(_)) = (status, cluster, &complaint) {
            return Err(Error::NoSuchCluster(name.to_owned()));
        }
        Err(match (status.as_u16(), complaint) {
            (401, _) => Error::Authentication(Box::new(AuthFailure::Refused {
                address,
                sent,
                wanted: self.wanted_authentication(),
            })),
            (500, Some(text)) if text == TOKEN_UNKNOWN => {
                Error::Authentication(Box::new(AuthFailure::TokenUnknown { address }))
            }
            (500, Some(text)) if text == TICKET_REFUSED => {
                Error::Authentication(Box::new(AuthFailure::Refused {
                    address,
                    sent,
                    wanted: Some("kerberos".to_owned()),
                }))
            }
            (403, Some(reason)) => Error::Forbidden {
                address,
                cluster: cluster.map(str::to_owned),
                reason,
            },
            (407, _) => Error::Authentication(Box::new(AuthFailure::ProxyRefused)),
            (409, Some(reason)) => Error::Conflict {
                address,
                cluster: cluster.map(str::to_owned),
                reason,
            },
            (422, Some(text)) => Error::Rejected(text),
            (400..=499, _) if status != StatusCode::TOO_MANY_REQUESTS => {
                self.not_gateway(format!("{status}{}", self.page_note()))
            }
            (code, text) => Error::Server {
                status: code,
                message: text.unwrap_or_else(|| self.reason()),
                retry_after: self.retry_after(),
            },
        })
    }

    fn redirected(&self) -> Error {
        let location = self.headers.get(LOCATION).and_then(|to| to.to_str().ok());
        let Some(mut to) = location.and_then(|to| self.url.join(to).ok()) else {
            return self.not_gateway(format!("{} to nowhere", self.status));
        };
        // The query may hold a one-time secret, and says nothing here.
        to.set_query(None);
        to.set_fragment(None);
        // Neither fails for a URL that was joined to an http one.
        let _ = to.set_username("");
        let _ = to.set_password(None);
        if is_login(to.path()) {
            return Error::Authentication(Box::new(AuthFailure::LoginPage {
                url: self.url.to_string(),
                to: to.to_string(),
            }));
        }
        self.not_gateway(format!("it redirects to `{to}`"))
    }

    /// The first word of `WWW-Authenticate`.
    fn wanted_authentication(&self) -> Option<String> {
        let header = self.headers.get(WWW_AUTHENTICATE)?.to_str().ok()?;
        let scheme = header.split([' ', ',']).next()?;
        let name = if scheme.eq_ignore_ascii_case("negotiate") {
            "kerberos".to_owned()
        } else {
            scheme.to_lowercase()
        };
        (!name.is_empty()).then_some(name)
    }

    /// In seconds; the other form, a date, is nothing that gateways or their proxies send.
    fn retry_after(&self) -> Option<Duration> {
        let seconds = self.headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
        Some(Duration::from_secs(seconds))
    }

    fn is_html(&self) -> bool {
        let declared = self.headers.get(CONTENT_TYPE);
        declared.is_some_and(|value| value.as_bytes().starts_with(b"text/html"))
            || self.body.trim_ascii_start().starts_with(b"<")
    }

    fn page_note(&self) -> &'static str {
        if self.is_html() {
            ", with a web page"
        } else {
            ""
        }
    }

    /// The status in words, where the answer has none of its own.
    fn reason(&self) -> String {
        let reason = self.status.canonical_reason().unwrap_or("no reason given");
        format!("{reason}{}", self.page_note())
    }
}

/// Whether a path looks like a place to log in: the hub's, a single sign-on's.
pub(super) fn is_login(path: &str) -> bool {
    let path = path.to_lowercase();
    [
        "login", "signin", "sign-in", "oauth", "saml", "/sso", "/auth",
    ]
    .iter()
    .any(|word| path.contains(word))
}
