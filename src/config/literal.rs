//! The value of a `DASK_…` variable: a Python literal if it is one, else text
//! (`dask.config.interpret_value`, which is `ast.literal_eval`).
//!
//! dgw reads the literals that a configuration needs: numbers, strings, booleans, `None`, lists,
//! tuples and dicts. Other literals become [`Leaf::Unsupported`], because Python would read
//! something else than their text.

use std::str::Chars;
use std::sync::{Arc, LazyLock};

use regex_lite::Regex;

use super::leaf::{Leaf, NUMBER_LIMIT};
use super::node::{ENTRIES_LIMIT, Node, Source, insert};

/// Interprets `text`, which was set by `source`, as dask does.
pub(super) fn interpret(text: &str, source: &Arc<Source>) -> Node {
    // As if in brackets: Python reads `1, 2` as a tuple.
    let bracketed = format!("({text})");
    let mut parser = Parser {
        rest: &bracketed,
        source,
    };
    match parser.value(0) {
        Ok(value) if parser.rest.is_empty() && !text.trim().is_empty() => value,
        Err(Fault::Unsupported) => parser.leaf(Leaf::Unsupported(
            "Python literal of a kind that dgw does not support",
        )),
        _ => parser.leaf(match text.to_lowercase().as_str() {
            // Not Python's spelling, but dask accepts it.
            "none" | "null" => Leaf::NULL,
            "true" => Leaf::Json(true.into()),
            "false" => Leaf::Json(false.into()),
            _ => Leaf::Json(text.into()),
        }),
    }
}

/// Deeper than any value that a variable may hold.
const DEPTH_LIMIT: usize = 16;

/// The reason why a text has no value.
enum Fault {
    NotALiteral,
    Unsupported,
}

/// A reader of literals: each method takes what it reads off `rest`.
struct Parser<'a> {
    rest: &'a str,
    source: &'a Arc<Source>,
}

