//! The configuration with everything that is wrong with it, for `dgw doctor`.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::address::Address;
use super::environment::Environment;
use super::error::Error;
use super::find::{self, Candidate, Owner};
use super::http_proxy::HttpProxy;
use super::layers::{Layer, Layers};
use super::leaf::Leaf;
use super::load::{explain_missing_address, load};
use super::node::{Node, Source};
use super::read;
use super::settings::Settings;
use super::template;
use super::value_reader::ValueReader;

/// The configuration, and what is wrong with each part of it.
#[derive(Debug)]
pub(crate) struct Inspection {
    pub(crate) files: Vec<InspectedFile>,
    /// The reason why files can't be found, or a variable can't be read.
    pub(crate) fault: Option<Error>,
    pub(crate) values: Vec<InspectedValue>,
    /// Errors of single values, except that of the address.
    pub(crate) value_faults: Vec<Error>,
    /// Read from all files, even refused ones: no secret may be sent there.
    pub(crate) address: Result<Address, Error>,
    /// Read from all files, even refused ones.
    pub(crate) http_proxy: HttpProxy,
    /// The settings as every other command gets them: with these, secrets may be sent.
    pub(crate) settings: Result<Settings, Error>,
}

/// A file that may hold a `gateway:` section.
#[derive(Debug)]
pub(crate) struct InspectedFile {
    pub(crate) path: PathBuf,
    pub(crate) is_site: bool,
    /// Permission bits, if they can be read.
    pub(crate) mode: Option<u32>,
    /// True if it has a `gateway:` section, or the reason why it is refused.
    pub(crate) has_section: Result<bool, Error>,
}

/// A value that is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InspectedValue {
    pub(crate) key: String,
    /// The value, or `set` for a secret.
    pub(crate) shown: String,
    pub(crate) source: Source,
    /// dask-gateway has such a key.
    pub(crate) is_known: bool,
}

/// Inspects the configuration. `file` and `address` are those of [`load`].
pub(crate) fn inspect(
    environment: &Environment,
    file: Option<&Path>,
    address: Option<&str>,
) -> Inspection {
    let mut fault = find::check_exists(file).err();
    if let Some(name) = environment.undecodable_setting() {
        fault = fault.or(Some(Error::VariableNotText(name.to_owned())));
    }
    let (mut layers, mut fillable) = (Vec::new(), Vec::new());
    let candidates = find::candidates(environment, file).into_iter();
    let inspected = candidates.map(|candidate| {
        let file = inspected(&candidate);
        if let Some(section) = read::untrusted_section(&candidate) {
            let layer = |section| Layer {
                file: Some(candidate.path.clone()),
                section,
            };
            layers.push(layer(section.clone()));
            // The text of a refused file, which others may have written, must not get the value of
            // any variable.
            fillable.push(layer(match file.has_section {
                Ok(_) => section,
                Err(_) => template::without_templates(section),
            }));
        }
        file
    });
    let files = inspected.collect();
    let of_environment = environment.gateway_section().unwrap_or_else(|error| {
        fault.get_or_insert(error);
        Node::default()
    });
    let tree = Layers::new(layers, of_environment.clone()).merged();
    let reader = ValueReader {
        tree: &Layers::new(fillable, of_environment).merged(),
        environment,
    };
    let inspected_address = match address {
        Some(text) => Address::parse(text).map_err(Error::AddressFlag),
        None => reader.address(),
    }
    .map_err(|error| explain_missing_address(error, environment, file));
    let mut value_faults = Vec::new();
    let mut note = |fault: Option<Error>| value_faults.extend(fault);
    if let Ok(address) = &inspected_address {
        note(reader.scheduler_proxy(address).err());
        note(reader.text("gateway.public-address").err());
    }
    note(reader.credentials().err());
    note(reader.cluster_options().err());
    let http_proxy = reader.http_proxy().unwrap_or_else(|error| {
        note(Some(error));
        HttpProxy::Direct
    });
    Inspection {
        files,
        fault,
        values: values(&tree, environment),
        value_faults,
        address: inspected_address,
        http_proxy,
        settings: load(environment, file, address),
    }
}

