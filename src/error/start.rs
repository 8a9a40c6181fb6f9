//! What is told of a start that failed.

use std::time::Duration;

use crate::age;
use crate::job::{Job, JobHistory, JobLog};

/// Of a log, so many lines are shown: a traceback and what came before.
const LOG_LINES: usize = 20;

/// What was seen less long before counts as seen at the end.
const NOTABLE: Duration = Duration::from_secs(1);

/// What was seen: the job, where the logs are, and how the one that matters ended.
pub(super) fn seen(trace: &JobHistory, matters: Option<&JobLog>) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(last) = trace.job() {
        let its = trace.jobs.iter().filter(|job| job.id() == last.id());
        let conditions = its.map(Job::condition).collect::<Vec<_>>();
        let mut parts = vec![format!(
            "Slurm job {}: {}",
            last.id(),
            conditions.join(", then ")
        )];
        parts.extend(last.expectation());
        let silence = trace.silence.filter(|silence| *silence >= NOTABLE);
        parts.extend(silence.map(|silence| format!("last seen {} before", age::short(silence))));
        lines.push(parts.join(", "));
    }
    for log in &trace.logs {
        let path = log.path.display();
        if log.is_empty() {
            lines.push(format!("{path} was empty"));
        } else if Some(log) == matters {
            lines.push(format!("{path} ended with"));
            let end = log.last_lines(LOG_LINES).into_iter();
            lines.extend(end.map(|line| format!("  {line}")));
        } else {
            lines.push(path.to_string());
        }
        let copied = log.copy.as_ref().map(|copy| copy.display());
        lines.extend(copied.map(|copy| format!("copied to {copy}")));
    }
    lines
}

/// What to do about it.
pub(super) fn hint(trace: &JobHistory) -> &'static str {
    if trace.schedulers_log().is_some() {
        "the scheduler's log may tell why; if it doesn't, ask those who run the gateway to look \
         into theirs"
    } else if trace.only_waited() {
        "its job was not seen to leave the queue: ask for less, try again when there is room, or \
         ask those who run the gateway to be more patient (`cluster_start_timeout`)"
    } else {
        "the gateway doesn't say why: check the options, or ask those who run it to look into its \
         log"
    }
}

/// What a look at the gateway has brought to light of a cluster that may have been started; `None`
/// is no look at all.
pub(super) fn doubt(seen: Option<&[String]>) -> &'static str {
    match seen {
        None => "",
        Some([]) => ", though none is listed so far",
        Some([_]) => ", perhaps the one that is listed since",
        Some(_) => ", perhaps one of those that are listed since",
    }
}

/// What to do about that doubt.
pub(super) fn way_out_of_doubt(seen: Option<&[String]>) -> &'static str {
    match seen {
        None | Some([]) => "`dgw list` shows whether a cluster was started",
        Some(_) => {
            "another `dgw` of yours may have started it just as well: see whose it is, then \
             `dgw shutdown NAME` ends it"
        }
    }
}
