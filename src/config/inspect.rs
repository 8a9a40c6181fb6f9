//! The configuration with everything that is wrong with it, for `dgw doctor`.

use std::path::PathBuf;

use serde_json::Value;

use super::address::Address;
use super::credentials::is_word;
use super::environment::Environment;
use super::error::Error;
use super::find::{self, Candidate, Owner};
use super::http_proxy::HttpProxy;
use super::layers::{Layer, Layers};
use super::leaf::Leaf;
use super::load::load;
use super::node::{Node, SECTIONS, Source};
use super::read;
use super::selection::ConfigSelection;
use super::settings::Settings;
use super::template;
use super::value_reader::{DEFAULT_WORKERS, ValueReader};
use crate::private::permissions;

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

/// Inspects the configuration. `selection` and `address` are those of [`load`].
pub(crate) fn inspect(
    environment: &Environment,
    selection: &ConfigSelection,
    address: Option<&str>,
) -> Inspection {
    let mut fault = selection.check_exists(environment).err();
    let gateway_file = selection.gateway_file(environment).ok().flatten();
    if let Some(name) = environment.undecodable_setting() {
        fault = fault.or(Some(Error::VariableNotText(name.to_owned())));
    }
    let (mut layers, mut fillable) = (Vec::new(), Vec::new());
    let candidates = find::candidates(environment, selection).unwrap_or_else(|error| {
        fault.get_or_insert(error);
        Vec::new()
    });
    let inspected = candidates.into_iter().map(|candidate| {
        let (file, is_trusted) = inspected(&candidate);
        if let Some(section) = read::untrusted_section(&candidate) {
            let layer = |section| Layer {
                file: Some(candidate.path.clone()),
                // No secret is sent to what is inspected.
                untrusted: None,
                section,
            };
            layers.push(layer(section.clone()));
            // Text that others may have written must not get the value of any variable.
            fillable.push(layer(if is_trusted {
                section
            } else {
                template::without_templates(section)
            }));
        }
        file
    });
    let files = inspected.collect();
    let of_environment = environment.gateway_section().unwrap_or_else(|error| {
        fault.get_or_insert(error);
        Node::default()
    });
    let merged = |layers, of_environment| {
        let layers = Layers::new(layers, of_environment);
        layers.of_gateway(gateway_file.clone()).merged()
    };
    let tree = merged(layers, of_environment.clone());
    let reader = ValueReader {
        tree: &merged(fillable, of_environment),
        environment,
    };
    let inspected_address = match address {
        Some(text) => Address::parse(text).map_err(Error::AddressFlag),
        None => reader.address(),
    };
    let mut value_faults = Vec::new();
    let mut note = |fault: Option<Error>| value_faults.extend(fault);
    if let Ok(address) = &inspected_address {
        note(reader.scheduler_proxy(address).err());
        note(reader.text("gateway.public-address").err());
    }
    note(reader.credentials().err());
    note(reader.cluster_options().err());
    note(reader.default_workers().err());
    let http_proxy = reader.http_proxy().unwrap_or_else(|error| {
        note(Some(error));
        HttpProxy::Direct
    });
    let settings = load(environment, selection, address);
    if let Err(Error::Untrusted { .. }) = &settings {
        note(load(environment, selection, address).err());
    }
    Inspection {
        files,
        fault,
        values: values(&tree, environment, selection),
        value_faults,
        address: inspected_address,
        http_proxy,
        settings,
    }
}

/// Inspects a file. Also returns true if it is accepted and nobody else can change it.
fn inspected(candidate: &Candidate) -> (InspectedFile, bool) {
    let layer = read::layer(candidate);
    let is_trusted = matches!(&layer, Ok(Some(layer)) if layer.untrusted.is_none());
    let has_section = match layer {
        Ok(layer) => Ok(layer.is_some()),
        // Only what it decides is refused; the settings' error says so.
        Err(Error::Untrusted { .. }) => Ok(true),
        Err(error) => Err(error),
    };
    let stat = rustix::fs::stat(&candidate.path);
    let file = InspectedFile {
        path: candidate.path.clone(),
        is_site: candidate.owner == Owner::Site,
        mode: stat.ok().map(|stat| permissions(stat.st_mode)),
        has_section,
    };
    (file, is_trusted)
}

/// The keys of dask-gateway's own defaults (its `gateway.yaml`), and dgw's; keys below them are known,
/// too.
const KNOWN: [&str; 8] = [
    "gateway.address",
    "gateway.public-address",
    "gateway.proxy-address",
    "gateway.auth.type",
    "gateway.auth.kwargs",
    "gateway.http-client.proxy",
    "gateway.cluster.options",
    DEFAULT_WORKERS,
];

