//! The requests that `dgw top` has under way. None of them delays another.

use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::gateway::{self, Gateway, Listing, Status, TlsIdentities, TlsIdentity};
use crate::scheduler::{ReportDetail, SchedulerError, SchedulerReport, Schedulers};

/// The number of schedulers asked at the same time, as by `dgw list -o wide`.
const CONCURRENCY: usize = 16;

/// Includes STOPPING and FAILED: users want to see how the clusters that they watch end.
pub(super) const WATCHED: [Status; 4] = [
    Status::Pending,
    Status::Running,
    Status::Stopping,
    Status::Failed,
];

/// A response, or why there is none.
pub(super) enum PollResult {
    /// The gateway's, for the cluster of this name or for all of them.
    Listing(
        Option<String>,
        Result<(Listing, TlsIdentities), gateway::Error>,
    ),
    /// The scheduler's of the cluster of this name.
    Report(String, Box<Result<SchedulerReport, SchedulerError>>),
}

/// Sends requests to the gateway and to schedulers, and waits for their responses.
pub(super) struct Poller<'a> {
    gateway: &'a Gateway,
    schedulers: &'a Schedulers,
    pending: FuturesUnordered<LocalBoxFuture<'a, PollResult>>,
    /// What the gateway was last asked for, and when.
    listing: Option<(Option<String>, Instant)>,
    /// The clusters whose schedulers are being asked, or wait for their turn.
    reporting: BTreeSet<String>,
    turns: Rc<Semaphore>,
}

impl<'a> Poller<'a> {
    pub(super) fn new(gateway: &'a Gateway, schedulers: &'a Schedulers) -> Self {
        Self {
            gateway,
            schedulers,
            pending: FuturesUnordered::new(),
            listing: None,
            reporting: BTreeSet::new(),
            turns: Rc::new(Semaphore::new(CONCURRENCY)),
        }
    }

    /// Requests all clusters or the named one, unless that request is pending.
    pub(super) fn request_listing(&mut self, name: Option<&str>) {
        let requested = name.map(str::to_owned);
        if self.is_pending(requested.as_ref()) {
            return;
        }
        self.listing = Some((requested.clone(), Instant::now()));
        let gateway = self.gateway;
        self.pending.push(Box::pin(async move {
            let result = match &requested {
                None => gateway.clusters_with_identities(&WATCHED).await,
                Some(name) => gateway.cluster_with_identity(name).await,
            };
            PollResult::Listing(requested, result)
        }));
    }

    /// Requests a scheduler's report, unless that request is pending.
    pub(super) fn request_report(
        &mut self,
        name: String,
        identity: Option<TlsIdentity>,
        detail: ReportDetail,
    ) {
        if !self.reporting.insert(name.clone()) {
            return;
        }
        let (schedulers, turns) = (self.schedulers, Rc::clone(&self.turns));
        self.pending.push(Box::pin(async move {
            let _turn = turns.acquire().await;
            let report = schedulers.report(&name, identity.as_ref(), detail).await;
            PollResult::Report(name, Box::new(report))
        }));
    }

    /// Waits for the next response; for ever, where no request is pending.
    pub(super) async fn next(&mut self) -> PollResult {
        let Some(response) = self.pending.next().await else {
            return std::future::pending().await;
        };
        match &response {
            PollResult::Listing(requested, _) if self.is_pending(requested.as_ref()) => {
                self.listing = None;
            }
            PollResult::Listing(..) => {}
            PollResult::Report(name, _) => {
                self.reporting.remove(name);
            }
        }
        response
    }

    /// Returns how long the gateway has been silent.
    pub(super) fn waiting_time(&self) -> Duration {
        let listing = self.listing.as_ref();
        listing.map_or(Duration::ZERO, |(_, since)| since.elapsed())
    }

    fn is_pending(&self, requested: Option<&String>) -> bool {
        let listing = self.listing.as_ref();
        listing.is_some_and(|(pending, _)| pending.as_ref() == requested)
    }
}
