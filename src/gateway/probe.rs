//! What a gateway tells everyone: that it is one, which version, and how it wants to be told who
//! one is.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, HeaderValue, LOCATION};
use serde::Deserialize;

use super::answer::is_login;
use super::client::Gateway;
use super::endpoints::get;
use super::error::{self, AuthFailure, Error};
use crate::config::Secret;

/// The path of a gateway that is a service of a `JupyterHub`'s, as its documentation has it.
const SERVICE: &str = "/services/dask-gateway";

/// Servers before this one answer a token that their hub doesn't know as they answer one that lacks
/// access (`JupyterHubAuthenticator.authenticate`).
const TELLS_TOKENS_APART: (u32, u32) = (2025, 4);

/// How a gateway wants to be told who one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum AuthMethod {
    Basic,
    JupyterHub,
    Kerberos,
    /// Something that dgw doesn't know, by its name in `WWW-Authenticate`.
    Other(String),
    /// It lets everyone in, or doesn't say.
    Nothing,
}

/// A gateway's answer to somebody it doesn't know.
#[derive(Clone, Debug)]
pub(crate) struct ServerInfo {
    pub(crate) version: String,
    /// Its clock when it answered, to the second.
    pub(crate) clock: Option<Timestamp>,
    /// This machine's clock at the same time.
    pub(crate) received: Timestamp,
}

/// How a page that is meant for browsers answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    /// Whether it sends one to a place to log in.
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

#[derive(Deserialize)]
struct HubUser {
    name: String,
}

impl Gateway {
    /// The version of the server, `/api/version`, which it tells everyone.
    ///
    /// # Errors
    /// See [`Error`]; so for every method here.
    pub(crate) async fn greeting(&self) -> Result<ServerInfo, Error> {
        let answer = self.send(get("/api/version".to_owned())).await?;
        Ok(ServerInfo {
            version: answer.json::<Version>()?.version,
            clock: answer.date(),
            received: Timestamp::now(),
        })
    }

    /// What the server says of its own state, `/api/health`: `pass`, if all is well.
    pub(crate) async fn health(&self) -> Result<String, Error> {
        let answer = self.send(get("/api/health".to_owned())).await?;
        Ok(answer.json::<Health>()?.status)
    }

    /// Which authentication it wants. Makes sense without credentials only.
    pub(crate) async fn wanted_authentication(&self) -> Result<AuthMethod, Error> {
        let answer = match self.send(get("/api/v1/options".to_owned())).await {
            Ok(answer) => answer,
            Err(Error::Authentication(trouble)) => {
                return match *trouble {
                    AuthFailure::Refused { wanted, .. } => {
                        Ok(wanted.map_or(AuthMethod::Nothing, AuthMethod::from))
                    }
                    other => Err(Error::Authentication(Box::new(other))),
                };
            }
            Err(error) => return Err(error),
        };
        answer.json::<serde_json::Value>()?;
        Ok(AuthMethod::Nothing)
    }

    /// The address of the gateway behind the hub whose address this may be, if one answers there.
    pub(crate) async fn behind_hub(&self) -> Option<String> {
        if self.base_url().ends_with(SERVICE) {
            return None;
        }
        // A page of the hub's own, or its root.
        let url = reqwest::Url::parse(self.base_url()).ok()?;
        let path = url.path();
        let page = path.find("/hub").filter(|at| {
            let rest = &path[at + "/hub".len()..];
            rest.is_empty() || rest.starts_with('/')
        });
        let page = page.map_or("", |at| &path[at..]);
        let hub = self
            .base_url()
            .strip_suffix(page)
            .unwrap_or(self.base_url());
        let address = format!("{hub}{SERVICE}");
        let service = self.elsewhere(&address);
        service.greeting().await.is_ok().then_some(address)
    }

    /// How the page at `url` answers somebody without credentials.
    ///
    /// # Errors
    /// Nothing answers there in time; with the reason, fit to follow a name.
    pub(crate) async fn page(&self, url: &str, limit: Duration) -> Result<Page, String> {
        let request = self.http().get(url).timeout(limit);
        let answer = request.send().await.map_err(|error| {
            let cause = error::cause(&error);
            cause.map_or_else(
                || "no whole answer".to_owned(),
                |cause| format!("no answer ({cause})"),
            )
        })?;
        let location = answer.headers().get(LOCATION);
        let location = location.and_then(|to| to.to_str().ok()).unwrap_or_default();
        Ok(Page {
            status: answer.status().as_u16(),
            is_login: answer.status().is_redirection() && is_login(location),
        })
    }

    /// Whose token it is, as the hub tells that the gateway is a service of; where the address
    /// shows no hub, or the hub tells nothing, nobody knows.
    pub(crate) async fn hub_user(&self, token: &Secret) -> Option<String> {
        let (hub, _) = self.base_url().split_once("/services/")?;
        let mut authorization = HeaderValue::from_str(&format!("token {}", token.expose())).ok()?;
        authorization.set_sensitive(true);
        let request = self.http().get(format!("{hub}/hub/api/user"));
        let request = request
            .header(AUTHORIZATION, authorization)
            .timeout(self.request_timeout());
        let answer = request.send().await.ok()?.error_for_status().ok()?;
        Some(answer.json::<HubUser>().await.ok()?.name)
    }

    /// `error`, or what it really means where the answer alone doesn't tell.
    pub(crate) async fn told_apart(&self, error: Error) -> Error {
        let Error::Authentication(trouble) = &error else {
            return error;
        };
        let address = match &**trouble {
            AuthFailure::Refused {
                address,
                sent: "jupyterhub",
                wanted,
            } if wanted.as_deref() == Some("jupyterhub") => address.clone(),
            _ => return error,
        };
        match self.greeting().await {
            Ok(greeting) if greeting.is_since(TELLS_TOKENS_APART) => {
                Error::Authentication(Box::new(AuthFailure::NoAccess { address }))
            }
            _ => error,
        }
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

impl ServerInfo {
    /// Whether the server is of this year and month or later.
    fn is_since(&self, wanted: (u32, u32)) -> bool {
        let mut parts = self.version.split('.').map(str::parse::<u32>);
        match (parts.next(), parts.next()) {
            (Some(Ok(year)), Some(Ok(month))) => (year, month) >= wanted,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_as_numbers() {
        for (version, is_new) in [
            ("2025.4.0", true),
            ("2026.3.0", true),
            ("2025.10.0rc1", true),
            ("2024.12.1", false),
            ("0.9.0", false),
            ("unknown", false),
            ("", false),
        ] {
            let greeting = ServerInfo {
                version: version.to_owned(),
                clock: None,
                received: Timestamp::UNIX_EPOCH,
            };
            assert_eq!(greeting.is_since(TELLS_TOKENS_APART), is_new, "{version}");
        }
    }
}
