//! Reads the `gateway:` section of a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::Error;
use super::find::Candidate;
use super::guard::{self, Opened};
use super::layers::Layer;
use super::node::{Node, SECTIONS, Source};
use super::{template, yaml};

/// A file that is to be changed.
pub(super) struct ExistingFile {
    pub(super) text: String,
    pub(super) mode: u32,
    /// Its `gateway:` section, perhaps empty.
    pub(super) section: Node,
}

/// The user's own file, and what it is now.
pub(super) struct FileForChange {
    /// Where links lead.
    pub(super) target: PathBuf,
    pub(super) existing: Option<ExistingFile>,
}

/// Reads a file's `gateway:` section; `None` if it has none. Only a file with one must have the right
/// mode.
///
/// # Errors
/// Fails if the file is malformed, or refused by [`guard::judge`]; or if others can change it and it
/// names environment variables, whose values they could get in this way.
pub(super) fn layer(candidate: &Candidate) -> Result<Option<Layer>, Error> {
    let Some((opened, Some(section))) = open(candidate)? else {
        return Ok(None);
    };
    guard::judge(candidate, &opened, holds_secret(&section))?;
    let layer = Layer {
        file: Some(candidate.path.clone()),
        untrusted: opened.untrusted().cloned(),
        section,
    };
    if let Some(key) = template::first_field(&layer.section) {
        layer.check_trust(&key)?;
    }
    Ok(Some(layer))
}

/// Reads the `gateway:` section of a file that may be refused, if that is possible: no secret may be
/// sent where it says.
pub(super) fn untrusted_section(candidate: &Candidate) -> Option<Node> {
    open(candidate).ok()??.1
}

/// Reads a file that is to be changed, whatever its mode. It may not exist yet.
///
/// # Errors
/// Fails if it is malformed, or if somebody else may have written it, or could.
pub(super) fn for_change(candidate: &Candidate) -> Result<FileForChange, Error> {
    let Some((opened, section)) = open(candidate)? else {
        return Ok(FileForChange {
            target: guard::target_for_new_file(candidate)?,
            existing: None,
        });
    };
    guard::judge_for_change(candidate, &opened, section.is_some())?;
    Ok(FileForChange {
        existing: Some(ExistingFile {
            mode: opened.mode(),
            text: opened.text,
            section: section.unwrap_or_default(),
        }),
        target: opened.target,
    })
}

/// Opens a file, if there is one, and reads its `gateway:` section, if it has one.
fn open(candidate: &Candidate) -> Result<Option<(Opened, Option<Node>)>, Error> {
    let Some(opened) = guard::open(candidate)? else {
        return Ok(None);
    };
    // Most files in the directory are other libraries' and need no parsing.
    let document = if SECTIONS.iter().any(|name| opened.text.contains(name)) {
        Some(parse(&candidate.path, &opened.text)?)
    } else if opened.text.contains('\\') {
        // Escapes may spell a section's name. Such a file may be malformed like any other library's.
        parse(&candidate.path, &opened.text).ok()
    } else {
        None
    };
    Ok(Some((opened, document.and_then(gateway_section))))
}

/// Returns the `gateway:` and the `dgw:` section of a whole file.
pub(super) fn gateway_section(document: Node) -> Option<Node> {
    document.sections()
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn section_with_an_escaped_name_is_one() {
        let directory = tempfile::tempdir().expect("a directory");
        let candidate = Candidate::named(directory.path().join("other.yaml"));
        let read = |text: &str, mode| {
            fs::write(&candidate.path, text).expect("written");
            let mode = fs::Permissions::from_mode(mode);
            fs::set_permissions(&candidate.path, mode).expect("the mode can be set");
            layer(&candidate)
        };
        for text in [
            r#""gate\x77ay": {"address": "http://h"}"#,
            r#"{"\u0067ateway": {"address": "http://h"}}"#,
        ] {
            let layer = read(text, 0o600).expect("accepted").expect("a section");
            let address = layer.section.get("gateway.address");
            assert!(address.is_some(), "{text}");
            assert!(matches!(read(text, 0o644), Err(Error::Refused { .. })));
        }
        // Other libraries' files.
        for text in [r#"a: "\x77""#, r"a: [\"] {
            assert!(read(text, 0o644).is_ok_and(|layer| layer.is_none()));
        }
    }
}
