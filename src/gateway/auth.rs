//! The `Authorization` header, sent with the first request and with each.
//!
//! No cookie jar: the server sets a cookie that wins over the header and expires earlier than it
//! says.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};

use super::answer::Answer;
use super::kerberos::{Exchange, Service};
use super::{AuthFailure, Error};
use crate::config::{Credentials, Settings};

/// How requests say who one is.
pub(super) enum Authorization {
    Nobody,
    /// The same header with each, marked as sensitive.
    Header(HeaderValue),
    /// A token of its own with each.
    Tickets(Service),
}

/// What one request says of who one is.
pub(super) struct Presented {
    /// Marked as sensitive.
    pub(super) header: Option<HeaderValue>,
    /// What the answer to a token is held against.
    exchange: Option<Exchange>,
}

impl Authorization {
    /// What these settings ask for.
    ///
    /// # Errors
    /// The credentials hold what no header can carry.
    pub(super) fn new(settings: &Settings) -> Result<Self, Error> {
        match &settings.credentials {
            Credentials::Basic { username, password } => {
                let pair = format!("{username}:{}", password.expose());
                sensitive(&format!("Basic {}", STANDARD.encode(pair))).map(Self::Header)
            }
            // The scheme is the server's own and case-sensitive (`JupyterHubAuthenticator`).
            Credentials::JupyterHub { token } => {
                sensitive(&format!("jupyterhub {}", token.expose())).map(Self::Header)
            }
            Credentials::Kerberos => Service::of(&settings.address).map(Self::Tickets),
        }
    }

    /// What to say with the next request. Whoever must be asked for a token has until `limit`.
    ///
    /// # Errors
    /// There is no ticket, or nobody gives a token for it.
    pub(super) async fn presented(&self, limit: Duration) -> Result<Presented, Error> {
        let (header, exchange) = match self {
            Self::Nobody => (None, None),
            Self::Header(header) => (Some(header.clone()), None),
            Self::Tickets(service) => {
                let (token, exchange) = service.token(limit).await.map_err(refused)?;
                // As case-sensitive as the other (`KerberosAuthenticator`).
                let header = sensitive(&format!("Negotiate {}", STANDARD.encode(token)))?;
                (Some(header), Some(exchange))
            }
        };
        Ok(Presented { header, exchange })
    }
}

impl Presented {
    /// Holds the answer's token against the one that was sent: only the gateway can make it.
    ///
    /// # Errors
    /// Something else has answered. Complaints needn't prove anything: the server sends no token
    /// with its 404 and 422.
    pub(super) fn holds(self, answer: &Answer) -> Result<(), Error> {
        match (self.exchange, token_in(&answer.headers)) {
            (Some(exchange), Some(token)) => exchange.conclude(&token),
            (Some(exchange), None) if answer.status.is_success() => exchange.conclude(&[]),
            _ => Ok(()),
        }
        .map_err(refused)
    }
}

fn refused(fault: super::kerberos::KerberosError) -> Error {
    Error::Authentication(Box::new(AuthFailure::Kerberos(fault)))
}

/// The token of an answer to `Negotiate`.
fn token_in(headers: &HeaderMap) -> Option<Vec<u8>> {
    let mut values = headers.get_all(WWW_AUTHENTICATE).iter();
    values.find_map(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("negotiate") {
            return None;
        }
        // What can't be read proves nothing.
        Some(STANDARD.decode(token.trim()).unwrap_or_default())
    })
}

fn sensitive(text: &str) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(text)
        .map_err(|_| Error::Setup("the credentials hold characters no header can carry".into()))?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answers_token_is_found_among_others() {
        let found = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(WWW_AUTHENTICATE, HeaderValue::from_static(value));
            }
            token_in(&headers)
        };
        assert_eq!(found(&[]), None);
        assert_eq!(found(&["Negotiate"]), None);
        assert_eq!(found(&["Basic realm=\"x\""]), None);
        assert_eq!(found(&["Basic", "negotiate YWJj"]), Some(b"abc".to_vec()));
        assert_eq!(found(&["Negotiate *"]), Some(Vec::new()));
    }
}
