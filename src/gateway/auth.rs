//! The `Authorization` header, sent with every request from the first one on.
//!
//! There is no cookie jar: the server sets a cookie that takes precedence over the header and
//! expires earlier than it says.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};

use super::error::{AuthFailure, Error, KerberosError};
use super::kerberos::{KerberosExchange, KerberosService};
use super::response::Response;
use crate::config::{Credentials, Settings, mask, mask_issued};

/// How requests authenticate.
#[derive(Clone)]
pub(super) enum Authorization {
    Anonymous,
    /// The same header with each request, marked as sensitive.
    Header {
        method: &'static str,
        value: HeaderValue,
        /// True if no password is configured: dask sends an empty one then.
        lacks_password: bool,
    },
    /// A new token with each request.
    Kerberos(KerberosService),
    /// Nothing, because the configured credentials are for another address.
    Withheld {
        /// The word for what is secret in them.
        secret: &'static str,
        /// The address that they are for, if there is one.
        configured_for: Option<String>,
    },
}

/// The authentication of one request.
pub(super) struct RequestAuth {
    /// Marked as sensitive.
    pub(super) header: Option<HeaderValue>,
    /// Set if the response must prove that it is the gateway's.
    exchange: Option<KerberosExchange>,
}

impl Authorization {
    /// The authorization that `settings` ask for.
    ///
    /// # Errors
    /// Fails if the credentials contain characters that no header can carry.
    pub(super) fn new(settings: &Settings) -> Result<Self, Error> {
        let text = match &settings.credentials {
            Credentials::Basic { username, password } => {
                let pair = STANDARD.encode(format!("{username}:{}", password.expose()));
                mask(&pair);
                format!("Basic {pair}")
            }
            // The server's own scheme, which is case-sensitive (`JupyterHubAuthenticator`).
            Credentials::JupyterHub { token } => format!("jupyterhub {}", token.expose()),
            Credentials::Kerberos => {
                return KerberosService::new(&settings.address).map(Self::Kerberos);
            }
            Credentials::Withheld { configured_for, .. } => {
                return Ok(Self::Withheld {
                    secret: settings.credentials.secret_name(),
                    configured_for: configured_for.as_ref().map(|at| at.as_str().to_owned()),
                });
            }
        };
        let lacks_password = match &settings.credentials {
            Credentials::Basic { password, .. } => password.expose().is_empty(),
            _ => false,
        };
        Ok(Self::Header {
            method: settings.credentials.kind(),
            value: sensitive(&text)?,
            lacks_password,
        })
    }

    /// The authentication method by its name in the configuration, if there is one.
    pub(super) fn method(&self) -> Option<&'static str> {
        match self {
            Self::Anonymous | Self::Withheld { .. } => None,
            Self::Header { method, .. } => Some(method),
            Self::Kerberos(_) => Some(Credentials::Kerberos.kind()),
        }
    }

    /// The authentication for the next request. Getting a Kerberos token may take until `limit`.
    ///
    /// # Errors
    /// Fails if there is no Kerberos ticket, or no token for it.
    pub(super) async fn for_request(&self, limit: Duration) -> Result<RequestAuth, Error> {
        let (header, exchange) = match self {
            Self::Anonymous | Self::Withheld { .. } => (None, None),
            Self::Header { value, .. } => (Some(value.clone()), None),
            Self::Kerberos(service) => {
                let (token, exchange) = service.token(limit).await.map_err(failed)?;
                // This scheme is case-sensitive too (`KerberosAuthenticator`).
                let token = STANDARD.encode(token);
                mask_issued(&token);
                let header = sensitive(&format!("Negotiate {token}"))?;
                (Some(header), Some(exchange))
            }
        };
        Ok(RequestAuth { header, exchange })
    }

    /// Explains an error of the gateway at `address` that wants credentials, if they were withheld or
    /// there are none.
    pub(super) fn explain(&self, error: Error, address: &str) -> Error {
        let is_refused = match &error {
            Error::Authentication(failure) => matches!(**failure, AuthFailure::Refused { .. }),
            _ => false,
        };
        let wants_credentials = is_refused || matches!(error, Error::Forbidden { .. });
        match self {
            Self::Withheld {
                secret,
                configured_for,
            } if wants_credentials => AuthFailure::Withheld {
                address: address.to_owned(),
                secret,
                configured_for: configured_for.clone(),
            }
            .into(),
            Self::Header {
                lacks_password: true,
                ..
            } if is_refused => AuthFailure::NoPassword {
                address: address.to_owned(),
            }
            .into(),
            _ => error,
        }
    }
}

impl RequestAuth {
    /// Checks that the response comes from the gateway, if the method allows that.
    ///
    /// # Errors
    /// Fails if a Kerberos token is wrong, or missing from a successful response. The server sends
    /// none with 404 and 422.
    pub(super) fn verify(self, response: &Response) -> Result<(), Error> {
        match (self.exchange, negotiate_token(&response.headers)) {
            (Some(exchange), Some(token)) => exchange.verify(&token),
            (Some(exchange), None) if response.status.is_success() => exchange.verify(&[]),
            _ => Ok(()),
        }
        .map_err(failed)
    }
}

fn failed(error: KerberosError) -> Error {
    AuthFailure::Kerberos(error).into()
}

/// The token of a `Negotiate` header; empty if it can't be decoded, which proves nothing.
fn negotiate_token(headers: &HeaderMap) -> Option<Vec<u8>> {
    let mut values = headers.get_all(WWW_AUTHENTICATE).iter();
    values.find_map(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme
            .eq_ignore_ascii_case("negotiate")
            .then(|| STANDARD.decode(token.trim()).unwrap_or_default())
    })
}

fn sensitive(text: &str) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(text).map_err(|_| {
        Error::Setup("the credentials contain characters that no header can carry".to_owned())
    })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_negotiate_token_among_other_headers() {
        let found = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(value));
            }
            negotiate_token(&headers)
        };
        assert_eq!(found(&[]), None);
        assert_eq!(found(&["Negotiate"]), None);
        assert_eq!(found(&["Basic realm=\"x\""]), None);
        assert_eq!(found(&["Basic", "negotiate YWJj"]), Some(b"abc".to_vec()));
        assert_eq!(found(&["Negotiate *"]), Some(Vec::new()));
    }
}
