//! Waiting for what only a running cluster itself can tell: its workers, or that it is idle.

use std::time::Duration;

use tokio::time::sleep;

use super::account::Account;
use super::waiting::Limit;
use crate::error::Error;
use crate::gateway::{Gateway, Identity, Status};
use crate::output::Progress;
use crate::scheduler::{Activity, Idle, Schedulers};

/// Workers come one by one, and a look costs a connection.
const PAUSE: Duration = Duration::from_secs(1);

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Goal {
    /// So many workers, or more.
    AtLeast(u32),
    /// So many workers: the others are gone, too.
    Exactly(u32),
    /// Nothing running, queued or unrunnable.
    Idle,
}

impl Goal {
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
/// It stops running, or the limit runs out: then with what was still missing.
pub(super) async fn until(
    goal: Goal,
    name: &str,
    mut identity: Option<Identity>,
    (gateway, schedulers): (&Gateway, &Schedulers),
    limit: Option<Limit>,
    progress: &mut Progress,
) -> Result<(), Error> {
    let mut account = Account::of_running(name);
    loop {
        let missing = if let Ok(activity) = schedulers.activity(name, identity.as_ref()).await {
            goal.missing(&activity)
        } else {
            // It may have ended, or been restarted with another certificate.
            identity = match still_running(gateway, name).await {
                Err(Error::NotRunning { name, status }) => {
                    let trace = account.close().await;
                    return Err(Error::Ended {
                        name,
                        status,
                        trace,
                    });
                }
                found => found?,
            };
            Some("its scheduler does not answer".to_owned())
        };
        let Some(missing) = missing else {
            return Ok(());
        };
        let missing = format!("cluster {name}: {missing}");
        progress.phase(&missing);
        if let Some(limit) = limit.filter(Limit::is_over) {
            return Err(limit.error(missing));
        }
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
) -> Result<Option<Identity>, Error> {
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
        for goal in [Goal::AtLeast(0), Goal::Exactly(0), Goal::Idle] {
            assert!(goal.missing(&unknown).is_some(), "{goal:?}");
        }
    }

    #[test]
    fn what_is_missing_is_told() {
        let three = activity(Some(3), Idle::Busy);
        assert_eq!(
            Goal::AtLeast(8).missing(&three).as_deref(),
            Some("3/8 workers")
        );
        assert_eq!(Goal::AtLeast(2).missing(&three), None);
        assert_eq!(
            Goal::Exactly(2).missing(&three).as_deref(),
            Some("3/2 workers")
        );
        assert_eq!(Goal::Exactly(3).missing(&three), None);
        assert_eq!(Goal::Idle.missing(&three).as_deref(), Some("still at work"));
        let idle = activity(Some(3), Idle::Since(Timestamp::UNIX_EPOCH));
        assert_eq!(Goal::Idle.missing(&idle), None);
    }
}
