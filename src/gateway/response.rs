//! From an HTTP response to a value or an error.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use reqwest::{StatusCode, Url};
use serde::Deserialize;

use super::decode::{DecodeError, decode_json};
use super::error::{AuthFailure, Error};
use super::request::MIB;

/// The memory for the values of a response, as [`decode_json`] counts it: ten thousand clusters with
/// ten options each take 45 MB. Whatever the values are, those and what is printed of them take less
/// than 200 MiB (measured with lists of every kind of value, in every format).
const DECODED_LIMIT: usize = 48 * MIB;

/// A response with its complete body.
pub(super) struct Response {
    pub(super) url: Url,
    /// The setting that the gateway's address comes from, for hints.
    pub(super) setting: &'static str,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// The body of the server's own errors.
#[derive(Deserialize)]
struct ServerError {
    error: String,
}

/// The message with which servers since 2025.4 refuse a token that the hub does not know, with
/// status 500 (`JupyterHubAuthenticator.authenticate`). Nothing else distinguishes it from a failure.
const TOKEN_UNKNOWN: &str = "Permission failure verifying user's JupyterHub API token";

/// The message with which servers refuse a ticket of another realm or key, or one that is expired
/// or was sent twice, with status 500 (`KerberosAuthenticator.raise_auth_error`).
const TICKET_REFUSED: &str = "Error during kerberos authentication";

impl Response {
    /// The body as `T`.
    ///
    /// # Errors
    /// Fails if the body is not JSON, or has another structure.
    pub(super) fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        decode_json(&self.body, DECODED_LIMIT).map_err(|error| {
            let error = match error {
                DecodeError::TooLarge => return self.not_gateway("it has too many values"),
                DecodeError::Invalid(error) => error,
            };
            if self.is_html() {
                return self.not_gateway("it is a web page");
            }
            // The parser's message may quote the body, which contains keys.
            let problem = match error.classify() {
                serde_json::error::Category::Eof => "its JSON ends too early",
                serde_json::error::Category::Data => {
                    "its JSON does not have the expected structure"
                }
                _ => "it is not JSON",
            };
            let (line, column) = (error.line(), error.column());
            self.not_gateway(format!("{problem} (line {line}, column {column})"))
        })
    }

    /// The error that this response is not a gateway's, for `reason`.
    pub(super) fn not_gateway(&self, reason: impl Into<String>) -> Error {
        Error::NotGateway {
            url: self.url.to_string(),
            reason: reason.into(),
            setting: self.setting,
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

    /// Returns this response if it is successful. The gateway's address, the authentication method
    /// that was used and the cluster are for errors.
    ///
    /// # Errors
    /// Fails on every status but 2xx.
    pub(super) fn into_result(
        self,
        address: &str,
        sent: Option<&'static str>,
        cluster: Option<&str>,
    ) -> Result<Self, Error> {
        let status = self.status;
        if status.is_success() {
            return Ok(self);
        }
        if status.is_redirection() {
            return Err(self.redirect_error());
        }
        let message = serde_json::from_slice::<ServerError>(&self.body)
            .ok()
            .map(|body| body.error);
        let page_note = if self.is_html() {
            ", with a web page"
        } else {
            ""
        };
        let address = address.to_owned();
        let owned = || cluster.map(str::to_owned);
        if let (StatusCode::NOT_FOUND, Some(name), Some(_)) = (status, cluster, &message) {
            return Err(Error::NoSuchCluster(name.to_owned()));
        }
        Err(match (status.as_u16(), message) {
            (401, _) => AuthFailure::Refused {
                address,
                sent,
                wanted: self.wanted_method(),
            }
            .into(),
            (403, Some(reason)) => Error::Forbidden {
                address,
                cluster: owned(),
                reason,
            },
            (407, _) => AuthFailure::ProxyRefused.into(),
            (409, Some(reason)) => Error::Conflict {
                address,
                cluster: owned(),
                reason,
            },
            (422, Some(reason)) => Error::Rejected(reason),
            (500, Some(text)) if text == TOKEN_UNKNOWN => {
                AuthFailure::TokenUnknown { address }.into()
            }
            (500, Some(text)) if text == TICKET_REFUSED => AuthFailure::Refused {
                address,
                sent,
                wanted: Some("kerberos".to_owned()),
            }
            .into(),
            (400..=499, _) if status != StatusCode::TOO_MANY_REQUESTS => {
                self.not_gateway(format!("{status}{page_note}"))
            }
            (code, message) => Error::Server {
                status: code,
                message: message.unwrap_or_else(|| {
                    let reason = status.canonical_reason().unwrap_or("unknown status");
                    format!("{reason}{page_note}")
                }),
                retry_after: self.retry_after(),
            },
        })
    }

    fn redirect_error(&self) -> Error {
        let location = self.headers.get(LOCATION).and_then(|to| to.to_str().ok());
        let Some(mut to) = location.and_then(|to| self.url.join(to).ok()) else {
            return self.not_gateway(format!("{} without a valid location", self.status));
        };
        // The query may contain a one-time secret, and explains nothing here.
        to.set_query(None);
        to.set_fragment(None);
        // Neither fails for a URL that was joined to an HTTP URL.
        let _ = to.set_username("");
        let _ = to.set_password(None);
        if is_login(to.path()) {
            return AuthFailure::LoginPage {
                url: self.url.to_string(),
                to: to.to_string(),
                setting: self.setting,
            }
            .into();
        }
        self.not_gateway(format!("it redirects to `{to}`"))
    }

    /// The authentication method that the first word of `WWW-Authenticate` names.
    fn wanted_method(&self) -> Option<String> {
        let header = self.headers.get(WWW_AUTHENTICATE)?.to_str().ok()?;
        match header.split([' ', ',']).next()?.to_lowercase().as_str() {
            "" => None,
            "negotiate" => Some("kerberos".to_owned()),
            method => Some(method.to_owned()),
        }
    }

    /// The pause in seconds. Gateways and their proxies do not send the other form, a date.
    fn retry_after(&self) -> Option<Duration> {
        let seconds = self.headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
        Some(Duration::from_secs(seconds))
    }

    fn is_html(&self) -> bool {
        let declared = self.headers.get(CONTENT_TYPE);
        declared.is_some_and(|value| value.as_bytes().starts_with(b"text/html"))
            || self.body.trim_ascii_start().starts_with(b"<")
    }
}

/// Returns true if a path looks like the login page of a hub or a single sign-on.
pub(super) fn is_login(path: &str) -> bool {
    let path = path.to_lowercase();
    [
        "login", "signin", "sign-in", "oauth", "saml", "/sso", "/auth",
    ]
    .iter()
    .any(|word| path.contains(word))
}