/// Returns every value that isn't null, in the order of dask-gateway's own defaults.
fn values(
    tree: &Node,
    environment: &Environment,
    selection: &ConfigSelection,
) -> Vec<InspectedValue> {
    let mut values = Vec::new();
    for name in SECTIONS {
        if let Some(section) = tree.get(name) {
            collect(name, section, &mut values);
        }
    }
    let is_set = |key: &str| values.iter().any(|value| value.key == key);
    let token = "gateway.auth.kwargs.api_token";
    let variable = "JUPYTERHUB_API_TOKEN";
    let has_hub_token = environment.get(variable).is_some() && selection.gateway().is_none();
    let reader = ValueReader { tree, environment };
    let kind = reader.text("gateway.auth.type").ok().flatten();
    if kind.as_deref() == Some("jupyterhub") && has_hub_token && !is_set(token) {
        values.push(InspectedValue {
            key: token.to_owned(),
            shown: "set".to_owned(),
            source: Source::Variable(variable.to_owned()),
            is_known: true,
        });
    }
    for secret in reader.secrets() {
        for value in &mut values {
            value.shown = value.shown.replace(&secret, "…");
        }
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

/// Returns a value as it may be shown: only if it has the form that its key expects, because a secret
/// may stand in the wrong place, and without the parts that may hold a secret. `set` otherwise.
fn shown(key: &str, leaf: &Leaf) -> String {
    let text = leaf.as_text();
    let shown = match key {
        "gateway.address" | "gateway.public-address" => text.and_then(shown_url),
        "gateway.proxy-address" => match leaf.as_integer() {
            Some(port) => Some(port.to_string()),
            None => text.and_then(shown_url),
        },
        "gateway.http-client.proxy" => match leaf {
            Leaf::Json(value @ Value::Bool(_)) => Some(value.to_string()),
            _ => text.and_then(shown_url),
        },
        "gateway.auth.type" => text.filter(|text| is_word(text)).map(str::to_owned),
        "gateway.auth.kwargs.username" => text.map(str::to_owned),
        _ => key
            .strip_prefix("gateway.cluster.options.")
            .filter(|option| !option.contains('.'))
            .and_then(|_| match leaf.to_json() {
                Ok(Value::String(text)) => Some(text),
                // A list may hold mappings, whose values may be secrets.
                Ok(Value::Array(_) | Value::Object(_)) => None,
                Ok(value) => Some(value.to_string()),
                Err(kind) => Some(format!("a {kind}")),
            }),
    };
    shown.unwrap_or_else(|| "set".to_owned())
}

/// Returns an address without user name, password, query and fragment; `None` for text that is none.
fn shown_url(text: &str) -> Option<String> {
    let (url, rest) = text.split_at(text.find(['?', '#']).unwrap_or(text.len()));
    let (scheme, place) = match url.find("://") {
        Some(at) => url.split_at(at + 3),
        None => ("", url),
    };
    let (user, place) = match place.rsplit_once('@') {
        Some((_, place)) => ("…@", place),
        None => ("", place),
    };
    let authority = place.split('/').next().unwrap_or_default();
    let has_port = |(_, port): (&str, &str)| {
        port.contains(['{', ']']) || port.bytes().all(|b| b.is_ascii_digit())
    };
    // Without an `@`, a user name and a password look almost like a host and a port.
    let is_address = match authority.rsplit_once(':') {
        Some(parts) => has_port(parts),
        None => !scheme.is_empty() || place.starts_with('/'),
    };
    let rest = if rest.is_empty() { "" } else { "…" };
    is_address.then(|| format!("{scheme}{user}{place}{rest}"))
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
            ("gateway.http-client.proxy", json!(["ada:s3cret"]), "set"),
            ("gateway.http-client.proxy", json!("ada:s3cret"), "set"),
            (
                "gateway.http-client.proxy",
                json!("http://ada:s3cret"),
                "set",
            ),
            (
                "gateway.http-client.proxy",
                json!("http://[::1]:3128"),
                "http://[::1]:3128",
            ),
            ("gateway.address", json!("s3cret"), "set"),
            ("gateway.address", json!(["s3cret"]), "set"),
            ("gateway.address", json!(5_432_100), "set"),
            (
                "gateway.address",
                json!("https://{HUB}:{PORT}/x"),
                "https://{HUB}:{PORT}/x",
            ),
            (
                "gateway.address",
                json!("https://h/x?token=s3cret"),
                "https://h/x…",
            ),
            (
                "gateway.address",
                json!("https://h/x#s3cret"),
                "https://h/x…",
            ),
            (
                "gateway.public-address",
                json!("/services/x/"),
                "/services/x/",
            ),
            ("gateway.proxy-address", json!(8786), "8786"),
            (
                "gateway.proxy-address",
                json!("tls://h:8786"),
                "tls://h:8786",
            ),
            ("gateway.proxy-address", json!("s3cret"), "set"),
            ("gateway.auth.type", json!("jupyterhub"), "jupyterhub"),
            ("gateway.auth.type", json!("s3cret"), "set"),
            ("gateway.auth.kwargs.username", json!(["s3cret"]), "set"),
            ("gateway.cluster.options.worker-cores", json!(2), "2"),
            (
                "gateway.cluster.options.worker-setup",
                json!("source env"),
                "source env",
            ),
            (
                "gateway.cluster.options.environment.KEY",
                json!("s3cret"),
                "set",
            ),
            (
                "gateway.cluster.options.environment",
                json!([{"KEY": "s3cret"}]),
                "set",
            ),
        ] {
            assert_eq!(shown(key, &Leaf::Json(value)), expected, "{key}");
        }
    }
}
