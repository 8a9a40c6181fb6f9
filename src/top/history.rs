//! The recent past of a cluster, for charts.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;

use super::measures::{cpu_share, elapsed, float, memory_share};
use crate::scheduler::SchedulerReport;

/// The number of points kept for each cluster: more than any screen is wide.
const CAPACITY: usize = 400;

/// One point for each request to the scheduler, oldest first: its time, and the shares of CPU and
/// memory in use and the number of processing tasks, all unknown where the request failed.
#[derive(Default)]
pub(super) struct History {
    points: VecDeque<(Timestamp, [Option<f64>; 3])>,
}

impl History {
    /// Adds a report, or a gap where there is none.
    pub(super) fn add(&mut self, at: Timestamp, report: Option<&SchedulerReport>) {
        if self.points.len() == CAPACITY {
            self.points.pop_front();
        }
        let values = report.map_or([None; 3], |report| {
            let tasks = report.activity.tasks.as_ref();
            let processing = tasks.and_then(|tasks| tasks.processing);
            let memory = memory_share(&report.activity);
            [cpu_share(report), memory, processing.map(float)]
        });
        self.points.push_back((at, values));
    }

    /// Returns how long ago the oldest point was.
    pub(super) fn span(&self, now: Timestamp) -> Duration {
        let oldest = self.points.front();
        oldest.map_or(Duration::ZERO, |(at, _)| elapsed(now, *at))
    }

    /// Returns CPU, memory and processing tasks, the last as shares of
    /// [`History::most_processing`].
    pub(super) fn shares(&self) -> [Vec<Option<f64>>; 3] {
        let most = self.most_processing().unwrap_or(0.0).max(1.0);
        [(0, 1.0), (1, 1.0), (2, most)].map(|(nth, whole)| {
            let values = self.points.iter().map(|(_, values)| values[nth]);
            values.map(|value| Some(value? / whole)).collect()
        })
    }

    /// Returns the largest number of tasks that were processing at the same time.
    pub(super) fn most_processing(&self) -> Option<f64> {
        let counts = self.points.iter().filter_map(|(_, values)| values[2]);
        counts.reduce(f64::max)
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
        let [cpu, _, processing] = history.shares();
        assert_eq!(processing, [Some(0.25), None, Some(1.0)]);
        assert_eq!(history.most_processing(), Some(8.0));
        assert_eq!(cpu, [None, None, None]);
        assert_eq!(history.span(at(9)), Duration::from_secs(8));
    }

    #[test]
    fn without_processing_tasks_shares_are_zero() {
        let mut history = History::default();
        history.add(at(1), Some(&processing(0)));
        assert_eq!(history.shares()[2], [Some(0.0)]);
    }

    #[test]
    fn keeps_no_more_points_than_its_capacity() {
        let mut history = History::default();
        for second in 0..500 {
            history.add(at(second), None);
        }
        assert_eq!(history.shares()[1].len(), CAPACITY);
        assert_eq!(history.span(at(500)), Duration::from_secs(400));
    }
}
