//! The configuration as nested keys, each value with where it was set.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::leaf::Leaf;

/// The sections of the configuration that dgw reads: dask-gateway's, and its own.
pub(super) const SECTIONS: [&str; 2] = ["gateway", "dgw"];

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

/// More entries than a mapping of a configuration has: each is compared with all others.
pub(super) const ENTRIES_LIMIT: usize = 1000;

/// A level of the configuration, or a value in it. It may hold secrets, so it has no `Debug`.
#[derive(Clone, PartialEq)]
pub(super) enum Node {
    Map(Vec<(String, Node)>),
    Leaf(Leaf, Arc<Source>),
}

impl Default for Node {
    fn default() -> Self {
        Self::Map(Vec::new())
    }
}

impl Node {
    /// The node for a JSON value.
    pub(super) fn from_json(value: Value, source: &Arc<Source>) -> Self {
        match value {
            Value::Object(entries) => {
                let entries = entries.into_iter();
                let nodes = entries.map(|(key, value)| (key, Self::from_json(value, source)));
                Self::Map(nodes.collect())
            }
            value => Self::Leaf(Leaf::Json(value), Arc::clone(source)),
        }
    }

    /// The node for a list. With an item that JSON can't express, neither can the list be.
    pub(super) fn list(items: &[Self], source: &Arc<Source>) -> Self {
        let items = items
            .iter()
            .map(|item| item.to_json().map_err(|(kind, _)| kind));
        let leaf = match items.collect::<Result<Vec<_>, _>>() {
            Ok(items) => Leaf::Json(items.into()),
            Err(kind) => Leaf::Unsupported(kind),
        };
        Self::Leaf(leaf, Arc::clone(source))
    }

    /// Converts the node to JSON.
    ///
    /// # Errors
    /// The kind of a value in it that JSON can't express, and where that was set.
    pub(super) fn to_json(&self) -> Result<Value, (&'static str, &Source)> {
        match self {
            Self::Map(entries) => {
                let entries = entries.iter();
                let values =
                    entries.map(|(key, node)| node.to_json().map(|value| (key.clone(), value)));
                values.collect::<Result<Map<_, _>, _>>().map(Value::Object)
            }
            Self::Leaf(leaf, source) => leaf.to_json().map_err(|kind| (kind, &**source)),
        }
    }

    /// Returns the node at `path`, whose keys may be spelled with `-` or `_`.
    pub(super) fn get(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |node, key| match node {
            Self::Map(entries) => Some(&entries[position(entries, key)?].1),
            Self::Leaf(..) => None,
        })
    }

    /// Returns the value at `path` if it is set to something other than null, with its source.
    pub(super) fn get_set(&self, path: &str) -> Option<&Self> {
        self.get(path)
            .filter(|node| !matches!(node, Self::Leaf(leaf, _) if leaf.is_null()))
    }

    /// Returns where the value was set; of a mapping, its first value.
    pub(super) fn source(&self) -> Option<&Source> {
        match self {
            Self::Map(entries) => entries.iter().find_map(|(_, node)| node.source()),
            Self::Leaf(_, source) => Some(source),
        }
    }

    /// Returns true if a mapping in it has too many entries.
    pub(super) fn is_too_large(&self) -> bool {
        match self {
            Self::Map(entries) => {
                entries.len() > ENTRIES_LIMIT || entries.iter().any(|(_, node)| node.is_too_large())
            }
            Self::Leaf(..) => false,
        }
    }

    /// Keeps only the [`SECTIONS`] of this document; `None` if there are none.
    pub(super) fn sections(self) -> Option<Self> {
        let Self::Map(mut entries) = self else {
            return None;
        };
        entries.retain(|(key, _)| SECTIONS.contains(&key.as_str()));
        (!entries.is_empty()).then_some(Self::Map(entries))
    }

    /// Adds what `older` has and this node does not. A value here stays, unless `older` has a
    /// mapping in its place (`dask.config.update` with the priority `old`, by which `collect`
    /// merges the files, the last one first).
    pub(super) fn merge_older(&mut self, older: Self) {
        let Self::Map(older) = older else {
            return;
        };
        if let Self::Leaf(..) = self {
            *self = Self::default();
        }
        let Self::Map(entries) = self else {
            return;
        };
        // One by one even into an empty mapping: `older` may have both spellings of a key.
        for (key, node) in older {
            match position(entries, &key) {
                Some(at) => entries[at].1.merge_older(node),
                None if matches!(node, Self::Map(_)) => {
                    let mut level = Self::default();
                    level.merge_older(node);
                    entries.push((key, level));
                }
                None => entries.push((key, node)),
            }
        }
    }

    /// Sets the value at `keys`, replacing what was there (`dask.config.set`).
    pub(super) fn set(&mut self, keys: &[&str], value: Self) {
        let Some((key, below)) = keys.split_first() else {
            *self = value;
            return;
        };
        if let Self::Leaf(..) = self {
            *self = Self::default();
        }
        let Self::Map(entries) = self else {
            return;
        };
        let at = position(entries, key).unwrap_or_else(|| {
            entries.push(((*key).to_owned(), Self::default()));
            entries.len() - 1
        });
        entries[at].1.set(below, value);
    }

    /// Removes the value at `keys`, if there is one.
    pub(super) fn remove(&mut self, keys: &[&str]) {
        let (Self::Map(entries), [key, below @ ..]) = (self, keys) else {
            return;
        };
        match position(entries, key) {
            Some(at) if below.is_empty() => drop(entries.remove(at)),
            Some(at) => entries[at].1.remove(below),
            None => {}
        }
    }
}

