//! Waiting for what only a running cluster itself can tell: its workers, or that it is idle.

use std::time::Duration;

use tokio::time::sleep;

use super::account::StartDiagnostics;
use super::waiting::{Deadline, OutageTolerance};
use crate::error::Error;
use crate::gateway::{Gateway, Status, TlsIdentity};
use crate::output::Progress;
use crate::scheduler::{Activity, Idle, Schedulers};

/// Workers come one by one, and a look costs a connection.
const PAUSE: Duration = Duration::from_secs(1);

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WaitGoal {
    /// So many workers, or more.
    AtLeast(u32),
    /// So many workers: the others are gone, too.
    Exactly(u32),
    /// Nothing running, queued or unrunnable.
    Idle,
}

impl WaitGoal {
    /// What is still missing, in words; nothing once the goal is met. What isn't known never meets
    /// it.
    fn missing(self, activity: &Activity) -> Option<String> {
        let workers = |goal: u32, is_met: fn(u64, u64) -> bool| {
            let there = activity.workers;
            let is_met = there.is_some_and(|there| is_met(there, u64::from(goal)));
            let shown = there.map_or_else(|| "?".to_owned(), |there| there.to_string());
            (!is_met).then(|| format!("{shown}/{goal} workers"))
        };
        match self {
            Self::AtLeast(goal) => workers(goal, |there, goal| there >= goal),
            Self::Exactly(goal) => workers(goal, |there, goal| there == goal),
            Self::Idle => match activity.idle {
                Idle::Since(_) => None,
                Idle::Busy => Some("still at work".to_owned()),
                Idle::Unknown => Some("it does not tell whether it is idle".to_owned()),
            },
        }
    }
}

/// Waits until the running cluster `name` tells that the goal is met.
///
/// # Errors
/// It stops running, the gateway stays away, or the limit runs out: then with what was still
/// missing.
pub(super) async fn until(
    goal: WaitGoal,
    name: &str,
    ways: (&Gateway, &Schedulers),
    limit: Option<Deadline>,
    progress: &mut Progress,
) -> Result<(), Error> {
    let mut account = StartDiagnostics::of_running(name);
    let mut missing = format!("cluster {name} has told nothing yet");
    let outage = OutageTolerance::borne_until(limit);
    let met = met(
        goal,
        name,
        ways,
        outage,
        &mut account,
        &mut missing,
        progress,
    );
    let outcome = match limit {
        Some(limit) => tokio::time::timeout_at(limit.end(), met).await.ok(),
        None => Some(met.await),
    };
    match (outcome, limit) {
        (Some(Ok(Outcome::Met)), _) => Ok(()),
        (Some(Ok(Outcome::Ended(status))), _) => Err(Error::Ended {
            name: name.to_owned(),
            status,
            trace: account.close().await,
        }),
        (Some(Err(error)), _) => Err(error),
        (None, Some(limit)) => Err(limit.error(missing)),
        (None, None) => unreachable!("only a limit runs out"),
    }
}

/// What a wait comes to.
enum Outcome {
    Met,
    /// It no longer runs.
    Ended(Status),
}

/// `missing` is what is still to come, as it was seen last.
async fn met(
    goal: WaitGoal,
    name: &str,
    (gateway, schedulers): (&Gateway, &Schedulers),
    mut outage: OutageTolerance,
    account: &mut StartDiagnostics,
    missing: &mut String,
    progress: &mut Progress,
) -> Result<Outcome, Error> {
    let mut identity = None;
    let mut was_running = false;
    loop {
        let told = if was_running {
            schedulers.activity(name, identity.as_ref()).await.ok()
        } else {
            None
        };
        let lack = match told {
            Some(activity) => match goal.missing(&activity) {
                None => return Ok(Outcome::Met),
                Some(lack) => lack,
            },
            // It may have ended, or been restarted with another certificate.
            None => match still_running(gateway, name).await {
                Ok(found) => {
                    outage.is_over();
                    identity = found;
                    if !std::mem::replace(&mut was_running, true) {
                        continue;
                    }
                    "its scheduler does not answer".to_owned()
                }
                Err(Error::NotRunning { status, .. }) if was_running => {
                    return Ok(Outcome::Ended(status));
                }
                Err(Error::Gateway(error)) => {
                    outage.bear(error)?;
                    "the gateway does not answer".to_owned()
                }
                Err(error) => return Err(error),
            },
        };
        *missing = format!("cluster {name}: {lack}");
        progress.phase(missing);
        account.during(progress, sleep(PAUSE)).await;
    }
}

/// The identity of a cluster that runs.
///
/// # Errors
/// It doesn't; or the gateway's own.
pub(super) async fn still_running(
    gateway: &Gateway,
    name: &str,
) -> Result<Option<TlsIdentity>, Error> {
    let (listing, mut identities) = gateway.cluster_with_identity(name).await?;
    for cluster in listing.clusters {
        if cluster.status != Status::Running {
            return Err(Error::NotRunning {
                name: cluster.name,
                status: cluster.status,
            });
        }
    }
    Ok(identities.remove(name))
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
    fn what_is_unknown_meets_no_goal() {
        let unknown = activity(None, Idle::Unknown);
        for goal in [WaitGoal::AtLeast(0), WaitGoal::Exactly(0), WaitGoal::Idle] {
            assert!(goal.missing(&unknown).is_some(), "{goal:?}");
        }
    }

    #[test]
    fn what_is_missing_is_told() {
        let three = activity(Some(3), Idle::Busy);
        assert_eq!(
            WaitGoal::AtLeast(8).missing(&three).as_deref(),
            Some("3/8 workers")
        );
        assert_eq!(WaitGoal::AtLeast(2).missing(&three), None);
        assert_eq!(
            WaitGoal::Exactly(2).missing(&three).as_deref(),
            Some("3/2 workers")
        );
        assert_eq!(WaitGoal::Exactly(3).missing(&three), None);
        assert_eq!(
            WaitGoal::Idle.missing(&three).as_deref(),
            Some("still at work")
        );
        let idle = activity(Some(3), Idle::Since(Timestamp::UNIX_EPOCH));
        assert_eq!(WaitGoal::Idle.missing(&idle), None);
    }
}
