//! `dgw scale`, and what it shares with `dgw adapt`.

use serde::Serialize;

use super::condition::{self, WaitGoal};
use super::interrupt::Interrupts;
use super::waiting::{self, Deadline};
use crate::cli::{ForceArgs, ProbeArgs, ScaleArgs, TargetArgs};
use crate::error::Error;
use crate::gateway::{self, Clamped, Cluster, Gateway, Scaling, Status};
use crate::output::Printer;

/// What becomes of a cluster: of its numbers those that the gateway granted.
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
    let asked = Scaling::Fixed(args.workers);
    let limit = args.timeout.map(Deadline::of);
    let silent = "the gateway has not answered, and may go on with what it was asked";
    let applied = apply(&args.target, &args.force_args, asked, gateway, printer);
    let (name, clamped) = waiting::within(limit, silent, applied).await?;
    let granted = match &clamped {
        None => Some(args.workers),
        Some(clamped) => clamped.workers(),
    };
    if args.wait
        && let Some(workers) = granted
    {
        let goes_on = format!(
            "the gateway goes on to scale cluster {name} to {}",
            counted(workers)
        );
        let mut interrupts = Interrupts::listen()?;
        let waited = see_them_there(workers, &name, (args, limit), gateway, printer);
        let waited = interrupts.or(&goes_on, waited).await;
        waited.inspect_err(|error| {
            if let Some(clamped) = &clamped {
                Printer::print_error(&less_done(&name, clamped));
            }
            if matches!(error, Error::TimedOut { .. } | Error::Gateway(_)) {
                printer.note(&goes_on);
            }
        })?;
    }
    unless_clamped(&name, clamped)
}

/// Waits until the cluster `name` has so many workers, and no others.
async fn see_them_there(
    workers: u32,
    name: &str,
    (args, limit): (&ScaleArgs, Option<Deadline>),
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    let goal = WaitGoal::Exactly(workers);
    let mut progress = printer.progress(&format!("waiting for the workers of cluster {name}"));
    let schedulers = super::schedulers(gateway, &args.force_args.probe);
    let ways = (gateway, &schedulers);
    condition::until(goal, name, ways, limit, &mut progress).await?;
    progress.finish(&format!("cluster {name} has {}", counted(workers)));
    Ok(())
}

/// Scales the cluster that is meant, says so, and prints what the gateway does in a format other
/// than the table. Returns the cluster's name, and what the gateway did less.
pub(super) async fn apply(
    target: &TargetArgs,
    force_args: &ForceArgs,
    scaling: Scaling,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(String, Option<Clamped>), Error> {
    let (name, clamped) = if force_args.force {
        let job = async |name: &str| {
            let clamped = scale(gateway, name, scaling).await?;
            Ok((name.to_owned(), clamped))
        };
        target.with(gateway, job).await?
    } else {
        let name = answering(target, &force_args.probe, gateway).await?;
        let clamped = scale(gateway, &name, scaling).await?;
        (name, clamped)
    };
    let granted = match &clamped {
        None => Some(scaling),
        Some(clamped) => clamped.granted,
    };
    if let Some(granted) = granted {
        printer.note(&done(&name, granted));
    }
    let (workers, minimum, maximum) = match granted {
        Some(Scaling::Fixed(count)) => (Some(count), None, None),
        Some(Scaling::Adaptive { minimum, maximum }) => (None, minimum, maximum),
        Some(Scaling::Off) | None => (None, None, None),
    };
    let scaled = Scaled {
        name: name.clone(),
        workers,
        adaptive: matches!(scaling, Scaling::Adaptive { .. }),
        minimum,
        maximum,
        clamped: clamped.as_ref().map(|clamped| clamped.reason.clone()),
    };
    printer.result(&scaled, String::new)?;
    Ok((name, clamped))
}

/// That the gateway did less for the cluster `name` than asked for, if it did.
///
/// # Errors
/// It did.
pub(super) fn unless_clamped(name: &str, clamped: Option<Clamped>) -> Result<(), Error> {
    clamped.map_or(Ok(()), |clamped| Err(less_done(name, &clamped)))
}

/// That the gateway did less for the cluster `name` than asked for.
pub(super) fn less_done(name: &str, clamped: &Clamped) -> Error {
    Error::Clamped {
        name: name.to_owned(),
        reason: clamped.reason.clone(),
    }
}

/// The cluster that is meant, running and with a scheduler that answers: one that doesn't would
/// make the gateway fail the cluster after three tries in a third of a second.
async fn answering(
    target: &TargetArgs,
    probe: &ProbeArgs,
    gateway: &Gateway,
) -> Result<String, Error> {
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
        Err(conflict @ gateway::Error::Conflict { .. }) => match gateway.cluster(name).await {
            Ok(Cluster { name, status, .. }) if status != Status::Running => {
                Err(Error::NotRunning { name, status })
            }
            _ => Err(conflict.into()),
        },
        done => Ok(done?),
    }
}

/// That the cluster `name` scales so now.
pub(super) fn done(name: &str, scaling: Scaling) -> String {
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

pub(super) fn counted(workers: u32) -> String {
    match workers {
        1 => "1 worker".to_owned(),
        several => format!("{several} workers"),
    }
}
