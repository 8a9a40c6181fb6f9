//! The environment variables, read once.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::literal;
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
