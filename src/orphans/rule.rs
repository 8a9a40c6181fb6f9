//! The rule: which clusters nobody needs any more.
//!
//! A look at a cluster finds it quiet, or not. That it has been quiet *without a break* is proved
//! in one of two ways, each on one clock:
//!
//! - by what its scheduler remembers, on the scheduler's clock: since when nothing has been
//!   running, and when the last client came or went;
//! - by an earlier look, on the clocks of this machine and of the gateway. Two quiet looks don't
//!   prove that nothing happened in between. That is proved by the scheduler's [`Marks`] being the
//!   same at both: whoever connects or computes, however shortly, changes them.
//!
//! Held results need no memory of their own: results come from work or from clients, and go with
//! clients.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ClockReading;
use crate::duration;
use crate::gateway::Status;
use crate::scheduler::{Activity, ClientHistory, Idle};

/// What counts as an orphan.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    /// For how long all of it must have held.
    pub(crate) idle_for: Duration,
    /// Whether results that are held in memory count for nothing.
    pub(crate) ignore_results: bool,
}

/// What changes whenever anybody does anything. By the scheduler's clock; compared with nothing
/// but itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marks {
    idle_since: Option<Timestamp>,
    transitions: Option<u64>,
    unattended_since: Timestamp,
    last_client: Option<String>,
    /// How many are held in memory.
    results: Option<u64>,
}

/// A cluster that was found quiet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct QuietState {
    pub(super) marks: Marks,
    /// The scheduler's clock, or a time that it is past, if it told any.
    pub(super) clock: Option<Timestamp>,
}

/// A quiet look of an earlier run's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sighting {
    /// The cluster's: a name may come back.
    pub(super) start_time: Timestamp,
    pub(super) at: ClockReading,
    pub(super) marks: Marks,
}

/// A cluster's life so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClusterAge {
    pub(crate) start_time: Timestamp,
    /// Both by the gateway's clock; `None` where it doesn't tell it.
    pub(crate) age: Option<Duration>,
}

/// What became of a cluster under the rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Orphan(Proof),
    Kept(KeepReason),
}

/// For how long a cluster has been quiet, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// The scheduler's memory.
    Scheduler(Duration),
    /// An earlier look, and that nothing has changed since.
    Sighting(Duration),
}

/// Why a cluster is no orphan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeepReason {
    NotRunning(Status),
    /// By `dgw keep`, until then or for good.
    Protected(Option<Timestamp>),
    Clients(u64),
    /// Tasks still to be done.
    Tasks(u64),
    /// The scheduler says so, whatever the numbers say.
    AtWork,
    Results(u64),
    /// What can't be known counts as busy.
    Unknown(String),
    TooShort {
        /// The longest that can be proved.
        proof: Proof,
        rule: Duration,
        /// Whether the scheduler's memory can't prove it, so that it takes a later run.
        needs_sightings: bool,
    },
    /// It is quiet, but something happened since it was picked.
    Changed,
}

impl KeepReason {
    /// Whether it takes a later run, and what it knows of this one, to tell more.
    pub(crate) fn needs_sightings(&self) -> bool {
        matches!(
            self,
            Self::TooShort {
                needs_sightings: true,
                ..
            }
        )
    }
}

impl Proof {
    pub(super) fn span(self) -> Duration {
        match self {
            Self::Scheduler(span) | Self::Sighting(span) => span,
        }
    }
}

impl QuietState {
    /// By the scheduler's memory. `clock` is a time that its clock is past.
    pub(super) fn new(past: ClientHistory, results: Option<u64>, clock: Option<Timestamp>) -> Self {
        Self {
            marks: Marks {
                results,
                idle_since: past.idle_since,
                transitions: past.transitions,
                unattended_since: past.unattended_since,
                last_client: past.last_client,
            },
            clock,
        }
    }

    /// Since when it has been quiet by the scheduler's memory and clock.
    fn since(&self) -> Option<Timestamp> {
        let idle_since = self.marks.idle_since?;
        Some(idle_since.max(self.marks.unattended_since))
    }

    /// How long that is, on the scheduler's clock. Longer than it has been there, it can't be.
    pub(super) fn remembered(&self, age: Option<Duration>) -> Option<Duration> {
        let span = self.clock?.duration_since(self.since()?);
        let span = Duration::try_from(span).unwrap_or_default();
        Some(span.min(age.unwrap_or(Duration::MAX)))
    }

    /// Whether nothing has happened since `earlier`.
    pub(crate) fn is_the_same_as(&self, earlier: &Self) -> bool {
        self.marks == earlier.marks
    }
}

