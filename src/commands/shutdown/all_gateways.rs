//! `dgw shutdown --idle-for D --all-gateways`

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use tokio::sync::Mutex;

use super::{ShutdownArgs, combine, is_confirmed};
use crate::error::Error;
use crate::lifecycle::{
    self, ClusterOfGateway, OrphanSearch, mark_labels, print_shut_down_of_gateways,
};
use crate::observed::ObservedCluster;
use crate::orphans::{OrphanRule, lock_clean_up};
use crate::output::Printer;
use crate::private::{FileLock, StateDir};
use crate::session::{
    GatewayResults, GatewaysFailed, Invocation, NamedSession, Session, described, on_each_gateway,
};

/// The idle clusters of one gateway.
struct IdleClusters<'a> {
    session: &'a Session,
    search: OrphanSearch<'a>,
    rows: Vec<ObservedCluster>,
}

/// The state of the gateways at one address, of which one search at a time uses it.
#[derive(Default)]
struct SharedState {
    turn: Mutex<()>,
    lock: Option<FileLock>,
    /// True if another clean-up has the lock.
    is_taken: bool,
}

impl ShutdownArgs {
    /// Shuts down the idle clusters of all gateways, waits until they are gone, and prints their names.
    pub(super) async fn run_on_all_gateways(
        &self,
        rule: OrphanRule,
        invocation: &Invocation,
    ) -> Result<(), Error> {
        let printer = &invocation.printer;
        let gateways = invocation.sessions_of_all_gateways()?;
        let states = self.states(&gateways)?;
        let mut found = on_each_gateway(&gateways, async |named, session| {
            Box::pin(self.find_idle(rule, &states, named, session)).await
        })
        .await;
        keep_one_of_each(&mut found);
        let rows = || found.iter().flatten().flat_map(|idle| &idle.rows);
        let candidates = rows().map(ObservedCluster::summary).collect::<Vec<_>>();
        let results = if candidates.is_empty() || self.dry_run {
            printer.note(if candidates.is_empty() {
                "no cluster to shut down"
            } else {
                "dry run: nothing is shut down"
            });
            let records = rows().map(|row| ClusterOfGateway {
                gateway: row.gateway.as_deref().unwrap_or_default(),
                cluster: row.cluster.clone(),
            });
            print_shut_down_of_gateways(&records.collect::<Vec<_>>(), printer)?;
            finish(found)
        } else if self.yes || is_confirmed(&candidates, printer).await? {
            Box::pin(self.shut_down_found(&gateways, found, printer)).await?
        } else {
            finish(found)
        };
        drop(states);
        let names = gateways.iter().map(|named| named.name.clone());
        Ok(GatewaysFailed::check(names.zip(results))?)
    }

    /// Returns the states of the gateways by address, locked against other clean-ups if this one asks
    /// nobody.
    fn states<'a>(
        &self,
        gateways: &'a [NamedSession],
    ) -> Result<BTreeMap<&'a str, SharedState>, Error> {
        let mut states = BTreeMap::new();
        for session in gateways
            .iter()
            .filter_map(|named| named.session.as_ref().ok())
        {
            let address = session.gateway.base_url();
            if states.contains_key(address) {
                continue;
            }
            let mut state = SharedState::default();
            if self.yes && !self.dry_run {
                match lock_clean_up(&StateDir::of(address)?) {
                    Ok(lock) => {
                        state.is_taken = lock.is_none();
                        state.lock = lock;
                    }
                    // The lock only saves work.
                    Err(error) => log::info!("{error}"),
                }
            }
            states.insert(address, state);
        }
        Ok(states)
    }

    async fn find_idle<'a>(
        &self,
        rule: OrphanRule,
        states: &BTreeMap<&str, SharedState>,
        named: &'a NamedSession,
        session: &'a Session,
    ) -> Result<IdleClusters<'a>, Error> {
        let (reasons, timeout) = (self.selectors.reasons(), self.probe.probe_timeout);
        let mut search = OrphanSearch::new(rule, reasons, timeout, session)?;
        let state = &states[session.gateway.base_url()];
        let _turn = state.turn.lock().await;
        let mut rows = Vec::new();
        if state.is_taken {
            session.printer.note(&format!(
                "gateway `{}`: another clean-up is running: nothing was done",
                named.name
            ));
        } else {
            rows = self.selected(session, Some(&mut search)).await?;
            mark_labels(&mut rows, session);
        }
        for row in &mut rows {
            row.gateway = Some(named.name.clone());
        }
        Ok(IdleClusters {
            session,
            search,
            rows,
        })
    }

    /// Requests all shutdowns at the same time, then waits for the clusters of each gateway.
    ///
    /// # Errors
    /// An interrupt, or stdout can't be written.
    async fn shut_down_found(
        &self,
        gateways: &[NamedSession],
        found: GatewayResults<IdleClusters<'_>>,
        printer: &Printer,
    ) -> Result<GatewayResults<()>, Error> {
        let requests = found.into_iter().map(async |found| {
            let IdleClusters {
                session,
                search,
                rows,
            } = found?;
            let requests = self.request(rows, Some(&search), session).await;
            Ok((session, search, requests))
        });
        let (mut records, mut results) = (Vec::new(), Vec::new());
        for (named, requests) in gateways.iter().zip(join_all(requests).await) {
            let (session, search, requests) = match requests {
                Ok(requests) => requests,
                Err(error) => {
                    results.push(Err(error));
                    continue;
                }
            };
            let (gone, waited) = self.wait(&requests, session).await;
            let of_gateway = |cluster| ClusterOfGateway {
                gateway: &named.name,
                cluster,
            };
            records.extend(gone.into_iter().map(of_gateway));
            let is_interrupted = matches!(waited, Err(lifecycle::Error::Interrupted(_)));
            match combine(requests, waited, Ok(())) {
                Err(error) if is_interrupted => {
                    print_shut_down_of_gateways(&records, printer)?;
                    return Err(error.into());
                }
                done => {
                    let done = done.and(search.finish());
                    results.push(done.map_err(|error| described(&error)));
                }
            }
        }
        print_shut_down_of_gateways(&records, printer)?;
        Ok(results)
    }
}

/// Two names may stand for the same gateway: each cluster is shut down once.
fn keep_one_of_each(found: &mut GatewayResults<IdleClusters<'_>>) {
    let mut seen = BTreeSet::new();
    for IdleClusters { session, rows, .. } in found.iter_mut().flatten() {
        let address = session.gateway.base_url();
        rows.retain(|row| seen.insert((address, row.cluster.name.clone())));
    }
}

/// Ends the searches without a shutdown.
fn finish(found: GatewayResults<IdleClusters<'_>>) -> GatewayResults<()> {
    let finish = |idle: IdleClusters<'_>| idle.search.finish().map_err(|error| described(&error));
    found
        .into_iter()
        .map(|found| found.and_then(finish))
        .collect()
}
