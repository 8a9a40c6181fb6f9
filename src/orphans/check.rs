//! Checks whether a running cluster is idle.

use std::time::Instant;

use super::idle::IdleState;
use super::not_idle::NotIdle;
use super::rule::OrphanRule;
use crate::gateway::TlsIdentity;
use crate::scheduler::{Activity, SchedulerError, Schedulers};

/// Result of checking one cluster.
#[derive(Debug)]
pub(crate) struct IdleCheck {
    /// Empty where the scheduler reports nothing.
    pub(crate) activity: Activity,
    pub(crate) idle: Result<IdleState, NotIdle>,
}

/// Checks the running cluster `name`: by its numbers first, and only if these are idle by its
/// history.
pub(crate) async fn check_idle(
    schedulers: &Schedulers,
    name: &str,
    identity: Option<&TlsIdentity>,
    rule: &OrphanRule,
) -> IdleCheck {
    match schedulers.activity(name, identity).await {
        Ok(activity) => {
            let idle = match rule.check(&activity) {
                Err(reason) => Err(reason),
                Ok(()) => read_idle_state(schedulers, name, identity, rule).await,
            };
            IdleCheck { activity, idle }
        }
        Err(error) => IdleCheck {
            activity: Activity::default(),
            idle: Err(unreachable_scheduler(&error)),
        },
    }
}

/// Reads how long the running cluster `name` has been idle.
///
/// # Errors
/// It isn't idle, or that is unknown.
pub(crate) async fn read_idle_state(
    schedulers: &Schedulers,
    name: &str,
    identity: Option<&TlsIdentity>,
    rule: &OrphanRule,
) -> Result<IdleState, NotIdle> {
    let asked = Instant::now();
    let evidence = schedulers
        .activity_and_history(name, identity)
        .await
        .map_err(|error| unreachable_scheduler(&error))?;
    rule.check(&evidence.activity)?;
    let latest = evidence.history.latest;
    let results = evidence.activity.tasks.and_then(|tasks| tasks.memory);
    let mut state = IdleState::new(evidence.history, results, Some(latest));
    if state.needs_clock(rule.idle_for) {
        // The evidence is older than the clock reading, by this much at most.
        state.clock = schedulers
            .clock(name)
            .await
            .and_then(|clock| clock.checked_sub(asked.elapsed()).ok());
    }
    Ok(state)
}

fn unreachable_scheduler(error: &SchedulerError) -> NotIdle {
    NotIdle::Unknown(format!("its scheduler can't be asked: {error}"))
}
