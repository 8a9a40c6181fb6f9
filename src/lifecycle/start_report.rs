//! The report of a start that failed.

use std::time::Duration;

use crate::duration;
use crate::job::{Job, JobHistory, JobLog, WaitCause};

/// The number of log lines shown: a traceback and what came before it.
const LOG_LINES: usize = 20;

/// A job that was last seen less than this before the end counts as seen at the end.
const NOTABLE_SILENCE: Duration = Duration::from_secs(1);

/// Returns the lines of the report: the job, where the logs are, and the end of the `important` one.
pub(super) fn lines(jobs: &JobHistory, important: Option<&JobLog>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(last) = jobs.job() {
        let conditions = jobs
            .jobs
            .iter()
            .filter(|job| job.id() == last.id())
            .map(Job::condition)
            .collect::<Vec<_>>();
        let mut parts = vec![format!(
            "Slurm job {}: {}",
            last.id(),
            conditions.join(", then ")
        )];
        parts.extend(last.expectation());
        let silence = jobs.silence.filter(|silence| *silence >= NOTABLE_SILENCE);
        parts.extend(
            silence.map(|silence| format!("last seen {} before the end", duration::short(silence))),
        );
        lines.push(parts.join(", "));
    }
    for log in &jobs.logs {
        let path = log.path.display();
        if log.is_empty() {
            lines.push(format!("{path} was empty"));
        } else if Some(log) == important {
            lines.push(format!("{path} ended with"));
            let end = log.last_lines(LOG_LINES).into_iter();
            lines.extend(end.map(|line| format!("  {line}")));
        } else {
            lines.push(path.to_string());
        }
        let copy = log.copy.as_ref().map(|copy| copy.display());
        lines.extend(copy.map(|copy| format!("copied to {copy}")));
    }
    lines
}

/// Returns the hint for a start that failed.
pub(super) fn hint(jobs: &JobHistory) -> String {
    if jobs.schedulers_log().is_some() {
        "read the end of the scheduler's log above; if it does not say why, ask the gateway's \
         administrators to check theirs"
            .to_owned()
    } else if let Some(job) = jobs.waiting_job() {
        queue_hint(job).unwrap_or_else(|| {
            "dgw only saw its job waiting in the queue: request less, try again later, or ask the \
             gateway's administrators for a longer `cluster_start_timeout`"
                .to_owned()
        })
    } else {
        "the gateway does not say why: check the options, or ask its administrators to check its log"
            .to_owned()
    }
}

/// Returns the hint for a start that took too long.
pub(super) fn timeout_hint(jobs: &JobHistory) -> String {
    jobs.waiting_job()
        .and_then(queue_hint)
        .unwrap_or_else(|| "set a longer limit with `--timeout`".to_owned())
}

/// Returns the hint for a job that does not start by waiting longer; `None` if it may.
fn queue_hint(job: &Job) -> Option<String> {
    let reason = job.reason()?;
    Some(match WaitCause::of(reason) {
        WaitCause::Turn => return None,
        WaitCause::Limit => format!(
            "your jobs use all that Slurm allows you ({reason}): request less, or shut down another \
             cluster; `dgw list` shows them"
        ),
        WaitCause::Site => format!(
            "Slurm's partition or its nodes are not in service ({reason}): `sinfo` shows when they \
             are; try again then"
        ),
        WaitCause::Request => format!(
            "Slurm never starts the job as the gateway submitted it ({reason}): check the options, \
             or ask the gateway's administrators"
        ),
        WaitCause::Held => format!(
            "the job is held ({reason}): `scontrol release {}` releases it if you held it",
            job.id()
        ),
    })
}

/// Says which of the clusters that were `seen` since the request may be the one started; `None` if
/// the gateway listed none.
pub(super) fn doubt(seen: Option<&[String]>) -> &'static str {
    match seen {
        None => "",
        Some([]) => ", but none has been listed so far",
        Some([_]) => ", perhaps this one",
        Some(_) => ", perhaps one of these",
    }
}

/// Returns the hint for a start that may have happened.
pub(super) fn doubt_hint(seen: Option<&[String]>) -> &'static str {
    match seen {
        None | Some([]) => "`dgw list` shows whether a cluster was started",
        Some(_) => {
            "another `dgw` of yours may have started it: check with `dgw list`, which may show \
             later ones too, before you run `dgw shutdown NAME`"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reason_of_a_waiting_job_decides_the_hint() {
        let waits = |reason: &str| format!("5|PENDING|{reason}|N/A|/a");
        for (reason, part) in [
            ("PartitionDown", "`sinfo`"),
            ("QOSMaxCpuPerUserLimit", "`dgw list`"),
            ("InvalidAccount", "Slurm never starts"),
            ("JobHeldUser", "`scontrol release 5`"),
        ] {
            let line = waits(reason);
            // The gateway cancels the job when it gives up.
            let jobs = JobHistory::for_test(&[&line, "5|CANCELLED|Priority|N/A|/a"]);
            let hints = [hint(&jobs), timeout_hint(&jobs)];
            assert!(hints.iter().all(|hint| hint.contains(part)), "{hints:?}");
            assert!(hints[0].contains(reason) && !hints[1].contains("--timeout"));
        }
        for reason in ["Priority", "Resources", "None"] {
            let jobs = JobHistory::for_test(&[&waits(reason)]);
            assert!(hint(&jobs).contains("waiting in the queue"));
            assert!(timeout_hint(&jobs).contains("`--timeout`"));
        }
        // It ran, whatever it waited for before.
        let ran = JobHistory::for_test(&[&waits("PartitionDown"), "5|RUNNING|None|N/A|/a"]);
        assert!(hint(&ran).contains("does not say why"));
        assert!(timeout_hint(&ran).contains("`--timeout`"));
    }
}
