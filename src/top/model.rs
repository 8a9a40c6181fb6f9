//! All that `dgw top` knows, changed only by methods that say what happened.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

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
}

/// The clusters, and the part of them that the user looks at.
pub(super) struct Model {
    /// The gateway's.
    address: String,
    settings: ViewSettings,
    /// By the gateway's clock, as are all times here.
    now: Timestamp,
    /// The time of the gateway's last response.
    last_response: Timestamp,
    gateway_error: Option<String>,
    clusters: Vec<WatchedCluster>,
    /// The user's own names, by their clusters.
    labels: BTreeMap<String, String>,
    /// The name of the cluster that fills the screen.
    opened: Option<String>,
    /// The name of the highlighted cluster in the table of all.
    selected: Option<String>,
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
    pub(super) fn new(address: String, settings: ViewSettings, now: Timestamp) -> Self {
        Self {
            address,
            settings,
            now,
            last_response: now,
            gateway_error: None,
            clusters: Vec::new(),
            labels: BTreeMap::new(),
            opened: None,
            selected: None,
            cluster_order: SortOrder::by(2),
            worker_order: SortOrder::by(0),
            scroll: 0,
            visible_rows: 0,
            shows_help: false,
        }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn settings(&self) -> ViewSettings {
        self.settings
    }

    pub(super) fn now(&self) -> Timestamp {
        self.now
    }

    pub(super) fn clusters(&self) -> &[WatchedCluster] {
        &self.clusters
    }

    /// Returns a cluster's name, after the user's own if it has one.
    pub(super) fn title(&self, watched: &WatchedCluster) -> String {
        let name = watched.name();
        match self.labels.get(name) {
            Some(label) => format!("{label} {name}"),
            None => name.to_owned(),
        }
    }

    /// Takes in the user's own names, by their clusters.
    pub(super) fn labels_read(&mut self, labels: BTreeMap<String, String>) {
        self.labels = labels;
    }

    /// Returns the cluster that fills the screen, if one does.
    pub(super) fn opened(&self) -> Option<&WatchedCluster> {
        let name = self.opened.as_deref()?;
        self.clusters.iter().find(|watched| watched.name() == name)
    }

    pub(super) fn opened_name(&self) -> Option<&str> {
        self.opened.as_deref()
    }

    pub(super) fn selected_name(&self) -> Option<&str> {
        self.selected.as_deref()
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

    /// Returns the message that is more important than the keys.
    pub(super) fn problem(&self) -> Option<String> {
        if let Some(error) = &self.gateway_error {
            let silence = duration::short(elapsed(self.now, self.last_response));
            return Some(format!("no update for {silence}: {error}"));
        }
        let watched = self.opened()?;
        if watched.is_gone {
            let name = watched.name();
            return Some(format!("the gateway no longer knows cluster {name}"));
        }
        watched
            .end(self)
            .or_else(|| watched.scheduler_problem(self))
    }

    /// Moves the clock.
    pub(super) fn time_passed(&mut self, now: Timestamp) {
        self.now = now;
    }

    /// Takes in the gateway's response to a request for all clusters, or for the one `requested`.
    /// Returns the running clusters, and which report to request of each.
    pub(super) fn listing_arrived(
        &mut self,
        requested: Option<&str>,
        listing: Listing,
    ) -> Vec<(String, ReportDetail)> {
        self.now = listing.now();
        self.last_response = self.now;
        self.gateway_error = None;
        let is_all = requested.is_none();
        let mut listed = BTreeSet::new();
        let mut reports = Vec::new();
        for cluster in listing.clusters {
            let (name, status) = (cluster.name.clone(), cluster.status);
            let has_versions = match self.find_mut(&name) {
                Some(watched) => {
                    watched.cluster = cluster;
                    watched.is_gone = false;
                    watched.has_versions()
                }
                // It ended before dgw started.
                None if is_all && status == Status::Failed => continue,
                None => {
                    self.clusters.push(WatchedCluster::new(cluster));
                    false
                }
            };
            if status == Status::Running {
                let detail = if is_all || has_versions {
                    ReportDetail::Numbers
                } else {
                    ReportDetail::Everything
                };
                reports.push((name.clone(), detail));
            }
            listed.insert(name);
        }
        if is_all {
            // The opened one stays even if this list was requested before it was opened.
            listed.extend(self.opened.clone());
            self.clusters.retain(|it| listed.contains(it.name()));
        }
        reports
    }

    /// Takes in that the gateway does not know the cluster.
    pub(super) fn cluster_vanished(&mut self, name: &str) {
        self.gateway_error = None;
        if let Some(watched) = self.find_mut(name) {
            watched.is_gone = true;
        }
    }

    /// Takes in that a request to the gateway failed.
    pub(super) fn request_failed(&mut self, error: String) {
        self.gateway_error = Some(error);
    }

    /// Takes in that the gateway has not responded for a long time.
    pub(super) fn request_delayed(&mut self) {
        self.gateway_error
            .get_or_insert_with(|| "the gateway does not respond".to_owned());
    }

    /// Takes in a scheduler's report, or why there is none.
    pub(super) fn report_arrived(&mut self, name: &str, report: Result<SchedulerReport, String>) {
        let now = self.now;
        if let Some(watched) = self.find_mut(name) {
            watched.report_arrived(now, report);
        }
    }

    /// Takes in that a frame was drawn.
    pub(super) fn drawn(&mut self, visible_rows: usize) {
        self.visible_rows = visible_rows;
    }

    /// Highlights a cluster.
    pub(super) fn select(&mut self, name: Option<String>) {
        self.selected = name;
    }

    /// Fills the screen with a cluster.
    pub(super) fn open(&mut self, name: String) {
        self.selected = Some(name.clone());
        self.opened = Some(name);
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

    fn find_mut(&mut self, name: &str) -> Option<&mut WatchedCluster> {
        let mut clusters = self.clusters.iter_mut();
        clusters.find(|watched| watched.name() == name)
    }
}

impl WatchedCluster {
    fn new(cluster: Cluster) -> Self {
        Self {
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
    pub(super) fn age(&self, now: Timestamp) -> Duration {
        elapsed(now, self.cluster.start_time)
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
        let age = elapsed(model.now, *at);
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
            format!(" ({} ago)", duration::short(elapsed(model.now, time)))
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
