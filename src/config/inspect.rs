//! The configuration as it is found, whatever is wrong with it, for whoever looks for the fault.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::address::Address;
use super::find::{self, Candidate, Owner};
use super::plain::Plain;
use super::tree::{Node, Source, Tree};
use super::typed::Reader;
use super::{Environment, Error, HttpProxy, Settings, load, read};

/// What there is, and what is wrong with each part of it.
#[derive(Debug)]
pub(crate) struct Inspection {
    pub(crate) files: Vec<InspectedFile>,
    /// What keeps files from being looked at, or a variable from being read.
    pub(crate) fault: Option<Error>,
    pub(crate) values: Vec<InspectedValue>,
    /// What is wrong with single values, but for the address.
    pub(crate) value_faults: Vec<Error>,
    /// Those below are of all files that could be read, refused ones too: enough to find out what
    /// is where, never enough to send a secret there.
    pub(crate) address: Result<Address, Error>,
    pub(crate) http_proxy: HttpProxy,
    /// What every other command gets: with it, secrets may be sent.
    pub(crate) settings: Result<Settings, Error>,
}

/// A file that may hold a `gateway:` section.
#[derive(Debug)]
pub(crate) struct InspectedFile {
    pub(crate) path: PathBuf,
    pub(crate) is_site: bool,
    /// Permission bits, where they can be had.
    pub(crate) mode: Option<u32>,
    /// Whether it has a `gateway:` section, or why it is refused.
    pub(crate) has_section: Result<bool, Error>,
}

/// A value that is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InspectedValue {
    pub(crate) key: String,
    /// The value; of a secret, that it is set.
    pub(crate) shown: String,
    pub(crate) source: Source,
    /// Whether dask-gateway has such a key.
    pub(crate) is_known: bool,
}

/// Reads what there is. `file` and `address` are as in [`load`].
pub(crate) fn inspect(
    environment: &Environment,
    file: Option<&Path>,
    address: Option<&str>,
) -> Inspection {
    let (candidates, mut fault) = match find::candidates(environment, file) {
        Ok(candidates) => (candidates, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    if let Some(name) = environment.garbled_setting() {
        fault = fault.or(Some(Error::Garbled(name.to_owned())));
    }
    let (mut sections, mut fit) = (Vec::new(), Vec::new());
    let inspected = candidates.iter().map(|candidate| {
        let file = inspected(candidate);
        if let Ok(Some(section)) = read::whatever_its_mode(candidate) {
            sections.push(section.clone());
            // Whoever else could have written the file must get nothing that the environment holds.
            let is_fit = file.has_section.is_ok();
            fit.push(if is_fit { section } else { section.literal() });
        }
        file
    });
    let files = inspected.collect();
    let own = environment.gateway_section().unwrap_or_else(|error| {
        fault.get_or_insert(error);
        Tree::default()
    });
    let tree = super::over(sections, own.clone());
    let reader = Reader {
        tree: &super::over(fit, own),
        environment,
    };
    let address_or_fault = match address {
        Some(text) => Address::parse(text).map_err(Error::Flag),
        None => reader.address(),
    };
    let address_or_fault =
        address_or_fault.map_err(|error| super::or_hidden(error, environment, file));
    let mut value_faults = Vec::new();
    let mut note = |fault: Option<Error>| value_faults.extend(fault);
    if let Ok(found) = &address_or_fault {
        note(reader.scheduler_proxy(found).err());
        note(reader.text("gateway.public-address").err());
    }
    note(reader.credentials().err());
    note(reader.cluster_options().err());
    let http_proxy = reader.http_proxy();
    let http_proxy = http_proxy.unwrap_or_else(|error| {
        note(Some(error));
        HttpProxy::Direct
    });
    Inspection {
        files,
        fault,
        values: values(&tree, environment),
        value_faults,
        address: address_or_fault,
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

/// The keys of dask-gateway's own defaults (its `gateway.yaml`), and what lies below them.
const KNOWN: [&str; 7] = [
    "gateway.address",
    "gateway.public-address",
    "gateway.proxy-address",
    "gateway.auth.type",
    "gateway.auth.kwargs",
    "gateway.http-client.proxy",
    "gateway.cluster.options",
];

/// Every value that is set to something, in the order of dask-gateway's own defaults.
fn values(tree: &Tree, environment: &Environment) -> Vec<InspectedValue> {
    let mut values = Vec::new();
    if let Some(section) = tree.get("gateway") {
        collect("gateway", section, &mut values);
    }
    let is_set = |key: &str| values.iter().any(|value| value.key == key);
    let token = "gateway.auth.kwargs.api_token";
    let variable = "JUPYTERHUB_API_TOKEN";
    let reader = Reader { tree, environment };
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
    values.sort_by_key(|value| place(&value.key).unwrap_or(KNOWN.len()));
    values
}

/// Where a key, or the one that it is below of, stands among those that are known.
fn place(key: &str) -> Option<usize> {
    // One spelling for both.
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
        Node::Leaf(Plain::Null, _) => {}
        Node::Leaf(value, source) => {
            values.push(InspectedValue {
                key: key.to_owned(),
                shown: shown(&key.replace('_', "-"), value),
                source: (**source).clone(),
                is_known: place(key).is_some(),
            });
        }
    }
}

/// A value as it may be shown. What credentials are made of, and what nobody knows the meaning of,
/// may be secret.
fn shown(key: &str, value: &Plain) -> String {
    let is_harmless = KNOWN.contains(&key)
        || key == "gateway.auth.kwargs.username"
        || key.starts_with("gateway.cluster.options.");
    match value {
        _ if !is_harmless => "set".to_owned(),
        // It may hold a password, as a proxy's does.
        Plain::Text(text) if text.contains('@') => match text.rsplit_once('@') {
            Some((before, host)) => {
                let scheme = before.split_once("://");
                let scheme = scheme.map_or_else(String::new, |(scheme, _)| format!("{scheme}://"));
                format!("{scheme}…@{host}")
            }
            None => "set".to_owned(),
        },
        Plain::Text(text) => text.clone(),
        value => match value.to_json() {
            Ok(value) => value.to_string(),
            Err(kind) => format!("a {kind}"),
        },
    }
}

impl Inspection {
    /// Where the user's defaults for a new cluster were set: the one of `name`.
    pub(crate) fn source_of(&self, name: &str) -> Option<&Source> {
        let values = self.values.iter();
        let mut values = values.filter(|value| value.key == name);
        values.next().map(|value| &value.source)
    }

    /// The user's defaults for a new cluster, as far as they can be used.
    pub(crate) fn cluster_options(&self) -> Map<String, Value> {
        let settings = self.settings.as_ref();
        settings.map_or_else(|_| Map::new(), |settings| settings.cluster_options.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_may_be_secret_is_not_shown() {
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
            assert_eq!(shown(key, &value.into()), expected, "{key}");
        }
    }
}
