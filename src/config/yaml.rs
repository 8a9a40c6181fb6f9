//! YAML as `PyYAML`'s `safe_load` reads it. That is YAML 1.1: `0600`, `1_000` and `12:30` are
//! numbers, `yes` and `off` are booleans, `<<` merges, and the last of two equal keys counts. Tags and
//! numbers that aren't in plain decimal digits are unsupported: an error where they are used.
//!
//! The grammar is libyaml's, which is `PyYAML`'s. The meaning of its events is decided here, as in
//! `PyYAML`'s `composer.py` and `constructor.py`.

mod panics;
mod scalar;

use std::collections::HashMap;
use std::sync::Arc;

use libyaml_safer::{EventData, Mark, Parser, ScalarStyle};

use super::leaf::Leaf;
use super::node::{ENTRIES_LIMIT, Node, Source, insert};

/// Deeper than any configuration. The parser slows down with the depth.
const DEPTH_LIMIT: usize = 64;

/// A document of the allowed size has fewer values than this, unless its aliases multiply them.
const VALUES_LIMIT: usize = 100_000;

/// The place where a document is malformed, without its text, which may be a secret.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    /// Line and column, counted from 1, if the parser gives them.
    pub(super) place: Option<(u64, u64)>,
}

impl Malformed {
    fn at(mark: Mark) -> Self {
        Self {
            place: Some((mark.line + 1, mark.column + 1)),
        }
    }
}

/// Reads the one document in `text`, which was read from `source`; without any it is null.
///
/// # Errors
/// Fails if the text isn't YAML, if it holds several documents, and where `safe_load` does: undefined
/// aliases, keys that are lists, values that contain themselves.
pub(super) fn load(text: &str, source: &Arc<Source>) -> Result<Node, Malformed> {
    // Python reads files with universal newlines.
    let mut text = text.replace("\r\n", "\n").replace('\r', "\n");
    // The parser panics where a `|` or `>` block ends with the text, in the middle of a line.
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let mut loader = Loader {
        source,
        parser: Parser::new(),
        anchors: HashMap::new(),
        values: 0,
        place: None,
    };
    loader.parser.set_input(text.as_bytes());
    panics::caught(|| loader.document()).unwrap_or(Err(Malformed {
        place: loader.place,
    }))
}

/// The only tag that dgw supports.
const TEXT_TAG: &str = "tag:yaml.org,2002:str";

/// A value with any other tag. `PyYAML` fails for some of them.
const TAGGED: Leaf = Leaf::Unsupported("value with a YAML tag");

/// Builds values from the parser's events.
struct Loader<'a> {
    source: &'a Arc<Source>,
    parser: Parser<&'a [u8]>,
    /// Values that aliases may refer to, each with the number of values in it. `None` while one is
    /// incomplete: an alias to it would be part of itself.
    anchors: HashMap<String, Option<(Node, usize)>>,
    /// The number of values so far.
    values: usize,
    /// The place of the latest event.
    place: Option<(u64, u64)>,
}

