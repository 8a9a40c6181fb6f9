//! A gateway that is a service of a `JupyterHub`.

use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde::Deserialize;

use super::body::read_body;
use super::client::Gateway;
use super::decode::decode_json;
use super::request::MIB;
use crate::config::Secret;

/// The memory for a name, which is all that is kept of the response.
const DECODED_LIMIT: usize = 4096;

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
        let mut response = self
            .http()
            .get(format!("{hub}/hub/api/user"))
            .header(AUTHORIZATION, authorization)
            .timeout(self.request_timeout)
            .send()
            .await
            .ok()?
            .error_for_status()
            .ok()?;
        let body = read_body(&mut response, MIB).await.ok()?;
        let user = decode_json::<HubUser>(&body, DECODED_LIMIT).ok()?;
        Some(user.name)
    }
}
