//! `--idle-for`: which clusters nobody needs any more, and whether that is still so.

use std::collections::BTreeMap;
use std::time::Instant;

use futures_util::stream::{self, StreamExt as _};
use jiff::Timestamp;

use super::probing::AT_ONCE;
use crate::cli::{ProbeArgs, SelectorArgs};
use crate::error::Error;
use crate::gateway::{self, Cluster, Gateway, Listing, Status, TlsIdentities, TlsIdentity};
use crate::orphans::{
    ClockReading, ClusterAge, IdleCheck, IdleRecords, IdleState, KeepReason, OrphanVerdict,
    Protections, Rule, check_idle, judge, read_idle_state,
};
use crate::output::ClusterRow;
use crate::private::{self, StateDir};
use crate::scheduler::{Activity, Schedulers};

/// The orphan rule at work on one gateway.
pub(super) struct Orphans<'a> {
    gateway: &'a Gateway,
    schedulers: Schedulers,
    rule: Rule,
    store: StateDir,
    /// How each of those picked was found.
    picked: BTreeMap<String, IdleState>,
    unwritten: Result<(), private::Error>,
}

impl<'a> Orphans<'a> {
    /// As the command line asks for it; `None` where it doesn't.
    ///
    /// # Errors
    /// There's no home folder.
    pub(super) fn asked_for(
        selectors: &SelectorArgs,
        probe: &ProbeArgs,
        gateway: &'a Gateway,
    ) -> Result<Option<Self>, Error> {
        let Some(idle_for) = selectors.idle_for else {
            return Ok(None);
        };
        Ok(Some(Self {
            gateway,
            schedulers: super::schedulers(gateway, probe),
            rule: Rule {
                idle_for,
                ignore_results: selectors.ignore_results,
            },
            store: StateDir::of(gateway.base_url())?,
            picked: BTreeMap::new(),
            unwritten: Ok(()),
        }))
    }

    /// Those of `rows` that are orphans, each with what it tells. `clock` is the gateway's, when it
    /// listed them. `writes` is whether later runs may know what was seen.
    ///
    /// # Errors
    /// It can't be known which are protected.
    pub(super) async fn pick(
        &mut self,
        rows: Vec<ClusterRow>,
        identities: &TlsIdentities,
        clock: Option<Timestamp>,
        writes: bool,
    ) -> Result<Vec<ClusterRow>, Error> {
        let (before, started) = (ClockReading::now(clock), Instant::now());
        let keeps = Protections::read(&self.store)?;
        let mut sightings = IdleRecords::read(&self.store, &before);
        let looking = rows.into_iter().map(async |row| {
            let found = self.look(&row, identities, &keeps, &before).await;
            (row, found)
        });
        let looked = stream::iter(looking)
            .buffered(AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        let after = before.at_the_latest(started.elapsed());
        let (mut orphans, mut depends_on_sightings) = (Vec::new(), false);
        for (mut row, found) in looked {
            let Cluster {
                name, start_time, ..
            } = &row.cluster;
            let life = ClusterAge {
                start_time: *start_time,
                age: clock.map(|_| row.age()),
            };
            let earlier = sightings.of(name);
            let (verdict, sighting) =
                judge(&self.rule, &found.idle, &life, earlier, &before, &after);
            sightings.set(name, sighting);
            match (verdict, found.idle) {
                (OrphanVerdict::Orphan(proof), Ok(quiet)) => {
                    log::info!("cluster {name} is an orphan: {proof}");
                    self.picked.insert(name.clone(), quiet);
                    row.activity = Some(found.activity);
                    orphans.push(row);
                }
                (OrphanVerdict::Kept(reason), _) => {
                    log::info!("cluster {name} is kept: {reason}");
                    depends_on_sightings |= reason.needs_records();
                }
                (OrphanVerdict::Orphan(_), Err(_)) => {
                    unreachable!("only what is quiet is an orphan")
                }
            }
        }
        if writes && let Err(error) = sightings.write(&self.store) {
            log::info!("{error}");
            if depends_on_sightings {
                self.unwritten = Err(error);
            }
        }
        Ok(orphans)
    }

    async fn look(
        &self,
        row: &ClusterRow,
        identities: &TlsIdentities,
        keeps: &Protections,
        now: &ClockReading,
    ) -> IdleCheck {
        let Cluster { name, status, .. } = &row.cluster;
        let reason = if *status == Status::Running {
            let keep = keeps.of(name, now);
            keep.map(|keep| KeepReason::Protected(keep.until))
        } else {
            Some(KeepReason::NotRunning(*status))
        };
        match reason {
            Some(reason) => IdleCheck {
                activity: Activity::default(),
                idle: Err(reason),
            },
            None => check_idle(&self.schedulers, name, identities.get(name), &self.rule).await,
        }
    }

    /// Whether the cluster is as it was when it was picked. Asked for right before its end, and of
    /// everybody again: the gateway, its scheduler, the user's own protections.
    ///
    /// # Errors
    /// The gateway's own.
    pub(super) async fn is_still_one(
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
        let [now] = &listing.clusters[..] else {
            return Err(KeepReason::Changed);
        };
        if now.status != Status::Running {
            return Err(KeepReason::NotRunning(now.status));
        }
        if now.start_time != cluster.start_time {
            return Err(KeepReason::Changed);
        }
        let quiet = read_idle_state(&self.schedulers, &cluster.name, identity, &self.rule).await?;
        match self.picked.get(&cluster.name) {
            Some(picked) if quiet.is_unchanged_since(picked) => {}
            _ => return Err(KeepReason::Changed),
        }
        // Last of all: the look took its time, and somebody may have said so meanwhile.
        let keeps = Protections::read(&self.store)
            .map_err(|error| KeepReason::Unknown(error.to_string()))?;
        if let Some(keep) = keeps.of(&cluster.name, &ClockReading::now(listing.clock)) {
            return Err(KeepReason::Protected(keep.until));
        }
        Ok(())
    }

    /// That what was seen could not be written down though later runs need it, as far as it could
    /// not.
    pub(super) fn into_failure(self) -> Result<(), Error> {
        Ok(self.unwritten?)
    }
}