fn inspected(candidate: &Candidate) -> InspectedFile {
    let has_section = read::gateway_section(candidate).map(|section| section.is_some());
    let stat = rustix::fs::stat(&candidate.path);
    InspectedFile {
        path: candidate.path.clone(),
        is_site: candidate.owner == Owner::Site,
        mode: stat.ok().map(|stat| stat.st_mode & 0o7777),
        has_section,
    }
}

/// The keys of dask-gateway's own defaults (its `gateway.yaml`); keys below them are known, too.
const KNOWN: [&str; 7] = [
    "gateway.address",
    "gateway.public-address",
    "gateway.proxy-address",
    "gateway.auth.type",
    "gateway.auth.kwargs",
    "gateway.http-client.proxy",
    "gateway.cluster.options",
];

/// Returns every value that isn't null, in the order of dask-gateway's own defaults.
fn values(tree: &Node, environment: &Environment) -> Vec<InspectedValue> {
    let mut values = Vec::new();
    if let Some(section) = tree.get("gateway") {
        collect("gateway", section, &mut values);
    }
    let is_set = |key: &str| values.iter().any(|value| value.key == key);
    let token = "gateway.auth.kwargs.api_token";
    let variable = "JUPYTERHUB_API_TOKEN";
    let reader = ValueReader { tree, environment };
    let kind = reader.text("gateway.auth.type").ok().flatten();
    if kind.as_deref() == Some("jupyterhub")
        && environment.get(variable).is_some()
        && !is_set(token)
    {
        values.push(InspectedValue {
            key: token.to_owned(),
            shown: "set".to_owned(),
            source: Source::Variable(variable.to_owned()),
            is_known: true,
        });
    }
    values.sort_by_key(|value| position(&value.key).unwrap_or(KNOWN.len()));
    values
}

/// Returns the position of a key, or of the key above it, among the known ones.
fn position(key: &str) -> Option<usize> {
    let dashed = key.replace('_', "-");
    KNOWN.iter().position(|known| {
        let rest = dashed.strip_prefix(known);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

fn collect(key: &str, node: &Node, values: &mut Vec<InspectedValue>) {
    match node {
        Node::Map(entries) => {
            for (name, node) in entries {
                collect(&format!("{key}.{name}"), node, values);
            }
        }
        Node::Leaf(leaf, _) if leaf.is_null() => {}
        Node::Leaf(leaf, source) => {
            values.push(InspectedValue {
                key: key.to_owned(),
                shown: shown(&key.replace('_', "-"), leaf),
                source: (**source).clone(),
                is_known: position(key).is_some(),
            });
        }
    }
}

/// Returns a value as it may be shown. Credentials, and values of unknown keys, may be secret.
fn shown(key: &str, leaf: &Leaf) -> String {
    let is_harmless = KNOWN.contains(&key)
        || key == "gateway.auth.kwargs.username"
        || key.starts_with("gateway.cluster.options.");
    if !is_harmless {
        return "set".to_owned();
    }
    match leaf.to_json() {
        Ok(Value::String(text)) => match text.rsplit_once('@') {
            // The text before it may hold a password, as in a proxy's URL.
            Some((before, host)) => {
                let scheme = before.split_once("://");
                let scheme = scheme.map_or_else(String::new, |(scheme, _)| format!("{scheme}://"));
                format!("{scheme}…@{host}")
            }
            None => text,
        },
        Ok(value) => value.to_string(),
        Err(kind) => format!("a {kind}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn possible_secrets_are_not_shown() {
        for (key, value, expected) in [
            ("gateway.auth.kwargs.api-token", json!("s3cret"), "set"),
            ("gateway.auth.kwargs.password", json!("s3cret"), "set"),
            ("gateway.auth.kwargs.keytab", json!("s3cret"), "set"),
            ("gateway.pasword", json!("s3cret"), "set"),
            ("gateway.auth.kwargs.username", json!("ada"), "ada"),
            ("gateway.address", json!("https://h"), "https://h"),
            (
                "gateway.address",
                json!("https://ada:s3cret@h"),
                "https://…@h",
            ),
            (
                "gateway.http-client.proxy",
                json!("ada:s3@cret@proxy:3128"),
                "…@proxy:3128",
            ),
            ("gateway.http-client.proxy", json!(true), "true"),
            ("gateway.cluster.options.worker-cores", json!(2), "2"),
        ] {
            assert_eq!(shown(key, &Leaf::Json(value)), expected, "{key}");
        }
    }
}
