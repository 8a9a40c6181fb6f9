//! YAML as `PyYAML`'s `safe_load` reads it. That is YAML 1.1: `0600`, `1_000` and `12:30` are
//! numbers, `yes` and `off` are booleans, `<<` merges, and the last of two equal keys counts.
//!
//! libyaml's grammar is `PyYAML`'s; what its events mean is decided here, as in `PyYAML`'s
//! `composer.py` and `constructor.py`.

mod scalar;

use std::collections::HashMap;
use std::rc::Rc;

use libyaml_safer::{EventData, Mark, Parser, ScalarStyle};

use super::plain::{Plain, insert};

/// Deeper than any configuration; the grammar's own work grows with the depth.
const DEPTH_LIMIT: usize = 64;

/// A document of the allowed size has fewer values than this, unless its aliases multiply them.
const VALUES_LIMIT: usize = 100_000;

/// Where a document is malformed. Never what stands there, which may be a secret.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Malformed {
    /// Counted from 1, where the parser tells.
    pub(super) place: Option<(u64, u64)>,
}

impl Malformed {
    fn at(mark: Mark) -> Self {
        Self {
            place: Some((mark.line + 1, mark.column + 1)),
        }
    }
}

/// The one document in `text`; without any it is null.
///
/// # Errors
/// The text isn't YAML, holds several documents, or what `safe_load` refuses: unknown tags,
/// undefined aliases, keys that are lists, values that contain themselves.
pub(super) fn load(text: &str) -> Result<Plain, Malformed> {
    // Python reads files with universal newlines.
    let mut text = text.replace("\r\n", "\n").replace('\r', "\n");
    // The parser panics where a `|` or `>` block ends with the text, in the middle of a line.
    let last_line = text.rsplit('\n').next().unwrap_or_default();
    let is_open = !last_line.trim_matches(' ').is_empty();
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let mut composer = Composer {
        open_end: is_open.then_some(text.len() as u64),
        parser: Parser::new(),
        anchors: HashMap::new(),
    };
    composer.parser.set_input(text.as_bytes());
    let Some(root) = composer.document()? else {
        return Ok(Plain::Null);
    };
    Constructor { values: 0 }.value(&root)
}

/// A node of the document's graph: aliases share.
struct Node {
    content: Content,
    tag: Tag,
    mark: Mark,
}

enum Content {
    Scalar(String),
    Sequence(Vec<Rc<Node>>),
    Mapping(Vec<(Rc<Node>, Rc<Node>)>),
}

/// What a node is, said by its tag or found by its looks.
enum Tag {
    Scalar(scalar::Kind),
    Sequence,
    Mapping,
    /// `<<` as a key.
    Merge,
    /// `=`, which is a text as a key and nothing anywhere else.
    Value,
    /// `!!set`, `!!omap` and `!!pairs`, which make what JSON has no word for.
    Collection,
    Unknown,
}

impl Tag {
    /// The tag of a node that bears `tag`, or of one without.
    fn of(tag: Option<&str>, looks: impl FnOnce() -> Self) -> Self {
        // Of libyaml's `!` alone PyYAML says: not given.
        let Some(tag) = tag.filter(|tag| *tag != "!") else {
            return looks();
        };
        match tag.strip_prefix("tag:yaml.org,2002:") {
            Some("null") => Self::Scalar(scalar::Kind::Null),
            Some("bool") => Self::Scalar(scalar::Kind::Bool),
            Some("int") => Self::Scalar(scalar::Kind::Integer),
            Some("float") => Self::Scalar(scalar::Kind::Float),
            Some("str") => Self::Scalar(scalar::Kind::Text),
            Some("timestamp") => Self::Scalar(scalar::Kind::Date),
            Some("binary") => Self::Scalar(scalar::Kind::Bytes),
            Some("seq") => Self::Sequence,
            Some("map") => Self::Mapping,
            Some("merge") => Self::Merge,
            Some("value") => Self::Value,
            Some("set" | "omap" | "pairs") => Self::Collection,
            _ => Self::Unknown,
        }
    }

    fn of_scalar(text: &str) -> Self {
        match text {
            "<<" => Self::Merge,
            "=" => Self::Value,
            text => Self::Scalar(scalar::resolve(text)),
        }
    }
}

/// From the parser's events to nodes.
struct Composer<'a> {
    parser: Parser<&'a [u8]>,
    /// Where the text ends, if the line break there is not its own.
    open_end: Option<u64>,
    /// `None` while the node is not whole yet: an alias to it would be its own part.
    anchors: HashMap<String, Option<Rc<Node>>>,
}

