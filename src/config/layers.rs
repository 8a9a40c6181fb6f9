//! The layers of the configuration: the `gateway:` sections of the files, and that of the environment.

use std::path::{Path, PathBuf};

use super::address::Address;
use super::environment::Environment;
use super::error::Error;
use super::node::{Node, Source};
use super::value_reader::ValueReader;
use super::{find, read};

/// The `gateway:` section of a file, or of the environment.
pub(super) struct Layer {
    /// The file; none for the environment.
    pub(super) file: Option<PathBuf>,
    pub(super) section: Node,
}

/// The layers, the oldest first. Later ones win, the environment last.
pub(super) struct Layers(Vec<Layer>);

impl Layers {
    /// Layers of `files`, of which later ones win, and of the environment, which wins over all.
    pub(super) fn new(mut files: Vec<Layer>, environment: Node) -> Self {
        files.push(Layer {
            file: None,
            section: environment,
        });
        Self(files)
    }

    /// Reads all files and variables that count. `file` replaces the user's files.
    ///
    /// # Errors
    /// Fails if a file is refused or malformed, or if a variable is.
    pub(super) fn read(environment: &Environment, file: Option<&Path>) -> Result<Self, Error> {
        if let Some(name) = environment.undecodable_setting() {
            return Err(Error::VariableNotText(name.to_owned()));
        }
        find::check_exists(file)?;
        let mut files = Vec::new();
        for candidate in find::candidates(environment, file) {
            if let Some(section) = read::gateway_section(&candidate)? {
                log::info!("configuration: {}", candidate.path.display());
                files.push(Layer {
                    file: Some(candidate.path),
                    section,
                });
            }
        }
        Ok(Self::new(files, environment.gateway_section()?))
    }

    /// Merges all layers, as `dask.config.collect` does.
    pub(super) fn merged(&self) -> Node {
        merge(&self.0)
    }

    /// Merges the files' layers.
    pub(super) fn merged_files(&self) -> Node {
        let files = self.0.iter().filter(|layer| layer.file.is_some());
        merge(files)
    }

    /// Returns the address that a value set by `source` is for: the address in effect in its layer,
    /// or, if there is none yet, in the first later layer with one.
    pub(super) fn address_for(
        &self,
        source: &Source,
        environment: &Environment,
    ) -> Option<Address> {
        let end = self.0.len();
        (self.position(source)..end)
            .map(|last| merge(&self.0[..=last]))
            .find(|tree| tree.get_set("gateway.address").is_some())
            .and_then(|tree| {
                let tree = &tree;
                ValueReader { tree, environment }.address().ok()
            })
    }

    /// Returns the index of the layer that `source` belongs to.
    fn position(&self, source: &Source) -> usize {
        let file = match source {
            Source::File(path) => Some(path),
            Source::Variable(_) => None,
        };
        let mut layers = self.0.iter();
        let position = layers.rposition(|layer| layer.file.as_ref() == file);
        position.unwrap_or(self.0.len())
    }
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
