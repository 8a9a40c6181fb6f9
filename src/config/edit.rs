//! Sets a few values in a configuration file's text, and changes nothing else of it.
//!
//! The text is edited line by line: comments, blank lines and spellings stay as they are. What such
//! an edit means is not guessed: the new text is parsed, and must hold what the old one held but
//! for what was set. A file that is written in a way this doesn't understand (flow style, anchors,
//! JSON) is left alone.

use std::ops::Range;

use serde_yaml::{Mapping, Value};

/// A key, from the file's top level down, and its new text; without one the key goes.
pub(super) struct Change {
    pub(super) path: &'static [&'static str],
    pub(super) value: Option<String>,
}

/// `text` with `changes` made, or `None` where that can't be done safely.
pub(super) fn edited(text: &str, changes: &[Change]) -> Option<String> {
    let mut expected: Value = serde_yaml::from_str(text).ok()?;
    let mut lines = Lines::of(text);
    for change in changes {
        if let Some(value) = &change.value {
            set(&mut expected, change.path, value)?;
            lines.set(change.path, value)?;
        } else {
            remove(&mut expected, change.path);
            lines.remove(change.path);
        }
    }
    let edited = lines.text();
    let found: Value = serde_yaml::from_str(&edited).ok()?;
    (found == expected).then_some(edited)
}

/// The lines that hold `changes`, in a file of their own.
pub(super) fn written_out(changes: &[Change]) -> String {
    let mut lines = Lines::of("");
    for change in changes {
        if let Some(value) = &change.value {
            lines.set(change.path, value);
        }
    }
    lines.text()
}

/// Text as a YAML scalar that any parser of either version reads as that text. It holds no control
/// characters: [`super::draft`] sees to that.
fn scalar(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-:[]".contains(c);
    let is_word = text.starts_with("http") || matches!(text, "basic" | "jupyterhub" | "kerberos");
    if is_word && text.chars().all(is_plain) && !text.ends_with(':') {
        text.to_owned()
    } else {
        // JSON's quoting is YAML's double quoting, for what has no control characters.
        serde_json::Value::String(text.to_owned()).to_string()
    }
}

/// `-` and `_` are alike in dask's keys.
fn is_same_key(key: &str, wanted: &str) -> bool {
    key.replace('-', "_") == wanted.replace('-', "_")
}

fn find(mapping: &Mapping, key: &str) -> Option<Value> {
    let mut keys = mapping.keys();
    let is_it = |found: &&Value| found.as_str().is_some_and(|found| is_same_key(found, key));
    keys.find(is_it).cloned()
}

/// Sets a value in what was parsed; `None` where something else than a mapping is in the way.
fn set(level: &mut Value, path: &[&str], value: &str) -> Option<()> {
    let [key, below @ ..] = path else {
        *level = Value::String(value.to_owned());
        return Some(());
    };
    if level.is_null() {
        *level = Value::Mapping(Mapping::new());
    }
    let mapping = level.as_mapping_mut()?;
    let key = find(mapping, key).unwrap_or_else(|| Value::String((*key).to_owned()));
    set(mapping.entry(key).or_insert(Value::Null), below, value)
}

fn remove(level: &mut Value, path: &[&str]) {
    let (Some(mapping), [key, below @ ..]) = (level.as_mapping_mut(), path) else {
        return;
    };
    let Some(key) = find(mapping, key) else {
        return;
    };
    if below.is_empty() {
        mapping.shift_remove(&key);
    } else if let Some(level) = mapping.get_mut(&key) {
        remove(level, below);
    }
}

/// A file's lines, without their ends.
struct Lines {
    lines: Vec<String>,
    end: &'static str,
}

/// How far sections that are new are indented.
const STEP: usize = 2;

impl Lines {
    fn of(text: &str) -> Self {
        Self {
            lines: text.lines().map(str::to_owned).collect(),
            end: if text.contains("\r\n") { "\r\n" } else { "\n" },
        }
    }

    fn text(&self) -> String {
        let lines = self.lines.iter();
        lines.flat_map(|line| [line.as_str(), self.end]).collect()
    }

    fn set(&mut self, path: &[&str], value: &str) -> Option<()> {
        let mut range = 0..self.lines.len();
        for (depth, key) in path.iter().enumerate() {
            let indent = self.indent_within(&range).unwrap_or(depth * STEP);
            let Some(at) = self.find(&range, indent, key) else {
                self.insert(&range, indent, &path[depth..], value);
                return Some(());
            };
            let below = self.below(at, indent, range.end);
            let (head, old, comment) = parts(&self.lines[at])?;
            if depth + 1 == path.len() {
                self.lines[at] = format!("{head}: {}{comment}", scalar(value));
                // A value may go on in the lines below.
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

    fn remove(&mut self, path: &[&str]) {
        let mut range = 0..self.lines.len();
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
                return;
            }
            range = below;
        }
    }

    /// How far the first line within `range` that isn't a comment is indented.
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

    /// The lines that belong to the key at `at`: up to the next that is indented no further.
    fn below(&self, at: usize, indentation: usize, end: usize) -> Range<usize> {
        let is_beyond = |at: &usize| {
            let line = &self.lines[*at];
            is_content(line) && indent(line) <= indentation
        };
        at + 1..(at + 1..end).find(is_beyond).unwrap_or(end)
    }

    /// Drops the lines of `range` that aren't comments.
    fn drop_content(&mut self, range: Range<usize>) {
        for at in range.rev() {
            if is_content(&self.lines[at]) {
                self.lines.remove(at);
            }
        }
    }

    /// Adds what is missing of `path` at the end of `range`, before the comments that end it; in a
    /// file of nothing but comments, above them.
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

/// A line that begins a document, or says how to read it.
fn is_marker(line: &str) -> bool {
    line.starts_with("---") || line.starts_with('%')
}

/// A line's key, and what follows its colon.
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

/// A line with a key as what stands before the colon, its value, and the comment with the space
/// before it.
fn parts(line: &str) -> Option<(&str, &str, &str)> {
    let (_, rest) = key(line)?;
    let head = line[..line.len() - rest.len()].strip_suffix(':')?;
    let trimmed = rest.trim_start();
    let start = rest.len() - trimmed.len();
    let length = match trimmed.chars().next() {
        Some('#') => 0,
        Some(quote @ ('"' | '\'')) => quoted(trimmed, quote),
        _ => trimmed.find(" #").unwrap_or(trimmed.len()),
    };
    let value = trimmed[..length].trim_end();
    let comment = if value.is_empty() {
        rest
    } else {
        &rest[start + value.len()..]
    };
    Some((head, value, comment.trim_end()))
}

/// How long the quoted text is that `text` begins with; all of it where it ends on another line.
fn quoted(text: &str, quote: char) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = characters.next() {
        let doubled = quote == '\'' && characters.peek().is_some_and(|(_, next)| *next == quote);
        if (c == '\\' && quote == '"') || (c == quote && doubled) {
            characters.next();
        } else if c == quote {
            return at + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests;