impl Composer<'_> {
    fn document(&mut self) -> Result<Option<Rc<Node>>, Malformed> {
        loop {
            let (event, mark) = self.next()?;
            match event {
                EventData::StreamEnd => return Ok(None),
                EventData::StreamStart { .. } => {}
                EventData::DocumentStart { .. } => break,
                _ => return Err(Malformed::at(mark)),
            }
        }
        let (event, mark) = self.next()?;
        let root = self.node(event, mark, 0)?;
        self.next()?;
        match self.next()? {
            (EventData::StreamEnd, _) => Ok(Some(root)),
            (_, mark) => Err(Malformed::at(mark)),
        }
    }

    fn next(&mut self) -> Result<(EventData, Mark), Malformed> {
        match self.parser.parse() {
            Ok(mut event) => {
                let is_last = |end| event.end_mark.index + 1 >= end;
                if let EventData::Scalar { value, style, .. } = &mut event.data
                    && [ScalarStyle::Literal, ScalarStyle::Folded].contains(style)
                    && self.open_end.is_some_and(is_last)
                    && value.ends_with('\n')
                {
                    value.pop();
                }
                Ok((event.data, event.start_mark))
            }
            // The parser's own message may quote the text: only the place is kept.
            Err(error) => Err(error
                .problem_mark()
                .map_or(Malformed { place: None }, Malformed::at)),
        }
    }

    fn node(&mut self, event: EventData, mark: Mark, depth: usize) -> Result<Rc<Node>, Malformed> {
        if depth > DEPTH_LIMIT {
            return Err(Malformed::at(mark));
        }
        let (anchor, content, tag) = match event {
            EventData::Alias { anchor } => {
                let node = self.anchors.get(&anchor).and_then(Option::as_ref);
                return node.map(Rc::clone).ok_or(Malformed::at(mark));
            }
            EventData::Scalar {
                anchor,
                tag,
                value,
                style,
                ..
            } => {
                self.announce(anchor.as_ref(), mark)?;
                let is_plain = style == ScalarStyle::Plain || tag.as_deref() == Some("!");
                let tag = Tag::of(tag.as_deref(), || {
                    if is_plain {
                        Tag::of_scalar(&value)
                    } else {
                        Tag::Scalar(scalar::Kind::Text)
                    }
                });
                (anchor, Content::Scalar(value), tag)
            }
            EventData::SequenceStart { anchor, tag, .. } => {
                self.announce(anchor.as_ref(), mark)?;
                let mut items = Vec::new();
                loop {
                    let (event, mark) = self.next()?;
                    if matches!(event, EventData::SequenceEnd) {
                        break;
                    }
                    items.push(self.node(event, mark, depth + 1)?);
                }
                let tag = Tag::of(tag.as_deref(), || Tag::Sequence);
                (anchor, Content::Sequence(items), tag)
            }
            EventData::MappingStart { anchor, tag, .. } => {
                self.announce(anchor.as_ref(), mark)?;
                let mut pairs = Vec::new();
                loop {
                    let (event, mark) = self.next()?;
                    if matches!(event, EventData::MappingEnd) {
                        break;
                    }
                    let key = self.node(event, mark, depth + 1)?;
                    let (event, mark) = self.next()?;
                    pairs.push((key, self.node(event, mark, depth + 1)?));
                }
                let tag = Tag::of(tag.as_deref(), || Tag::Mapping);
                (anchor, Content::Mapping(pairs), tag)
            }
            _ => return Err(Malformed::at(mark)),
        };
        let node = Rc::new(Node { content, tag, mark });
        if let Some(anchor) = anchor {
            self.anchors.insert(anchor, Some(Rc::clone(&node)));
        }
        Ok(node)
    }

    /// An anchor may be set once.
    fn announce(&mut self, anchor: Option<&String>, mark: Mark) -> Result<(), Malformed> {
        match anchor {
            Some(anchor) if self.anchors.insert(anchor.clone(), None).is_some() => {
                Err(Malformed::at(mark))
            }
            _ => Ok(()),
        }
    }
}

type Pairs = Vec<(Rc<Node>, Rc<Node>)>;

/// From nodes to values.
struct Constructor {
    /// How many were made.
    values: usize,
}

impl Constructor {
    fn value(&mut self, node: &Node) -> Result<Plain, Malformed> {
        self.count(node)?;
        let refused = || Malformed::at(node.mark);
        match (&node.tag, &node.content) {
            (Tag::Scalar(kind), Content::Scalar(text)) => {
                scalar::construct(*kind, text).ok_or_else(refused)
            }
            (Tag::Sequence, Content::Sequence(items)) => {
                let items = items.iter().map(|item| self.value(item));
                Ok(Plain::List(items.collect::<Result<_, _>>()?))
            }
            (Tag::Mapping, Content::Mapping(_)) => {
                let mut entries = Vec::new();
                for (key, value) in self.flattened(node)? {
                    let name = match (&key.tag, &key.content) {
                        (Tag::Value, Content::Scalar(text)) => Some(text.clone()),
                        _ => self.value(&key)?.into_key(),
                    };
                    let name = name.ok_or_else(|| Malformed::at(key.mark))?;
                    insert(&mut entries, name, self.value(&value)?);
                }
                Ok(Plain::Map(entries))
            }
            (Tag::Collection, Content::Sequence(_) | Content::Mapping(_)) => {
                Ok(Plain::Foreign("collection of that kind"))
            }
            _ => Err(refused()),
        }
    }

    /// A mapping's pairs with all that `<<` brings in before its own, so that its own win.
    fn flattened(&mut self, node: &Node) -> Result<Pairs, Malformed> {
        let refused = || Malformed::at(node.mark);
        let Content::Mapping(pairs) = &node.content else {
            return Err(refused());
        };
        let (mut merged, mut own) = (Pairs::new(), Pairs::new());
        for (key, value) in pairs {
            self.count(node)?;
            match (&key.tag, &value.content) {
                (Tag::Merge, Content::Mapping(_)) => merged.append(&mut self.flattened(value)?),
                // Of several, the first wins, and so comes last.
                (Tag::Merge, Content::Sequence(sources)) => {
                    for source in sources.iter().rev() {
                        merged.append(&mut self.flattened(source)?);
                    }
                }
                (Tag::Merge, Content::Scalar(_)) => return Err(refused()),
                _ => own.push((Rc::clone(key), Rc::clone(value))),
            }
        }
        self.values += merged.len();
        merged.append(&mut own);
        Ok(merged)
    }

    fn count(&mut self, node: &Node) -> Result<(), Malformed> {
        self.values += 1;
        if self.values > VALUES_LIMIT {
            return Err(Malformed::at(node.mark));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
