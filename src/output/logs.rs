//! Logs as lines that are easy to search.

use std::fmt::Write as _;

use serde::Serialize;

use super::escape;
use crate::scheduler::LogEntry;

/// A log entry and its source: `scheduler`, or a worker's name.
#[derive(Debug, Serialize)]
pub(crate) struct LogLine {
    pub(crate) name: String,
    #[serde(flatten)]
    pub(crate) entry: LogEntry,
}

/// The fields of every record.
pub(super) const FIELDS: [&str; 4] = ["name", "time", "level", "text"];

/// `2026-11-21T03:12:44Z INFO text`, and further lines of the text indented; with `has_names` each
/// begins with the name. All text is escaped, except for the line breaks between these lines.
pub(super) fn text(lines: &[LogLine], has_names: bool) -> String {
    lines.iter().map(|line| line.text(has_names)).collect()
}

impl LogLine {
    /// The memory that it takes, about.
    pub(crate) fn size(&self) -> usize {
        size_of::<Self>() + self.name.len() + self.entry.level.len() + self.entry.text.len()
    }

    fn text(&self, has_name: bool) -> String {
        let name = if has_name {
            format!("{} ", escape::text(&self.name))
        } else {
            String::new()
        };
        let entry = &self.entry;
        let time = entry
            .time
            .map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ ").to_string());
        // An entry without a time has them in its text.
        let start = time.map_or_else(String::new, |time| {
            format!("{time}{} ", escape::text(&entry.level))
        });
        let mut lines = entry
            .text
            .trim_end_matches('\n')
            .split('\n')
            .map(escape::text);
        let first = lines.next().unwrap_or_default();
        let mut text = format!("{name}{start}{first}\n");
        for line in lines {
            let _ = writeln!(text, "{name}  {line}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logged(name: &str, level: &str, text: &str) -> LogLine {
        LogLine {
            name: name.to_owned(),
            entry: LogEntry::at(1_795_230_764.25, level, text),
        }
    }

    #[test]
    fn entry_is_a_line_and_its_traceback_is_indented() {
        let lines = [
            logged("w1", "INFO", "started"),
            logged("w2", "ERROR", "failed\nTraceback:\n  File \"x.py\"\n"),
        ];
        assert_eq!(
            text(&lines, false),
            "2026-11-21T03:12:44Z INFO started\n2026-11-21T03:12:44Z ERROR failed\n  Traceback:\n    File \"x.py\"\n"
        );
        assert_eq!(
            text(&lines[1..], true),
            "w2 2026-11-21T03:12:44Z ERROR failed\nw2   Traceback:\nw2     File \"x.py\"\n"
        );
    }

    #[test]
    fn escapes_control_characters() {
        let lines = [logged("w\n1", "IN\rFO", "a\x1b[2Jb\r\nc\u{9b}\td")];
        assert_eq!(
            text(&lines, true),
            "w\\n1 2026-11-21T03:12:44Z IN\\rFO a\\x1b[2Jb\\r\nw\\n1   c\\x9b\\td\n"
        );
    }
}
