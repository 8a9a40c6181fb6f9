//! Protected clusters. Each has a file of its own: nothing is lost if two runs write at once, and
//! the name of a damaged file still says which cluster it protects.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::clock::ClockReading;
use crate::private::{Error, PrivateDir, StateDir};

/// Directory of the protections' files.
const DIRECTORY: &str = "keeps";

/// Protection of a cluster from every shutdown that does not name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Protection {
    /// End of the protection; `None` if it doesn't end.
    pub(crate) until: Option<Timestamp>,
}

/// Protections by cluster name.
#[derive(Debug, Default)]
pub(crate) struct Protections(BTreeMap<String, Protection>);

impl Protection {
    /// Returns a protection that ends `span` after `now`, by whichever clock is later; one without
    /// end if there is no `span`.
    pub(crate) fn lasting(span: Option<Duration>, now: &ClockReading) -> Self {
        let end = |span| now.latest().saturating_add(span).unwrap_or(Timestamp::MAX);
        Self {
            until: span.map(end),
        }
    }

    fn has_ended(&self, now: &ClockReading) -> bool {
        self.until.is_some_and(|until| now.is_past(until))
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`dgw keep` protects it")?;
        match self.until {
            None => Ok(()),
            Some(time) => write!(f, " until {time:.0}"),
        }
    }
}

impl Protections {
    /// Reads all protections. A file that can't be read protects without end.
    ///
    /// # Errors
    /// They can't be listed, or others could have removed some.
    pub(crate) fn read(state: &StateDir) -> Result<Self, Error> {
        let Some(directory) = directory(state)? else {
            return Ok(Self::default());
        };
        let names = directory.names()?.into_iter();
        let protections = names.filter_map(|name| {
            let protection = read_file(&directory, &name)?;
            Some((name, protection))
        });
        Ok(Self(protections.collect()))
    }

    /// Reads the protection of one cluster, unless it has ended by `now`.
    ///
    /// # Errors
    /// Others could have removed it.
    pub(crate) fn read_one(
        state: &StateDir,
        cluster: &str,
        now: &ClockReading,
    ) -> Result<Option<Protection>, Error> {
        let file = directory(state)?.and_then(|directory| read_file(&directory, cluster));
        Ok(file.filter(|protection| !protection.has_ended(now)))
    }

    /// Returns the protection of `cluster`, unless it has ended by `now`.
    pub(crate) fn of(&self, cluster: &str, now: &ClockReading) -> Option<Protection> {
        let protection = self.0.get(cluster).copied();
        protection.filter(|protection| !protection.has_ended(now))
    }

    /// Returns the names of all clusters with a protection, even one that has ended.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Protects `cluster`.
    ///
    /// # Errors
    /// The protection can't be written.
    pub(crate) fn add(
        state: &StateDir,
        cluster: &str,
        protection: &Protection,
    ) -> Result<(), Error> {
        let directory = state.create()?.path_of(DIRECTORY);
        PrivateDir::create(&directory)?.write_json(cluster, protection)
    }

    /// Removes the protection of `cluster`. Returns false if it had none.
    ///
    /// # Errors
    /// The protection can't be removed.
    pub(crate) fn remove(state: &StateDir, cluster: &str) -> Result<bool, Error> {
        directory(state)?.map_or(Ok(false), |directory| directory.remove(cluster))
    }
}

/// Reads a protection; `None` if the file doesn't exist. One that can't be read protects without end.
fn read_file(directory: &PrivateDir, cluster: &str) -> Option<Protection> {
    directory.read_json(cluster).unwrap_or_else(|error| {
        log::info!("cluster {cluster} is protected until `dgw keep --forget`: {error}");
        Some(Protection { until: None })
    })
}

/// Opens the directory of the protections; `None` if it doesn't exist. Others must be unable to
/// exchange it: the state directory is judged, too.
fn directory(state: &StateDir) -> Result<Option<PrivateDir>, Error> {
    match state.open()? {
        Some(directory) => PrivateDir::open(&directory.path_of(DIRECTORY)),
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn reading(local: i64, gateway: i64) -> ClockReading {
        ClockReading {
            local: at(local),
            gateway: Some(at(gateway)),
        }
    }

    #[test]
    fn protection_is_read_until_it_ends_or_is_removed() {
        let home = tempfile::tempdir().expect("a directory");
        let state = StateDir::for_test(home.path());
        let read = || Protections::read(&state).expect("no error");
        assert_eq!(read().names().count(), 0);
        assert_eq!(Protections::remove(&state, "ab12").ok(), Some(false));
        state.create().expect("created");
        assert_eq!(read().names().count(), 0);
        assert_eq!(Protections::remove(&state, "ab12").ok(), Some(false));
        let protection = Protection {
            until: Some(at(10)),
        };
        Protections::add(&state, "ab12", &protection).expect("written");
        assert_eq!(read().of("ab12", &reading(9, 9)), Some(protection));
        assert_eq!(read().of("ab12", &reading(10, 9)), Some(protection));
        assert_eq!(read().of("ab12", &reading(10, 10)), None);
        assert_eq!(read().of("cd34", &reading(9, 9)), None);
        for now in [reading(9, 9), reading(10, 10)] {
            for name in ["ab12", "cd34"] {
                let one = Protections::read_one(&state, name, &now).expect("no error");
                assert_eq!(one, read().of(name, &now));
            }
        }
        assert_eq!(read().names().collect::<Vec<_>>(), ["ab12"]);
        assert_eq!(Protections::remove(&state, "ab12").ok(), Some(true));
        assert_eq!(read().names().count(), 0);
    }

    #[test]
    fn directory_that_others_can_write_holds_no_protections() {
        let home = tempfile::tempdir().expect("a directory");
        let state = StateDir::for_test(home.path());
        Protections::add(&state, "ab12", &Protection { until: None }).expect("written");
        let parent = state.create().expect("created");
        for path in [parent.path_of(DIRECTORY), parent.path_of("")] {
            let set_mode = |mode| {
                fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
            };
            set_mode(0o770);
            let read = Protections::read(&state);
            assert!(matches!(read, Err(Error::Refused { .. })));
            assert!(Protections::read_one(&state, "ab12", &reading(9, 9)).is_err());
            assert!(Protections::remove(&state, "ab12").is_err());
            set_mode(0o700);
        }
    }

    #[test]
    fn protection_says_how_long_it_lasts() {
        let text = |until: Option<Timestamp>| Protection { until }.to_string();
        assert_eq!(text(None), "`dgw keep` protects it");
        let time = Timestamp::from_millisecond(1_795_217_334_964).expect("a time");
        assert_eq!(
            text(Some(time)),
            "`dgw keep` protects it until 2026-11-20T23:28:54Z"
        );
    }

    #[test]
    fn protection_ends_by_the_later_clock_or_never() {
        let lasting = |span| Protection::lasting(span, &reading(100, 200)).until;
        assert_eq!(lasting(None), None);
        assert_eq!(lasting(Some(Duration::from_secs(5))), Some(at(205)));
        assert_eq!(lasting(Some(Duration::MAX)), Some(Timestamp::MAX));
    }
}