/// Sets `key` in `entries` as in a Python dict: the last value counts, in the first one's place.
pub(super) fn insert<T>(entries: &mut Vec<(String, T)>, key: String, value: T) {
    match entries.iter_mut().find(|(existing, _)| *existing == key) {
        Some(entry) => entry.1 = value,
        None => entries.push((key, value)),
    }
}

/// Returns the index of `key` in `entries`. As in `dask.config.canonical_name`, the exact spelling
/// wins, then the one with `-` for `_` or the other way round.
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

    fn node(value: Value) -> Node {
        let source = Arc::new(Source::Variable("TEST".to_owned()));
        Node::from_json(value, &source)
    }

    fn json_of(node: &Node) -> Value {
        node.to_json().expect("JSON values")
    }

    fn merged(older: Value, newer: Value) -> Value {
        let mut merged = node(newer);
        merged.merge_older(node(older));
        json_of(&merged)
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
    fn the_first_of_two_spellings_in_one_mapping_counts() {
        assert_eq!(
            merged(json!({"a": {"x-y": 1, "x_y": 2}}), json!({})),
            json!({"a": {"x-y": 1}})
        );
    }

    #[test]
    fn a_mapping_wins_over_a_value() {
        for (older, newer) in [
            (json!({"a": null}), json!({"a": {"x": 1}})),
            (json!({"a": {"x": 1}}), json!({"a": null})),
            (json!({"a": {"x": 1}}), json!({"a": "text"})),
        ] {
            assert_eq!(merged(older, newer), json!({"a": {"x": 1}}));
        }
    }

    #[test]
    fn set_replaces_a_value_under_either_spelling() {
        let mut tree = node(json!({"a-b": {"x": 1}}));
        tree.set(&["a_b"], node(json!({"z": 1})));
        tree.set(&["c", "d"], node(json!({"z": 1})));
        let expected = json!({"a-b": {"z": 1}, "c": {"d": {"z": 1}}});
        assert_eq!(json_of(&tree), expected);
    }

    #[test]
    fn remove_takes_only_the_named_key() {
        let mut tree = node(json!({"a-b": {"x": 1, "y": 2}, "c": 3}));
        tree.remove(&["a_b", "x"]);
        tree.remove(&["a_b", "z"]);
        tree.remove(&["c", "d"]);
        assert_eq!(json_of(&tree), json!({"a-b": {"y": 2}, "c": 3}));
        tree.remove(&["c"]);
        assert_eq!(json_of(&tree), json!({"a-b": {"y": 2}}));
    }

    #[test]
    fn a_null_is_not_set() {
        let tree = node(json!({"a": null, "b": 0, "c": {}}));
        assert!(tree.get("a").is_some());
        assert!(tree.get_set("a").is_none());
        assert!(tree.get_set("b").is_some());
        assert!(tree.get_set("c").is_some());
    }

    #[test]
    fn a_list_of_unsupported_items_is_unsupported() {
        let source = Arc::new(Source::Variable("TEST".to_owned()));
        let date = Node::Leaf(Leaf::Unsupported("date"), Arc::clone(&source));
        let list = Node::list(&[node(json!(1)), date], &source);
        assert_eq!(list.to_json(), Err(("date", &*source)));
    }
}
