//! A gateway that is a service of a `JupyterHub`.

use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde::Deserialize;

use super::client::Gateway;
use crate::config::Secret;

#[derive(Deserialize)]
struct HubUser {
    name: String,
}

impl Gateway {
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
