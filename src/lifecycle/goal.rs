//! Waiting for a state that only the running cluster itself can report: its workers, or that it is
//! idle.

use std::time::Duration;

use tokio::time::{sleep, timeout_at};

use super::Error;
use super::deadline::{Deadline, OutageTolerance};
use super::diagnose::StartDiagnostics;
use super::select::running_identity;
use super::wait::final_status;
use crate::count;
use crate::gateway::{Gateway, Status};
use crate::output::Progress;
use crate::scheduler::{Activity, Idle, Schedulers};
use crate::session::Session;

/// Workers arrive one by one, and each request costs a connection.
const PAUSE: Duration = Duration::from_secs(1);

/// The state to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitGoal {
    /// This many workers or more.
    AtLeast(u32),
    /// Exactly this many workers: others must have left.
    Exactly(u32),
    /// Nothing running, queued or unrunnable.
    Idle,
}

impl WaitGoal {
    /// Returns what is still missing, in words; `None` once the goal is met. An unknown state
    /// never meets it.
    fn missing(self, activity: &Activity) -> Option<String> {
        let workers = |goal: u32, is_met: fn(u64, u64) -> bool| {
            let current = activity.workers;
            let is_met = current.is_some_and(|current| is_met(current, u64::from(goal)));
            let shown = current.map_or_else(|| "?".to_owned(), |current| current.to_string());
            (!is_met).then(|| format!("{shown}/{}", count::of(goal, "worker")))
        };
        match self {
            Self::AtLeast(goal) => workers(goal, |current, goal| current >= goal),
            Self::Exactly(goal) => workers(goal, |current, goal| current == goal),
            Self::Idle => match activity.idle {
                Idle::Since(_) => None,
                Idle::Busy => Some("still busy".to_owned()),
                Idle::Unknown => Some("it does not report whether it is idle".to_owned()),
            },
        }
    }
}

/// Waits until the running cluster `name` reports that the goal is met. `timeout` limits each
/// request to its scheduler.
///
/// # Errors
/// The cluster stops running, the gateway stays away, or the time limit expires: then with what was
/// still missing.
pub(crate) async fn wait_for_goal(
    goal: WaitGoal,
    name: &str,
    session: &Session,
    timeout: Duration,
    deadline: Option<Deadline>,
    progress: &mut Progress,
) -> Result<(), Error> {
    let mut polling = Polling {
        goal,
        name,
        gateway: &session.gateway,
        schedulers: session.schedulers(timeout),
        outage: OutageTolerance::until(deadline),
        diagnostics: StartDiagnostics::of_workers(name),
        missing: format!("cluster {name} has not reported anything yet"),
    };
    let outcome = match deadline {
        Some(deadline) => timeout_at(deadline.end(), polling.poll(progress)).await,
        None => Ok(polling.poll(progress).await),
    };
    match (outcome, deadline) {
        (Ok(Ok(GoalOutcome::Met)), _) => Ok(()),
        (Ok(Ok(GoalOutcome::Ended(status))), _) => {
            let jobs = polling.diagnostics.finish().await;
            let gateway = &session.gateway;
            Err(Error::EndedWhileWaiting {
                name: name.to_owned(),
                status: final_status(gateway, name, status, deadline, progress).await,
                jobs,
            })
        }
        (Ok(Err(error)), _) => Err(error),
        (Err(_), Some(deadline)) => Err(deadline.error(polling.missing)),
        (Err(_), None) => unreachable!("only a deadline expires"),
    }
}

/// How a wait for a goal ended.
enum GoalOutcome {
    Met,
    /// The cluster is no longer running.
    Ended(Status),
}

/// A wait for a goal.
struct Polling<'a> {
    goal: WaitGoal,
    name: &'a str,
    gateway: &'a Gateway,
    schedulers: Schedulers,
    outage: OutageTolerance,
    diagnostics: StartDiagnostics,
    /// The missing part of the goal when the cluster was last asked.
    missing: String,
}

impl Polling<'_> {
    async fn poll(&mut self, progress: &mut Progress) -> Result<GoalOutcome, Error> {
        let name = self.name;
        let mut identity = None;
        let mut was_running = false;
        loop {
            let activity = if was_running {
                self.schedulers.activity(name, identity.as_ref()).await.ok()
            } else {
                None
            };
            let missing = match activity {
                Some(activity) => match self.goal.missing(&activity) {
                    None => return Ok(GoalOutcome::Met),
                    Some(missing) => missing,
                },
                // The cluster may have ended, or been restarted with another certificate.
                None => match running_identity(self.gateway, name).await {
                    Ok(current) => {
                        self.outage.responded();
                        identity = current;
                        if !std::mem::replace(&mut was_running, true) {
                            continue;
                        }
                        "its scheduler does not respond".to_owned()
                    }
                    Err(Error::NotRunning { status, .. }) if was_running => {
                        return Ok(GoalOutcome::Ended(status));
                    }
                    Err(Error::Gateway(error)) => {
                        self.outage.tolerate(error)?;
                        "the gateway does not respond".to_owned()
                    }
                    Err(error) => return Err(error),
                },
            };
            self.missing = format!("cluster {name}: {missing}");
            progress.phase(&self.missing);
            self.diagnostics
                .observe_during(progress, sleep(PAUSE))
                .await;
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn activity(workers: Option<u64>, idle: Idle) -> Activity {
        Activity {
            workers,
            idle,
            ..Activity::default()
        }
    }

    #[test]
    fn an_unknown_state_meets_no_goal() {
        let unknown = activity(None, Idle::Unknown);
        for goal in [WaitGoal::AtLeast(0), WaitGoal::Exactly(0), WaitGoal::Idle] {
            assert!(goal.missing(&unknown).is_some(), "{goal:?}");
        }
    }

    #[test]
    fn says_what_is_missing() {
        let three = activity(Some(3), Idle::Busy);
        assert_eq!(
            WaitGoal::AtLeast(8).missing(&three).as_deref(),
            Some("3/8 workers")
        );
        assert_eq!(WaitGoal::AtLeast(3).missing(&three), None);
        assert_eq!(WaitGoal::AtLeast(2).missing(&three), None);
        assert_eq!(
            WaitGoal::Exactly(2).missing(&three).as_deref(),
            Some("3/2 workers")
        );
        assert_eq!(WaitGoal::Exactly(3).missing(&three), None);
        assert_eq!(
            WaitGoal::Idle.missing(&three).as_deref(),
            Some("still busy")
        );
        let idle = activity(Some(3), Idle::Since(Timestamp::UNIX_EPOCH));
        assert_eq!(WaitGoal::Idle.missing(&idle), None);
    }
}
