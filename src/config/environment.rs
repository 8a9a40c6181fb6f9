//! The environment variables, read once.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::literal;
use super::tree::{Node, Source, Tree};

/// A snapshot of the process's environment. Variables that aren't UTF-8 are left out: none that
/// dask or dgw reads may be.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment(BTreeMap<String, String>);

impl Environment {
    pub(crate) fn of_process() -> Self {
        std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// What the `DASK_GATEWAY__…` variables set, as `dask.config.collect_env` reads them: lower
    /// case, `__` between levels, the value a Python literal where it is one.
    pub(super) fn gateway_section(&self) -> Tree {
        let mut tree = Tree::default();
        for (name, value) in &self.0 {
            let Some(path) = name.strip_prefix("DASK_") else {
                continue;
            };
            let path = path.to_lowercase();
            let mut keys = path.split("__").collect::<Vec<_>>();
            if keys.len() < 2 || keys[0] != "gateway" {
                continue;
            }
            let source = Arc::new(Source::Variable(name.clone()));
            let mut node = Node::Leaf(literal::interpret(value), source);
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
        Self(variables.into_iter().collect())
    }
}
