//! Requests that need no credentials: the server's version and health, the authentication method,
//! and pages for browsers.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::LOCATION;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::client::Gateway;
use super::error::{AuthFailure, Error};
use super::network_error::cause;
use super::request::Request;
use super::response::is_login;

/// The authentication that a gateway requires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AuthMethod {
    Basic,
    JupyterHub,
    Kerberos,
    /// A method that dgw does not support, by its name in `WWW-Authenticate`.
    Other(String),
    /// None, or the gateway names none.
    Nothing,
}

/// A server's version and clock.
#[derive(Clone, Debug)]
pub(crate) struct ServerInfo {
    pub(crate) version: String,
    /// The server's clock at the time of the response, to the second.
    pub(crate) clock: Option<Timestamp>,
    /// This machine's clock at the same time.
    pub(crate) received: Timestamp,
}

/// The response to a request for a page for browsers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PageResponse {
    pub(crate) status: u16,
    /// True if it redirects to a login page.
    pub(crate) is_login: bool,
}

#[derive(Deserialize)]
struct Version {
    version: String,
}

#[derive(Deserialize)]
struct Health {
    status: String,
}

impl Gateway {
    /// The server's version and clock, from `/api/version`.
    ///
    /// # Errors
    /// Like every method here, fails if the request does; see [`Error`].
    pub(crate) async fn server_info(&self) -> Result<ServerInfo, Error> {
        let response = self.send(Request::get("/api/version")).await?;
        Ok(ServerInfo {
            version: response.json::<Version>()?.version,
            clock: response.date(),
            received: Timestamp::now(),
        })
    }

    /// The server's own report of its state, from `/api/health`: `pass` if all is well.
    pub(crate) async fn health(&self) -> Result<String, Error> {
        let response = self.send(Request::get("/api/health")).await?;
        Ok(response.json::<Health>()?.status)
    }

    /// The authentication that the gateway requires. Must be called without credentials.
    pub(crate) async fn auth_method(&self) -> Result<AuthMethod, Error> {
        match self.send(Request::get("/api/v1/options")).await {
            Ok(response) => response.json::<IgnoredAny>().map(|_| AuthMethod::Nothing),
            Err(Error::Authentication(failure)) => match *failure {
                AuthFailure::Refused { wanted, .. } => {
                    Ok(wanted.map_or(AuthMethod::Nothing, AuthMethod::from))
                }
                other => Err(other.into()),
            },
            Err(error) => Err(error),
        }
    }

    /// Requests the page at `url` without credentials.
    ///
    /// # Errors
    /// Fails without a response within `limit`, with a reason that can follow a name.
    pub(crate) async fn page(&self, url: &str, limit: Duration) -> Result<PageResponse, String> {
        let response =
            self.http()
                .get(url)
                .timeout(limit)
                .send()
                .await
                .map_err(|error| match cause(&error) {
                    Some(cause) => format!("no response ({cause})"),
                    None => "no complete response".to_owned(),
                })?;
        let location = response.headers().get(LOCATION);
        let location = location.and_then(|to| to.to_str().ok());
        Ok(PageResponse {
            status: response.status().as_u16(),
            is_login: response.status().is_redirection() && location.is_some_and(is_login),
        })
    }
}

impl From<String> for AuthMethod {
    fn from(name: String) -> Self {
        match name.as_str() {
            "basic" => Self::Basic,
            "jupyterhub" => Self::JupyterHub,
            "kerberos" => Self::Kerberos,
            _ => Self::Other(name),
        }
    }
}
