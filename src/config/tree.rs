//! The merged configuration: nested keys, each value with where it came from.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::plain::Plain;
use super::template;

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
    /// Never a mapping.
    Leaf(Plain, Arc<Source>),
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

    /// Lays `older` under this tree: what is here already stays, unless it is a single value
    /// where `older` has a mapping (`dask.config.update` with the priority `old`, which is how
    /// `collect` goes through the files, the last one first).
    pub(super) fn lay_under(&mut self, older: Self) {
        self.0.lay_under(older.0);
    }

    /// Sets the value at `keys`, in place of whatever is there (`dask.config.set`).
    pub(super) fn set(&mut self, keys: &[&str], value: Node) {
        self.0.set(keys, value);
    }

    /// The node at `path`, whose keys may be spelled with `-` or `_`.
    pub(super) fn get(&self, path: &str) -> Option<&Node> {
        path.split('.').try_fold(&self.0, |node, key| match node {
            Node::Map(entries) => Some(&entries[position(entries, key)?].1),
            Node::Leaf(..) => None,
        })
    }

    /// The same, with every text meant literally: it stands for no variable of the environment.
    pub(super) fn literal(self) -> Self {
        Self(self.0.literal())
    }

    /// Without anything but what is below the key `name`.
    pub(super) fn only(self, name: &str) -> Option<Self> {
        let Node::Map(entries) = self.0 else {
            return None;
        };
        let section = entries.into_iter().find(|(key, _)| key == name)?;
        Some(Self(Node::Map(vec![section])))
    }
}

impl Node {
    /// The node for a value; mappings become levels, everything else a leaf.
    pub(super) fn new(value: Plain, source: &Arc<Source>) -> Self {
        match value {
            Plain::Map(entries) => Self::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| (key, Self::new(value, source)))
                    .collect(),
            ),
            value => Self::Leaf(value, Arc::clone(source)),
        }
    }

    /// The plain value again, without its sources.
    ///
    /// # Errors
    /// A value in it that JSON has no word for: which kind, and where it was set.
    pub(super) fn to_json(&self) -> Result<Value, (&'static str, &Source)> {
        match self {
            Self::Map(entries) => Ok(Value::Object(
                entries
                    .iter()
                    .map(|(key, node)| node.to_json().map(|value| (key.clone(), value)))
                    .collect::<Result<Map<_, _>, _>>()?,
            )),
            Self::Leaf(value, source) => value.to_json().map_err(|kind| (kind, &**source)),
        }
    }

    /// Where the value was set; of a mapping, its first value.
    pub(super) fn source(&self) -> Option<&Source> {
        match self {
            Self::Map(entries) => entries.iter().find_map(|(_, node)| node.source()),
            Self::Leaf(_, source) => Some(source),
        }
    }

    fn literal(self) -> Self {
        match self {
            Self::Map(entries) => {
                let entries = entries.into_iter();
                let entries = entries.map(|(key, node)| (key, node.literal()));
                Self::Map(entries.collect())
            }
            Self::Leaf(Plain::Text(text), source) => {
                Self::Leaf(Plain::Text(template::escaped(&text)), source)
            }
            leaf @ Self::Leaf(..) => leaf,
        }
    }

    fn lay_under(&mut self, older: Self) {
        let Self::Map(older) = older else {
            return;
        };
        if let Self::Leaf(..) = self {
            *self = Self::Map(Vec::new());
        }
        let Self::Map(entries) = self else {
            return;
        };
        // One by one even into an empty mapping: `older` may have both spellings of a key.
        for (key, node) in older {
            match position(entries, &key) {
                Some(at) => entries[at].1.lay_under(node),
                None if matches!(node, Self::Map(_)) => {
                    let mut level = Self::Map(Vec::new());
                    level.lay_under(node);
                    entries.push((key, level));
                }
                None => entries.push((key, node)),
            }
        }
    }

    fn set(&mut self, keys: &[&str], value: Self) {
        let Some((key, below)) = keys.split_first() else {
            *self = value;
            return;
        };
        if let Self::Leaf(..) = self {
            *self = Self::Map(Vec::new());
        }
        let Self::Map(entries) = self else {
            return;
        };
        let at = position(entries, key).unwrap_or_else(|| {
            entries.push(((*key).to_owned(), Self::Map(Vec::new())));
            entries.len() - 1
        });
        entries[at].1.set(below, value);
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
        Tree::new(Node::new(value.into(), &source))
    }

    fn merged(older: Value, newer: Value) -> Value {
        let mut merged = tree(newer);
        merged.lay_under(tree(older));
        merged.0.to_json().expect("plain values")
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
    fn of_two_spellings_in_one_place_the_first_counts() {
        assert_eq!(
            merged(json!({"a": {"x-y": 1, "x_y": 2}}), json!({})),
            json!({"a": {"x-y": 1}})
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
        assert_eq!(
            merged(json!({"a": {"x": 1}}), json!({"a": "text"})),
            json!({"a": {"x": 1}})
        );
    }

    #[test]
    fn what_is_set_replaces_what_was_there() {
        let mut tree = tree(json!({"a-b": {"x": 1}}));
        let source = Arc::new(Source::Variable("TEST".to_owned()));
        let one = || Node::new(json!({"z": 1}).into(), &source);
        tree.set(&["a_b"], one());
        tree.set(&["c", "d"], one());
        let expected = json!({"a-b": {"z": 1}, "c": {"d": {"z": 1}}});
        assert_eq!(tree.0.to_json().expect("plain values"), expected);
    }
}
