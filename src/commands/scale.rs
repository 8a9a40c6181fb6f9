//! `dgw scale`

use std::time::Duration;

use clap::Args;

use crate::cli::{ForceArgs, TargetArgs, value};
use crate::count;
use crate::error::{Error, ExitCode, Failure};
use crate::gateway::{Cluster, ClusterPattern, Scaling, Status};
use crate::lifecycle::{self, Deadline, WaitGoal};
use crate::output::Printer;
use crate::session::{Invocation, Session};
use crate::signals::Interrupts;
use crate::workers;

/// Set the number of a cluster's workers
///
/// This turns adaptive scaling off. The gateway takes its time to start and stop workers; --wait waits
/// for it.
///
/// If N has several digits and is also the beginning of a cluster's name, name the cluster too. If N is
/// more than 20 and more than ten times the present number of workers, dgw asks on a terminal.
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

    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,

    #[command(flatten)]
    force: ForceArgs,
}

/// Up to this many workers are started without a question.
const UNQUESTIONED: u32 = 20;

/// So many times the present workers are more than a slip of the hand should start.
const UNUSUAL_FACTOR: u64 = 10;

/// Returns true if a change from `current` workers to `requested` is large enough to be a mistake.
fn is_unusual(current: u64, requested: u32) -> bool {
    requested > UNQUESTIONED && u64::from(requested) > current.saturating_mul(UNUSUAL_FACTOR)
}

/// A number of workers is also the beginning of a cluster's name.
#[derive(Debug, thiserror::Error)]
#[error("`{workers}` can be a number of workers or the cluster `{name}`")]
struct NumberOrCluster {
    workers: u32,
    name: String,
    /// The only active cluster, if there are no others.
    only: Option<String>,
}

impl Failure for NumberOrCluster {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }

    fn details(&self) -> Vec<String> {
        let target = self.only.as_deref().unwrap_or("CLUSTER");
        let workers = self.workers;
        vec![
            format!("a number:   dgw scale {target} {workers}"),
            format!("a cluster:  dgw scale {workers} N"),
        ]
    }

    fn hint(&self) -> Option<String> {
        Some("give both the cluster and the number, as in one of these lines".to_owned())
    }
}

/// Finds the active cluster that `workers` names if it is not a number; a single digit always is one.
fn number_or_cluster(workers: u32, clusters: &[Cluster]) -> Option<NumberOrCluster> {
    let pattern = ClusterPattern::parse(&workers.to_string()).ok()?;
    let named = clusters
        .iter()
        .find(|cluster| workers > 9 && pattern.matches(&cluster.name))?;
    let only = match clusters {
        [only] => Some(only.name.clone()),
        _ => None,
    };
    Some(NumberOrCluster {
        workers,
        name: named.name.clone(),
        only,
    })
}

impl ScaleArgs {
    /// Sets the number of a cluster's workers.
    pub(super) async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
        let session = invocation.session()?;
        if self.target.cluster.is_none() && self.workers > 9 {
            let listing = session.gateway.clusters(&Status::ACTIVE).await?;
            number_or_cluster(self.workers, &listing.clusters).map_or(Ok(()), Err)?;
        }
        if !self.is_confirmed(&session).await? {
            session.printer.note("nothing was scaled");
            return Ok(());
        }
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

    /// Asks on a terminal whether an unusual number of workers is meant.
    ///
    /// # Errors
    /// The cluster can't be found, or the terminal is lost.
    async fn is_confirmed(&self, session: &Session) -> Result<bool, Error> {
        let Some(timeout) = self.force.scheduler_check() else {
            return Ok(true);
        };
        if self.yes || self.workers <= UNQUESTIONED || !Printer::can_confirm() {
            return Ok(true);
        }
        let pattern = self.target.cluster.as_ref();
        let (name, current) = lifecycle::current_workers(pattern, timeout, session).await?;
        let current = current.unwrap_or_default();
        let requested = count::of(self.workers, "worker");
        if !is_unusual(current, self.workers) {
            return Ok(true);
        }
        let question = format!("scale cluster {name} from {current} to {requested}?");
        Ok(Printer::confirm(&[], &question).await?)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_for_more_than_ten_times_the_workers() {
        for (current, requested, expected) in [
            (0, 20, false),
            (0, 21, true),
            (2, 21, true),
            (3, 21, false),
            (10, 100, false),
            (10, 101, true),
            (u64::MAX, u32::MAX, false),
        ] {
            assert_eq!(
                is_unusual(current, requested),
                expected,
                "{current} {requested}"
            );
        }
    }

    #[test]
    fn number_that_begins_a_name_has_two_readings() {
        let clusters = ["15ef", "22ab"].map(Cluster::running);
        let readings = |workers: u32, clusters: &[Cluster]| {
            number_or_cluster(workers, clusters).map(|error| error.details())
        };
        assert_eq!(
            readings(15, &clusters[..1]).expect("two readings"),
            [
                "a number:   dgw scale 15ef 15",
                "a cluster:  dgw scale 15 N"
            ]
        );
        let several = readings(22, &clusters).expect("two readings");
        assert_eq!(several[0], "a number:   dgw scale CLUSTER 22");
        for workers in [1, 2, 16, 155] {
            assert_eq!(readings(workers, &clusters), None, "{workers}");
        }
    }
}
