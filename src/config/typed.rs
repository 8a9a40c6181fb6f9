//! Typed values out of the merged configuration.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Environment;
use super::address::Address;
use super::error::Error;
use super::plain::Plain;
use super::template;
use super::tree::{Node, Source, Tree};

/// Options for a new cluster, and where each was set.
pub(super) type Defaults = (Map<String, Value>, BTreeMap<String, Source>);

/// Typed access to the tree; every error names the key and where its value was set.
pub(super) struct Reader<'a> {
    pub(super) tree: &'a Tree,
    pub(super) environment: &'a Environment,
}

impl Reader<'_> {
    /// The value of a key, which may be null.
    pub(super) fn set_leaf(&self, key: &str) -> Result<Option<(&Plain, &Source)>, Error> {
        self.refuse_scalar_above(key)?;
        match self.tree.get(key) {
            None => Ok(None),
            Some(Node::Leaf(value, source)) => Ok(Some((value, source))),
            Some(node @ Node::Map(_)) => Err(Error::Value {
                key: key.to_owned(),
                set_in: node.source().map_or_else(String::new, ToString::to_string),
                problem: "must be a single value, not a mapping".to_owned(),
            }),
        }
    }

    /// The value of a key for which null is as good as nothing.
    pub(super) fn leaf(&self, key: &str) -> Result<Option<(&Plain, &Source)>, Error> {
        let leaf = self.set_leaf(key)?;
        Ok(leaf.filter(|(value, _)| !matches!(value, Plain::Null)))
    }

    /// `auth: jupyterhub` looks right and would silently mean the default.
    fn refuse_scalar_above(&self, key: &str) -> Result<(), Error> {
        let above = key.match_indices('.').map(|(at, _)| &key[..at]);
        for section in above {
            match self.tree.get(section) {
                Some(Node::Leaf(value, source)) if !matches!(value, Plain::Null) => {
                    return Err(wrong(section, source, "must be a mapping"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A text with its template filled in. A whole number counts as the digits it was written in;
    /// anything else must be quoted, as everything must for dask's own client.
    pub(super) fn text(&self, key: &str) -> Result<Option<String>, Error> {
        let Some((value, source)) = self.leaf(key)? else {
            return Ok(None);
        };
        match value {
            Plain::Text(text) => self.filled(key, text, source).map(Some),
            Plain::Integer {
                value,
                is_in_digits: true,
            } => Ok(Some(value.to_string())),
            _ => Err(wrong(key, source, "must be text: put it in quotes")),
        }
    }

    pub(super) fn filled(&self, key: &str, text: &str, source: &Source) -> Result<String, Error> {
        template::fill(text, self.environment).map_err(|fault| match fault {
            // Part of a secret with braces of its own looks like a name.
            template::Fault::Missing(_) if SECRETS.contains(&key) && !template::is_field(text) => {
                wrong(
                    key,
                    source,
                    "names an environment variable that is not set: braces of its own stand as \
                     `{{` and `}}`",
                )
            }
            template::Fault::Missing(name) => wrong(
                key,
                source,
                &format!("names the environment variable `{name}`, which is not set"),
            ),
            template::Fault::Malformed => wrong(
                key,
                source,
                "has a lone `{` or `}`: `{NAME}` stands for an environment variable, \
                 `{{` and `}}` for braces",
            ),
            template::Fault::Pythons => wrong(
                key,
                source,
                "is a template that only Python can fill in: dgw knows `{NAME}`, and what \
                 `{NAME:>8.3}` does to its width",
            ),
        })
    }

    pub(super) fn address(&self) -> Result<Address, Error> {
        let key = "gateway.address";
        let Some((_, source)) = self.leaf(key)? else {
            return Err(Error::NoAddress);
        };
        let text = self.text(key)?.unwrap_or_default();
        Address::parse(&text).map_err(|problem| wrong(key, source, problem))
    }

    /// A port of the gateway's own host, or `host:port` behind any of dask's schemes
    /// (`dask_gateway.Gateway.__init__`).
    pub(super) fn scheduler_proxy(&self, address: &Address) -> Result<Option<String>, Error> {
        let key = "gateway.proxy-address";
        let Some((value, source)) = self.leaf(key)? else {
            return Ok(None);
        };
        if let Plain::Integer { value: port, .. } = value {
            return match u16::try_from(*port) {
                Ok(port) => Ok(Some(format!("{}:{port}", address.host()))),
                Err(_) => Err(wrong(key, source, "is not a port")),
            };
        }
        let text = self.text(key)?.unwrap_or_default();
        let host_and_port = text
            .split_once("://")
            .map_or(text.as_str(), |(_, rest)| rest);
        let host_and_port = host_and_port.split('/').next().unwrap_or_default();
        match host_and_port.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
                Ok(Some(host_and_port.to_owned()))
            }
            _ => Err(wrong(
                key,
                source,
                "must be a port, `host:port` or `gateway://host:port`",
            )),
        }
    }

    /// The user's defaults, and where each was set.
    pub(super) fn cluster_options(&self) -> Result<Defaults, Error> {
        let key = "gateway.cluster.options";
        self.refuse_scalar_above(key)?;
        let (mut options, mut sources) = (Map::new(), BTreeMap::new());
        let entries = match self.tree.get(key) {
            None | Some(Node::Leaf(Plain::Null, _)) => &[][..],
            Some(Node::Map(entries)) => entries,
            Some(Node::Leaf(_, source)) => return Err(wrong(key, source, "must be a mapping")),
        };
        for (name, node) in entries {
            let key = format!("{key}.{name}");
            let value = match node {
                Node::Leaf(Plain::Text(text), source) => {
                    Value::String(self.filled(&key, text, source)?)
                }
                node => node.to_json().map_err(|(kind, source)| {
                    wrong(
                        &key,
                        source,
                        &format!("holds a {kind}, which no gateway can be sent"),
                    )
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

/// What no message shows anything of.
const SECRETS: [&str; 3] = [
    "gateway.auth.kwargs.api_token",
    "gateway.auth.kwargs.password",
    "gateway.http-client.proxy",
];

pub(super) fn wrong(key: &str, source: &Source, problem: &str) -> Error {
    Error::Value {
        key: key.to_owned(),
        set_in: source.to_string(),
        problem: problem.to_owned(),
    }
}
