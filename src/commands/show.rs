//! `dgw show`

use clap::Args;

use crate::cli::{ProbeArgs, TargetArgs};
use crate::error::Error;
use crate::gateway::Status;
use crate::job::{self, Job, Slurm};
use crate::lifecycle::{self, Timeline, mark_labels, mark_protection};
use crate::output::{ClusterDetails, JobSummary, worker_schema};
use crate::scheduler::{PackageVersions, SchedulerReport};
use crate::session::Invocation;

/// The most warnings about differing packages that help.
const MAX_DIFFERENCES: usize = 3;

/// Show one cluster in full
///
/// Shows what the gateway knows about the cluster and, while it is running, what its scheduler
/// reports: the workers with their memory, CPU and tasks, the connected clients, how long it has been
/// idle, the last worker that was lost and why, and package versions, with a warning if those of
/// scheduler and workers differ. For a PENDING cluster, dgw also shows its Slurm job if `squeue` is on
/// the PATH. `?` means unknown. --sort-by sorts the workers.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw show
  dgw show 2224 -o json | jq '.worker_details[].memory'")]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    target: TargetArgs,

    #[command(flatten)]
    probe: ProbeArgs,
}

impl ShowArgs {
    /// Shows all that is known of one cluster.
    pub(super) async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
        let session = invocation.session()?;
        let printer = &session.printer;
        printer.check_sorting(&worker_schema())?;
        let pattern = self.target.cluster.as_ref();
        let (mut row, identity) = lifecycle::find_with_identity(&session.gateway, pattern).await?;
        let name = &row.cluster.name;
        let (report, last_loss) = if row.cluster.status == Status::Running {
            let schedulers = session.schedulers(self.probe.probe_timeout);
            let mut timeline = Timeline::new(&schedulers, name);
            let (report, last_loss) = tokio::join!(
                Box::pin(schedulers.full_report(name, identity.as_ref())),
                Box::pin(timeline.last_loss(identity.as_ref())),
            );
            let report = report.unwrap_or_else(|error| {
                printer.warn(&format!(
                    "no report from the scheduler of cluster {name}: {error}"
                ));
                SchedulerReport::default()
            });
            (report, last_loss)
        } else {
            (SchedulerReport::default(), None)
        };
        let job = if row.cluster.status == Status::Pending {
            slurm_job(name).await
        } else {
            None
        };
        mark_labels(std::slice::from_mut(&mut row), &session);
        mark_protection(std::slice::from_mut(&mut row), &session);
        let differences = differences(&report);
        let details = ClusterDetails::new(row, report, job.as_ref().map(summarise));
        printer.cluster(details.with_last_loss(last_loss))?;
        for difference in differences.iter().take(MAX_DIFFERENCES) {
            printer.warn(difference);
        }
        match differences.len().saturating_sub(MAX_DIFFERENCES) {
            0 => {}
            1 => printer.warn("1 more worker has other package versions than the scheduler"),
            more => printer.warn(&format!(
                "{more} more workers have other package versions than the scheduler"
            )),
        }
        Ok(())
    }
}

/// Returns the job of a pending cluster, if this machine's Slurm knows it.
async fn slurm_job(name: &str) -> Option<Job> {
    Slurm::find(job::variables())?.job(name).await.ok()?
}

fn summarise(job: &Job) -> JobSummary {
    let text = match job.expectation() {
        Some(expectation) => format!("{}, {expectation}", job.text()),
        None => job.text(),
    };
    JobSummary::new(text, job)
}

/// Returns a line for each worker whose packages differ from the scheduler's.
fn differences(report: &SchedulerReport) -> Vec<String> {
    let Some(versions) = &report.versions else {
        return Vec::new();
    };
    let name = |address: &str| {
        let mut workers = report.worker_details.iter().flatten();
        let worker = workers.find(|worker| worker.address == address);
        worker
            .and_then(|worker| worker.name.clone())
            .unwrap_or_else(|| address.to_owned())
    };
    versions
        .workers
        .iter()
        .flatten()
        .filter_map(|(address, packages)| {
            let difference = difference(&versions.scheduler, packages)?;
            Some(format!("worker {} {difference}", name(address)))
        })
        .collect()
}

/// Returns the packages that differ, where both versions are known.
fn difference(scheduler: &PackageVersions, worker: &PackageVersions) -> Option<String> {
    let pairs = scheduler.each().into_iter().zip(worker.each());
    let differing = pairs.filter_map(|((package, there), (_, here))| {
        let (there, here) = there.zip(here)?;
        (there != here).then(|| format!("{package} {here} (scheduler: {there})"))
    });
    let differing = differing.collect::<Vec<_>>();
    (!differing.is_empty()).then(|| format!("has {}", differing.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages(python: Option<&str>, distributed: &str) -> PackageVersions {
        PackageVersions {
            python: python.map(str::to_owned),
            dask: None,
            distributed: Some(distributed.to_owned()),
        }
    }

    #[test]
    fn compares_only_known_versions() {
        let scheduler = packages(Some("3.11.7"), "2026.8.0");
        assert_eq!(difference(&scheduler, &scheduler), None);
        assert_eq!(difference(&scheduler, &packages(None, "2026.8.0")), None);
        assert_eq!(
            difference(&scheduler, &packages(Some("3.12.1"), "2025.4.0")).as_deref(),
            Some(
                "has Python 3.12.1 (scheduler: 3.11.7), distributed 2025.4.0 (scheduler: \
                 2026.8.0)"
            )
        );
    }
}
