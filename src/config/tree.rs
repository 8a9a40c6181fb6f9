//! The merged configuration: nested keys, each value with where it came from.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

/// Where a value was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    File(PathBuf),
    Variable(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// A level of the configuration.
#[derive(Clone)]
pub(super) enum Node {
    Map(Vec<(String, Node)>),
    Leaf(Value, Arc<Source>),
}

/// Nested configuration, merged as `dask.config.collect` merges. It may hold secrets, so it has no
/// `Debug`.
#[derive(Clone)]
pub(super) struct Tree(Node);

impl Default for Tree {
    fn default() -> Self {
        Self(Node::Map(Vec::new()))
    }
}

impl Tree {
    pub(super) fn new(root: Node) -> Self {
        Self(root)
    }

    /// Lays `newer` over this tree: mappings merge, and are never replaced by anything less.
    pub(super) fn merge(&mut self, newer: Self) {
        self.0.merge(newer.0);
    }

    /// The node at `path`, whose keys may be spelled with `-` or `_`.
    pub(super) fn get(&self, path: &str) -> Option<&Node> {
        path.split('.').try_fold(&self.0, |node, key| match node {
            Node::Map(entries) => Some(&entries[position(entries, key)?].1),
            Node::Leaf(..) => None,
        })
    }
}

impl Node {
    /// The node for a parsed value; mappings become levels, everything else a leaf.
    pub(super) fn from_value(value: Value, source: &Arc<Source>) -> Self {
        match value {
            Value::Object(entries) => Self::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| (key, Self::from_value(value, source)))
                    .collect(),
            ),
            value => Self::Leaf(value, Arc::clone(source)),
        }
    }

    /// The plain value again, without its sources.
    pub(super) fn to_value(&self) -> Value {
        match self {
            Self::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, node)| (key.clone(), node.to_value()))
                    .collect::<Map<_, _>>(),
            ),
            Self::Leaf(value, _) => value.clone(),
        }
    }

    /// Where the value was set; of a mapping, its first value.
    pub(super) fn source(&self) -> Option<&Source> {
        match self {
            Self::Map(entries) => entries.iter().find_map(|(_, node)| node.source()),
            Self::Leaf(_, source) => Some(source),
        }
    }

    fn merge(&mut self, newer: Self) {
        match (self, newer) {
            (Self::Map(entries), Self::Map(newer)) => {
                for (key, node) in newer {
                    match position(entries, &key) {
                        Some(at) => {
                            entries[at].0 = key;
                            entries[at].1.merge(node);
                        }
                        None => entries.push((key, node)),
                    }
                }
            }
            // Not so in older releases; 2026.8 lets a mapping below win over a null above.
            (Self::Map(_), Self::Leaf(..)) => {}
            (old @ Self::Leaf(..), newer) => *old = newer,
        }
    }
}

/// Where `key` stands in `entries`. As in `dask.config.canonical_name`, the exact spelling wins,
/// then the one with `-` for `_` or the other way round.
fn position(entries: &[(String, Node)], key: &str) -> Option<usize> {
    let find = |wanted: &str| entries.iter().position(|(key, _)| key == wanted);
    find(key).or_else(|| {
        find(&if key.contains('_') {
            key.replace('_', "-")
        } else {
            key.replace('-', "_")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tree(value: Value) -> Tree {
        let source = Arc::new(Source::Variable("TEST".to_owned()));
        Tree::new(Node::from_value(value, &source))
    }

    fn merged(older: Value, newer: Value) -> Value {
        let mut tree_ = tree(older);
        tree_.merge(tree(newer));
        tree_.0.to_value()
    }

    #[test]
    fn mappings_merge_and_the_newer_value_wins() {
        assert_eq!(
            merged(
                json!({"a": {"x": 1, "y": 2}, "b": 1}),
                json!({"a": {"y": 3}})
            ),
            json!({"a": {"x": 1, "y": 3}, "b": 1})
        );
    }

    #[test]
    fn a_key_has_the_newest_spelling() {
        assert_eq!(
            merged(json!({"proxy-address": 1}), json!({"proxy_address": 2})),
            json!({"proxy_address": 2})
        );
    }

    #[test]
    fn a_mapping_wins_over_what_is_none() {
        assert_eq!(
            merged(json!({"a": null}), json!({"a": {"x": 1}})),
            json!({"a": {"x": 1}})
        );
        assert_eq!(
            merged(json!({"a": {"x": 1}}), json!({"a": null})),
            json!({"a": {"x": 1}})
        );
    }
}
