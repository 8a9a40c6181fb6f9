//! What `top` knows, and how it is looked at.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

use super::bar::{float, share};
use crate::duration;
use crate::gateway::{Cluster, Status};
use crate::scheduler::{Activity, SchedulerReport};

/// So many looks are remembered of each cluster: more than any screen is wide.
const REMEMBERED: usize = 400;

/// All that is drawn.
pub(crate) struct View {
    /// The gateway's.
    pub(crate) address: String,
    /// How often it is asked.
    pub(crate) every: Duration,
    /// The gateway's clock.
    pub(crate) now: Timestamp,
    /// When the gateway told anything last, by the same clock.
    pub(crate) heard: Timestamp,
    /// What was told longer ago than this is old.
    pub(crate) fresh: Duration,
    pub(crate) clusters: Vec<Watched>,
    /// The name of the one that is shown in full, if one is.
    pub(crate) shown: Option<String>,
    /// The name of the one that would be.
    pub(crate) chosen: Option<String>,
    /// How many workers are above those in sight.
    pub(crate) scroll: usize,
    pub(crate) clusters_by: Sorting,
    pub(crate) workers_by: Sorting,
    /// Why the gateway tells nothing.
    pub(crate) trouble: Option<String>,
    pub(crate) has_help: bool,
    pub(crate) has_colour: bool,
}

/// By which column, counted from the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sorting {
    pub(crate) column: usize,
    pub(crate) is_reversed: bool,
}

/// A cluster that is watched.
pub(crate) struct Watched {
    pub(crate) cluster: Cluster,
    /// The last that it told.
    pub(crate) told: Option<Told>,
    /// Why it has told nothing since.
    pub(crate) fault: Option<String>,
    /// Whether the gateway knows it no more.
    pub(crate) is_forgotten: bool,
    history: VecDeque<Sample>,
}

/// What a cluster told, and when, by the gateway's clock.
pub(crate) struct Told {
    pub(crate) report: SchedulerReport,
    pub(crate) at: Timestamp,
}

/// What is remembered of a look at a cluster.
struct Sample {
    at: Timestamp,
    cpu: Option<f64>,
    memory: Option<f64>,
    processing: Option<u64>,
}

/// The histories of a cluster as shares of the most there can be, or, of tasks, of the most there
/// have been; oldest first.
pub(super) struct Shares {
    pub(super) cpu: Vec<Option<f64>>,
    pub(super) memory: Vec<Option<f64>>,
    pub(super) processing: Vec<Option<f64>>,
    /// The most tasks that have been processing at a time.
    pub(super) peak: Option<u64>,
    /// How long ago the oldest is.
    pub(super) span: Duration,
}

impl View {
    /// The cluster that is shown in full.
    pub(crate) fn open(&self) -> Option<&Watched> {
        let name = self.shown.as_ref()?;
        self.clusters
            .iter()
            .find(|watched| watched.cluster.name == *name)
    }

    pub(super) fn age_of(&self, told: &Told) -> Duration {
        since(self.now, told.at)
    }

    pub(super) fn is_stale(&self, told: &Told) -> bool {
        self.age_of(told) > self.fresh
    }
}

impl Shares {
    /// The last that is known.
    pub(super) fn last_memory(&self) -> Option<f64> {
        self.memory.iter().rev().flatten().next().copied()
    }
}

impl Watched {
    /// One of which nothing but this is known.
    pub(crate) fn new(cluster: Cluster) -> Self {
        Self {
            cluster,
            told: None,
            fault: None,
            is_forgotten: false,
            history: VecDeque::new(),
        }
    }

    /// Takes in what the gateway tells of it now.
    pub(crate) fn is_now(&mut self, cluster: Cluster) {
        self.cluster = cluster;
        self.is_forgotten = false;
    }

