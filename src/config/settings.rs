//! The settings that dgw uses.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::address::Address;
use super::credentials::Credentials;
use super::environment::Environment;
use super::error::Error;
use super::http_proxy::HttpProxy;
use super::layers::Layers;
use super::masking::mask;
use super::node::Source;
use super::selection::NamedGateway;
use super::value_reader::{ClusterDefaults, ValueReader};
use crate::workers::DefaultWorkers;

/// The settings of a gateway, and of the user there.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Address of the REST API.
    pub(crate) address: Address,
    /// Prefix of dashboard links: a URL, or a path on the hub.
    pub(crate) public_address: String,
    /// `host:port` of the scheduler proxy.
    pub(crate) scheduler_proxy: String,
    pub(crate) credentials: Credentials,
    /// The environment variables that the token, the password or the HTTP proxy is made of.
    pub(super) secret_fields: Vec<String>,
    pub(crate) http_proxy: HttpProxy,
    /// The user's defaults for new clusters.
    pub(crate) cluster_options: Map<String, Value>,
    /// Where each of the defaults was set.
    pub(crate) option_sources: BTreeMap<String, Source>,
    /// The variable that the defaults lack. Commands that start no cluster do without the defaults.
    pub(super) option_error: Option<Error>,
    /// The number of workers that `dgw run` requests by default, and where it was set.
    pub(crate) default_workers: Option<(DefaultWorkers, Source)>,
    /// The named gateway that they are for, if one was selected.
    pub(crate) named: Option<NamedGateway>,
}

impl Settings {
    /// Checks that the defaults for new clusters can be used.
    ///
    /// # Errors
    /// One refers to an environment variable that is not set.
    pub(crate) fn check_cluster_options(&mut self) -> Result<(), Error> {
        self.option_error.take().map_or(Ok(()), Err)
    }

    /// Returns true if the credentials leave this machine unencrypted.
    pub(crate) fn secret_goes_in_clear(&self) -> bool {
        let by_proxy = matches!(self.http_proxy, HttpProxy::Url(_));
        let is_sent = !matches!(self.credentials, Credentials::Withheld { .. });
        is_sent && !self.address.is_encrypted() && (by_proxy || !self.address.is_loopback())
    }

    /// Reads the merged configuration; `address` replaces the one in it.
    ///
    /// Credentials, the public address and the scheduler proxy belong to the gateway that they were
    /// configured for: at another address they aren't used.
    ///
    /// # Errors
    /// Fails if a value is missing or malformed.
    pub(super) fn new(
        layers: &Layers,
        environment: &Environment,
        address: Option<&str>,
    ) -> Result<Self, Error> {
        let tree = &layers.merged();
        let reader = ValueReader { tree, environment };
        let (address, is_configured) = match address {
            Some(text) => {
                let named = Address::parse(text).map_err(Error::AddressFlag)?;
                let is_configured = reader.address().is_ok_and(|configured| configured == named);
                (named, is_configured)
            }
            None => (reader.address()?, true),
        };
        let (public_address, scheduler_proxy) = if is_configured {
            (
                reader.text("gateway.public-address")?,
                reader.scheduler_proxy(&address)?,
            )
        } else {
            (None, None)
        };
        let (defaults, option_error) = match reader.cluster_options() {
            Ok(defaults) => (defaults, None),
            Err(error @ Error::UnsetVariable { .. }) => (ClusterDefaults::default(), Some(error)),
            Err(error) => return Err(error),
        };
        let (cluster_options, option_sources) = defaults;
        let settings = Self {
            public_address: public_address.map_or_else(
                || address.as_str().to_owned(),
                |text| text.trim_end_matches('/').to_owned(),
            ),
            scheduler_proxy: scheduler_proxy.unwrap_or_else(|| address.host_and_port()),
            credentials: reader.credentials_for(&address, layers)?,
            address,
            secret_fields: layers.secret_fields(),
            http_proxy: reader.http_proxy()?,
            cluster_options,
            option_sources,
            option_error,
            default_workers: reader.default_workers()?,
            named: None,
        };
        settings.mask_secrets();
        Ok(settings)
    }

    /// Masks the user's credentials in whatever is printed from now on.
    pub(super) fn mask_secrets(&self) {
        let secret = match &self.credentials {
            Credentials::Basic { password, .. } => password.expose(),
            Credentials::JupyterHub { token } => token.expose(),
            Credentials::Kerberos | Credentials::Withheld { .. } => return,
        };
        self.mask(secret);
    }

    /// Masks a secret in whatever is printed from now on, and each line of it alone, too: a server may
    /// quote only some of a key. One that is part of an address can't be hidden, and links must stay
    /// whole.
    pub(crate) fn mask(&self, secret: &str) {
        let shown = [
            self.address.as_str(),
            &self.public_address,
            &self.scheduler_proxy,
        ];
        for text in std::iter::once(secret).chain(secret.lines().map(str::trim)) {
            if !shown.iter().any(|address| address.contains(text)) {
                mask(text);
            }
        }
    }
}

#[cfg(test)]
mod tests;
