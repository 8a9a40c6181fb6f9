//! `dgw scale`

use std::time::Duration;

use clap::Args;

use crate::cli::{ForceArgs, TargetArgs, value};
use crate::count;
use crate::error::Error;
use crate::gateway::Scaling;
use crate::lifecycle::{self, Deadline, WaitGoal};
use crate::output::Printer;
use crate::session::{Invocation, Session};
use crate::signals::Interrupts;
use crate::workers;

/// Set the number of a cluster's workers
///
/// This turns adaptive scaling off. The gateway takes its time to start and stop workers; --wait waits
/// for it.
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
    #[arg(value_parser = workers::parse_number, allow_negative_numbers = true)]
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
        let pattern = self.target.cluster.as_ref();
        let check = self.force.scheduler_check();
        let applied = lifecycle::scale_and_report(pattern, check, requested, &session);
        let grant = lifecycle::with_deadline(deadline, pending, applied).await?;
        let workers = match grant.scaling() {
            Some(Scaling::Fixed(workers)) if self.wait => workers,
            _ => return Ok(grant.check()?),
        };
        let continues = format!(
            "the gateway continues to scale cluster {} to {}",
            grant.name,
            count::of(workers, "worker")
        );
        Interrupts::listen()?
            .run(
                &continues,
                self.wait_for_workers(workers, &grant.name, deadline, &session),
            )
            .await
            .inspect_err(|error| {
                if let Some(warning) = grant.warning() {
                    Printer::print_error(&warning);
                }
                if matches!(
                    error,
                    lifecycle::Error::TimedOut { .. } | lifecycle::Error::Gateway(_)
                ) {
                    session.printer.note(&continues);
                }
            })?;
        Ok(grant.check()?)
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
        lifecycle::wait_for_goal(goal, name, session, timeout, deadline, &mut progress).await?;
        progress.finish(&format!(
            "cluster {name} has {}",
            count::of(workers, "worker")
        ));
        Ok(())
    }
}
