//! Why a cluster has no workers although it has work.

use crate::count;
use crate::gateway::{Scaling, TlsIdentity};
use crate::job::{self, Job, Slurm};
use crate::scheduler::{RequestedWorkers, Schedulers};

/// Returns true if the cluster `name` has no workers and nobody has requested any: its work would wait
/// for ever. Asks the scheduler, and looks at its log only if there are no workers.
pub(crate) async fn lacks_workers(
    name: &str,
    identity: &TlsIdentity,
    schedulers: &Schedulers,
) -> bool {
    let activity = schedulers.activity(name, Some(identity)).await;
    if !activity.is_ok_and(|activity| activity.workers == Some(0)) {
        return false;
    }
    let requested = schedulers.requested_workers(name, Some(identity)).await;
    requested.is_ok_and(|requested| requested.is_some_and(has_no_request))
}

/// Returns true if the cluster will never get a worker unless somebody requests one.
fn has_no_request(requested: RequestedWorkers) -> bool {
    requested.scaling == Scaling::Fixed(0)
}

/// Says how to request workers for the cluster `name`.
pub(crate) fn request_hint(name: &str) -> String {
    format!("`dgw scale {name} 4` or `dgw adapt {name} --min 1 --max 8` requests some")
}

/// Explains, in one line, why no worker of the cluster `name` arrives: by what was requested, and by
/// Slurm's state of the workers' jobs.
pub(crate) async fn explain_missing_workers(
    name: &str,
    identity: &TlsIdentity,
    schedulers: &Schedulers,
) -> String {
    let requested = schedulers.requested_workers(name, Some(identity)).await;
    let requested = requested.ok().flatten();
    if let Some(reason) = requested.and_then(|requested| without_request(name, requested)) {
        return reason;
    }
    let jobs = match Slurm::find(job::variables()) {
        Some(slurm) => slurm.worker_jobs(name).await.unwrap_or_default(),
        None => Vec::new(),
    };
    reason(name, requested.map(|requested| requested.count), &jobs)
}

/// Explains why no workers are requested; `None` if some are.
fn without_request(name: &str, requested: RequestedWorkers) -> Option<String> {
    match requested.scaling {
        Scaling::Fixed(0) => Some(format!("none are requested; {}", request_hint(name))),
        Scaling::Adaptive {
            maximum: Some(0), ..
        } => Some("adaptive scaling is limited to 0 workers".to_owned()),
        _ => None,
    }
}

/// Explains why the requested workers do not arrive.
fn reason(name: &str, count: Option<u32>, jobs: &[Job]) -> String {
    let requested = match count {
        Some(0) => "adaptive scaling has not requested any yet".to_owned(),
        Some(count) => format!("{} requested", count::of(count, "worker")),
        None => "the number of requested workers is unknown".to_owned(),
    };
    // One that waits says more than one that has just started, or failed long ago.
    let job = jobs.iter().find(|job| job.is_waiting()).or(jobs.last());
    match job {
        Some(job) => {
            let known = [Some(job.text()), job.expectation()].into_iter().flatten();
            let known = known.collect::<Vec<_>>().join(", ");
            format!("{requested}; {known}")
        }
        None => format!(
            "{requested}; `dgw logs {name}` shows the scheduler's log, which may say why none arrive"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::JobHistory;

    #[test]
    fn the_request_explains_most() {
        let explained = |scaling| {
            let requested = RequestedWorkers { count: 0, scaling };
            without_request("ab12", requested)
        };
        let adaptive = |maximum| Scaling::Adaptive {
            minimum: Some(0),
            maximum,
        };
        let none = explained(Scaling::Fixed(0)).expect("a reason");
        assert!(none.starts_with("none are requested; `dgw scale ab12 4`"));
        assert_eq!(
            explained(adaptive(Some(0))).as_deref(),
            Some("adaptive scaling is limited to 0 workers")
        );
        assert_eq!(explained(adaptive(Some(8))), None);
        assert_eq!(explained(adaptive(None)), None);
        assert_eq!(explained(Scaling::Fixed(2)), None);
    }

    #[test]
    fn slurm_explains_requests() {
        let reason = |lines: &[&str]| reason("ab12", Some(2), &JobHistory::for_test(lines).jobs);
        assert_eq!(
            reason(&[
                "6|PENDING|Resources|2026-12-01T08:00:00|/a",
                "7|RUNNING|None|N/A|/a"
            ]),
            "2 workers requested; Slurm job 6 is waiting: Resources, expected to start at \
             2026-12-01T08:00:00"
        );
        assert_eq!(
            reason(&[
                "6|FAILED|NonZeroExitCode|N/A|/a",
                "7|FAILED|OutOfMemory|N/A|/a"
            ]),
            "2 workers requested; Slurm job 7 is FAILED (OutOfMemory)"
        );
        assert_eq!(
            reason(&[]),
            "2 workers requested; `dgw logs ab12` shows the scheduler's log, which may say why none \
             arrive"
        );
    }
}
