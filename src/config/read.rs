//! Reads the `gateway:` section of a file.

use std::path::Path;
use std::sync::Arc;

use super::error::Error;
use super::find::Candidate;
use super::node::{Node, Source};
use super::{guard, template, yaml};

/// A file that is to be changed.
pub(super) struct ExistingFile {
    pub(super) text: String,
    pub(super) mode: u32,
    /// Its `gateway:` section, perhaps empty.
    pub(super) section: Node,
}

/// Reads a file's `gateway:` section; `None` if it has none. Only a file with one must have the right
/// mode.
///
/// # Errors
/// Fails if the file is malformed, or refused by [`guard::judge`].
pub(super) fn gateway_section(candidate: &Candidate) -> Result<Option<Node>, Error> {
    let Some(opened) = guard::open(candidate)? else {
        return Ok(None);
    };
    // Most files in the directory are other libraries' and need no parsing.
    if !opened.text.contains("gateway") {
        return Ok(None);
    }
    let Some(section) = section_of(&candidate.path, &opened.text)? else {
        return Ok(None);
    };
    guard::judge(candidate, &opened, holds_secret(&section))?;
    Ok(Some(section))
}

/// Reads the `gateway:` section of a file that may be refused: no secret may be sent where it says.
///
/// # Errors
/// Fails if the file can't be opened, or is malformed.
pub(super) fn untrusted_section(candidate: &Candidate) -> Result<Option<Node>, Error> {
    let Some(opened) = guard::open(candidate)? else {
        return Ok(None);
    };
    section_of(&candidate.path, &opened.text)
}

/// Reads a file that is to be changed, whatever its mode; `None` if there is none.
///
/// # Errors
/// Fails if it is malformed, or if somebody else may have written it.
pub(super) fn for_change(candidate: &Candidate) -> Result<Option<ExistingFile>, Error> {
    let Some(opened) = guard::open(candidate)? else {
        return Ok(None);
    };
    let section = section_of(&candidate.path, &opened.text)?;
    guard::judge_for_change(candidate, &opened, section.is_some())?;
    Ok(Some(ExistingFile {
        mode: opened.mode(),
        text: opened.text,
        section: section.unwrap_or_default(),
    }))
}

/// Refuses to create a file in a directory that others can write to.
///
/// # Errors
/// Fails if the directory of `path` is one.
pub(super) fn judge_directory_for_change(path: &Path) -> Result<(), Error> {
    let directory = path.parent().filter(|parent| *parent != Path::new(""));
    let stat = rustix::fs::stat(directory.unwrap_or(Path::new(".")));
    match stat.ok().as_ref().and_then(guard::folder_fault) {
        None => Ok(()),
        Some(fault) => Err(Error::Refused {
            path: path.to_owned(),
            fault,
        }),
    }
}

fn section_of(path: &Path, text: &str) -> Result<Option<Node>, Error> {
    Ok(parse(path, text)?.only("gateway"))
}

/// Parses a whole file, a mapping or nothing. JSON files are read as YAML, as in dask.
///
/// # Errors
/// Fails if the text is malformed, with the place but none of the text.
pub(super) fn parse(path: &Path, text: &str) -> Result<Node, Error> {
    let malformed = |place| Error::Malformed {
        path: path.to_owned(),
        place,
    };
    let source = Arc::new(Source::File(path.to_owned()));
    match yaml::load(text, &source).map_err(|fault| malformed(fault.place))? {
        document @ Node::Map(_) => Ok(document),
        Node::Leaf(leaf, _) if leaf.is_null() => Ok(Node::default()),
        Node::Leaf(..) => Err(malformed(None)),
    }
}

/// Returns true if the section holds credentials for the gateway or the HTTP proxy. A template names
/// a secret without holding it.
pub(super) fn holds_secret(section: &Node) -> bool {
    let text = |key| match section.get(key) {
        Some(Node::Leaf(leaf, _)) => leaf.as_text(),
        _ => None,
    };
    let is_secret = |key| match text(key) {
        Some(text) => !text.is_empty() && !template::is_field(text),
        None => section.get_set(key).is_some(),
    };
    text("gateway.http-client.proxy").is_some_and(|url| url.contains('@'))
        || is_secret("gateway.auth.kwargs.api_token")
        || is_secret("gateway.auth.kwargs.password")
}
