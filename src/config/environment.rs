//! The environment variables, read once.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::Value;

use super::error::Error;
use super::literal;
use super::node::{ENTRIES_LIMIT, Node, SECTIONS, Source, insert};

/// A snapshot of the process's environment. It may hold secrets, so it has no `Debug`.
pub(crate) struct Environment {
    /// In the order of the process, which decides between two spellings of one key.
    variables: Vec<(String, OsString)>,
}

impl Environment {
    /// Takes the variables of this process, except those whose name isn't UTF-8.
    pub(crate) fn from_process() -> Self {
        let variables = std::env::vars_os();
        let named = variables.filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
        Self {
            variables: named.collect(),
        }
    }

    /// Returns the value of a variable, if it is set to UTF-8 text.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.path(name)?.to_str()
    }

    /// Returns the value of a variable, if it is set, whatever its encoding.
    pub(super) fn path(&self, name: &str) -> Option<&OsStr> {
        let mut variables = self.variables.iter();
        let (_, value) = variables.find(|(existing, _)| existing == name)?;
        Some(value)
    }

    /// Returns the name of a variable that counts as configuration, and isn't UTF-8.
    pub(super) fn undecodable_setting(&self) -> Option<&str> {
        let undecodable = self
            .variables
            .iter()
            .filter(|(_, value)| value.to_str().is_none());
        let mut names = undecodable.map(|(name, _)| name.as_str());
        names.find(|name| name.starts_with("DASK_") || *name == "JUPYTERHUB_API_TOKEN")
    }

    /// Reads the `DASK_GATEWAY__…` and `DASK_DGW__…` variables as `dask.config.collect_env` does: lower case, `__` or
    /// `.` between levels, the value a Python literal if it is one. The configuration that a parent
    /// process's dask passes on lies under all of them.
    ///
    /// # Errors
    /// Fails if that configuration can't be decoded.
    pub(super) fn gateway_section(&self) -> Result<Node, Error> {
        let mut tree = Node::default();
        if let Some(inherited) = self.get(INHERITED) {
            let source = Arc::new(Source::Variable(INHERITED.to_owned()));
            let mut inherited =
                deserialized(inherited).ok_or(Error::VariableNotEncoded(INHERITED))?;
            for name in SECTIONS {
                let Some(section) = inherited.get_mut(name) else {
                    continue;
                };
                let section = Node::from_json(section.take(), &source);
                if section.is_too_large() {
                    return Err(Error::VariableTooLarge(INHERITED.to_owned()));
                }
                tree.set(&[name], section);
            }
        }
        let mut settings = Vec::new();
        for (name, value) in &self.variables {
            if let (Some(path), Some(value)) = (name.strip_prefix("DASK_"), value.to_str()) {
                let path = path.to_lowercase().replace("__", ".");
                let section = path.split('.').next().unwrap_or_default();
                if !SECTIONS.contains(&section) {
                    continue;
                }
                let is_too_large = path.len() > NAME_LIMIT
                    || path.split('.').count() > LEVELS_LIMIT
                    || value.len() > VALUE_LIMIT
                    || settings.len() >= ENTRIES_LIMIT;
                if is_too_large {
                    let shown = name.chars().take(SHOWN_LENGTH);
                    return Err(Error::VariableTooLarge(shown.collect()));
                }
                insert(&mut settings, path, (name, value));
            }
        }
        for (path, (name, value)) in settings {
            let keys = path.split('.').collect::<Vec<_>>();
            let source = Arc::new(Source::Variable(name.clone()));
            tree.set(&keys, literal::interpret(value, &source));
        }
        Ok(tree)
    }
}

/// Limits for a variable: more than any setting needs, and so little that none takes long to read.
const NAME_LIMIT: usize = 1024;
const LEVELS_LIMIT: usize = 16;
const VALUE_LIMIT: usize = 64 * 1024;

/// The length up to which a name is quoted in an error.
const SHOWN_LENGTH: usize = 64;

/// Returns the name of this process's account, for containers whose environment doesn't name it:
/// their accounts are in their own `/etc/passwd`.
pub(super) fn account() -> Option<String> {
    let id = rustix::process::getuid().as_raw().to_string();
    let accounts = std::fs::read_to_string("/etc/passwd").ok()?;
    accounts.lines().find_map(|line| {
        let fields = line.split(':').collect::<Vec<_>>();
        (fields.get(2) == Some(&id.as_str())).then(|| fields[0].to_owned())
    })
}

/// Set by dask itself for the processes it starts (`dask.config.serialize`).
const INHERITED: &str = "DASK_INTERNAL_INHERIT_CONFIG";

fn deserialized(text: &str) -> Option<Value> {
    let json = URL_SAFE.decode(text).ok()?;
    serde_json::from_slice(&json).ok()
}

#[cfg(any(test, fuzzing))]
impl FromIterator<(String, String)> for Environment {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(variables: T) -> Self {
        let variables = variables.into_iter();
        Self {
            variables: variables
                .map(|(name, value)| (name, value.into()))
                .collect(),
        }
    }
}