impl Loader<'_> {
    fn document(&mut self) -> Result<Node, Malformed> {
        loop {
            let (event, mark) = self.next()?;
            match event {
                EventData::StreamEnd => return Ok(self.leaf(Leaf::NULL)),
                EventData::StreamStart { .. } => {}
                EventData::DocumentStart { .. } => break,
                _ => return Err(Malformed::at(mark)),
            }
        }
        let (event, mark) = self.next()?;
        let root = self.node(event, mark, 0)?;
        self.next()?;
        match self.next()? {
            (EventData::StreamEnd, _) => Ok(root),
            (_, mark) => Err(Malformed::at(mark)),
        }
    }

    fn next(&mut self) -> Result<(EventData, Mark), Malformed> {
        match self.parser.parse() {
            Ok(event) => {
                self.place = Malformed::at(event.start_mark).place;
                Ok((event.data, event.start_mark))
            }
            // The parser's own message may quote the text: only the place is kept.
            Err(error) => Err(error
                .problem_mark()
                .map_or(Malformed { place: None }, Malformed::at)),
        }
    }

    fn leaf(&self, leaf: Leaf) -> Node {
        Node::Leaf(leaf, Arc::clone(self.source))
    }

    fn node(&mut self, event: EventData, mark: Mark, depth: usize) -> Result<Node, Malformed> {
        if depth > DEPTH_LIMIT {
            return Err(Malformed::at(mark));
        }
        let values_before = self.values;
        self.count(1, mark)?;
        let (anchor, node) = match event {
            EventData::Alias { anchor } => {
                let known = self.anchors.get(&anchor).cloned().flatten();
                let (node, values) = known.ok_or(Malformed::at(mark))?;
                self.count(values, mark)?;
                return Ok(node);
            }
            EventData::Scalar {
                anchor,
                tag,
                value,
                style,
                ..
            } => {
                self.announce(anchor.as_ref(), mark)?;
                let leaf = match tag.as_deref() {
                    None if style == ScalarStyle::Plain => scalar::plain(&value),
                    None | Some(TEXT_TAG) => Leaf::Json(value.into()),
                    Some(_) => TAGGED,
                };
                (anchor, self.leaf(leaf))
            }
            EventData::SequenceStart { anchor, tag, .. } => {
                self.announce(anchor.as_ref(), mark)?;
                let items = Node::list(&self.items(depth)?, self.source);
                (anchor, tag.map_or(items, |_| self.leaf(TAGGED)))
            }
            EventData::MappingStart { anchor, tag, .. } => {
                self.announce(anchor.as_ref(), mark)?;
                let entries = Node::Map(self.entries(depth)?);
                (anchor, tag.map_or(entries, |_| self.leaf(TAGGED)))
            }
            _ => return Err(Malformed::at(mark)),
        };
        if let Some(anchor) = anchor {
            let values = self.values - values_before;
            self.anchors.insert(anchor, Some((node.clone(), values)));
        }
        Ok(node)
    }

    /// Reads the rest of a sequence.
    fn items(&mut self, depth: usize) -> Result<Vec<Node>, Malformed> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (EventData::SequenceEnd, _) => return Ok(items),
                (event, mark) => items.push(self.node(event, mark, depth + 1)?),
            }
        }
    }

    /// Reads the rest of a mapping. What `<<` brings in comes before its own entries, which win.
    fn entries(&mut self, depth: usize) -> Result<Vec<(String, Node)>, Malformed> {
        let (mut entries, mut own) = (Vec::new(), Vec::new());
        loop {
            let (event, mark) = self.next()?;
            if matches!(event, EventData::MappingEnd) {
                break;
            }
            let key = self.key(event, mark, depth + 1)?;
            let (event, mark) = self.next()?;
            match key {
                Some(name) => own.push((name, self.node(event, mark, depth + 1)?)),
                None => entries.extend(self.merged(event, mark, depth + 1)?),
            }
        }
        let mut distinct = Vec::new();
        if entries.len() + own.len() > ENTRIES_LIMIT {
            return Err(Malformed { place: self.place });
        }
        for (name, node) in entries.into_iter().chain(own) {
            insert(&mut distinct, name, node);
        }
        Ok(distinct)
    }

    /// Reads a key of a mapping; `None` for `<<`, which merges.
    fn key(
        &mut self,
        event: EventData,
        mark: Mark,
        depth: usize,
    ) -> Result<Option<String>, Malformed> {
        let spelled = match &event {
            EventData::Scalar { value, style, .. } => {
                if value == "<<" && *style == ScalarStyle::Plain {
                    return Ok(None);
                }
                Some(value.clone())
            }
            _ => None,
        };
        let key = match self.node(event, mark, depth)? {
            Node::Leaf(Leaf::Unsupported(_), _) => spelled,
            Node::Leaf(leaf, _) => leaf.into_key(),
            Node::Map(_) => None,
        };
        key.map(Some).ok_or(Malformed::at(mark))
    }

    /// Reads the mapping that `<<` merges, or the sequence of mappings, of which the first wins and
    /// so comes last.
    fn merged(
        &mut self,
        event: EventData,
        mark: Mark,
        depth: usize,
    ) -> Result<Vec<(String, Node)>, Malformed> {
        let sources = match event {
            EventData::SequenceStart { .. } => self.items(depth)?,
            event => vec![self.node(event, mark, depth)?],
        };
        let mut entries = Vec::new();
        for source in sources.into_iter().rev() {
            match source {
                Node::Map(merged) => entries.extend(merged),
                Node::Leaf(..) => return Err(Malformed::at(mark)),
            }
        }
        Ok(entries)
    }

    /// Refuses to define an anchor twice.
    fn announce(&mut self, anchor: Option<&String>, mark: Mark) -> Result<(), Malformed> {
        match anchor {
            Some(anchor) if self.anchors.insert(anchor.clone(), None).is_some() => {
                Err(Malformed::at(mark))
            }
            _ => Ok(()),
        }
    }

    fn count(&mut self, values: usize, mark: Mark) -> Result<(), Malformed> {
        self.values += values;
        if self.values > VALUES_LIMIT {
            return Err(Malformed::at(mark));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
