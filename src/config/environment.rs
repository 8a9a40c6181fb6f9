//! The environment variables, read once.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;

use super::literal;
use super::settings::{Credentials, HttpProxy, Settings};
use super::tree::{Node, Source, Tree};

/// A snapshot of the process's environment. It may hold secrets, so it has no `Debug`.
#[derive(Default)]
pub(crate) struct Environment {
    variables: BTreeMap<String, String>,
    /// Names of variables whose value isn't UTF-8.
    garbled: Vec<String>,
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
                Ok(value) => {
                    environment.variables.insert(name, value);
                }
                Err(_) => environment.garbled.push(name),
            }
        }
        environment
    }

    /// The value of a variable, if it is set.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// A variable of dask's that is set, to what can't be read.
    pub(super) fn garbled_setting(&self) -> Option<&str> {
        let mut names = self.garbled.iter().map(String::as_str);
        names.find(|name| name.starts_with("DASK_") || *name == "JUPYTERHUB_API_TOKEN")
    }

    /// What the `DASK_GATEWAY__…` variables set, as `dask.config.collect_env` reads them: lower
    /// case, `__` between levels, the value a Python literal where it is one.
    pub(super) fn gateway_section(&self) -> Tree {
        let mut tree = Tree::default();
        for (name, value) in &self.variables {
            let Some(path) = name.strip_prefix("DASK_") else {
                continue;
            };
            let path = path.to_lowercase();
            let mut keys = path.split("__").collect::<Vec<_>>();
            if keys.len() < 2 || keys[0] != "gateway" {
                continue;
            }
            let source = Arc::new(Source::Variable(name.clone()));
            let mut node = Node::from_value(literal::interpret(value), &source);
            while let Some(key) = keys.pop() {
                node = Node::Map(vec![(key.to_owned(), node)]);
            }
            tree.merge(Tree::new(node));
        }
        tree
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(variables: T) -> Self {
        Self {
            variables: variables.into_iter().collect(),
            garbled: Vec::new(),
        }
    }
}

/// A secret as long as this is looked for within values, too: a shorter one might be found anywhere.
const TELLING: usize = 8;

/// The names of this process's variables that hold the user's credentials for the gateway, or may:
/// nothing for the programs that dgw starts. By what they are called, and by what they hold, as where
/// the configuration has a `{NAME}` in the place of the token.
pub(crate) fn secret_variables(settings: &Settings) -> Vec<OsString> {
    let mut secrets = match &settings.credentials {
        Credentials::Basic { password, .. } => vec![password.expose()],
        Credentials::JupyterHub { token } => vec![token.expose()],
    };
    if let HttpProxy::Url(url) = &settings.http_proxy {
        secrets.push(url.expose());
    }
    secrets.retain(|secret| !secret.is_empty());
    let holds = |value: &str| {
        secrets
            .iter()
            .any(|secret| value == *secret || (secret.len() >= TELLING && value.contains(secret)))
    };
    std::env::vars_os()
        .filter(|(name, value)| {
            name.to_str().is_some_and(is_for_secrets) || holds(&value.to_string_lossy())
        })
        .map(|(name, _)| name)
        .collect()
}

/// Whether a variable of this name may hold a token or a password: JupyterHub's, those that set
/// them for dask, and the one by which dask hands its whole configuration to the processes it starts.
fn is_for_secrets(name: &str) -> bool {
    let plain = name.to_uppercase().replace('-', "_");
    ["JUPYTERHUB_API_TOKEN", "DASK_INTERNAL_INHERIT_CONFIG"].contains(&name)
        || ["DASK_GATEWAY", "DASK_GATEWAY__HTTP_CLIENT"].contains(&plain.as_str())
        || plain.starts_with("DASK_GATEWAY__AUTH")
        || plain.starts_with("DASK_GATEWAY__HTTP_CLIENT__PROXY")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sets_a_secret_is_known_by_its_name() {
        for name in [
            "JUPYTERHUB_API_TOKEN",
            "DASK_GATEWAY__AUTH__KWARGS__API_TOKEN",
            "DASK_gateway__auth__kwargs__password",
            "DASK_GATEWAY__AUTH",
            "DASK_GATEWAY__HTTP-CLIENT__PROXY",
            "DASK_INTERNAL_INHERIT_CONFIG",
        ] {
            assert!(is_for_secrets(name), "{name}");
        }
        for name in ["DASK_GATEWAY__ADDRESS", "DASK_CONFIG", "HTTP_PROXY", "PATH"] {
            assert!(!is_for_secrets(name), "{name}");
        }
    }
}
