//! `dgw scale`, and what it shares with `dgw adapt`.

use std::time::Duration;

use clap::Args;

use crate::cli::{ForceArgs, TargetArgs, value};
use crate::error::Error;
use crate::gateway::{Clamped, Cluster, Scaling, Status};
use crate::lifecycle::{
    self, Deadline, Scaled, WaitGoal, clamped_error, count_workers, granted, scaling_message,
    unless_clamped,
};
use crate::output::Printer;
use crate::session::{Invocation, Session};
use crate::signals::Interrupts;

/// Set the number of a cluster's workers
///
/// Adaptive scaling goes off. The gateway starts and stops workers in its own time.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw scale 8
  dgw scale 2224 8")]
#[command(allow_missing_positional = true)]
pub(crate) struct ScaleArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Number of workers
    #[arg(value_name = "N", required = true)]
    #[arg(value_parser = value::workers, allow_negative_numbers = true)]
    workers: u32,

    /// Wait until exactly this many workers are there
    #[arg(long)]
    wait: bool,

    /// Stop waiting after this time; the gateway continues to scale
    #[arg(long, value_name = "DURATION", value_parser = value::limit, requires = "wait")]
    timeout: Option<Duration>,

    #[command(flatten)]
    force: ForceArgs,
}

impl ScaleArgs {
    /// Sets the number of a cluster's workers.
    pub(super) async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
        let session = invocation.session()?;
        let requested = Scaling::Fixed(self.workers);
        let deadline = self.timeout.map(Deadline::after);
        let pending = "the gateway has not responded, and may still scale the cluster";
        let applied = apply(&self.target, &self.force, requested, &session);
        let (name, clamped) = lifecycle::within(deadline, pending, applied).await?;
        let workers = match granted(requested, clamped.as_ref()) {
            Some(Scaling::Fixed(workers)) if self.wait => workers,
            _ => return Ok(unless_clamped(&name, clamped.as_ref())?),
        };
        let continues = format!(
            "the gateway continues to scale cluster {name} to {}",
            count_workers(workers)
        );
        Interrupts::listen()?
            .or(
                &continues,
                self.wait_for_workers(workers, &name, deadline, &session),
            )
            .await
            .inspect_err(|error| {
                if let Some(clamped) = &clamped {
                    Printer::print_error(&clamped_error(&name, clamped));
                }
                if matches!(
                    error,
                    lifecycle::Error::TimedOut { .. } | lifecycle::Error::Gateway(_)
                ) {
                    session.printer.note(&continues);
                }
            })?;
        Ok(unless_clamped(&name, clamped.as_ref())?)
    }

    /// Waits until the cluster has exactly this many workers.
    async fn wait_for_workers(
        &self,
        workers: u32,
        name: &str,
        deadline: Option<Deadline>,
        session: &Session,
    ) -> Result<(), lifecycle::Error> {
        let mut progress = session
            .printer
            .progress(&format!("waiting for the workers of cluster {name}"));
        let goal = WaitGoal::Exactly(workers);
        let timeout = self.force.probe.probe_timeout;
        lifecycle::until(goal, name, session, timeout, deadline, &mut progress).await?;
        progress.finish(&format!("cluster {name} has {}", count_workers(workers)));
        Ok(())
    }
}

/// Scales the target cluster and reports it. Returns the cluster's name, and how the gateway clamped
/// the request.
pub(super) async fn apply(
    target: &TargetArgs,
    force: &ForceArgs,
    scaling: Scaling,
    session: &Session,
) -> Result<(String, Option<Clamped>), lifecycle::Error> {
    let Session {
        gateway, printer, ..
    } = session;
    let pattern = target.cluster.as_ref();
    let (name, clamped) = if force.force {
        let scale = async |name: &str| {
            let clamped = lifecycle::scale(gateway, name, scaling).await?;
            Ok((name.to_owned(), clamped))
        };
        lifecycle::with_name(gateway, pattern, scale).await?
    } else {
        let name = find_responding(target, force, session).await?;
        let clamped = lifecycle::scale(gateway, &name, scaling).await?;
        (name, clamped)
    };
    if let Some(granted) = granted(scaling, clamped.as_ref()) {
        printer.note(&scaling_message(&name, granted));
    }
    let record = Scaled::new(&name, scaling, clamped.as_ref());
    printer.result(&record, String::new)?;
    Ok((name, clamped))
}

/// Finds the target cluster, if it is running and its scheduler responds: otherwise the gateway would
/// mark the cluster as failed after three attempts in a third of a second.
async fn find_responding(
    target: &TargetArgs,
    force: &ForceArgs,
    session: &Session,
) -> Result<String, lifecycle::Error> {
    let pattern = target.cluster.as_ref();
    let (row, identity) = lifecycle::find_with_identity(&session.gateway, pattern).await?;
    let Cluster { name, status, .. } = row.cluster;
    if status != Status::Running {
        return Err(lifecycle::Error::NotRunning { name, status });
    }
    let schedulers = session.schedulers(force.probe.probe_timeout);
    match schedulers.activity(&name, identity.as_ref()).await {
        Ok(_) => Ok(name),
        Err(error) => Err(lifecycle::Error::SchedulerSilent {
            name,
            cause: error.to_string(),
        }),
    }
}