impl Parser<'_> {
    fn leaf(&self, leaf: Leaf) -> Node {
        Node::Leaf(leaf, Arc::clone(self.source))
    }

    fn value(&mut self, depth: usize) -> Result<Node, Fault> {
        if depth > DEPTH_LIMIT {
            return Err(Fault::NotALiteral);
        }
        match self.rest.chars().next() {
            Some('[') => {
                let (items, _) = self.items(']', depth)?;
                Ok(Node::list(&items, self.source))
            }
            Some('(') => match self.items(')', depth)? {
                (mut items, false) if items.len() == 1 => Ok(items.remove(0)),
                (items, _) => Ok(Node::list(&items, self.source)),
            },
            Some('{') => {
                let mut entries = Vec::new();
                self.series('}', |parser| {
                    let (key, value) = parser.entry(depth)?;
                    if entries.len() >= ENTRIES_LIMIT {
                        return Err(Fault::Unsupported);
                    }
                    insert(&mut entries, key, value);
                    Ok(())
                })?;
                Ok(Node::Map(entries))
            }
            Some(quote @ ('\'' | '"')) => {
                let text = self.string(quote)?;
                Ok(self.leaf(Leaf::Json(text.into())))
            }
            _ => self.word().map(|leaf| self.leaf(leaf)),
        }
    }

    /// Reads the items up to `end`. Also returns true if a comma follows the last.
    fn items(&mut self, end: char, depth: usize) -> Result<(Vec<Node>, bool), Fault> {
        let mut items = Vec::new();
        let has_comma = self.series(end, |parser| {
            items.push(parser.value(depth + 1)?);
            Ok(())
        })?;
        Ok((items, has_comma))
    }

    fn entry(&mut self, depth: usize) -> Result<(String, Node), Fault> {
        let key = match self.value(depth + 1)? {
            Node::Leaf(leaf, _) => leaf.into_key(),
            Node::Map(_) => None,
        };
        self.skip_blanks();
        // Without a colon it is a set.
        self.rest = self.rest.strip_prefix(':').ok_or(Fault::Unsupported)?;
        self.skip_blanks();
        Ok((key.ok_or(Fault::NotALiteral)?, self.value(depth + 1)?))
    }

    /// Reads an opening bracket, elements with commas between them, and `end`. Returns true if a
    /// comma follows the last element.
    fn series(
        &mut self,
        end: char,
        mut element: impl FnMut(&mut Self) -> Result<(), Fault>,
    ) -> Result<bool, Fault> {
        self.rest = &self.rest[1..];
        let mut has_comma = true;
        loop {
            self.skip_blanks();
            if let Some(after) = self.rest.strip_prefix(end) {
                self.rest = after;
                return Ok(has_comma);
            }
            if !has_comma {
                // A comment, or a string after a string, which are one.
                let is_pythons = self.rest.starts_with(['#', '\'', '"']);
                return Err(if is_pythons {
                    Fault::Unsupported
                } else {
                    Fault::NotALiteral
                });
            }
            element(self)?;
            self.skip_blanks();
            let after_comma = self.rest.strip_prefix(',');
            has_comma = after_comma.is_some();
            self.rest = after_comma.unwrap_or(self.rest);
        }
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    /// Reads a number or a name.
    fn word(&mut self) -> Result<Leaf, Fault> {
        let sign = &self.rest[..usize::from(self.rest.starts_with(['-', '+']))];
        let unsigned = self.rest[sign.len()..].trim_start_matches([' ', '\t']);
        let end = unsigned.find(|c: char| c.is_whitespace() || ",:()[]{}#'\"".contains(c));
        let (word, rest) = unsigned.split_at(end.unwrap_or(unsigned.len()));
        self.rest = rest;
        let is_call = rest.starts_with("()");
        let is_prefix = rest.starts_with(['\'', '"']);
        match (sign, word.to_ascii_lowercase().as_str()) {
            ("", "...") => Err(Fault::Unsupported),
            ("", "set") if is_call => Err(Fault::Unsupported),
            ("", "r" | "u" | "b" | "br" | "rb") if is_prefix => Err(Fault::Unsupported),
            ("", _) if word == "None" => Ok(Leaf::NULL),
            ("", _) if word == "True" => Ok(Leaf::Json(true.into())),
            ("", _) if word == "False" => Ok(Leaf::Json(false.into())),
            _ if word.len() > NUMBER_LIMIT => {
                let is_number = word
                    .bytes()
                    .all(|b| b.is_ascii_digit() || b"_.".contains(&b));
                Err(if is_number {
                    Fault::Unsupported
                } else {
                    Fault::NotALiteral
                })
            }
            _ if NUMBER.is_match(word) => Ok(Leaf::number(&format!("{sign}{word}"))),
            _ => Err(Fault::NotALiteral),
        }
    }

    /// Reads a string between single quotation marks of the kind `quote`.
    fn string(&mut self, quote: char) -> Result<String, Fault> {
        if self.rest.starts_with("'''") || self.rest.starts_with("\"\"\"") {
            return Err(Fault::Unsupported);
        }
        let mut characters = self.rest[1..].chars();
        let mut text = String::new();
        loop {
            match characters.next() {
                None | Some('\n') => return Err(Fault::NotALiteral),
                Some('\\') => escape(&mut characters, &mut text)?,
                Some(c) if c == quote => {
                    self.rest = characters.as_str();
                    return Ok(text);
                }
                Some(c) => text.push(c),
            }
        }
    }
}

/// Reads what follows a backslash.
fn escape(characters: &mut Chars, text: &mut String) -> Result<(), Fault> {
    let c = characters.next().ok_or(Fault::NotALiteral)?;
    let escaped = match c {
        '\\' | '\'' | '"' => c,
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        '0'..='7' | 'a' | 'b' | 'f' | 'v' | 'x' | 'u' | 'U' | 'N' | '\n' => {
            return Err(Fault::Unsupported);
        }
        // Python keeps a backslash before any other character.
        c => {
            text.push('\\');
            c
        }
    };
    text.push(escaped);
    Ok(())
}

/// Python's numbers, without a sign. `007` is none.
static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    let template = r"(?x)^(?:0[xX](?:_?[0-9a-fA-F])+
        |0[oO](?:_?[0-7])+
        |0[bB](?:_?[01])+
        |(?:0(?:_?0)*|[1-9](?:_?[0-9])*)[jJ]?
        |(?:DIGITS\.(?:DIGITS)?|\.DIGITS)(?:EXPONENT)?[jJ]?
        |DIGITS EXPONENT[jJ]?)$";
    let pattern = template
        .replace("EXPONENT", "[eE][-+]?DIGITS")
        .replace("DIGITS", "[0-9](?:_?[0-9])*");
    Regex::new(&pattern).expect("a valid pattern")
});

#[cfg(test)]
mod tests;
