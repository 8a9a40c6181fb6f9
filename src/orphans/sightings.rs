//! What earlier runs saw. Losing it only delays: whatever is damaged, or not the user's own, or of
//! the future, is started over.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rule::Sighting;
use super::{ClockReading, Error, StateDir};

const FILE: &str = "sightings.json";

/// The form of the file. Another one is started over, too.
const VERSION: u32 = 1;

/// Clusters that were not looked at for so long don't come back.
const REMEMBERED: Duration = Duration::from_secs(30 * 24 * 3_600);

/// Quiet looks of earlier runs, by the names of clusters.
#[derive(Debug)]
pub(crate) struct Sightings {
    clusters: BTreeMap<String, Sighting>,
    is_changed: bool,
}

#[derive(Deserialize)]
struct File {
    version: u32,
    clusters: BTreeMap<String, serde_json::Value>,
}

#[derive(Serialize)]
struct NewFile<'a> {
    version: u32,
    clusters: &'a BTreeMap<String, Sighting>,
}

impl Sightings {
    /// Those in `store`, or none.
    pub(crate) fn read(store: &StateDir, now: &ClockReading) -> Self {
        let folder = store.open(None).unwrap_or_else(|error| {
            log::info!("{error}");
            None
        });
        let file = folder.map_or(Ok(None), |folder| folder.read::<File>(FILE));
        let clusters = match file {
            Ok(Some(file)) if file.version == VERSION => file.clusters,
            Ok(None) => BTreeMap::new(),
            Ok(Some(_)) => started_over(store, "it is another dgw's"),
            Err(why) => started_over(store, &why),
        };
        // One that can't be read doesn't spoil the others.
        let sound = clusters.into_iter().filter_map(|(name, sighting)| {
            let sighting = serde_json::from_value::<Sighting>(sighting).ok()?;
            let age = now.since(&sighting.at)?;
            (age < REMEMBERED).then_some((name, sighting))
        });
        Self {
            clusters: sound.collect(),
            is_changed: false,
        }
    }

    pub(crate) fn of(&self, cluster: &str) -> Option<&Sighting> {
        self.clusters.get(cluster)
    }

    /// Takes what a look made of the sighting of `cluster`.
    pub(crate) fn set(&mut self, cluster: &str, sighting: Option<Sighting>) {
        if self.clusters.get(cluster) == sighting.as_ref() {
            return;
        }
        self.is_changed = true;
        match sighting {
            Some(sighting) => self.clusters.insert(cluster.to_owned(), sighting),
            None => self.clusters.remove(cluster),
        };
    }

    /// Writes them down, if there's anything new.
    ///
    /// # Errors
    /// The disk's.
    pub(crate) fn write(&self, store: &StateDir) -> Result<(), Error> {
        if !self.is_changed {
            return Ok(());
        }
        let file = NewFile {
            version: VERSION,
            clusters: &self.clusters,
        };
        store.make(None)?.replace(FILE, &file)
    }
}

fn started_over<T: Default>(store: &StateDir, why: &str) -> T {
    let path = store.path.join(FILE);
    log::info!(
        "what earlier runs saw is started over: `{}`: {why}",
        path.display()
    );
    T::default()
}
