//! From a file's text to its `gateway:` section.

use std::path::Path;
use std::sync::Arc;

use super::find::Candidate;
use super::plain::Plain;
use super::template;
use super::tree::{Node, Source, Tree};
use super::{Error, guard, yaml};

/// A file that is to be changed, as it is.
pub(super) struct Existing {
    pub(super) text: String,
    pub(super) mode: u32,
    pub(super) tree: Tree,
}

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
    let Some(section) = section_of(&candidate.path, &opened.text)? else {
        return Ok(None);
    };
    guard::judge(candidate, &opened, holds_secret(&section))?;
    Ok(Some(section))
}

/// A file's `gateway:` section, though the file may be refused: nothing in it may be trusted with a
/// secret.
///
/// # Errors
/// The file can't be opened, or is malformed.
pub(super) fn whatever_its_mode(candidate: &Candidate) -> Result<Option<Tree>, Error> {
    let Some(opened) = guard::open(candidate)? else {
        return Ok(None);
    };
    section_of(&candidate.path, &opened.text)
}

/// A file that is to be changed, which need not have its mode yet; `None` where it isn't there.
///
/// # Errors
/// It is malformed, or may not be the user's own words.
pub(super) fn for_change(candidate: &Candidate) -> Result<Option<Existing>, Error> {
    let Some(opened) = guard::open(candidate)? else {
        return Ok(None);
    };
    let section = section_of(&candidate.path, &opened.text)?;
    guard::judge_for_change(candidate, &opened, section.is_some())?;
    Ok(Some(Existing {
        mode: opened.mode(),
        text: opened.text,
        tree: section.unwrap_or_default(),
    }))
}

/// Refuses a folder that a file is to be made in, and that isn't the user's alone to write.
///
/// # Errors
/// What is wrong with it.
pub(super) fn judge_folder_for_change(path: &Path) -> Result<(), Error> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let folder = rustix::fs::stat(folder.unwrap_or(Path::new(".")));
    match folder.ok().as_ref().and_then(guard::folder_fault) {
        None => Ok(()),
        Some(fault) => Err(Error::Refused {
            path: path.to_owned(),
            fault,
        }),
    }
}

fn section_of(path: &Path, text: &str) -> Result<Option<Tree>, Error> {
    let source = Arc::new(Source::File(path.to_owned()));
    let document = Node::new(parse(path, text)?, &source);
    Ok(Tree::new(document).only("gateway"))
}

/// Whether the section carries credentials, of the server or of the proxy before it. A template
/// names a secret without holding it.
pub(super) fn holds_secret(section: &Tree) -> bool {
    let is_set = |path| match section.get(path) {
        None | Some(Node::Leaf(Plain::Null, _)) => false,
        Some(Node::Leaf(Plain::Text(text), _)) => !text.is_empty() && !template::is_field(text),
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
