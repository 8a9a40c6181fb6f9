//! Protected clusters. Each has a file of its own: nothing is lost if two runs write at once, and
//! the name of a damaged file still says which cluster it protects.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::clock::ClockReading;
use crate::private::{Error, PrivateDir, StateDir};

/// Directory of the protections' files.
const DIRECTORY: &str = "keeps";

/// Protection of a cluster from clean-up.
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
        let mut protections = BTreeMap::new();
        for name in directory.names()? {
            match directory.read_json(&name) {
                Ok(Some(protection)) => {
                    protections.insert(name, protection);
                }
                // It was removed after it was listed.
                Ok(None) => {}
                Err(error) => {
                    log::info!("cluster {name} is protected until `dgw keep --forget`: {error}");
                    protections.insert(name, Protection { until: None });
                }
            }
        }
        Ok(Self(protections))
    }

    /// Returns the protection of `cluster`, unless it has ended by `now`.
    pub(crate) fn of(&self, cluster: &str, now: &ClockReading) -> Option<Protection> {
        let has_ended = |until| now.is_past(until);
        self.0
            .get(cluster)
            .filter(|protection| !protection.until.is_some_and(has_ended))
            .copied()
    }

    /// Returns the names of all clusters with a protection, ended ones included.
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
            assert!(Protections::remove(&state, "ab12").is_err());
            set_mode(0o700);
        }
    }

    #[test]
    fn protection_ends_by_the_later_clock_or_never() {
        let lasting = |span| Protection::lasting(span, &reading(100, 200)).until;
        assert_eq!(lasting(None), None);
        assert_eq!(lasting(Some(Duration::from_secs(5))), Some(at(205)));
        assert_eq!(lasting(Some(Duration::MAX)), Some(Timestamp::MAX));
    }
}
