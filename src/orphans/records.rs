//! Idle clusters that earlier runs recorded. Losing the records only delays a clean-up: dgw starts
//! over if they are damaged, not the user's own, or in the future.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::clock::ClockReading;
use super::idle::IdleRecord;
use crate::private::{Error, StateDir};

const FILE: &str = "sightings.json";

/// Version of the file's format. Another version is started over, too.
const VERSION: u32 = 1;

/// Age at which a record is dropped: a cluster that wasn't checked for so long is gone.
const MAX_AGE: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Records of earlier runs by cluster name.
#[derive(Debug)]
pub(crate) struct IdleRecords {
    clusters: BTreeMap<String, IdleRecord>,
    is_changed: bool,
}

#[derive(Serialize, Deserialize)]
struct Stored<T> {
    version: u32,
    clusters: T,
}

impl IdleRecords {
    /// Reads the records; none if the file can't be used.
    pub(crate) fn read(state: &StateDir, now: &ClockReading) -> Self {
        let clusters = stored(state).unwrap_or_else(|error| {
            log::info!("discarded the records of idle clusters: {error}");
            BTreeMap::new()
        });
        // One damaged record doesn't cost the others.
        let usable = clusters.into_iter().filter_map(|(name, record)| {
            let record = serde_json::from_value::<IdleRecord>(record).ok()?;
            let age = now.since(&record.at)?;
            (age < MAX_AGE).then_some((name, record))
        });
        Self {
            clusters: usable.collect(),
            is_changed: false,
        }
    }

    /// Returns the record of `cluster`.
    pub(crate) fn of(&self, cluster: &str) -> Option<&IdleRecord> {
        self.clusters.get(cluster)
    }

    /// Sets the record of `cluster`, or removes it.
    pub(crate) fn set(&mut self, cluster: &str, record: Option<IdleRecord>) {
        if self.clusters.get(cluster) == record.as_ref() {
            return;
        }
        self.is_changed = true;
        match record {
            Some(record) => self.clusters.insert(cluster.to_owned(), record),
            None => self.clusters.remove(cluster),
        };
    }

    /// Writes the records if any has changed.
    ///
    /// # Errors
    /// They can't be written.
    pub(crate) fn write(&self, state: &StateDir) -> Result<(), Error> {
        if !self.is_changed {
            return Ok(());
        }
        let stored = Stored {
            version: VERSION,
            clusters: &self.clusters,
        };
        state.create()?.write_json(FILE, &stored)
    }
}

fn stored(state: &StateDir) -> Result<BTreeMap<String, Value>, Error> {
    let Some(directory) = state.open()? else {
        return Ok(BTreeMap::new());
    };
    match directory.read_json::<Stored<_>>(FILE)? {
        Some(stored) if stored.version == VERSION => Ok(stored.clusters),
        Some(_) => Err(Error::Damaged(directory.path_of(FILE))),
        None => Ok(BTreeMap::new()),
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    const DAY: i64 = 24 * 3_600;

    fn at_day(days: i64) -> ClockReading {
        ClockReading {
            local: Timestamp::from_second(days * DAY).expect("a time"),
            gateway: None,
        }
    }

    fn record() -> Value {
        json!({
            "start_time": "1970-01-01T00:00:00Z",
            "at": {"here": "1970-01-11T00:00:00Z", "gateway": null},
            "marks": {"unattended_since": "1970-01-01T00:00:00Z"},
        })
    }

    /// State with a file of `version` that records the cluster `ab12` at day 10.
    fn state_with(version: u32) -> (tempfile::TempDir, StateDir) {
        let home = tempfile::tempdir().expect("a directory");
        let state = StateDir::for_test(home.path());
        let clusters = json!({"ab12": record(), "cd34": "damaged"});
        let stored = Stored { version, clusters };
        let directory = state.create().expect("created");
        directory.write_json(FILE, &stored).expect("written");
        (home, state)
    }

    #[test]
    fn records_count_for_thirty_days_and_not_in_the_future() {
        let (_home, state) = state_with(VERSION);
        for (day, is_known) in [(9, false), (10, true), (39, true), (40, false)] {
            let records = IdleRecords::read(&state, &at_day(day));
            assert_eq!(records.of("ab12").is_some(), is_known, "day {day}");
            assert_eq!(records.of("cd34"), None);
        }
    }

    #[test]
    fn other_versions_and_missing_files_hold_no_records() {
        let (_home, state) = state_with(VERSION + 1);
        let read = || IdleRecords::read(&state, &at_day(10));
        assert!(read().clusters.is_empty());
        let directory = state.create().expect("created");
        directory.write(FILE, b"[").expect("written");
        assert!(read().clusters.is_empty());
        directory.remove(FILE).expect("removed");
        assert!(read().clusters.is_empty());
        assert!(stored(&state).is_ok());
    }

    #[test]
    fn records_are_written_only_if_they_changed() {
        let home = tempfile::tempdir().expect("a directory");
        let state = StateDir::for_test(home.path());
        let record = serde_json::from_value::<IdleRecord>(record()).ok();
        assert!(record.is_some());
        let mut records = IdleRecords::read(&state, &at_day(10));
        records.set("ab12", None);
        records.write(&state).expect("nothing to write");
        assert!(state.open().is_ok_and(|directory| directory.is_none()));

        records.set("ab12", record.clone());
        records.write(&state).expect("written");
        let mut records = IdleRecords::read(&state, &at_day(10));
        assert_eq!(records.of("ab12"), record.as_ref());
        records.set("ab12", record);
        assert!(!records.is_changed);
        records.set("ab12", None);
        records.write(&state).expect("written");
        let records = IdleRecords::read(&state, &at_day(10));
        assert!(records.clusters.is_empty());
    }
}
