//! A document in Markdown, by its parts.

use std::fs;

use crate::support::repository;

/// What stands between two fences.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// That of the section it is in.
    pub(crate) heading: String,
    pub(crate) language: String,
    pub(crate) text: String,
}

/// `` `code` `` in a line of prose or of a table.
#[derive(Debug)]
pub(crate) struct Span {
    pub(crate) text: String,
    /// All of its line that comes before.
    pub(crate) before: String,
}

pub(crate) struct Page {
    pub(crate) text: String,
    pub(crate) headings: Vec<String>,
    pub(crate) blocks: Vec<Block>,
    pub(crate) spans: Vec<Span>,
}

impl Page {
    /// README.md.
    pub(crate) fn read() -> Self {
        Self::of("README.md")
    }

    /// A document at the top of the repository.
    pub(crate) fn of(name: &str) -> Self {
        let text = fs::read_to_string(repository().join(name)).expect(name);
        let (mut headings, mut blocks, mut spans) = (Vec::new(), Vec::new(), Vec::new());
        let mut open: Option<Block> = None;
        for line in text.lines() {
            match (&mut open, line.strip_prefix("```")) {
                (Some(_), Some(_)) => blocks.extend(open.take()),
                (Some(block), None) => block.text.push_str(&[line, "\n"].concat()),
                (None, Some(language)) => {
                    open = Some(Block {
                        heading: headings.last().cloned().unwrap_or_default(),
                        language: language.to_owned(),
                        text: String::new(),
                    });
                }
                (None, None) => {
                    spans.extend(spans_of(line));
                    let heading = line.trim_start_matches('#');
                    if let (true, Some(heading)) = (line != heading, heading.strip_prefix(' ')) {
                        headings.push(heading.to_owned());
                    }
                }
            }
        }
        assert!(open.is_none(), "a fence is left open");
        Self {
            text,
            headings,
            blocks,
            spans,
        }
    }

    /// The rows of its tables whose first cell begins so, by cells.
    pub(crate) fn rows(&self, begin: &str) -> Vec<Vec<String>> {
        let rows = self.text.lines().filter_map(|line| line.strip_prefix("| "));
        rows.filter(|row| row.starts_with(begin))
            .map(|row| row.split(" | ").map(str::to_owned).collect())
            .collect()
    }
}

fn spans_of(line: &str) -> Vec<Span> {
    let parts = line.split('`').collect::<Vec<_>>();
    (1..parts.len())
        .step_by(2)
        .map(|at| Span {
            text: parts[at].to_owned(),
            before: parts[..at].concat(),
        })
        .collect()
}
