//! Reads typed values from the merged configuration.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::address::Address;
use super::environment::Environment;
use super::error::Error;
use super::leaf::Leaf;
use super::node::{Node, Source};
use super::secret::MIN_SEARCHED_LENGTH;
use super::template::{self, TemplateFault};
use crate::workers::DefaultWorkers;

/// Options for a new cluster, and where each was set.
pub(super) type ClusterDefaults = (Map<String, Value>, BTreeMap<String, Source>);

/// The key of the number of workers that `dgw run` requests by default.
pub(super) const DEFAULT_WORKERS: &str = "dgw.run.workers";

/// Reads typed values; every error names the key and where its value was set.
pub(super) struct ValueReader<'a> {
    pub(super) tree: &'a Node,
    pub(super) environment: &'a Environment,
}

impl<'a> ValueReader<'a> {
    /// Reads a value, which may be null.
    pub(super) fn value_or_null(&self, key: &str) -> Result<Option<(&'a Leaf, &'a Source)>, Error> {
        self.refuse_value_above(key)?;
        match self.tree.get(key) {
            None => Ok(None),
            Some(Node::Leaf(leaf, source)) => Ok(Some((leaf, source))),
            Some(node @ Node::Map(_)) => Err(Error::Value {
                key: key.to_owned(),
                set_in: node.source().map_or_else(String::new, ToString::to_string),
                problem: "must be a single value, not a mapping".to_owned(),
            }),
        }
    }

    /// Reads a value; null counts as not set.
    pub(super) fn value(&self, key: &str) -> Result<Option<(&'a Leaf, &'a Source)>, Error> {
        let value = self.value_or_null(key)?;
        Ok(value.filter(|(leaf, _)| !leaf.is_null()))
    }

    /// Refuses, say, `auth: jupyterhub`, which looks right and would silently mean the default.
    fn refuse_value_above(&self, key: &str) -> Result<(), Error> {
        for (at, _) in key.match_indices('.') {
            let section = &key[..at];
            if let Some(Node::Leaf(_, source)) = self.tree.get_set(section) {
                return Err(Error::value(section, source, "must be a mapping"));
            }
        }
        Ok(())
    }

    /// Reads a text and fills in its template. An integer counts as its digits if it was written
    /// so; anything else must be quoted, as everything must for dask's own client.
    pub(super) fn text_and_source(&self, key: &str) -> Result<Option<(String, &'a Source)>, Error> {
        let Some((leaf, source)) = self.value(key)? else {
            return Ok(None);
        };
        let text = match leaf {
            Leaf::Json(Value::String(text)) => self.fill_template(key, text, source)?,
            Leaf::Json(value @ Value::Number(_)) if leaf.as_integer().is_some() => {
                value.to_string()
            }
            _ => {
                let problem = "must be text: put it in quotes";
                return Err(Error::value(key, source, problem));
            }
        };
        let may_be_shown = !key.starts_with("gateway.auth.kwargs");
        if may_be_shown && self.secrets().iter().any(|secret| text.contains(secret)) {
            let problem = "contains your token or password, which does not belong there";
            return Err(Error::value(key, source, problem));
        }
        Ok(Some((text, source)))
    }

    /// Returns the configured token and password, unless they are so short that they may occur
    /// anywhere by chance.
    pub(super) fn secrets(&self) -> Vec<String> {
        let configured = SECRETS[..2].iter().filter_map(|key| {
            let text = match self.tree.get(key)? {
                Node::Leaf(leaf, _) => leaf.as_text()?,
                Node::Map(_) => return None,
            };
            template::fill(text, self.environment).ok()
        });
        let of_hub = self.environment.get("JUPYTERHUB_API_TOKEN");
        configured
            .chain(of_hub.map(str::to_owned))
            .filter(|secret| secret.len() >= MIN_SEARCHED_LENGTH)
            .collect()
    }

