//! A gateway that is a service of a `JupyterHub`.

use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde::Deserialize;

use super::client::Gateway;
use super::error::{AuthFailure, Error};
use crate::config::Secret;

/// The path of the gateway's service on a hub, as dask-gateway's documentation has it.
const SERVICE: &str = "/services/dask-gateway";

#[derive(Deserialize)]
struct HubUser {
    name: String,
}

impl Gateway {
    /// Turns `error` into [`Error::WrongAddress`] if something else than a gateway responded, and a
    /// gateway responds on the hub that the address belongs to.
    pub(crate) async fn explain_wrong_address(&self, error: Error) -> Error {
        let is_other_server = match &error {
            Error::NotGateway { .. } => true,
            Error::Authentication(failure) => matches!(**failure, AuthFailure::LoginPage { .. }),
            _ => false,
        };
        if is_other_server
            && let Some(address) = service_address(self.base_url())
            && self
                .anonymous_at(address.clone())
                .server_info()
                .await
                .is_ok()
        {
            let source = Box::new(error);
            return Error::WrongAddress { source, address };
        }
        error
    }

    /// The user that a token belongs to, by the hub that the gateway is a service of. `None` if the
    /// address shows no hub, or the hub does not return a user.
    pub(crate) async fn hub_user(&self, token: &Secret) -> Option<String> {
        let (hub, _) = self.base_url().split_once("/services/")?;
        let mut authorization = HeaderValue::from_str(&format!("token {}", token.expose())).ok()?;
        authorization.set_sensitive(true);
        let response = self
            .http()
            .get(format!("{hub}/hub/api/user"))
            .header(AUTHORIZATION, authorization)
            .timeout(self.request_timeout)
            .send()
            .await
            .ok()?
            .error_for_status()
            .ok()?;
        Some(response.json::<HubUser>().await.ok()?.name)
    }
}

/// The address of the gateway's service on a hub, given the hub's root or one of its own pages.
fn service_address(address: &str) -> Option<String> {
    if address.ends_with(SERVICE) {
        return None;
    }
    let url = reqwest::Url::parse(address).ok()?;
    let path = url.path();
    let page = path
        .find("/hub")
        .map(|at| &path[at..])
        .filter(|page| *page == "/hub" || page.starts_with("/hub/"));
    let hub = address
        .strip_suffix(page.unwrap_or_default())
        .unwrap_or(address);
    Some(format!("{hub}{SERVICE}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn service_is_below_the_root_of_the_hub() {
        for (address, service) in [
            ("https://h", Some("https://h/services/dask-gateway")),
            ("https://h/hub", Some("https://h/services/dask-gateway")),
            (
                "https://h/x/hub/token",
                Some("https://h/x/services/dask-gateway"),
            ),
            (
                "https://h/hubs",
                Some("https://h/hubs/services/dask-gateway"),
            ),
            ("https://h/services/dask-gateway", None),
            ("not a URL", None),
        ] {
            assert_eq!(service_address(address).as_deref(), service, "{address}");
        }
    }
}