    /// Takes in what the cluster told at `now`, or why it didn't.
    pub(crate) fn hear(&mut self, now: Timestamp, answer: Result<SchedulerReport, String>) {
        if self.history.len() == REMEMBERED {
            self.history.pop_front();
        }
        match answer {
            Ok(mut report) => {
                // Asked for once: they don't change while a scheduler runs.
                let before = self.told.take().and_then(|told| told.report.versions);
                report.versions = report.versions.or(before);
                let tasks = report.activity.tasks.as_ref();
                self.history.push_back(Sample {
                    at: now,
                    cpu: cpu_share(&report),
                    memory: memory_share(&report.activity),
                    processing: tasks.and_then(|tasks| tasks.processing),
                });
                self.told = Some(Told { report, at: now });
                self.fault = None;
            }
            Err(fault) => {
                self.history.push_back(Sample {
                    at: now,
                    cpu: None,
                    memory: None,
                    processing: None,
                });
                self.fault = Some(fault);
            }
        }
    }

    /// Whether it has told what it runs on.
    pub(crate) fn knows_versions(&self) -> bool {
        self.report()
            .is_some_and(|report| report.versions.is_some())
    }

    /// How many workers there are to look at.
    pub(crate) fn workers(&self) -> usize {
        let details = self
            .report()
            .and_then(|report| report.worker_details.as_ref());
        details.map_or(0, Vec::len)
    }

    pub(super) fn report(&self) -> Option<&SchedulerReport> {
        self.told.as_ref().map(|told| &told.report)
    }

    pub(super) fn age(&self, now: Timestamp) -> Duration {
        since(now, self.cluster.start_time)
    }

    /// That it has ended, or is about to, and when.
    pub(super) fn end(&self, now: Timestamp) -> Option<String> {
        let Cluster {
            name,
            status,
            stop_time,
            ..
        } = &self.cluster;
        if status.is_active() {
            return None;
        }
        let ago = stop_time.map_or_else(String::new, |time| {
            format!(", {} ago", duration::short(since(now, time)))
        });
        let rest = if self.told.is_some() {
            ": this is the last it told"
        } else {
            ""
        };
        Some(format!("cluster {name} is {status}{ago}{rest}"))
    }

    /// Whether it runs and says nothing.
    pub(super) fn is_silent(&self, view: &View) -> bool {
        self.cluster.status == Status::Running
            && self.fault.is_some()
            && self.told.as_ref().is_none_or(|told| view.is_stale(told))
    }

    pub(super) fn shares(&self, now: Timestamp) -> Shares {
        let peak = self.history.iter().filter_map(|sample| sample.processing);
        let peak = peak.max();
        let each = |pick: &dyn Fn(&Sample) -> Option<f64>| self.history.iter().map(pick).collect();
        Shares {
            cpu: each(&|sample| sample.cpu),
            memory: each(&|sample| sample.memory),
            processing: each(&|sample| {
                let most = Some(peak.unwrap_or(0).max(1));
                sample.processing.and_then(|count| share(Some(count), most))
            }),
            peak,
            span: self
                .history
                .front()
                .map_or(Duration::ZERO, |sample| since(now, sample.at)),
        }
    }
}

/// How many threads' worth of processors the workers use, if all of them tell.
pub(super) fn cpu_used(report: &SchedulerReport) -> Option<f64> {
    let mut workers = report.worker_details.as_ref()?.iter();
    // An empty sum of floats would be a negative zero.
    workers.try_fold(0.0, |sum, worker| Some(sum + worker.cpu? / 100.0))
}

/// The same, of all the threads there are.
pub(super) fn cpu_share(report: &SchedulerReport) -> Option<f64> {
    let threads = report.activity.threads.filter(|threads| *threads > 0)?;
    Some(cpu_used(report)? / float(threads))
}

pub(super) fn memory_share(activity: &Activity) -> Option<f64> {
    share(activity.memory_used, activity.memory_limit)
}

/// How long ago `time` was; nothing where clocks disagree.
pub(super) fn since(now: Timestamp, time: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(time)).unwrap_or_default()
}
