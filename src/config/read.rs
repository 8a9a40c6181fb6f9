//! From a file's text to its `gateway:` section.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::find::Candidate;
use super::tree::{Node, Source, Tree};
use super::{Error, guard};

/// A file's `gateway:` section, or `None` where it has none. Only files that have one are held
/// to their mode.
///
/// # Errors
/// The file is malformed, or refused by [`guard::judge`].
pub(super) fn gateway_section(candidate: &Candidate) -> Result<Option<Tree>, Error> {
    let Some(opened) = guard::open(candidate)? else {
        return Ok(None);
    };
    // Most files in the folder are other libraries' and need no parsing.
    if !opened.text.contains("gateway") {
        return Ok(None);
    }
    let Value::Object(mut sections) = parse(&candidate.path, &opened.text)? else {
        return Ok(None);
    };
    let Some(section) = sections.remove("gateway") else {
        return Ok(None);
    };
    let source = Arc::new(Source::File(candidate.path.clone()));
    let node = Node::from_value(section, &source);
    let tree = Tree::new(Node::Map(vec![("gateway".to_owned(), node)]));
    guard::judge(candidate, &opened, holds_secret(&tree))?;
    Ok(Some(tree))
}

/// Whether the section carries credentials, of the server or of the proxy before it. A template
/// names a secret without holding it.
fn holds_secret(tree: &Tree) -> bool {
    let is_set = |path| match tree.get(path).map(Node::to_value) {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.is_empty() && !text.starts_with('{'),
        Some(_) => true,
    };
    let proxy_has_password = matches!(
        tree.get("gateway.http-client.proxy").map(Node::to_value),
        Some(Value::String(url)) if url.contains('@')
    );
    proxy_has_password
        || is_set("gateway.auth.kwargs.api_token")
        || is_set("gateway.auth.kwargs.password")
}

/// The whole file as a value. JSON files go the same way, as in dask.
fn parse(path: &Path, text: &str) -> Result<Value, Error> {
    let malformed = |line, column| Error::Malformed {
        path: path.to_owned(),
        line,
        column,
    };
    // The parser's own message may quote the line, which may hold a token: only the place is kept.
    let at = |error: &serde_yaml::Error| {
        let place = error.location();
        malformed(
            place.as_ref().map(serde_yaml::Location::line),
            place.as_ref().map(serde_yaml::Location::column),
        )
    };
    let mut value: serde_yaml::Value = serde_yaml::from_str(text).map_err(|error| at(&error))?;
    value.apply_merge().map_err(|error| at(&error))?;
    match plain(value) {
        Some(Value::Null) => Ok(Value::Null),
        Some(value @ Value::Object(_)) => Ok(value),
        _ => Err(malformed(None, None)),
    }
}

/// The YAML value as plain data; `None` for what has no place in a configuration (a mapping's
/// key that isn't a scalar, a number that isn't finite).
fn plain(value: serde_yaml::Value) -> Option<Value> {
    use serde_yaml::Value as Yaml;
    Some(match value {
        Yaml::Null => Value::Null,
        Yaml::Bool(truth) => Value::Bool(truth),
        Yaml::String(text) => Value::String(text),
        Yaml::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
            (Some(integer), _, _) => integer.into(),
            (_, Some(integer), _) => integer.into(),
            (_, _, Some(float)) => Value::Number(serde_json::Number::from_f64(float)?),
            _ => return None,
        },
        Yaml::Sequence(items) => Value::Array(items.into_iter().map(plain).collect::<Option<_>>()?),
        Yaml::Mapping(entries) => Value::Object(
            entries
                .into_iter()
                .map(|(key, value)| Some((key_text(key)?, plain(value)?)))
                .collect::<Option<_>>()?,
        ),
        Yaml::Tagged(tagged) => plain(tagged.value)?,
    })
}

fn key_text(key: serde_yaml::Value) -> Option<String> {
    match plain(key)? {
        Value::String(text) => Some(text),
        scalar @ (Value::Null | Value::Bool(_) | Value::Number(_)) => Some(scalar.to_string()),
        Value::Array(_) | Value::Object(_) => None,
    }
}
