//! The merged configuration, typed.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Environment;
use super::address::Address;
use super::credentials::Credentials;
use super::error::Error;
use super::http_proxy::HttpProxy;
use super::tree::{Source, Tree};
use super::typed::Reader;

/// All that dgw needs to know of a gateway.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Where the REST API is.
    pub(crate) address: Address,
    /// What dashboard links begin with: absolute, or a path on the hub.
    pub(crate) public_address: String,
    /// `host:port` of the scheduler proxy.
    pub(crate) scheduler_proxy: String,
    pub(crate) credentials: Credentials,
    pub(crate) http_proxy: HttpProxy,
    /// The user's own defaults for a new cluster.
    pub(crate) cluster_options: Map<String, Value>,
    /// Where each of them was set.
    pub(crate) option_sources: BTreeMap<String, Source>,
}

impl Settings {
    /// Whether the credentials leave this machine unencrypted.
    pub(crate) fn secret_goes_in_clear(&self) -> bool {
        let by_proxy = matches!(self.http_proxy, HttpProxy::Url(_));
        !self.address.is_encrypted() && (by_proxy || !self.address.is_loopback())
    }

    /// Types the merged configuration; `address` stands in for the one in it.
    ///
    /// # Errors
    /// A value is missing or malformed.
    pub(super) fn new(
        tree: &Tree,
        environment: &Environment,
        address: Option<&str>,
    ) -> Result<Self, Error> {
        let reader = Reader { tree, environment };
        let is_named = address.is_some();
        let address = match address {
            Some(text) => Address::parse(text).map_err(Error::Flag)?,
            None => reader.address()?,
        };
        // The configured public and proxy addresses belong to the configured gateway.
        let (public_address, scheduler_proxy) = if is_named {
            (None, None)
        } else {
            (
                reader.text("gateway.public-address")?,
                reader.scheduler_proxy(&address)?,
            )
        };
        let (cluster_options, option_sources) = reader.cluster_options()?;
        Ok(Self {
            public_address: public_address.map_or_else(
                || address.as_str().to_owned(),
                |text| text.trim_end_matches('/').to_owned(),
            ),
            scheduler_proxy: scheduler_proxy.unwrap_or_else(|| address.host_and_port()),
            address,
            credentials: reader.credentials()?,
            http_proxy: reader.http_proxy()?,
            cluster_options,
            option_sources,
        })
    }
}

#[cfg(test)]
mod tests;
