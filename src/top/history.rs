//! The recent past of a cluster, for charts.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

use super::measures::{cpu_share, elapsed, memory_share, share};
use crate::scheduler::SchedulerReport;

/// The number of points kept for each cluster: more than any screen is wide.
const CAPACITY: usize = 400;

/// One point for each request to the scheduler, oldest first.
#[derive(Default)]
pub(super) struct History {
    points: VecDeque<Point>,
}

/// The numbers of one report; all unknown where the request failed.
#[derive(Default)]
struct Point {
    at: Timestamp,
    cpu: Option<f64>,
    memory: Option<f64>,
    processing: Option<u64>,
}

impl History {
    /// Adds a report, or a gap where there is none.
    pub(super) fn add(&mut self, at: Timestamp, report: Option<&SchedulerReport>) {
        if self.points.len() == CAPACITY {
            self.points.pop_front();
        }
        self.points.push_back(report.map_or_else(
            || Point {
                at,
                ..Point::default()
            },
            |report| Point {
                at,
                cpu: cpu_share(report),
                memory: memory_share(&report.activity),
                processing: report.activity.tasks.as_ref().and_then(|t| t.processing),
            },
        ));
    }

    /// Returns how long ago the oldest point was.
    pub(super) fn span(&self, now: Timestamp) -> Duration {
        let oldest = self.points.front();
        oldest.map_or(Duration::ZERO, |point| elapsed(now, point.at))
    }

    /// Returns the shares of all threads in use.
    pub(super) fn cpu(&self) -> Vec<Option<f64>> {
        self.points.iter().map(|point| point.cpu).collect()
    }

    /// Returns the shares of the memory limit in use.
    pub(super) fn memory(&self) -> Vec<Option<f64>> {
        self.points.iter().map(|point| point.memory).collect()
    }

    /// Returns the tasks that were processing, as shares of [`History::most_processing`].
    pub(super) fn processing(&self) -> Vec<Option<f64>> {
        let most = Some(self.most_processing().unwrap_or(0).max(1));
        let points = self.points.iter();
        points.map(|point| share(point.processing, most)).collect()
    }

    /// Returns the largest number of tasks that were processing at the same time.
    pub(super) fn most_processing(&self) -> Option<u64> {
        self.points
            .iter()
            .filter_map(|point| point.processing)
            .max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::{Activity, Tasks};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn processing(count: u64) -> SchedulerReport {
        SchedulerReport {
            activity: Activity {
                tasks: Some(Tasks {
                    processing: Some(count),
                    ..Tasks::default()
                }),
                ..Activity::default()
            },
            ..SchedulerReport::default()
        }
    }

    #[test]
    fn processing_tasks_are_shares_of_the_most() {
        let mut history = History::default();
        assert_eq!(history.span(at(9)), Duration::ZERO);
        for (second, report) in [
            (1, Some(processing(2))),
            (2, None),
            (3, Some(processing(8))),
        ] {
            history.add(at(second), report.as_ref());
        }
        assert_eq!(history.processing(), [Some(0.25), None, Some(1.0)]);
        assert_eq!(history.most_processing(), Some(8));
        assert_eq!(history.cpu(), [None, None, None]);
        assert_eq!(history.span(at(9)), Duration::from_secs(8));
    }

    #[test]
    fn idle_cluster_has_shares_of_zero() {
        let mut history = History::default();
        history.add(at(1), Some(&processing(0)));
        assert_eq!(history.processing(), [Some(0.0)]);
    }

    #[test]
    fn keeps_no_more_points_than_its_capacity() {
        let mut history = History::default();
        for second in 0..500 {
            history.add(at(second), None);
        }
        assert_eq!(history.memory().len(), CAPACITY);
        assert_eq!(history.span(at(500)), Duration::from_secs(400));
    }
}