impl Rule {
    /// Whether nobody needs a cluster at this moment.
    ///
    /// # Errors
    /// Why it's needed, or what isn't known.
    pub(super) fn is_quiet(&self, activity: &Activity) -> Result<(), KeepReason> {
        let unknown =
            |what: &str| KeepReason::Unknown(format!("its scheduler does not tell {what}"));
        let tasks = activity.tasks.as_ref();
        let tasks = tasks.ok_or_else(|| unknown("its tasks"))?;
        match tasks.unfinished() {
            None => return Err(unknown("its tasks")),
            Some(0) => {}
            Some(some) => return Err(KeepReason::Tasks(some)),
        }
        if activity.idle == Idle::Busy {
            return Err(KeepReason::AtWork);
        }
        let done = || Some([tasks.memory?, tasks.released?, tasks.erred?]);
        let (total, done) = tasks
            .total
            .zip(done())
            .ok_or_else(|| unknown("its tasks"))?;
        match done.iter().try_fold(total, |left, n| left.checked_sub(*n)) {
            Some(0) => {}
            Some(hidden) => return Err(KeepReason::Tasks(hidden)),
            None => return Err(unknown("how many tasks it has")),
        }
        // A client that a task opened does nothing but tasks. Where those can't be known for the
        // time between two looks, it counts.
        let clients = match activity.idle {
            Idle::Since(_) => activity.outsiders,
            Idle::Busy | Idle::Unknown => activity.clients,
        };
        match clients {
            None => return Err(unknown("its clients")),
            Some(0) => {}
            Some(some) => return Err(KeepReason::Clients(some)),
        }
        match tasks.memory {
            Some(results @ 1..) if !self.ignore_results => Err(KeepReason::Results(results)),
            _ => Ok(()),
        }
    }
}

/// What becomes of a cluster after a look at it, and what is to be remembered of it.
///
/// `before` is a moment no later than the look, `after` one no earlier: what has been quiet is
/// never taken for longer than it was.
pub(crate) fn judge(
    rule: &Rule,
    found: &Result<QuietState, KeepReason>,
    life: &ClusterAge,
    earlier: Option<&Sighting>,
    before: &ClockReading,
    after: &ClockReading,
) -> (Verdict, Option<Sighting>) {
    let quiet = match found {
        Ok(quiet) => quiet,
        Err(reason) => return (Verdict::Kept(reason.clone()), None),
    };
    let fits = |sighting: &&Sighting| {
        sighting.start_time == life.start_time && sighting.marks == quiet.marks
    };
    let earlier = earlier.filter(fits);
    let seen = earlier.and_then(|sighting| Some((sighting, before.since(&sighting.at)?)));
    let remembered = quiet.remembered(life.age);
    let proof = match (remembered, seen) {
        (Some(span), None) => Proof::Scheduler(span),
        (Some(span), Some((_, seen))) if span >= seen => Proof::Scheduler(span),
        (_, Some((_, seen))) => Proof::Sighting(seen),
        (None, None) => Proof::Sighting(Duration::ZERO),
    };
    let verdict = if proof.span() >= rule.idle_for {
        Verdict::Orphan(proof)
    } else {
        Verdict::Kept(KeepReason::TooShort {
            proof,
            rule: rule.idle_for,
            needs_sightings: remembered.is_none(),
        })
    };
    let sighting = seen.map_or_else(
        || Sighting {
            start_time: life.start_time,
            at: *after,
            marks: quiet.marks.clone(),
        },
        |(sighting, _)| sighting.clone(),
    );
    (verdict, Some(sighting))
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheduler(span) => {
                write!(f, "idle for {}, as its scheduler knows", duration::short(*span))
            }
            Self::Sighting(Duration::ZERO) => write!(f, "first seen idle now"),
            Self::Sighting(span) => {
                write!(f, "idle for {}, as earlier runs saw", duration::short(*span))
            }
        }
    }
}

impl fmt::Display for KeepReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted = |f: &mut fmt::Formatter<'_>, count: u64, what: &str, state: &str| {
            let s = if count == 1 { "" } else { "s" };
            write!(f, "{count} {what}{s} {state}")
        };
        match self {
            Self::NotRunning(status) => write!(f, "it is {status}"),
            Self::Protected(None) => f.write_str("it is protected by `dgw keep`"),
            Self::Protected(Some(time)) => {
                write!(f, "it is protected by `dgw keep` until {time:.0}")
            }
            Self::Clients(count) => counted(f, *count, "client", "connected"),
            Self::Tasks(count) => counted(f, *count, "task", "to be done"),
            Self::AtWork => f.write_str("it is at work"),
            Self::Results(count) => counted(f, *count, "result", "held in memory"),
            Self::Unknown(what) => f.write_str(what),
            Self::TooShort { proof, rule, .. } => {
                write!(f, "{proof}; {} is asked for", duration::short(*rule))
            }
            Self::Changed => f.write_str("it is no longer as it was when it was picked"),
        }
    }
}

#[cfg(test)]
mod tests;
