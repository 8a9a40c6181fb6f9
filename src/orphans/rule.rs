//! The rule: which clusters nobody needs any more.
//!
//! A check of a cluster finds it idle, or not. That it has been idle *without interruption* is
//! proved in one of two ways, each on one clock:
//!
//! - by the scheduler's history, on the scheduler's clock: since when nothing has been running, and
//!   when the last client connected or disconnected;
//! - by an earlier check, on the clocks of this machine and of the gateway. Two checks that find a
//!   cluster idle don't prove that nothing happened in between. Equal
//!   [`ActivityFingerprint`](super::idle::ActivityFingerprint) at both do: every connection and every
//!   computation, however short, changes them.
//!
//! Results in memory need no history of their own: they come from work or from clients, and go with
//! clients.

use std::time::Duration;

use super::clock::ClockReading;
use super::idle::{ClusterAge, IdleEvidence, IdleRecord, IdleState};
use super::not_idle::NotIdle;
use crate::scheduler::{Activity, Idle, Tasks};

/// Definition of an orphan, from the command line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OrphanRule {
    /// Time for which the cluster must have been idle.
    pub(crate) idle_for: Duration,
    /// Ignores results in memory.
    pub(crate) ignore_results: bool,
}

/// Decision on a cluster under the rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OrphanVerdict {
    Orphan(IdleEvidence),
    NotOrphan(NotIdle),
}

impl OrphanRule {
    /// Checks that nobody needs a cluster at this moment.
    ///
    /// # Errors
    /// Somebody needs it, or that is unknown.
    pub(super) fn check(&self, activity: &Activity) -> Result<(), NotIdle> {
        let tasks = activity
            .tasks
            .as_ref()
            .ok_or_else(|| not_reported("its tasks"))?;
        none(tasks.unfinished(), "its tasks", NotIdle::Tasks)?;
        if activity.idle == Idle::Busy {
            return Err(NotIdle::Busy);
        }
        none(uncounted(tasks)?, "how many tasks it has", NotIdle::Tasks)?;
        // A client that a task opened only runs tasks. It counts where the scheduler doesn't say
        // since when it is idle: there, tasks between two checks would go unnoticed.
        let clients = match activity.idle {
            Idle::Since(_) => activity.outsiders,
            Idle::Busy | Idle::Unknown => activity.clients,
        };
        none(clients, "its clients", NotIdle::Clients)?;
        match tasks.memory {
            Some(results @ 1..) if !self.ignore_results => Err(NotIdle::Results(results)),
            _ => Ok(()),
        }
    }
}

/// Returns the number of tasks that are neither done nor counted as unfinished; `None` if more are
/// done than there are.
fn uncounted(tasks: &Tasks) -> Result<Option<u64>, NotIdle> {
    let done = || Some([tasks.memory?, tasks.released?, tasks.erred?]);
    let (total, done) = tasks
        .total
        .zip(done())
        .ok_or_else(|| not_reported("its tasks"))?;
    Ok(done
        .iter()
        .try_fold(total, |left, count| left.checked_sub(*count)))
}

/// Checks that `count` is zero; the error is `reason` for any other number.
fn none(
    count: Option<u64>,
    noun: &str,
    reason: impl FnOnce(u64) -> NotIdle,
) -> Result<(), NotIdle> {
    match count {
        None => Err(not_reported(noun)),
        Some(0) => Ok(()),
        Some(count) => Err(reason(count)),
    }
}

fn not_reported(noun: &str) -> NotIdle {
    NotIdle::Unknown(format!("its scheduler does not report {noun}"))
}

/// Judges a cluster after a check. Returns the verdict and the record to leave for later runs.
///
/// `before` is a time no later than the check, `after` one no earlier, so that no cluster is taken
/// to have been idle for longer than it was.
pub(crate) fn judge(
    rule: &OrphanRule,
    found: &Result<IdleState, NotIdle>,
    age: &ClusterAge,
    earlier: Option<&IdleRecord>,
    before: &ClockReading,
    after: &ClockReading,
) -> (OrphanVerdict, Option<IdleRecord>) {
    let state = match found {
        Ok(state) => state,
        Err(reason) => return (OrphanVerdict::NotOrphan(reason.clone()), None),
    };
    let recorded = earlier
        .filter(|record| record.start_time == age.start_time && record.marks == state.marks)
        .and_then(|record| Some((record, before.since(&record.at)?)));
    let by_scheduler = state.idle_by_scheduler(age.age);
    let by_record = recorded.map(|(_, span)| span);
    let evidence = match by_scheduler {
        Some(span) if by_record.is_none_or(|by_record| span >= by_record) => {
            IdleEvidence::Scheduler(span)
        }
        _ => IdleEvidence::EarlierRun(by_record.unwrap_or_default()),
    };
    let verdict = if evidence.span() >= rule.idle_for {
        OrphanVerdict::Orphan(evidence)
    } else {
        OrphanVerdict::NotOrphan(NotIdle::TooShort {
            evidence,
            required: rule.idle_for,
            needs_records: by_scheduler.is_none(),
        })
    };
    let record = recorded.map_or_else(
        || IdleRecord {
            start_time: age.start_time,
            at: *after,
            marks: state.marks.clone(),
        },
        |(record, _)| record.clone(),
    );
    (verdict, Some(record))
}

#[cfg(test)]
mod tests;
