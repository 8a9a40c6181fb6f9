//! One entry of a log, and the line that it was printed as.

use std::cmp::Ordering;
use std::hash::{BuildHasher as _, RandomState};

use jiff::Timestamp;
use serde::Serialize;

use crate::scheduler::wire;

/// One entry of a log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct LogEntry {
    /// Seconds since the epoch, unrounded: the same entry always has the very same number.
    #[serde(skip)]
    pub(super) created: f64,
    /// By the clock of the process that logged it; `None` if `created` is no time.
    pub(crate) time: Option<Timestamp>,
    pub(crate) level: String,
    /// Has several lines where it contains a traceback.
    pub(crate) text: String,
}

/// Identifies an entry by its time and a hash of its text, unless the same text is logged twice at the
/// same moment.
pub(super) type Key = (u64, u64);

impl LogEntry {
    /// Takes an entry as it arrives, with the whole printed line as its text.
    pub(super) fn new(created: f64, level: String, text: String) -> Self {
        Self {
            created,
            time: wire::time(created),
            text: without_time_and_level(&text, &level).unwrap_or(text),
            level,
        }
    }

    /// Returns the time if it can be compared with others.
    pub(crate) fn finite_time(&self) -> Option<f64> {
        Some(self.created).filter(|created| created.is_finite())
    }

    #[cfg(any(test, fuzzing))]
    pub(crate) fn at(created: f64, level: &str, text: &str) -> Self {
        Self::new(created, level.to_owned(), text.to_owned())
    }

    /// Compares the times of entries of several logs.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        self.created.total_cmp(&other.created)
    }

    pub(super) fn key(&self, hasher: &RandomState) -> Key {
        let hash = hasher.hash_one((&self.level, &self.text));
        (self.created.to_bits(), hash)
    }
}

/// Returns a line in dask's default `log-format`, `2026-11-21 03:12:44,123 - NAME - LEVEL - MESSAGE`,
/// without its time and level; `None` if it has another format or level.
fn without_time_and_level(line: &str, level: &str) -> Option<String> {
    let mut parts = line.splitn(4, " - ");
    let (time, name) = (parts.next()?, parts.next()?);
    let (printed_level, message) = (parts.next()?, parts.next()?);
    let is_time = time.len() == "2026-11-21 03:12:44,123".len()
        && time
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"- :,".contains(&byte));
    (is_time && printed_level == level).then(|| format!("{name} - {message}"))
}
