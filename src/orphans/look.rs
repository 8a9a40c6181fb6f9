//! One look at a cluster.

use std::time::Instant;

use super::rule::{KeepReason, QuietState, Rule};
use crate::gateway::TlsIdentity;
use crate::scheduler::{Activity, SchedulerError, Schedulers};

/// What a look found.
#[derive(Debug)]
pub(crate) struct Observation {
    /// In numbers, as far as they were told.
    pub(crate) activity: Activity,
    /// Whether nobody needs it now.
    pub(crate) quiet: Result<QuietState, KeepReason>,
}

/// Looks at the running cluster `name`: in numbers first, then closely if these are quiet.
pub(crate) async fn look(
    schedulers: &Schedulers,
    name: &str,
    identity: Option<&TlsIdentity>,
    rule: &Rule,
) -> Observation {
    let activity = match schedulers.activity(name, identity).await {
        Ok(activity) => activity,
        Err(fault) => {
            return Observation {
                activity: Activity::default(),
                quiet: Err(silent(&fault)),
            };
        }
    };
    let quiet = match rule.is_quiet(&activity) {
        Err(reason) => Err(reason),
        Ok(()) => close_look(schedulers, name, identity, rule).await,
    };
    Observation { activity, quiet }
}

/// Looks at the running cluster `name`, and for how long it has been quiet.
///
/// # Errors
/// It isn't, or that can't be known.
pub(crate) async fn close_look(
    schedulers: &Schedulers,
    name: &str,
    identity: Option<&TlsIdentity>,
    rule: &Rule,
) -> Result<QuietState, KeepReason> {
    let asked = Instant::now();
    let evidence = schedulers.activity_and_history(name, identity).await;
    let evidence = evidence.map_err(|fault| silent(&fault))?;
    rule.is_quiet(&evidence.activity)?;
    let latest = evidence.history.latest;
    let results = evidence.activity.tasks.and_then(|tasks| tasks.memory);
    let quiet = QuietState::new(evidence.history, results, Some(latest));
    // Its clock is past everything that it told. Often that is enough, or no clock helps.
    match quiet.remembered(None) {
        None => {
            return Ok(QuietState {
                clock: None,
                ..quiet
            });
        }
        Some(span) if span >= rule.idle_for => return Ok(quiet),
        Some(_) => {}
    }
    let clock = schedulers.clock(name).await;
    // The evidence is older than the clock, by as much as this at the most.
    let clock = clock.and_then(|clock| clock.checked_sub(asked.elapsed()).ok());
    Ok(QuietState { clock, ..quiet })
}

fn silent(fault: &SchedulerError) -> KeepReason {
    KeepReason::Unknown(format!("its scheduler tells nothing: {fault}"))
}
