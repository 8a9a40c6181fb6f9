//! The layers of the configuration: the `gateway:` sections of the files, and that of the environment.

use std::path::{Path, PathBuf};

use super::address::Address;
use super::environment::Environment;
use super::error::Error;
use super::guard::Untrusted;
use super::node::{Node, Source};
use super::selection::ConfigSelection;
use super::value_reader::{SECRETS, ValueReader};
use super::{find, read, template};

/// The `gateway:` section of a file, or of the environment.
#[derive(Clone)]
pub(super) struct Layer {
    /// The file; none for the environment.
    pub(super) file: Option<PathBuf>,
    /// Who else than the user and root can change the file.
    pub(super) untrusted: Option<Untrusted>,
    pub(super) section: Node,
}

/// Keys that decide where credentials go.
const DESTINATIONS: [&str; 4] = [
    "gateway.address",
    "gateway.public-address",
    "gateway.proxy-address",
    HTTP_PROXY,
];
const HTTP_PROXY: &str = "gateway.http-client.proxy";

/// Returns what is the same for every gateway: this machine's network, and dgw's own settings.
fn about_every_gateway(section: &Node) -> Node {
    const KEPT: [(&str, &[&str]); 2] = [
        ("gateway.http-client", &["gateway", "http-client"]),
        ("dgw", &["dgw"]),
    ];
    let mut kept = Node::default();
    for (path, keys) in KEPT {
        if let Some(node) = section.get(path) {
            kept.set(keys, node.clone());
        }
    }
    kept
}

impl Layer {
    /// Refuses what others can have set as `key` in this layer.
    ///
    /// # Errors
    /// Somebody else can change the file.
    pub(super) fn check_trust(&self, key: &str) -> Result<(), Error> {
        match (&self.file, &self.untrusted) {
            (Some(file), Some(untrusted)) => Err(Error::Untrusted {
                key: key.to_owned(),
                file: file.clone(),
                path: untrusted.path.clone(),
                fault: untrusted.fault,
            }),
            _ => Ok(()),
        }
    }
}

/// The layers, the oldest first. Later ones win, the environment last.
pub(super) struct Layers {
    layers: Vec<Layer>,
    /// The file of the named gateway that was selected, if one was.
    gateway_file: Option<PathBuf>,
}

impl Layers {
    /// Layers of `files`, of which later ones win, and of the environment, which wins over all.
    pub(super) fn new(mut files: Vec<Layer>, environment: Node) -> Self {
        files.push(Layer {
            file: None,
            untrusted: None,
            section: environment,
        });
        Self {
            layers: files,
            gateway_file: None,
        }
    }

    /// Returns what counts of these layers for the named gateway of the file `gateway_file`, if one was
    /// selected: everything in that file, and what the others say about every gateway. All else in them
    /// belongs to the default gateway.
    pub(super) fn of_gateway(self, gateway_file: Option<PathBuf>) -> Self {
        let Self { mut layers, .. } = self;
        if gateway_file.is_some() {
            for layer in layers.iter_mut().filter(|layer| layer.file != gateway_file) {
                layer.section = about_every_gateway(&layer.section);
            }
        }
        Self {
            layers,
            gateway_file,
        }
    }

    /// Reads all files and variables that count.
    ///
    /// # Errors
    /// Fails if a file is refused or malformed, or if a variable is.
    pub(super) fn read(
        environment: &Environment,
        selection: &ConfigSelection,
    ) -> Result<Self, Error> {
        if let Some(name) = environment.undecodable_setting() {
            return Err(Error::VariableNotText(name.to_owned()));
        }
        selection.check_exists(environment)?;
        let mut files = Vec::new();
        for candidate in find::candidates(environment, selection)? {
            if let Some(layer) = read::layer(&candidate)? {
                log::info!("configuration: {}", candidate.path.display());
                files.push(layer);
            }
        }
        let layers = Self::new(files, environment.gateway_section()?);
        Ok(layers.of_gateway(selection.gateway_file(environment)?))
    }

