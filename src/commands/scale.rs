//! `dgw scale`, and what it shares with `dgw adapt`.

use serde::Serialize;

use super::condition::{self, Goal};
use super::waiting::Limit;
use crate::cli::{Care, Probe, ScaleArgs, Target};
use crate::error::Error;
use crate::gateway::{self, Clamped, Cluster, Gateway, Scaling, Status};
use crate::output::Printer;

/// What a cluster was asked for.
#[derive(Debug, Serialize)]
struct Scaled {
    name: String,
    workers: Option<u32>,
    adaptive: bool,
    minimum: Option<u32>,
    maximum: Option<u32>,
    /// What the gateway did otherwise, in its own words.
    clamped: Option<String>,
}

/// Sets the number of a cluster's workers.
pub(super) async fn run(
    args: &ScaleArgs,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    let name = apply(
        &args.target,
        &args.care,
        Scaling::Fixed(args.workers),
        gateway,
        printer,
    )
    .await?;
    if !args.wait {
        return Ok(());
    }
    let goal = Goal::Exactly(args.workers);
    let limit = args.timeout.map(Limit::of);
    let mut progress = printer.progress(&format!("waiting for the workers of cluster {name}"));
    let identity = condition::still_running(gateway, &name).await?;
    let schedulers = super::schedulers(gateway, &args.care.probe);
    let ways = (gateway, &schedulers);
    condition::until(goal, &name, identity, ways, limit, &mut progress).await?;
    progress.finish(&format!("cluster {name} has {}", counted(args.workers)));
    Ok(())
}

/// Scales the cluster that is meant, says so, and prints what was asked for in a format other
/// than the table. Returns the cluster's name.
pub(super) async fn apply(
    target: &Target,
    care: &Care,
    scaling: Scaling,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<String, Error> {
    let (name, clamped) = if care.force {
        let job = async |name: &str| {
            let clamped = scale(gateway, name, scaling).await?;
            Ok((name.to_owned(), clamped))
        };
        target.with(gateway, job).await?
    } else {
        let name = answering(target, &care.probe, gateway).await?;
        let clamped = scale(gateway, &name, scaling).await?;
        (name, clamped)
    };
    let clamped = clamped.map(|Clamped(reason)| reason);
    let (workers, minimum, maximum) = match scaling {
        Scaling::Fixed(count) => (Some(count), None, None),
        Scaling::Adaptive { minimum, maximum } => (None, minimum, maximum),
        Scaling::Off => (None, None, None),
    };
    if clamped.is_none() {
        printer.say(&done(&name, scaling));
    }
    let scaled = Scaled {
        name: name.clone(),
        workers,
        adaptive: matches!(scaling, Scaling::Adaptive { .. }),
        minimum,
        maximum,
        clamped: clamped.clone(),
    };
    printer.result(&scaled, String::new)?;
    match clamped {
        None => Ok(name),
        Some(reason) => Err(Error::Clamped { name, reason }),
    }
}

/// The cluster that is meant, running and with a scheduler that answers: one that doesn't would
/// make the gateway fail the cluster after three tries in a third of a second.
async fn answering(target: &Target, probe: &Probe, gateway: &Gateway) -> Result<String, Error> {
    let (row, identity) = target.find_with_identity(gateway).await?;
    let Cluster { name, status, .. } = row.cluster;
    if status != Status::Running {
        return Err(Error::NotRunning { name, status });
    }
    let schedulers = super::schedulers(gateway, probe);
    match schedulers.activity(&name, identity.as_ref()).await {
        Ok(_) => Ok(name),
        Err(fault) => Err(Error::NoScheduler {
            name,
            fault: fault.to_string(),
        }),
    }
}

/// Scales the cluster `name`, or says what it is that it can't be scaled.
///
/// # Errors
/// It isn't running; or the gateway's own.
pub(super) async fn scale(
    gateway: &Gateway,
    name: &str,
    scaling: Scaling,
) -> Result<Option<Clamped>, Error> {
    match gateway.scale(name, scaling).await {
        // The gateway's words are the same for all; what it is takes another request.
        Err(conflict @ gateway::Error::Conflict(_)) => match gateway.cluster(name).await {
            Ok(Cluster { name, status, .. }) if status != Status::Running => {
                Err(Error::NotRunning { name, status })
            }
            _ => Err(conflict.into()),
        },
        done => Ok(done?),
    }
}

fn done(name: &str, scaling: Scaling) -> String {
    match scaling {
        Scaling::Fixed(count) => format!(
            "cluster {name} scales to {}, adaptive scaling is off",
            counted(count)
        ),
        Scaling::Adaptive { minimum, maximum } => {
            let bounds = match (minimum, maximum) {
                (Some(minimum), Some(maximum)) => {
                    format!(", between {minimum} and {}", counted(maximum))
                }
                (Some(minimum), None) => format!(", at least {}", counted(minimum)),
                (None, Some(maximum)) => format!(", at most {}", counted(maximum)),
                (None, None) => String::new(),
            };
            format!("cluster {name} scales with its work{bounds}")
        }
        Scaling::Off => format!("cluster {name} keeps its workers, adaptive scaling is off"),
    }
}

fn counted(workers: u32) -> String {
    match workers {
        1 => "1 worker".to_owned(),
        several => format!("{several} workers"),
    }
}