    /// Reads a text, as [`Self::text_and_source`] does.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, Error> {
        Ok(self.text_and_source(key)?.map(|(text, _)| text))
    }

    pub(super) fn fill_template(
        &self,
        key: &str,
        text: &str,
        source: &Source,
    ) -> Result<String, Error> {
        template::fill(text, self.environment).map_err(|fault| {
            let problem = match fault {
                // Part of a secret with braces of its own may look like a name.
                TemplateFault::Missing(_)
                    if SECRETS.contains(&key) && !template::is_field(text) =>
                {
                    "names an environment variable that is not set: if the braces are part of the \
                     secret, write them as `{{` and `}}`"
                        .to_owned()
                }
                TemplateFault::Missing(variable) => {
                    return Error::UnsetVariable {
                        key: key.to_owned(),
                        set_in: source.to_string(),
                        variable,
                    };
                }
                TemplateFault::Malformed => {
                    "has braces that dgw can't fill in: write `{NAME}` for an environment variable, \
                     `{{` and `}}` for braces"
                        .to_owned()
                }
            };
            Error::value(key, source, problem)
        })
    }

    pub(super) fn address(&self) -> Result<Address, Error> {
        let key = "gateway.address";
        let (text, source) = self.text_and_source(key)?.ok_or(Error::NoAddress)?;
        Address::parse(&text).map_err(|problem| Error::value(key, source, problem))
    }

    /// Reads the scheduler proxy as `host:port`: a port of the gateway's own host, or `host:port`
    /// after any of dask's schemes (`dask_gateway.Gateway.__init__`).
    pub(super) fn scheduler_proxy(&self, address: &Address) -> Result<Option<String>, Error> {
        let key = "gateway.proxy-address";
        if let Some((leaf, source)) = self.value(key)?
            && let Some(port) = leaf.as_integer()
        {
            return match u16::try_from(port) {
                Ok(port) => Ok(Some(format!("{}:{port}", address.host()))),
                Err(_) => Err(Error::value(key, source, "must be a port (1 to 65535)")),
            };
        }
        let Some((text, source)) = self.text_and_source(key)? else {
            return Ok(None);
        };
        let after_scheme = text.split_once("://").map_or(&*text, |(_, rest)| rest);
        let host_and_port = after_scheme.split('/').next().unwrap_or_default();
        match host_and_port.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
                Ok(Some(host_and_port.to_owned()))
            }
            _ => {
                let problem = "must be a port, `host:port` or `gateway://host:port`";
                Err(Error::value(key, source, problem))
            }
        }
    }

    /// Reads the number of workers that `dgw run` requests by default, and where it was set.
    pub(super) fn default_workers(&self) -> Result<Option<(DefaultWorkers, Source)>, Error> {
        let key = DEFAULT_WORKERS;
        let Some((leaf, source)) = self.value(key)? else {
            return Ok(None);
        };
        let text = match leaf {
            Leaf::Json(Value::String(text)) => self.fill_template(key, text, source)?,
            Leaf::Json(value @ Value::Number(_)) => value.to_string(),
            _ => String::new(),
        };
        let workers = DefaultWorkers::parse(&text);
        workers
            .map(|workers| Some((workers, source.clone())))
            .map_err(|problem| Error::value(key, source, problem))
    }

    /// Reads the user's defaults for new clusters.
    pub(super) fn cluster_options(&self) -> Result<ClusterDefaults, Error> {
        let key = "gateway.cluster.options";
        self.refuse_value_above(key)?;
        let entries = match self.tree.get_set(key) {
            None => &[][..],
            Some(Node::Map(entries)) => entries,
            Some(Node::Leaf(_, source)) => {
                return Err(Error::value(key, source, "must be a mapping"));
            }
        };
        let (mut options, mut sources) = ClusterDefaults::default();
        for (name, node) in entries {
            let key = format!("{key}.{name}");
            let value = match node {
                Node::Leaf(Leaf::Json(Value::String(text)), source) => {
                    Value::String(self.fill_template(&key, text, source)?)
                }
                node => node.to_json().map_err(|(kind, source)| {
                    let problem = format!("can't be sent to a gateway: it holds a {kind}");
                    Error::value(&key, source, problem)
                })?,
            };
            options.insert(name.clone(), value);
            if let Some(source) = node.source() {
                sources.insert(name.clone(), source.clone());
            }
        }
        Ok((options, sources))
    }
}

/// Keys of which messages never show any part of the value.
pub(super) const SECRETS: [&str; 3] = [
    "gateway.auth.kwargs.api_token",
    "gateway.auth.kwargs.password",
    "gateway.http-client.proxy",
];
