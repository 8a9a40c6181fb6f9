//! The environment variables, read once.

use std::ffi::{OsStr, OsString};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use serde_json::Value;

use super::tree::{Node, Source, Tree};
use super::{Error, literal, plain};

/// A snapshot of the process's environment. It may hold secrets, so it has no `Debug`.
#[derive(Default)]
pub(crate) struct Environment {
    /// In the order they came in, which decides between two spellings of one key.
    variables: Vec<(String, String)>,
    /// Those whose value isn't UTF-8.
    garbled: Vec<(String, OsString)>,
}

impl Environment {
    /// The variables that this process was given.
    pub(crate) fn of_process() -> Self {
        let mut environment = Self::default();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else {
                continue;
            };
            match value.into_string() {
                Ok(value) => environment.variables.push((name, value)),
                Err(value) => environment.garbled.push((name, value)),
            }
        }
        environment
    }

    /// The value of a variable, if it is set.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut variables = self.variables.iter();
        let (_, value) = variables.find(|(there, _)| there == name)?;
        Some(value)
    }

    /// The same, whatever bytes it holds.
    pub(super) fn path(&self, name: &str) -> Option<&OsStr> {
        let mut garbled = self.garbled.iter();
        let garbled = || Some(garbled.find(|(there, _)| there == name)?.1.as_os_str());
        self.get(name).map(OsStr::new).or_else(garbled)
    }

    /// A variable of dask's that is set, to what can't be read.
    pub(super) fn garbled_setting(&self) -> Option<&str> {
        let mut names = self.garbled.iter().map(|(name, _)| name.as_str());
        names.find(|name| name.starts_with("DASK_") || *name == "JUPYTERHUB_API_TOKEN")
    }

    /// What the `DASK_GATEWAY__…` variables set, as `dask.config.collect_env` reads them: lower
    /// case, `__` or `.` between levels, the value a Python literal where it is one, and under all
    /// of them what a parent's dask hands down to its workers.
    ///
    /// # Errors
    /// What is handed down can't be read.
    pub(super) fn gateway_section(&self) -> Result<Tree, Error> {
        let mut tree = Tree::default();
        if let Some(inherited) = self.get(INHERITED) {
            let source = Arc::new(Source::Variable(INHERITED.to_owned()));
            let inherited =
                deserialized(inherited).ok_or_else(|| Error::Garbled(INHERITED.to_owned()))?;
            if let Some(section) = inherited.get("gateway") {
                tree.set(&["gateway"], Node::new(section.clone().into(), &source));
            }
        }
        let mut settings = Vec::new();
        for (name, value) in &self.variables {
            if let Some(path) = name.strip_prefix("DASK_") {
                let path = path.to_lowercase().replace("__", ".");
                plain::insert(&mut settings, path, (name, value));
            }
        }
        for (path, (name, value)) in settings {
            let keys = path.split('.').collect::<Vec<_>>();
            if keys[0] == "gateway" {
                let source = Arc::new(Source::Variable(name.clone()));
                tree.set(&keys, Node::new(literal::interpret(value), &source));
            }
        }
        Ok(tree)
    }
}

/// The name of the account that this process runs under, where no variable tells: in a container,
/// whose users are in its own `/etc/passwd`.
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

impl FromIterator<(String, String)> for Environment {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(variables: T) -> Self {
        Self {
            variables: variables.into_iter().collect(),
            garbled: Vec::new(),
        }
    }
}
