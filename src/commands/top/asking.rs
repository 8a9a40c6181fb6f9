//! Questions that `top` has asked, and not yet been answered: none of them holds up another.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::time::Instant;

use super::WATCHED;
use crate::gateway::{self, Gateway, Listing, TlsIdentities, TlsIdentity};
use crate::scheduler::{ReportDetail, SchedulerError, SchedulerReport, Schedulers};

/// So many schedulers are asked at a time, as by `list -o wide`.
const AT_ONCE: usize = 16;

/// An answer.
pub(super) enum News {
    /// Of the gateway, on all clusters.
    Clusters(Result<(Listing, TlsIdentities), gateway::Error>),
    /// Of the gateway, on the one of this name.
    Cluster(String, Result<(Listing, TlsIdentities), gateway::Error>),
    /// Of the scheduler of the cluster of this name.
    Told(String, Box<Result<SchedulerReport, SchedulerError>>),
}

/// What is being asked.
pub(super) struct Asking<'a> {
    gateway: &'a Gateway,
    schedulers: &'a Schedulers,
    open: FuturesUnordered<LocalBoxFuture<'a, News>>,
    /// What the gateway was asked for last (all, or one by its name), and since when.
    listing: Option<(Option<String>, Instant)>,
    /// The clusters whose schedulers are being asked, or will be.
    probed: BTreeSet<String>,
    waiting: VecDeque<(String, Option<TlsIdentity>, ReportDetail)>,
}

impl<'a> Asking<'a> {
    pub(super) fn new(gateway: &'a Gateway, schedulers: &'a Schedulers) -> Self {
        Self {
            gateway,
            schedulers,
            open: FuturesUnordered::new(),
            listing: None,
            probed: BTreeSet::new(),
            waiting: VecDeque::new(),
        }
    }

    /// The gateway's.
    pub(super) fn address(&self) -> &str {
        self.gateway.base_url()
    }

    /// Asks the gateway for all clusters, or for one; not while it is being asked for the same.
    pub(super) fn clusters(&mut self, one: Option<&str>) {
        let one = one.map(str::to_owned);
        if self
            .listing
            .as_ref()
            .is_some_and(|(asked, _)| *asked == one)
        {
            return;
        }
        self.listing = Some((one.clone(), Instant::now()));
        let gateway = self.gateway;
        self.open.push(Box::pin(async move {
            match one {
                None => News::Clusters(gateway.clusters_with_identities(&WATCHED).await),
                Some(name) => {
                    let answer = gateway.cluster_with_identity(&name).await;
                    News::Cluster(name, answer)
                }
            }
        }));
    }

    /// Asks a scheduler; not while it is being asked.
    pub(super) fn report(
        &mut self,
        name: String,
        identity: Option<TlsIdentity>,
        depth: ReportDetail,
    ) {
        if !self.probed.insert(name.clone()) {
            return;
        }
        self.waiting.push_back((name, identity, depth));
        self.go_on();
    }

    fn go_on(&mut self) {
        while self.probed.len() - self.waiting.len() < AT_ONCE
            && let Some((name, identity, depth)) = self.waiting.pop_front()
        {
            let schedulers = self.schedulers;
            self.open.push(Box::pin(async move {
                let told = schedulers.report(&name, identity.as_ref(), depth).await;
                News::Told(name, Box::new(told))
            }));
        }
    }

    /// The next answer, if it takes for ever.
    pub(super) async fn next(&mut self) -> News {
        let Some(news) = self.open.next().await else {
            return std::future::pending().await;
        };
        let answered = match &news {
            News::Clusters(_) => None,
            News::Cluster(name, _) => Some(name),
            News::Told(name, _) => {
                self.probed.remove(name);
                self.go_on();
                return news;
            }
        };
        if self
            .listing
            .as_ref()
            .is_some_and(|(asked, _)| asked.as_ref() == answered)
        {
            self.listing = None;
        }
        news
    }

    /// For how long the gateway has been silent.
    pub(super) fn has_waited(&self) -> Duration {
        self.listing
            .as_ref()
            .map_or(Duration::ZERO, |(_, since)| since.elapsed())
    }
}
