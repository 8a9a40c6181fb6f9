//! Sets a few values in the text of a configuration file, and changes nothing else in it.
//!
//! The text is edited line by line: comments, blank lines and spellings stay as they are, except for a
//! comment behind a quoted value that changes. The result
//! is then checked: the new text is parsed, and must hold the same as the old one except for the
//! changes. A file in a style that this doesn't understand (flow style, anchors, JSON) is refused.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::leaf::Leaf;
use super::node::{Node, Source};
use super::read;

/// A key, from the file's top level down, and its new text, or none to remove the key.
pub(super) struct Change {
    pub(super) path: &'static [&'static str],
    pub(super) value: Option<String>,
}

/// Makes `changes` in `text`, the content of the file at `path`. Returns `None` if that can't be done
/// safely.
pub(super) fn edited(path: &Path, text: &str, changes: &[Change]) -> Option<String> {
    let source = Arc::new(Source::File(path.to_owned()));
    let mut expected = read::parse(path, text).ok()?;
    let mut lines = Lines::of(text);
    for change in changes {
        if let Some(value) = &change.value {
            lines.set(change.path, value, &expected)?;
            let leaf = Leaf::Json(value.as_str().into());
            expected.set(change.path, Node::Leaf(leaf, Arc::clone(&source)));
        } else {
            expected.remove(change.path);
            lines.remove(change.path);
        }
    }
    let edited = lines.text();
    let found = read::parse(path, &edited).ok()?;
    if found != expected {
        return None;
    }
    // By the way that dgw reads the file: another spelling of `gateway` isn't its section.
    let section = read::gateway_section(found)?;
    let is_read = |change: &Change| match section.get_set(&change.path.join(".")) {
        Some(Node::Leaf(leaf, _)) => leaf.as_text() == change.value.as_deref(),
        Some(Node::Map(_)) => false,
        None => change.value.is_none(),
    };
    changes.iter().all(is_read).then_some(edited)
}

/// Returns the text of a new file with `changes`.
pub(super) fn as_new_file(changes: &[Change]) -> String {
    let mut lines = Lines::of("");
    for change in changes {
        if let Some(value) = &change.value {
            lines.set(change.path, value, &Node::default());
        }
    }
    lines.text()
}

/// Writes text as a YAML scalar that any parser, of YAML 1.1 or 1.2, reads as that text. It must hold
/// no control characters.
fn scalar(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-:[]".contains(c);
    let is_word = text.starts_with("http") || matches!(text, "basic" | "jupyterhub" | "kerberos");
    if is_word && text.chars().all(is_plain) && !text.ends_with(':') {
        text.to_owned()
    } else {
        // JSON's quoting is YAML's double quoting, for text without control characters.
        serde_json::Value::from(text).to_string()
    }
}

/// Returns true if dask treats the keys as the same: `-` and `_` are alike.
fn is_same_key(key: &str, wanted: &str) -> bool {
    key.replace('-', "_") == wanted.replace('-', "_")
}

/// The lines of a file, without their line breaks.
struct Lines {
    lines: Vec<String>,
    line_break: &'static str,
}

/// Indentation of new sections.
const STEP: usize = 2;

impl Lines {
    fn of(text: &str) -> Self {
        // A carriage return that is left at the end would become part of a line break.
        let lines = text.lines().map(|line| line.trim_end_matches('\r'));
        Self {
            lines: lines.map(str::to_owned).collect(),
            line_break: if text.contains("\r\n") { "\r\n" } else { "\n" },
        }
    }

    fn text(&self) -> String {
        let lines = self.lines.iter();
        lines
            .flat_map(|line| [line.as_str(), self.line_break])
            .collect()
    }

    /// Sets the value at `path`. Returns `None` if it can't: `parsed`, the same text, has a key that
    /// this doesn't find in the lines, or it has another value where a section should be.
    fn set(&mut self, path: &[&str], value: &str, parsed: &Node) -> Option<()> {
        let mut range = 0..self.lines.len();
        for (depth, key) in path.iter().enumerate() {
            let indent = self.indent_within(&range).unwrap_or(depth * STEP);
            let Some(at) = self.find(&range, indent, key) else {
                self.insert(&range, indent, &path[depth..], value);
                return parsed
                    .get(&path[..=depth].join("."))
                    .is_none()
                    .then_some(());
            };
            let below = self.below(at, indent, range.end);
            let (head, old, comment) = parts(&self.lines[at])?;
            if depth + 1 == path.len() {
                self.lines[at] = format!("{head}: {}{comment}", scalar(value));
                // A value may continue in the lines below.
                self.drop_content(below);
                return Some(());
            }
            match old {
                "" => {}
                "{}" | "null" | "~" => self.lines[at] = format!("{head}:{comment}"),
                _ => return None,
            }
            range = below;
        }
        Some(())
    }

