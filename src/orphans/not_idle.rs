//! Reasons why a cluster does not count as idle.

use std::fmt;
use std::time::Duration;

use super::idle::IdleEvidence;
use crate::duration;
use crate::gateway::Status;

/// Reason why a cluster does not count as idle, or not for long enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NotIdle {
    NotRunning(Status),
    Clients(u64),
    /// Unfinished tasks.
    Tasks(u64),
    /// The scheduler says so, whatever the numbers say.
    Busy,
    Results(u64),
    /// Unknown counts as busy.
    Unknown(String),
    TooShort {
        /// Longest time for which it is known to have been idle.
        evidence: IdleEvidence,
        required: Duration,
        /// Set if the scheduler can't prove any time, so that only a later run can.
        needs_records: bool,
    },
    /// It's idle, but something happened since dgw selected it.
    Changed,
}

impl NotIdle {
    /// Returns true if only a later run can tell more, by the record that this one leaves.
    pub(crate) fn needs_records(&self) -> bool {
        matches!(
            self,
            Self::TooShort {
                needs_records: true,
                ..
            }
        )
    }
}

impl fmt::Display for NotIdle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = |f: &mut fmt::Formatter<'_>, count: u64, noun: &str, state: &str| {
            let s = if count == 1 { "" } else { "s" };
            write!(f, "{count} {noun}{s} {state}")
        };
        match self {
            Self::NotRunning(status) => write!(f, "it is {status}"),
            Self::Clients(count) => counted(f, *count, "client", "connected"),
            Self::Tasks(count) => counted(f, *count, "task", "unfinished"),
            Self::Busy => f.write_str("it is busy"),
            Self::Results(count) => counted(f, *count, "result", "held in memory"),
            Self::Unknown(unknown) => f.write_str(unknown),
            Self::TooShort {
                evidence, required, ..
            } => {
                let (span, required) = (evidence.span(), duration::short(*required));
                if span.is_zero() {
                    return write!(f, "{evidence}; {required} is required");
                }
                let span = duration::short(span);
                write!(
                    f,
                    "idle for only {span} of {required}, {}",
                    evidence.source()
                )
            }
            Self::Changed => f.write_str("it changed after dgw selected it"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPAN: Duration = Duration::from_secs(300);

    fn too_short(needs_records: bool) -> NotIdle {
        NotIdle::TooShort {
            evidence: IdleEvidence::Scheduler(SPAN),
            required: SPAN * 2,
            needs_records,
        }
    }

    #[test]
    fn reasons_are_plain_phrases() {
        for (reason, text) in [
            (NotIdle::NotRunning(Status::Pending), "it is PENDING"),
            (NotIdle::Clients(1), "1 client connected"),
            (NotIdle::Tasks(2), "2 tasks unfinished"),
            (NotIdle::Busy, "it is busy"),
            (NotIdle::Results(2), "2 results held in memory"),
            (NotIdle::Unknown("no answer".to_owned()), "no answer"),
            (
                too_short(false),
                "idle for only 5m of 10m, according to its scheduler",
            ),
            (NotIdle::Changed, "it changed after dgw selected it"),
        ] {
            assert_eq!(reason.to_string(), text);
        }
    }

    #[test]
    fn only_an_idle_time_unknown_to_the_scheduler_needs_records() {
        assert!(too_short(true).needs_records());
        assert!(!too_short(false).needs_records());
        assert!(!NotIdle::Changed.needs_records());
    }
}
