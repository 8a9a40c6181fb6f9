//! All that `dgw top` knows, changed only by methods that say what happened.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::gateways::WatchedGateway;
use super::history::History;
use super::measures::elapsed;
use crate::duration;
use crate::gateway::{Cluster, Listing, Status};
use crate::scheduler::{ReportDetail, SchedulerReport};

/// A column to sort by, counted from the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SortOrder {
    pub(crate) column: usize,
    pub(crate) is_reversed: bool,
}

/// What the command line sets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ViewSettings {
    /// The time between two requests to the gateway.
    pub(crate) interval: Duration,
    /// The time limit for each scheduler.
    pub(crate) probe_timeout: Duration,
    pub(crate) has_colour: bool,
    /// True if gateways are named on the screen: those of `--all-gateways`.
    pub(crate) names_gateways: bool,
}

/// A table of the view, by which its columns differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ViewTable {
    Clusters,
    ClustersOfAllGateways,
    Workers,
}

/// Identifies a cluster. Clusters of different gateways may have equal names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ClusterKey {
    /// The gateway's place.
    pub(super) gateway: usize,
    pub(super) name: String,
}

/// The clusters, and the part of them that the user looks at.
pub(super) struct Model {
    gateways: Vec<WatchedGateway>,
    settings: ViewSettings,
    /// By this machine's clock. The times of a cluster are by the clock of its gateway.
    now: Timestamp,
    clusters: Vec<WatchedCluster>,
    /// The cluster that fills the screen.
    opened: Option<ClusterKey>,
    /// The highlighted cluster in the table of all.
    selected: Option<ClusterKey>,
    cluster_order: SortOrder,
    worker_order: SortOrder,
    /// The number of workers above the first visible one.
    scroll: usize,
    /// The number of table rows that the screen has room for.
    visible_rows: usize,
    shows_help: bool,
}

/// A cluster, with what its scheduler reported.
pub(super) struct WatchedCluster {
    pub(super) key: ClusterKey,
    pub(super) cluster: Cluster,
    /// The scheduler's last report, and when it arrived.
    last_report: Option<(Timestamp, SchedulerReport)>,
    /// Why the scheduler's last request failed.
    error: Option<String>,
    /// True if the gateway no longer knows the cluster.
    is_gone: bool,
    pub(super) history: History,
}

impl SortOrder {
    /// Sorts by the column at this place, the natural way round.
    pub(crate) fn by(column: usize) -> Self {
        Self {
            column,
            is_reversed: false,
        }
    }
}

impl Model {
    /// Creates a model without clusters, sorted by age and by worker.
    pub(super) fn new(
        gateways: Vec<WatchedGateway>,
        settings: ViewSettings,
        now: Timestamp,
    ) -> Self {
        let age = 2 + usize::from(settings.names_gateways);
        Self {
            gateways,
            settings,
            now,
            clusters: Vec::new(),
            opened: None,
            selected: None,
            cluster_order: SortOrder::by(age),
            worker_order: SortOrder::by(0),
            scroll: 0,
            visible_rows: 0,
            shows_help: false,
        }
    }

    pub(super) fn gateways(&self) -> &[WatchedGateway] {
        &self.gateways
    }

    /// Returns the gateway at this place, which learns what happened.
    pub(super) fn gateway_mut(&mut self, at: usize) -> &mut WatchedGateway {
        &mut self.gateways[at]
    }

    /// Returns the gateway of a cluster.
    pub(super) fn gateway_of(&self, watched: &WatchedCluster) -> &WatchedGateway {
        &self.gateways[watched.key.gateway]
    }

    pub(super) fn settings(&self) -> ViewSettings {
        self.settings
    }

    /// Returns the time by the clock of the cluster's gateway.
    pub(super) fn now_of(&self, watched: &WatchedCluster) -> Timestamp {
        self.gateway_of(watched).time_at(self.now)
    }

    pub(super) fn clusters(&self) -> &[WatchedCluster] {
        &self.clusters
    }

    /// Returns a cluster's name, after the user's own if it has one.
    pub(super) fn title(&self, watched: &WatchedCluster) -> String {
        let name = watched.name();
        match self.gateway_of(watched).label_of(name) {
            Some(label) => format!("{label} {name}"),
            None => name.to_owned(),
        }
    }

    /// Returns a cluster's title, after its gateway if gateways are named.
    pub(super) fn heading(&self, watched: &WatchedCluster) -> String {
        let title = self.title(watched);
        if self.settings.names_gateways {
            format!("{}: {title}", self.gateway_of(watched).name())
        } else {
            title
        }
    }

