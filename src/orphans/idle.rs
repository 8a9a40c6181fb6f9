//! Evidence that a cluster is idle.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::clock::ClockReading;
use crate::duration;
use crate::scheduler::ClientHistory;

/// Data of a scheduler that any activity changes. Times are by its clock and are only compared
/// with each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ActivityFingerprint {
    idle_since: Option<Timestamp>,
    transitions: Option<u64>,
    unattended_since: Timestamp,
    last_client: Option<String>,
    /// Number of results in memory.
    results: Option<u64>,
}

/// State of a cluster that was found idle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IdleState {
    pub(super) marks: ActivityFingerprint,
    /// Time that the scheduler's clock has reached, if known.
    pub(super) clock: Option<Timestamp>,
}

/// Record that an earlier run found a cluster idle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct IdleRecord {
    /// Start time of the cluster: its name may be used again.
    pub(super) start_time: Timestamp,
    pub(super) at: ClockReading,
    pub(super) marks: ActivityFingerprint,
}

/// Start and age of a cluster, by the gateway's clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClusterAge {
    pub(crate) start_time: Timestamp,
    /// `None` if the gateway's time is unknown.
    pub(crate) age: Option<Duration>,
}

/// Proof that a cluster has been idle for some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IdleEvidence {
    /// The scheduler's own history.
    Scheduler(Duration),
    /// An earlier run's record, and that nothing has changed since.
    EarlierRun(Duration),
}

impl IdleEvidence {
    /// Returns who says so, for the end of a sentence.
    pub(super) fn source(self) -> &'static str {
        match self {
            Self::Scheduler(_) => "according to its scheduler",
            Self::EarlierRun(_) => "according to earlier runs",
        }
    }

    /// Returns how long the cluster has been idle at least.
    pub(super) fn span(self) -> Duration {
        match self {
            Self::Scheduler(span) | Self::EarlierRun(span) => span,
        }
    }
}

impl IdleState {
    /// Combines the scheduler's history with the number of results in memory. `clock` is a time
    /// that the scheduler's clock has reached.
    pub(super) fn new(
        history: ClientHistory,
        results: Option<u64>,
        clock: Option<Timestamp>,
    ) -> Self {
        Self {
            marks: ActivityFingerprint {
                results,
                idle_since: history.idle_since,
                transitions: history.transitions,
                unattended_since: history.unattended_since,
                last_client: history.last_client,
            },
            clock,
        }
    }

    /// Returns how long the cluster has been idle by the scheduler's history and clock, at most its
    /// `age`; `None` if the scheduler doesn't know.
    pub(super) fn idle_by_scheduler(&self, age: Option<Duration>) -> Option<Duration> {
        let since = self.marks.idle_since?.max(self.marks.unattended_since);
        let span = self.clock?.duration_since(since);
        let span = Duration::try_from(span).unwrap_or_default();
        Some(age.map_or(span, |age| span.min(age)))
    }

    /// Returns true if only a reading of the scheduler's clock can prove `idle_for`. The clock has
    /// reached every time that the scheduler reported; often that is enough, or no clock helps.
    pub(super) fn needs_clock(&self, idle_for: Duration) -> bool {
        self.idle_by_scheduler(None)
            .is_some_and(|span| span < idle_for)
    }

    /// Returns true if nothing has happened in the cluster since `earlier`.
    pub(crate) fn is_unchanged_since(&self, earlier: &Self) -> bool {
        self.marks == earlier.marks
    }
}

impl fmt::Display for IdleEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EarlierRun(Duration::ZERO) => f.write_str("found idle for the first time"),
            Self::Scheduler(span) | Self::EarlierRun(span) => {
                write!(f, "idle for {}, {}", duration::short(*span), self.source())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn history(idle_since: Option<i64>, unattended_since: i64) -> ClientHistory {
        ClientHistory {
            idle_since: idle_since.map(at),
            transitions: Some(1),
            unattended_since: at(unattended_since),
            last_client: Some("Client-1".to_owned()),
            latest: at(0),
        }
    }

    fn state(idle_since: Option<i64>, unattended_since: i64, clock: Option<i64>) -> IdleState {
        let history = history(idle_since, unattended_since);
        IdleState::new(history, Some(0), clock.map(at))
    }

    #[test]
    fn scheduler_counts_from_the_last_work_or_client() {
        for (idle_since, unattended_since, clock, seconds) in [
            (Some(10), 0, Some(100), Some(90)),
            (Some(0), 10, Some(100), Some(90)),
            (Some(10), 0, Some(5), Some(0)),
            (None, 0, Some(100), None),
            (Some(10), 0, None, None),
        ] {
            let span = state(idle_since, unattended_since, clock).idle_by_scheduler(None);
            assert_eq!(span.map(|span| span.as_secs()), seconds);
        }
    }

    #[test]
    fn no_cluster_is_idle_for_longer_than_its_age() {
        let state = state(Some(0), 0, Some(3_600));
        assert_eq!(state.idle_by_scheduler(None), Some(HOUR));
        assert_eq!(state.idle_by_scheduler(Some(HOUR * 2)), Some(HOUR));
        assert_eq!(state.idle_by_scheduler(Some(HOUR / 2)), Some(HOUR / 2));
    }

    #[test]
    fn clock_is_needed_only_where_it_can_prove_more() {
        for (idle_since, clock, is_needed) in [
            (Some(0), 3_599, true),
            (Some(0), 3_600, false),
            (Some(0), 3_601, false),
            (None, 0, false),
        ] {
            let state = state(idle_since, 0, Some(clock));
            assert_eq!(state.needs_clock(HOUR), is_needed);
        }
    }

    #[test]
    fn any_activity_changes_the_state() {
        let earlier = IdleState::new(history(Some(0), 0), Some(0), Some(at(1)));
        let later = IdleState::new(history(Some(0), 0), Some(0), Some(at(2)));
        assert!(later.is_unchanged_since(&earlier), "its clock only runs on");
        let changes: [fn(&mut ActivityFingerprint); 5] = [
            |marks| marks.idle_since = None,
            |marks| marks.transitions = Some(2),
            |marks| marks.unattended_since = Timestamp::MAX,
            |marks| marks.last_client = None,
            |marks| marks.results = Some(1),
        ];
        for change in changes {
            let mut state = later.clone();
            change(&mut state.marks);
            assert!(!state.is_unchanged_since(&earlier), "{state:?}");
        }
    }

    #[test]
    fn evidence_says_how_long_and_by_what() {
        for (evidence, text, span) in [
            (
                IdleEvidence::Scheduler(HOUR),
                "idle for 1h, according to its scheduler",
                HOUR,
            ),
            (
                IdleEvidence::EarlierRun(HOUR),
                "idle for 1h, according to earlier runs",
                HOUR,
            ),
            (
                IdleEvidence::EarlierRun(Duration::ZERO),
                "found idle for the first time",
                Duration::ZERO,
            ),
        ] {
            assert_eq!(evidence.to_string(), text);
            assert_eq!(evidence.span(), span);
        }
    }
}
