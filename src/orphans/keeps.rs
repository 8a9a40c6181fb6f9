//! Which clusters are protected. A file for each: nothing is lost where two runs write at once, and
//! one that is damaged still says by its name what it protects.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ClockReading, Error, StateDir};

const FOLDER: &str = "keeps";

/// A cluster's protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Protection {
    /// Until when; for good if that isn't told.
    pub(crate) until: Option<Timestamp>,
}

/// The protected clusters, by their names.
#[derive(Debug, Default)]
pub(crate) struct Protections(BTreeMap<String, Protection>);

impl Protection {
    /// For so long from `now` on, by whatever clock; for good where that isn't told.
    pub(crate) fn lasting(span: Option<Duration>, now: &ClockReading) -> Self {
        let end = |span| {
            let latest = now
                .gateway
                .map_or(now.here, |gateway| now.here.max(gateway));
            latest.saturating_add(span).unwrap_or(Timestamp::MAX)
        };
        Self {
            until: span.map(end),
        }
    }
}

impl Protections {
    /// Those in `store`.
    ///
    /// # Errors
    /// They can't be listed, or others could have removed some.
    pub(crate) fn read(store: &StateDir) -> Result<Self, Error> {
        // A folder that others can write could hold another's, or none.
        if store.open(None)?.is_none() {
            return Ok(Self::default());
        }
        let Some(folder) = store.open(Some(FOLDER))? else {
            return Ok(Self::default());
        };
        let mut keeps = BTreeMap::new();
        for name in folder.names()? {
            let keep = match folder.read::<Protection>(&name) {
                Ok(Some(keep)) => keep,
                // It was removed meanwhile.
                Ok(None) => continue,
                Err(why) => {
                    let path = folder.path.join(&name);
                    log::info!("`{}` protects for good: {why}", path.display());
                    Protection { until: None }
                }
            };
            keeps.insert(name, keep);
        }
        Ok(Self(keeps))
    }

    /// The protection of `cluster`, if it has one `now`.
    pub(crate) fn of(&self, cluster: &str, now: &ClockReading) -> Option<Protection> {
        let keep = self.0.get(cluster)?;
        let is_over = keep.until.is_some_and(|until| now.is_past(until));
        (!is_over).then_some(*keep)
    }

    /// The names of all that were ever protected.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Protects `cluster`.
    ///
    /// # Errors
    /// The disk's: then it isn't.
    pub(crate) fn add(store: &StateDir, cluster: &str, keep: &Protection) -> Result<(), Error> {
        store.make(None)?;
        store.make(Some(FOLDER))?.replace(cluster, keep)
    }

    /// Ends the protection of `cluster`. Returns whether it had one.
    ///
    /// # Errors
    /// The disk's: then it's still protected.
    pub(crate) fn remove(store: &StateDir, cluster: &str) -> Result<bool, Error> {
        match store.open(Some(FOLDER))? {
            Some(folder) => folder.remove(cluster),
            None => Ok(false),
        }
    }
}
