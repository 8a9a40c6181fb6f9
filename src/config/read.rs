//! From a file's text to its `gateway:` section.

use std::path::Path;
use std::sync::Arc;

use super::find::Candidate;
use super::plain::Plain;
use super::tree::{Node, Source, Tree};
use super::{Error, guard, yaml};

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
    let source = Arc::new(Source::File(candidate.path.clone()));
    let document = Node::new(parse(&candidate.path, &opened.text)?, &source);
    let Some(section) = Tree::new(document).only("gateway") else {
        return Ok(None);
    };
    guard::judge(candidate, &opened, holds_secret(&section))?;
    Ok(Some(section))
}

/// Whether the section carries credentials, of the server or of the proxy before it. A template
/// names a secret without holding it.
fn holds_secret(section: &Tree) -> bool {
    let is_set = |path| match section.get(path) {
        None | Some(Node::Leaf(Plain::Null, _)) => false,
        Some(Node::Leaf(Plain::Text(text), _)) => {
            let is_template = text.starts_with('{') && !text.starts_with("{{");
            !text.is_empty() && !is_template
        }
        Some(_) => true,
    };
    let proxy_has_password = matches!(
        section.get("gateway.http-client.proxy"),
        Some(Node::Leaf(Plain::Text(url), _)) if url.contains('@')
    );
    proxy_has_password
        || is_set("gateway.auth.kwargs.api_token")
        || is_set("gateway.auth.kwargs.password")
}

/// The whole file, a mapping or nothing. JSON files go the same way, as in dask.
fn parse(path: &Path, text: &str) -> Result<Plain, Error> {
    let malformed = |place: Option<(u64, u64)>| Error::Malformed {
        path: path.to_owned(),
        line: place.map(|(line, _)| line),
        column: place.map(|(_, column)| column),
    };
    match yaml::load(text).map_err(|fault| malformed(fault.place))? {
        document @ (Plain::Null | Plain::Map(_)) => Ok(document),
        _ => Err(malformed(None)),
    }
}
