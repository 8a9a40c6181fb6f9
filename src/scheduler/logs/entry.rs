//! One entry of a log, and the line that it was printed as.

use jiff::Timestamp;
use serde::Serialize;

use crate::scheduler::wire;

/// One entry of a log. `time` is by the clock of where it was made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct LogEntry {
    /// Seconds since the epoch, as they came: what is the same entry has the very same.
    #[serde(skip)]
    pub(super) created: f64,
    #[serde(serialize_with = "crate::scheduler::model::maybe_rfc3339")]
    pub(crate) time: Option<Timestamp>,
    pub(crate) level: Option<String>,
    /// May have several lines, as those with a traceback do. Where the time isn't known, the line
    /// as it was logged, with a time of whatever zone.
    pub(crate) text: String,
}

/// What the same entry has the very same.
pub(super) type Key = (u64, Option<String>, String);

impl LogEntry {
    pub(super) fn new(created: f64, level: String, text: String) -> Self {
        Self {
            created,
            time: wire::time(created),
            text: match Printed::parse(&text) {
                Some(printed) if printed.level == level => printed.rest(),
                _ => text,
            },
            level: Some(level),
        }
    }

    /// A line as it was logged, of which only the text tells when.
    pub(super) fn untimed(text: String) -> Self {
        Self {
            created: f64::NAN,
            time: None,
            level: Printed::parse(&text).map(|printed| printed.level.to_owned()),
            text,
        }
    }

    /// One that can be told to be before or after another.
    pub(super) fn proper_time(&self) -> Option<f64> {
        Some(self.created).filter(|created| created.is_finite())
    }

    /// The time in the text, by which lines of one log are in order.
    pub(super) fn printed_time(&self) -> Option<&str> {
        Printed::parse(&self.text).map(|printed| printed.time)
    }

    #[cfg(test)]
    pub(crate) fn at(created: f64, level: &str, text: &str) -> Self {
        Self::new(created, level.to_owned(), text.to_owned())
    }

    /// Oldest first, for entries of several logs.
    pub(crate) fn order(&self, other: &Self) -> std::cmp::Ordering {
        self.created.total_cmp(&other.created)
    }

    pub(super) fn key(&self) -> Key {
        let created = self.created.to_bits();
        (created, self.level.clone(), self.text.clone())
    }
}

/// A line in dask's default `log-format`: `2026-11-21 03:12:44,123 - NAME - LEVEL - MESSAGE`.
#[derive(Debug)]
struct Printed<'a> {
    time: &'a str,
    name: &'a str,
    level: &'a str,
    message: &'a str,
}

impl<'a> Printed<'a> {
    /// Nothing where the format is another.
    fn parse(text: &'a str) -> Option<Self> {
        let (time, rest) = text.split_once(" - ")?;
        let (name, rest) = rest.split_once(" - ")?;
        let (level, message) = rest.split_once(" - ")?;
        let is_time = time.len() == "2026-11-21 03:12:44,123".len()
            && time
                .bytes()
                .all(|b| b.is_ascii_digit() || b"- :,".contains(&b));
        is_time.then_some(Self {
            time,
            name,
            level,
            message,
        })
    }

    /// Without what an entry has in fields of its own.
    fn rest(&self) -> String {
        format!("{} - {}", self.name, self.message)
    }
}