    /// Returns the cluster that fills the screen, if one does.
    pub(super) fn opened(&self) -> Option<&WatchedCluster> {
        let key = self.opened.as_ref()?;
        self.clusters.iter().find(|watched| watched.key == *key)
    }

    pub(super) fn opened_key(&self) -> Option<&ClusterKey> {
        self.opened.as_ref()
    }

    pub(super) fn selected_key(&self) -> Option<&ClusterKey> {
        self.selected.as_ref()
    }

    /// Returns the table on the screen.
    pub(super) fn table(&self) -> ViewTable {
        match self.settings.names_gateways {
            _ if self.opened.is_some() => ViewTable::Workers,
            true => ViewTable::ClustersOfAllGateways,
            false => ViewTable::Clusters,
        }
    }

    /// Returns the order of the table on the screen.
    pub(super) fn order(&self) -> SortOrder {
        if self.opened.is_some() {
            self.worker_order
        } else {
            self.cluster_order
        }
    }

    pub(super) fn visible_rows(&self) -> usize {
        self.visible_rows
    }

    pub(super) fn shows_help(&self) -> bool {
        self.shows_help
    }

    /// Returns how many workers are above the first visible one of `visible_rows`.
    pub(super) fn scroll(&self, visible_rows: usize) -> usize {
        let workers = self.opened().map_or(0, WatchedCluster::worker_count);
        self.scroll.min(workers.saturating_sub(visible_rows))
    }

    /// Returns true if a report of this age is stale: one may be late, or lost.
    pub(super) fn is_stale(&self, age: Duration) -> bool {
        let ViewSettings {
            interval,
            probe_timeout,
            ..
        } = self.settings;
        age > interval + interval.max(probe_timeout) + Duration::from_secs(1)
    }

    /// Returns what the user should know of the gateways, or else of the opened cluster, one line
    /// each.
    pub(super) fn problems(&self) -> Vec<String> {
        let opened = self.opened();
        let gateways = match opened {
            Some(watched) => std::slice::from_ref(self.gateway_of(watched)),
            None => &self.gateways,
        };
        let problems = gateways.iter().filter_map(|gateway| {
            let problem = gateway.problem(self.now)?;
            Some(if self.settings.names_gateways {
                format!("gateway `{}`: {problem}", gateway.name())
            } else {
                problem
            })
        });
        let mut problems = problems.collect::<Vec<_>>();
        if problems.is_empty() {
            problems.extend(opened.and_then(|watched| watched.problem(self)));
        }
        problems
    }

