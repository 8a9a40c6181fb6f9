//! The report of a start that failed.

use std::time::Duration;

use crate::duration;
use crate::job::{Job, JobHistory, JobLog};

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
pub(super) fn hint(jobs: &JobHistory) -> &'static str {
    if jobs.schedulers_log().is_some() {
        "read the end of the scheduler's log above; if it does not say why, ask the gateway's \
         administrators to check theirs"
    } else if jobs.only_waited() {
        "dgw only saw its job waiting in the queue: request less, try again later, or ask the \
         gateway's administrators for a longer `cluster_start_timeout`"
    } else {
        "the gateway does not say why: check the options, or ask its administrators to check its log"
    }
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