    /// Removes the value at `path`.
    fn remove(&mut self, path: &[&str]) {
        let mut range = 0..self.lines.len();
        let mut section = None;
        for (depth, key) in path.iter().enumerate() {
            let Some(indent) = self.indent_within(&range) else {
                return;
            };
            let Some(at) = self.find(&range, indent, key) else {
                return;
            };
            let below = self.below(at, indent, range.end);
            if depth + 1 == path.len() {
                self.drop_content(below);
                self.lines.remove(at);
                if let Some(section) = section {
                    self.mark_if_empty(section);
                }
                return;
            }
            section = Some(at);
            range = below;
        }
    }

    /// Writes `{}` behind the key at `at` if its section is empty: Python's client refuses `null` there.
    fn mark_if_empty(&mut self, at: usize) {
        let below = self.below(at, indent(&self.lines[at]), self.lines.len());
        if self.indent_within(&below).is_none()
            && let Some((head, "", comment)) = parts(&self.lines[at])
        {
            self.lines[at] = format!("{head}: {{}}{comment}");
        }
    }

    /// Returns the indentation of the first line within `range` that isn't a comment.
    fn indent_within(&self, range: &Range<usize>) -> Option<usize> {
        let lines = self.lines[range.clone()].iter();
        let mut lines = lines.filter(|line| is_content(line) && !is_marker(line));
        lines.next().map(|line| indent(line))
    }

    fn find(&self, range: &Range<usize>, indentation: usize, wanted: &str) -> Option<usize> {
        range.clone().find(|at| {
            let line = &self.lines[*at];
            is_content(line)
                && indent(line) == indentation
                && key(line).is_some_and(|(key, _)| is_same_key(key, wanted))
        })
    }

    /// Returns the lines that belong to the key at `at`: up to the next line that is indented no more.
    fn below(&self, at: usize, indentation: usize, end: usize) -> Range<usize> {
        let is_beyond = |at: &usize| {
            let line = &self.lines[*at];
            is_content(line) && indent(line) <= indentation
        };
        at + 1..(at + 1..end).find(is_beyond).unwrap_or(end)
    }

    /// Removes the lines of `range` that aren't comments.
    fn drop_content(&mut self, range: Range<usize>) {
        for at in range.rev() {
            if is_content(&self.lines[at]) {
                self.lines.remove(at);
            }
        }
    }

    /// Adds `path` at the end of `range`, before the comments at its end; in a file of only comments,
    /// above them.
    fn insert(&mut self, range: &Range<usize>, indentation: usize, path: &[&str], value: &str) {
        let mut added = path
            .iter()
            .enumerate()
            .map(|(depth, key)| format!("{}{key}:", " ".repeat(indentation + depth * STEP)))
            .collect::<Vec<_>>();
        if let Some(last) = added.last_mut() {
            last.push(' ');
            last.push_str(&scalar(value));
        }
        let is_root = range.len() == self.lines.len();
        let last = range.clone().rev().find(|at| is_content(&self.lines[*at]));
        let at = match last {
            Some(_) if is_root => {
                added.insert(0, String::new());
                self.lines.len()
            }
            Some(last) => last + 1,
            None => {
                if is_root && !self.lines.is_empty() {
                    added.push(String::new());
                }
                range.start
            }
        };
        self.lines.splice(at..at, added);
    }
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn is_content(line: &str) -> bool {
    let line = line.trim_start();
    !line.is_empty() && !line.starts_with('#')
}

/// Returns true for a line that begins a document, or is a directive.
fn is_marker(line: &str) -> bool {
    line.starts_with("---") || line.starts_with('%')
}

/// Splits a line into its key and the text after the colon.
fn key(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start();
    let quote = line.chars().next().filter(|c| ['"', '\''].contains(c));
    let (key, rest) = match quote {
        Some(quote) => line[1..].split_once(quote)?,
        None => line.split_at(line.find(':')?),
    };
    let rest = rest.trim_start().strip_prefix(':')?;
    (rest.is_empty() || rest.starts_with([' ', '\t'])).then_some((key, rest))
}

/// Splits a line with a key into the text before the colon, the value, and the comment with the space
/// before it. A quoted value may hold a `#`, and its comment is not told apart from it.
fn parts(line: &str) -> Option<(&str, &str, &str)> {
    let (_, rest) = key(line)?;
    let head = line[..line.len() - rest.len()].strip_suffix(':')?;
    let is_quoted = rest.trim_start().starts_with(['"', '\'']);
    let comment = rest.find(" #").filter(|_| !is_quoted);
    let value = rest[..comment.unwrap_or(rest.len())].trim_end();
    Some((head, value.trim_start(), rest[value.len()..].trim_end()))
}

#[cfg(test)]
mod tests;
