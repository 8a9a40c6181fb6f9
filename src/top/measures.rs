//! Numbers derived from a scheduler's report. `None` is unknown.

use std::time::Duration;

use jiff::Timestamp;

use crate::scheduler::{Activity, SchedulerReport};

/// Returns how many cores the workers use, if all of them report it.
pub(super) fn cores_used(report: &SchedulerReport) -> Option<f64> {
    let mut workers = report.worker_details.as_ref()?.iter();
    // An empty sum of floats would be a negative zero.
    workers.try_fold(0.0, |sum, worker| Some(sum + worker.cpu? / 100.0))
}

/// Returns the share of all threads that is in use.
pub(super) fn cpu_share(report: &SchedulerReport) -> Option<f64> {
    let threads = report.activity.threads.filter(|threads| *threads > 0)?;
    Some(cores_used(report)? / float(threads))
}

/// Returns the share of the workers' memory limit that is in use.
pub(super) fn memory_share(activity: &Activity) -> Option<f64> {
    share(activity.memory_used, activity.memory_limit)
}

/// Returns `part` of `whole`; `None` where `whole` is 0.
pub(super) fn share(part: Option<u64>, whole: Option<u64>) -> Option<f64> {
    let (part, whole) = (part?, whole.filter(|whole| *whole > 0)?);
    Some(float(part) / float(whole))
}

/// Returns the nearest float, which is exact enough for what a screen shows.
#[expect(clippy::cast_precision_loss, reason = "a bar has few cells")]
pub(super) fn float(number: u64) -> f64 {
    number as f64
}

/// Returns how long ago `time` was; zero where clocks disagree.
pub(super) fn elapsed(now: Timestamp, time: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(time)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_of_zero_or_of_unknown_is_unknown() {
        assert_eq!(share(Some(1), Some(4)), Some(0.25));
        assert_eq!(share(Some(1), Some(0)), None);
        assert_eq!(share(None, Some(4)), None);
        assert_eq!(share(Some(1), None), None);
    }

    #[test]
    fn time_in_the_future_is_zero_seconds_ago() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        assert_eq!(elapsed(at(5), at(3)), Duration::from_secs(2));
        assert_eq!(elapsed(at(3), at(5)), Duration::ZERO);
    }
}
