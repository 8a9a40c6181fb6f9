//! `dgw show`

use super::protection;
use crate::cli::ShowArgs;
use crate::error::Error;
use crate::gateway::{Gateway, Status};
use crate::job::{self, Job, Slurm};
use crate::output::{ClusterDetails, JobSummary, Printer, worker_shape};
use crate::scheduler::{PackageVersions, SchedulerReport};

/// More than these, and they no longer help.
const DIFFERENCES: usize = 3;

/// Shows all there is to know of one cluster.
pub(super) async fn run(
    args: &ShowArgs,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    printer.check_sorting(&worker_shape())?;
    let (mut aged, identity) = args.target.find_with_identity(gateway).await?;
    let name = &aged.cluster.name;
    let report = if aged.cluster.status == Status::Running {
        let schedulers = super::schedulers(gateway, &args.probe);
        let told = schedulers.report(name, identity.as_ref()).await;
        told.unwrap_or_else(|fault| {
            printer.warn(&format!(
                "the scheduler of cluster {name} told nothing: {fault}"
            ));
            SchedulerReport::default()
        })
    } else {
        SchedulerReport::default()
    };
    let job = if aged.cluster.status == Status::Pending {
        job_of(name).await
    } else {
        None
    };
    protection::mark(std::slice::from_mut(&mut aged), gateway, printer);
    let differences = differences(&report);
    let job = job.as_ref().map(summary);
    printer.cluster(ClusterDetails::new(aged, report, job))?;
    for difference in differences.iter().take(DIFFERENCES) {
        printer.warn(difference);
    }
    if let Some(more @ 1..) = differences.len().checked_sub(DIFFERENCES) {
        printer.warn(&format!("so it is with {more} workers more"));
    }
    Ok(())
}

/// The job of a cluster that doesn't run yet, where a Slurm on this machine tells of it.
async fn job_of(name: &str) -> Option<Job> {
    Slurm::find(job::variables())?.job(name).await.ok()?
}

fn summary(job: &Job) -> JobSummary {
    let text = match job.expectation() {
        Some(expectation) => format!("{}, {expectation}", job.text()),
        None => job.text(),
    };
    JobSummary::new(text, job)
}

/// A line for each worker that runs on something else than the scheduler does.
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
    let workers = versions.workers.iter().flatten();
    workers
        .filter_map(|(address, packages)| {
            let difference = difference(&versions.scheduler, packages)?;
            Some(format!("worker {} {difference}", name(address)))
        })
        .collect()
}

/// What differs, where both are known.
fn difference(scheduler: &PackageVersions, worker: &PackageVersions) -> Option<String> {
    let pairs = scheduler.each().into_iter().zip(worker.each());
    let differing = pairs.filter_map(|((package, there), (_, here))| {
        let (there, here) = there.zip(here)?;
        (there != here).then(|| format!("{package} {here}, its scheduler on {there}"))
    });
    let differing = differing.collect::<Vec<_>>();
    (!differing.is_empty()).then(|| format!("runs on {}", differing.join("; ")))
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
    fn only_what_is_known_of_both_can_differ() {
        let scheduler = packages(Some("3.11.7"), "2026.8.0");
        assert_eq!(difference(&scheduler, &scheduler), None);
        assert_eq!(difference(&scheduler, &packages(None, "2026.8.0")), None);
        assert_eq!(
            difference(&scheduler, &packages(Some("3.12.1"), "2025.4.0")).as_deref(),
            Some(
                "runs on Python 3.12.1, its scheduler on 3.11.7; distributed 2025.4.0, its \
                 scheduler on 2026.8.0"
            )
        );
    }
}