    /// Returns these layers as they are with `section` in the user's file `path`, which may be new.
    pub(super) fn with_file(&self, path: &Path, section: Node) -> Self {
        let mut layers = self.layers.clone();
        let files = layers.len() - 1;
        let is_file = |layer: &Layer| layer.file.as_deref() == Some(path);
        if let Some(own) = layers.iter_mut().find(|layer| is_file(layer)) {
            own.section = section;
            return self.replaced_by(layers);
        }
        // Files of one directory are sorted; no other comes after it.
        let is_later = |layer: &Layer| {
            let file = layer.file.as_deref();
            file.is_some_and(|file| file.parent() == path.parent() && file > path)
        };
        let at = layers.iter().position(is_later).unwrap_or(files);
        let layer = Layer {
            file: Some(path.to_owned()),
            untrusted: None,
            section,
        };
        layers.insert(at, layer);
        self.replaced_by(layers)
    }

    fn replaced_by(&self, layers: Vec<Layer>) -> Self {
        Self {
            layers,
            gateway_file: self.gateway_file.clone(),
        }
    }

    /// Returns true if a named gateway was selected.
    pub(super) fn are_of_named_gateway(&self) -> bool {
        self.gateway_file.is_some()
    }

    /// Merges all layers, as `dask.config.collect` does.
    pub(super) fn merged(&self) -> Node {
        merge(&self.layers)
    }

    /// Merges the files' layers.
    pub(super) fn merged_files(&self) -> Node {
        let files = self.layers.iter().filter(|layer| layer.file.is_some());
        merge(files)
    }

    /// Returns the address that a value set by `source` is for: the address in effect in its layer,
    /// or, if there is none yet, in the first later layer with one.
    pub(super) fn address_for(
        &self,
        source: &Source,
        environment: &Environment,
    ) -> Option<Address> {
        let end = self.layers.len();
        (self.position(source)..end)
            .map(|last| merge(&self.layers[..=last]))
            .find(|tree| tree.get_set("gateway.address").is_some())
            .and_then(|tree| {
                let tree = &tree;
                ValueReader { tree, environment }.address().ok()
            })
    }

    /// Returns the names of the environment variables that secrets of any layer are made of.
    pub(super) fn secret_fields(&self) -> Vec<String> {
        let sections = self.layers.iter().map(|layer| &layer.section);
        sections.flat_map(secret_fields).collect()
    }

    /// Refuses to send a secret that `secret` set, or that was typed, where a file says that others can
    /// change.
    ///
    /// # Errors
    /// Such a file sets the address, or another key that decides where the secret goes.
    pub(super) fn check_destinations(&self, secret: Option<&Source>) -> Result<(), Error> {
        DESTINATIONS
            .iter()
            .try_for_each(|key| self.check_destination(key, secret))
    }

    /// Refuses a proxy that a file sets which others can change.
    ///
    /// # Errors
    /// Such a file sets the HTTP proxy.
    pub(super) fn check_http_proxy(&self) -> Result<(), Error> {
        self.check_destination(HTTP_PROXY, None)
    }

    fn check_destination(&self, key: &str, secret: Option<&Source>) -> Result<(), Error> {
        match self.merged().get_set(key) {
            Some(Node::Leaf(leaf, source))
                if leaf.as_text().is_some() && secret != Some(&**source) =>
            {
                let layer = self.layers.get(self.position(source));
                layer.map_or(Ok(()), |layer| layer.check_trust(key))
            }
            _ => Ok(()),
        }
    }

    /// Returns the index of the layer that `source` belongs to.
    fn position(&self, source: &Source) -> usize {
        let file = match source {
            Source::File(path) => Some(path),
            Source::Variable(_) => None,
        };
        let mut layers = self.layers.iter();
        let position = layers.rposition(|layer| layer.file.as_ref() == file);
        position.unwrap_or(self.layers.len())
    }
}

/// Returns the names of the environment variables that the secrets in `section` are made of.
pub(super) fn secret_fields(section: &Node) -> Vec<String> {
    let secrets = SECRETS.iter().filter_map(|key| section.get(key));
    let fields = secrets.flat_map(|node| match node {
        Node::Leaf(leaf, _) => leaf.as_text().map(template::fields).unwrap_or_default(),
        Node::Map(_) => Vec::new(),
    });
    fields.collect()
}

fn merge<'a>(layers: impl IntoIterator<Item = &'a Layer, IntoIter: DoubleEndedIterator>) -> Node {
    let mut layers = layers.into_iter().rev();
    let mut merged = layers
        .next()
        .map_or_else(Node::default, |newest| newest.section.clone());
    for layer in layers {
        merged.merge_older(layer.section.clone());
    }
    merged
}

#[cfg(test)]
mod tests;
