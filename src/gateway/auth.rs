//! The `Authorization` header, sent with the first request and with each.
//!
//! No cookie jar: the server sets a cookie that wins over the header and expires earlier than it
//! says.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::HeaderValue;

use super::Error;
use crate::config::Credentials;

/// The header's value, marked as sensitive.
///
/// # Errors
/// The credentials hold what no header can carry.
pub(super) fn header(credentials: &Credentials) -> Result<HeaderValue, Error> {
    let text = match credentials {
        Credentials::Basic { username, password } => {
            let pair = format!("{username}:{}", password.expose());
            format!("Basic {}", STANDARD.encode(pair))
        }
        // The scheme is the server's own and case-sensitive (`JupyterHubAuthenticator`).
        Credentials::JupyterHub { token } => format!("jupyterhub {}", token.expose()),
    };
    let mut value = HeaderValue::from_str(&text)
        .map_err(|_| Error::Setup("the credentials hold characters no header can carry".into()))?;
    value.set_sensitive(true);
    Ok(value)
}
