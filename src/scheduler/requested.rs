//! The number of workers that a cluster is asked for. Only the scheduler's log tells: it contains the
//! lines of dask-gateway's own plugin (`scheduler_preload.py`), the same since 2022.

use std::num::ParseIntError;

use super::client::Schedulers;
use super::error::SchedulerError;
use super::logs::{LogEntry, LogRange};
use crate::gateway::{Scaling, TlsIdentity};

/// The size of a scheduler's log: a longer one has lost its beginning.
const LOG_SIZE: usize = 10_000;

/// The workers that a cluster was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RequestedWorkers {
    /// The number that should be there now.
    pub(crate) count: u32,
    /// How the cluster scales: a fixed number, or adaptively.
    pub(crate) scaling: Scaling,
}

impl Schedulers {
    /// Fetches the number of workers that `cluster` was asked for; `None` if its log does not show it.
    ///
    /// # Errors
    /// Fails like [`Schedulers::log`].
    pub(crate) async fn requested_workers(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
    ) -> Result<Option<RequestedWorkers>, SchedulerError> {
        let log = self.log(cluster, identity, None, LogRange::default());
        Ok(read_log(&log.await?.into_entries()))
    }
}

/// Reads the requests in a whole log, oldest entry first.
fn read_log(entries: &[LogEntry]) -> Option<RequestedWorkers> {
    // Without this level, a log never shows requests.
    if !entries.iter().any(|entry| entry.level == "INFO") {
        return None;
    }
    let is_complete = entries.len() < LOG_SIZE;
    let mut count = is_complete.then_some(0);
    let mut bounds = is_complete.then_some(None);
    for entry in entries {
        let text = entry.text.as_str();
        if let Some((_, request)) = text.split_once("Requesting scale to ") {
            count = request.split(' ').next()?.parse().ok();
        } else if let Some((_, request)) = text.split_once("Enabling adaptive scaling, minimum=") {
            let (minimum, maximum) = request.split_once(", maximum=")?;
            let (minimum, maximum) = (bound(minimum).ok()?, bound(maximum).ok()?);
            bounds = Some(Some((minimum, maximum)));
        } else if text.ends_with("Disabling adaptive scaling") {
            bounds = Some(None);
        }
    }
    let count = count?;
    let scaling = match bounds? {
        Some((minimum, maximum)) => Scaling::Adaptive { minimum, maximum },
        None => Scaling::Fixed(count),
    };
    Some(RequestedWorkers { count, scaling })
}

/// Reads a bound as Python prints it; `None` for no bound.
///
/// # Errors
/// It is no number.
fn bound(text: &str) -> Result<Option<u32>, ParseIntError> {
    match text.trim_end() {
        "None" => Ok(None),
        number => number.parse().map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requested(lines: &[&str]) -> Option<RequestedWorkers> {
        let entry = |line: &&str| LogEntry::at(1.0, "INFO", line);
        read_log(&lines.iter().map(entry).collect::<Vec<_>>())
    }

    fn adaptive(count: u32, minimum: Option<u32>, maximum: Option<u32>) -> RequestedWorkers {
        let scaling = Scaling::Adaptive { minimum, maximum };
        RequestedWorkers { count, scaling }
    }

    fn fixed(count: u32) -> RequestedWorkers {
        let scaling = Scaling::Fixed(count);
        RequestedWorkers { count, scaling }
    }

    const START: &str = "distributed.scheduler - State start";
    const TO_TWO: &str = "dask_gateway.scheduler_preload - Requesting scale to 2 workers from 0";
    const TO_FIVE: &str = "2026 - preload - INFO - Requesting scale to 5 workers from 2";
    const ON: &str = "preload - Enabling adaptive scaling, minimum=1, maximum=8";
    const UNBOUNDED: &str = "Enabling adaptive scaling, minimum=None, maximum=None";
    const OFF: &str = "preload - Disabling adaptive scaling";

    #[test]
    fn the_last_request_counts() {
        assert_eq!(requested(&[START]), Some(fixed(0)));
        assert_eq!(requested(&[START, TO_TWO]), Some(fixed(2)));
        assert_eq!(requested(&[START, TO_TWO, TO_FIVE]), Some(fixed(5)));
        let on = [START, ON, TO_TWO];
        assert_eq!(requested(&on), Some(adaptive(2, Some(1), Some(8))));
        let unbounded = [START, ON, UNBOUNDED];
        assert_eq!(requested(&unbounded), Some(adaptive(0, None, None)));
        assert_eq!(requested(&[START, ON, TO_TWO, OFF]), Some(fixed(2)));
    }

    #[test]
    fn what_a_log_does_not_show_is_unknown() {
        assert_eq!(requested(&[]), None);
        let errors = [LogEntry::at(1.0, "ERROR", TO_TWO)];
        assert_eq!(read_log(&errors), None);
        let with_last = |last: &[&str]| {
            let mut lines = vec![START; LOG_SIZE];
            lines.extend(last);
            requested(&lines)
        };
        assert_eq!(with_last(&[]), None);
        assert_eq!(with_last(&[TO_TWO]), None);
        assert_eq!(with_last(&[ON]), None);
        assert_eq!(with_last(&[OFF, TO_TWO]), Some(fixed(2)));
        let malformed = "Enabling adaptive scaling, minimum=-1, maximum=8";
        assert_eq!(requested(&[START, malformed]), None);
    }
}
