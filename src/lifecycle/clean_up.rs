//! `--idle-for`: finding orphaned clusters, and checking each again right before its end.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};
use jiff::Timestamp;

use super::Error;
use super::probe::CONCURRENCY;
use super::reasons::Reasons;
use crate::gateway::{self, Cluster, Gateway, Listing, Status, TlsIdentities, TlsIdentity};
use crate::observed::ObservedCluster;
use crate::orphans::{
    ClockReading, ClusterAge, IdleCheck, IdleRecords, IdleState, NotIdle, OrphanRule,
    OrphanVerdict, check_idle, judge, read_idle_state,
};
use crate::private::{self, StateDir};
use crate::scheduler::{Activity, Schedulers};
use crate::session::Session;

/// Whether a search leaves records for later runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recording {
    Write,
    ReadOnly,
}

/// A search for orphaned clusters on one gateway.
pub(crate) struct OrphanSearch<'a> {
    gateway: &'a Gateway,
    schedulers: Schedulers,
    rule: OrphanRule,
    reasons: Reasons,
    state: StateDir,
    /// The evidence for each orphan.
    orphans: BTreeMap<String, IdleState>,
    unwritten: Result<(), private::Error>,
}

impl<'a> OrphanSearch<'a> {
    /// Prepares a search by `rule`, which gives its `reasons`; `probe_timeout` limits each request
    /// to a scheduler.
    ///
    /// # Errors
    /// There is no state directory.
    pub(crate) fn new(
        rule: OrphanRule,
        reasons: Reasons,
        probe_timeout: Duration,
        session: &'a Session,
    ) -> Result<Self, Error> {
        Ok(Self {
            gateway: &session.gateway,
            schedulers: session.schedulers(probe_timeout),
            rule,
            reasons,
            state: StateDir::of(session.gateway.base_url())?,
            orphans: BTreeMap::new(),
            unwritten: Ok(()),
        })
    }

    /// Returns the orphans among `rows`, each with what its scheduler reported. `clock` is the
    /// gateway's time of the listing.
    pub(crate) async fn find_orphans(
        &mut self,
        rows: Vec<ObservedCluster>,
        identities: &TlsIdentities,
        clock: Option<Timestamp>,
        recording: Recording,
    ) -> Vec<ObservedCluster> {
        let (before, started) = (ClockReading::now(clock), Instant::now());
        let mut records = IdleRecords::read(&self.state, &before);
        let checks = rows.into_iter().map(async |row| {
            let check = self.check(&row, identities).await;
            (row, check)
        });
        let checked = stream::iter(checks)
            .buffered(CONCURRENCY)
            .collect::<Vec<_>>()
            .await;
        let after = before.at_the_latest(started.elapsed());
        let (mut orphans, mut needs_records) = (Vec::new(), false);
        for (mut row, check) in checked {
            let Cluster {
                name, start_time, ..
            } = &row.cluster;
            let age = ClusterAge {
                start_time: *start_time,
                age: clock.map(|_| row.age()),
            };
            let earlier = records.of(name);
            let idle = check.idle;
            let (verdict, record) = judge(&self.rule, &idle, &age, earlier, &before, &after);
            records.set(name, record);
            match (verdict, idle) {
                (OrphanVerdict::Orphan(evidence), Ok(state)) => {
                    self.reasons.selected(name, &evidence);
                    self.orphans.insert(name.clone(), state);
                    row.activity = Some(check.activity);
                    orphans.push(row);
                }
                (OrphanVerdict::NotOrphan(reason), _) => {
                    self.reasons.left_out(name, &reason);
                    needs_records |= reason.needs_records();
                }
                (OrphanVerdict::Orphan(_), Err(_)) => {
                    unreachable!("only an idle cluster is an orphan")
                }
            }
        }
        if recording == Recording::Write
            && let Err(error) = records.write(&self.state)
        {
            log::info!("{error}");
            if needs_records {
                self.unwritten = Err(error);
            }
        }
        orphans
    }

    async fn check(&self, row: &ObservedCluster, identities: &TlsIdentities) -> IdleCheck {
        let Cluster { name, status, .. } = &row.cluster;
        if *status != Status::Running {
            return IdleCheck {
                activity: Activity::default(),
                idle: Err(NotIdle::NotRunning(*status)),
            };
        }
        check_idle(&self.schedulers, name, identities.get(name), &self.rule).await
    }

    /// Checks right before the shutdown, with the gateway and the scheduler, that nothing has changed
    /// since the cluster was found. Returns the reason to leave it running.
    ///
    /// # Errors
    /// A request to the gateway fails.
    pub(super) async fn recheck(
        &self,
        cluster: &Cluster,
    ) -> Result<Option<NotIdle>, gateway::Error> {
        let name = &cluster.name;
        let (listing, mut identities) = match self.gateway.cluster_with_identity(name).await {
            Err(gateway::Error::NoSuchCluster(_)) => {
                let gone = "the gateway no longer knows it".to_owned();
                return Ok(Some(NotIdle::Unknown(gone)));
            }
            found => found?,
        };
        let identity = identities.remove(name);
        let compared = self.compare(cluster, &listing, identity.as_ref()).await;
        Ok(compared.err())
    }

    async fn compare(
        &self,
        cluster: &Cluster,
        listing: &Listing,
        identity: Option<&TlsIdentity>,
    ) -> Result<(), NotIdle> {
        let [current] = &listing.clusters[..] else {
            return Err(NotIdle::Changed);
        };
        if current.status != Status::Running {
            return Err(NotIdle::NotRunning(current.status));
        }
        if current.start_time != cluster.start_time {
            return Err(NotIdle::Changed);
        }
        let state = read_idle_state(&self.schedulers, &cluster.name, identity, &self.rule).await?;
        match self.orphans.get(&cluster.name) {
            Some(found) if state.is_unchanged_since(found) => Ok(()),
            _ => Err(NotIdle::Changed),
        }
    }

    /// Ends the search.
    ///
    /// # Errors
    /// The records could not be written although later runs need them.
    pub(crate) fn finish(self) -> Result<(), Error> {
        Ok(self.unwritten?)
    }
}