    /// Moves the clock.
    pub(super) fn time_passed(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// Takes in a gateway's response to a request for all clusters, or for the one `requested`.
    /// Returns the running clusters, and which report to request of each.
    pub(super) fn listing_arrived(
        &mut self,
        gateway: usize,
        requested: Option<&str>,
        listing: Listing,
    ) -> Vec<(ClusterKey, ReportDetail)> {
        self.gateways[gateway].responded(listing.now(), self.now);
        let is_all = requested.is_none();
        let mut listed = BTreeSet::new();
        let mut reports = Vec::new();
        for cluster in listing.clusters {
            let status = cluster.status;
            let key = ClusterKey {
                gateway,
                name: cluster.name.clone(),
            };
            let has_versions = match self.find_mut(&key) {
                Some(watched) => {
                    watched.cluster = cluster;
                    watched.is_gone = false;
                    watched.has_versions()
                }
                // It ended before dgw started.
                None if is_all && status == Status::Failed => continue,
                None => {
                    self.clusters
                        .push(WatchedCluster::new(key.clone(), cluster));
                    false
                }
            };
            if status == Status::Running {
                let detail = if is_all || has_versions {
                    ReportDetail::Numbers
                } else {
                    ReportDetail::Everything
                };
                reports.push((key.clone(), detail));
            }
            listed.insert(key);
        }
        if is_all {
            // The opened one stays even if this list was requested before it was opened.
            listed.extend(self.opened.clone());
            self.clusters
                .retain(|it| it.key.gateway != gateway || listed.contains(&it.key));
        }
        reports
    }

    /// Takes in that the gateway does not know the cluster.
    pub(super) fn cluster_vanished(&mut self, key: &ClusterKey) {
        self.gateways[key.gateway].cluster_vanished();
        if let Some(watched) = self.find_mut(key) {
            watched.is_gone = true;
        }
    }

    /// Takes in a scheduler's report, or why there is none.
    pub(super) fn report_arrived(
        &mut self,
        key: &ClusterKey,
        report: Result<SchedulerReport, String>,
    ) {
        let now = self.gateways[key.gateway].time_at(self.now);
        if let Some(watched) = self.find_mut(key) {
            watched.report_arrived(now, report);
        }
    }

    /// Takes in that a frame was drawn.
    pub(super) fn drawn(&mut self, visible_rows: usize) {
        self.visible_rows = visible_rows;
    }

    /// Highlights a cluster.
    pub(super) fn select(&mut self, key: Option<ClusterKey>) {
        self.selected = key;
    }

    /// Fills the screen with a cluster.
    pub(super) fn open(&mut self, key: ClusterKey) {
        self.selected = Some(key.clone());
        self.opened = Some(key);
        self.scroll = 0;
    }

    /// Returns to the table of all clusters.
    pub(super) fn close(&mut self) {
        self.opened = None;
    }

    /// Scrolls the workers by so many rows, at most to the first or the last.
    pub(super) fn scroll_by(&mut self, rows: isize) {
        let scroll = self.scroll(self.visible_rows);
        self.scroll = scroll.saturating_add_signed(rows);
        self.scroll = self.scroll(self.visible_rows);
    }

    /// Sorts the table on the screen.
    pub(super) fn sort(&mut self, order: SortOrder) {
        if self.opened.is_some() {
            self.worker_order = order;
        } else {
            self.cluster_order = order;
        }
    }

    /// Shows or hides the list of keys.
    pub(super) fn show_help(&mut self, is_shown: bool) {
        self.shows_help = is_shown;
    }

    fn find_mut(&mut self, key: &ClusterKey) -> Option<&mut WatchedCluster> {
        let mut clusters = self.clusters.iter_mut();
        clusters.find(|watched| watched.key == *key)
    }
}

impl WatchedCluster {
    fn new(key: ClusterKey, cluster: Cluster) -> Self {
        Self {
            key,
            cluster,
            last_report: None,
            error: None,
            is_gone: false,
            history: History::default(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.cluster.name
    }

    /// Returns the scheduler's last report.
    pub(super) fn report(&self) -> Option<&SchedulerReport> {
        self.last_report.as_ref().map(|(_, report)| report)
    }

    /// Returns true if there are no workers, and so nothing that could be used.
    pub(super) fn has_no_workers(&self) -> bool {
        self.report()
            .is_some_and(|report| report.activity.workers == Some(0))
    }

    /// Returns how long ago the cluster was started.
    pub(super) fn age(&self, model: &Model) -> Duration {
        elapsed(model.now_of(self), self.cluster.start_time)
    }

    fn problem(&self, model: &Model) -> Option<String> {
        if self.is_gone {
            let name = self.name();
            return Some(format!("the gateway no longer knows cluster {name}"));
        }
        self.end(model).or_else(|| self.scheduler_problem(model))
    }

    /// Returns true if the cluster is running, but its scheduler does not respond.
    pub(super) fn is_silent(&self, model: &Model) -> bool {
        self.cluster.status == Status::Running && self.scheduler_problem(model).is_some()
    }

    /// Returns why the report is missing or stale.
    pub(super) fn scheduler_problem(&self, model: &Model) -> Option<String> {
        let error = self.error.as_ref()?;
        let Some((at, _)) = &self.last_report else {
            return Some(format!("the scheduler does not respond: {error}"));
        };
        let age = elapsed(model.now_of(self), *at);
        model.is_stale(age).then(|| {
            let age = duration::short(age);
            format!("the scheduler last responded {age} ago: {error}")
        })
    }

    /// Returns how and when the cluster ended, if it did or is about to.
    pub(super) fn end(&self, model: &Model) -> Option<String> {
        let Cluster { name, status, .. } = &self.cluster;
        if status.is_active() {
            return None;
        }
        let ago = self.cluster.stop_time.map_or_else(String::new, |time| {
            format!(
                " ({} ago)",
                duration::short(elapsed(model.now_of(self), time))
            )
        });
        let report = match self.last_report {
            Some(_) => "; this is its last report",
            None => "",
        };
        Some(format!("cluster {name} is {status}{ago}{report}"))
    }

    fn report_arrived(&mut self, now: Timestamp, report: Result<SchedulerReport, String>) {
        self.history.add(now, report.as_ref().ok());
        match report {
            Ok(mut report) => {
                // Requested once: they don't change while a scheduler runs.
                let before = self.last_report.take().and_then(|(_, last)| last.versions);
                report.versions = report.versions.or(before);
                self.last_report = Some((now, report));
                self.error = None;
            }
            Err(error) => self.error = Some(error),
        }
    }

    fn has_versions(&self) -> bool {
        self.report()
            .is_some_and(|report| report.versions.is_some())
    }

    fn worker_count(&self) -> usize {
        let workers = self.report().and_then(|it| it.worker_details.as_ref());
        workers.map_or(0, Vec::len)
    }
}
