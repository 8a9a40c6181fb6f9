//! The requests that `dgw top` has under way. None of them delays another.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::model::ClusterKey;
use crate::gateway::{self, Gateway, Listing, Status, TlsIdentities, TlsIdentity};
use crate::scheduler::{ReportDetail, SchedulerError, SchedulerReport, Schedulers};

/// The number of schedulers asked at the same time, as by `dgw list -o wide`.
const CONCURRENCY: usize = 16;

/// Includes STOPPING and FAILED: users want to see how the clusters that they watch end.
const WATCHED: [Status; 4] = [
    Status::Pending,
    Status::Running,
    Status::Stopping,
    Status::Failed,
];

/// A response, or why there is none.
pub(super) enum PollResult {
    /// That of the gateway at this place, for the cluster of this name or for all of them.
    Listing(
        usize,
        Option<String>,
        Result<(Listing, TlsIdentities), gateway::Error>,
    ),
    /// That of the cluster's scheduler.
    Report(ClusterKey, Box<Result<SchedulerReport, SchedulerError>>),
}

/// A gateway to watch.
pub(crate) struct GatewaySource<'a> {
    pub(crate) name: &'a str,
    /// The clients of the gateway and of its schedulers, or why there are none.
    pub(crate) clients: Result<(&'a Gateway, Schedulers), String>,
}

/// Sends requests to gateways and to schedulers, and waits for their responses.
pub(super) struct Poller<'a> {
    /// By their places.
    gateways: BTreeMap<usize, PolledGateway<'a>>,
    pending: FuturesUnordered<LocalBoxFuture<'a, PollResult>>,
}

/// A gateway, and what it is being asked.
struct PolledGateway<'a> {
    gateway: &'a Gateway,
    schedulers: &'a Schedulers,
    /// What the gateway was last asked for, and when.
    listing: Option<(Option<String>, Instant)>,
    /// The clusters whose schedulers are being asked, or wait for their turn.
    reporting: BTreeSet<String>,
    turns: Rc<Semaphore>,
}

impl<'a> Poller<'a> {
    pub(super) fn new(sources: &'a [GatewaySource<'a>]) -> Self {
        let gateways = sources.iter().enumerate().filter_map(|(at, source)| {
            let (gateway, schedulers) = source.clients.as_ref().ok()?;
            let polled = PolledGateway {
                gateway,
                schedulers,
                listing: None,
                reporting: BTreeSet::new(),
                turns: Rc::new(Semaphore::new(CONCURRENCY)),
            };
            Some((at, polled))
        });
        Self {
            gateways: gateways.collect(),
            pending: FuturesUnordered::new(),
        }
    }

    /// Returns the places of the gateways that can be asked.
    pub(super) fn gateways(&self) -> Vec<usize> {
        self.gateways.keys().copied().collect()
    }

    /// Requests all clusters of a gateway or the named one, unless that request is pending.
    pub(super) fn request_listing(&mut self, at: usize, name: Option<&str>) {
        let requested = name.map(str::to_owned);
        let Some(polled) = self.gateways.get_mut(&at) else {
            return;
        };
        if polled.is_pending(requested.as_ref()) {
            return;
        }
        polled.listing = Some((requested.clone(), Instant::now()));
        let gateway = polled.gateway;
        self.pending.push(Box::pin(async move {
            let result = match &requested {
                None => gateway.clusters_with_identities(&WATCHED).await,
                Some(name) => gateway.cluster_with_identity(name).await,
            };
            PollResult::Listing(at, requested, result)
        }));
    }

    /// Requests a scheduler's report, unless that request is pending.
    pub(super) fn request_report(
        &mut self,
        key: ClusterKey,
        identity: Option<TlsIdentity>,
        detail: ReportDetail,
    ) {
        let Some(polled) = self.gateways.get_mut(&key.gateway) else {
            return;
        };
        if !polled.reporting.insert(key.name.clone()) {
            return;
        }
        let (schedulers, turns) = (polled.schedulers, Rc::clone(&polled.turns));
        self.pending.push(Box::pin(async move {
            let _turn = turns.acquire().await;
            let report = schedulers.report(&key.name, identity.as_ref(), detail);
            let report = report.await;
            PollResult::Report(key, Box::new(report))
        }));
    }

    /// Waits for the next response; for ever, where no request is pending.
    pub(super) async fn next(&mut self) -> PollResult {
        let Some(response) = self.pending.next().await else {
            return std::future::pending().await;
        };
        let (PollResult::Listing(at, ..) | PollResult::Report(ClusterKey { gateway: at, .. }, _)) =
            &response;
        if let Some(polled) = self.gateways.get_mut(at) {
            polled.responded(&response);
        }
        response
    }

    /// Returns the gateways that have been silent for longer than `time`.
    pub(super) fn silent_for(&self, time: Duration) -> Vec<usize> {
        let gateways = self.gateways.iter();
        let silent = gateways.filter(|(_, polled)| {
            let listing = polled.listing.as_ref();
            listing.is_some_and(|(_, since)| since.elapsed() > time)
        });
        silent.map(|(at, _)| *at).collect()
    }
}

impl PolledGateway<'_> {
    fn responded(&mut self, response: &PollResult) {
        match response {
            PollResult::Listing(_, requested, _) if self.is_pending(requested.as_ref()) => {
                self.listing = None;
            }
            PollResult::Listing(..) => {}
            PollResult::Report(key, _) => {
                self.reporting.remove(&key.name);
            }
        }
    }

    fn is_pending(&self, requested: Option<&String>) -> bool {
        let listing = self.listing.as_ref();
        listing.is_some_and(|(pending, _)| pending.as_ref() == requested)
    }
}
