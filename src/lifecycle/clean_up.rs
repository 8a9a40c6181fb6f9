//! `--idle-for`: finding orphaned clusters, and checking each again right before its end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};
use jiff::Timestamp;

use super::Error;
use super::probe::CONCURRENCY;
use crate::gateway::{self, Cluster, Gateway, Listing, Status, TlsIdentities, TlsIdentity};
use crate::orphans::{
    self, ClockReading, ClusterAge, KeepReason, Observation, Protections, QuietState, Rule,
    Sightings, StateDir, Verdict, close_look, judge, look,
};
use crate::output::ClusterRow;
use crate::scheduler::{Activity, Schedulers};
use crate::session::Session;

/// The orphan rule as the command line asks for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CleanUpRule {
    pub(crate) rule: Rule,
    /// The time limit of a request to a scheduler.
    pub(crate) probe_timeout: Duration,
}

/// A search for orphaned clusters on one gateway.
pub(crate) struct CleanUp<'a> {
    gateway: &'a Gateway,
    schedulers: Schedulers,
    rule: Rule,
    state: StateDir,
    /// The evidence for each orphan.
    orphans: BTreeMap<String, QuietState>,
    unwritten: Result<(), orphans::Error>,
}

impl<'a> CleanUp<'a> {
    /// Prepares a search by `rule`.
    ///
    /// # Errors
    /// There is no state directory.
    pub(crate) fn new(rule: CleanUpRule, session: &'a Session) -> Result<Self, Error> {
        Ok(Self {
            gateway: &session.gateway,
            schedulers: session.schedulers(rule.probe_timeout),
            rule: rule.rule,
            state: StateDir::of(session.gateway.base_url())?,
            orphans: BTreeMap::new(),
            unwritten: Ok(()),
        })
    }

    /// Returns the orphans among `rows`, each with what its scheduler reported. `clock` is the
    /// gateway's time of the listing. `writes` records the sightings for later runs.
    ///
    /// # Errors
    /// The protections can't be read.
    pub(crate) async fn find_orphans(
        &mut self,
        rows: Vec<ClusterRow>,
        identities: &TlsIdentities,
        clock: Option<Timestamp>,
        writes: bool,
    ) -> Result<Vec<ClusterRow>, Error> {
        let (before, started) = (clock_reading(clock), Instant::now());
        let protections = Protections::read(&self.state)?;
        let mut sightings = Sightings::read(&self.state, &before);
        let observations = rows.into_iter().map(async |row| {
            let observation = self.observe(&row, identities, &protections, &before).await;
            (row, observation)
        });
        let observed = stream::iter(observations)
            .buffered(CONCURRENCY)
            .collect::<Vec<_>>()
            .await;
        let after = before.at_the_latest(started.elapsed());
        let (mut orphans, mut needs_sightings) = (Vec::new(), false);
        for (mut row, observation) in observed {
            let Cluster {
                name, start_time, ..
            } = &row.cluster;
            let age = ClusterAge {
                start_time: *start_time,
                age: clock.map(|_| row.age()),
            };
            let earlier = sightings.of(name);
            let quiet = observation.quiet;
            let (verdict, sighting) = judge(&self.rule, &quiet, &age, earlier, &before, &after);
            sightings.set(name, sighting);
            match (verdict, quiet) {
                (Verdict::Orphan(proof), Ok(quiet)) => {
                    log::info!("cluster {name} is an orphan: {proof}");
                    self.orphans.insert(name.clone(), quiet);
                    row.activity = Some(observation.activity);
                    orphans.push(row);
                }
                (Verdict::Kept(reason), _) => {
                    log::info!("cluster {name} is kept: {reason}");
                    needs_sightings |= reason.needs_sightings();
                }
                (Verdict::Orphan(_), Err(_)) => unreachable!("only a quiet cluster is an orphan"),
            }
        }
        if writes && let Err(error) = sightings.write(&self.state) {
            log::info!("{error}");
            if needs_sightings {
                self.unwritten = Err(error);
            }
        }
        Ok(orphans)
    }

    async fn observe(
        &self,
        row: &ClusterRow,
        identities: &TlsIdentities,
        protections: &Protections,
        now: &ClockReading,
    ) -> Observation {
        let Cluster { name, status, .. } = &row.cluster;
        let reason = if *status == Status::Running {
            protections
                .of(name, now)
                .map(|protection| KeepReason::Protected(protection.until))
        } else {
            Some(KeepReason::NotRunning(*status))
        };
        match reason {
            Some(reason) => Observation {
                activity: Activity::default(),
                quiet: Err(reason),
            },
            None => look(&self.schedulers, name, identities.get(name), &self.rule).await,
        }
    }

    /// Checks right before the shutdown that nothing has changed since the cluster was found: with
    /// the gateway, its scheduler, and the user's protections. Returns the reason to keep it.
    ///
    /// # Errors
    /// A request to the gateway fails.
    pub(super) async fn recheck(
        &self,
        cluster: &Cluster,
    ) -> Result<Result<(), KeepReason>, gateway::Error> {
        let name = &cluster.name;
        let (listing, mut identities) = match self.gateway.cluster_with_identity(name).await {
            Err(gateway::Error::NoSuchCluster(_)) => {
                let gone = "the gateway no longer knows it".to_owned();
                return Ok(Err(KeepReason::Unknown(gone)));
            }
            found => found?,
        };
        let identity = identities.remove(name);
        Ok(self.compare(cluster, &listing, identity.as_ref()).await)
    }

    async fn compare(
        &self,
        cluster: &Cluster,
        listing: &Listing,
        identity: Option<&TlsIdentity>,
    ) -> Result<(), KeepReason> {
        let [current] = &listing.clusters[..] else {
            return Err(KeepReason::Changed);
        };
        if current.status != Status::Running {
            return Err(KeepReason::NotRunning(current.status));
        }
        if current.start_time != cluster.start_time {
            return Err(KeepReason::Changed);
        }
        let quiet = close_look(&self.schedulers, &cluster.name, identity, &self.rule).await?;
        match self.orphans.get(&cluster.name) {
            Some(found) if quiet.is_the_same_as(found) => {}
            _ => return Err(KeepReason::Changed),
        }
        // Last, because the requests took time and `dgw keep` may have run meanwhile.
        let protections = Protections::read(&self.state)
            .map_err(|error| KeepReason::Unknown(error.to_string()))?;
        if let Some(protection) = protections.of(&cluster.name, &clock_reading(listing.clock)) {
            return Err(KeepReason::Protected(protection.until));
        }
        Ok(())
    }

    /// Ends the search.
    ///
    /// # Errors
    /// The sightings could not be written although later runs need them.
    pub(crate) fn finish(self) -> Result<(), Error> {
        Ok(self.unwritten?)
    }
}

/// Reads this machine's clock, beside the gateway's time.
fn clock_reading(gateway: Option<Timestamp>) -> ClockReading {
    ClockReading {
        here: Timestamp::now(),
        gateway,
    }
}
