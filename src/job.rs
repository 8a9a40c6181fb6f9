//! What a user can see of the jobs of a job-queue backend: their logs, in a directory in the user's
//! home, and their place in Slurm's queue. The gateway reports neither.

mod copies;
mod slurm;
mod staging;
mod wait_cause;

use std::time::Duration;

pub(crate) use slurm::{EndedJob, Job, Slurm, SlurmUnavailable, variables};
pub(crate) use staging::{JobLog, Staging};
pub(crate) use wait_cause::WaitCause;

/// Observations of a cluster's jobs and logs while dgw waits for the cluster.
#[derive(Debug, Default)]
pub(crate) struct JobHistory {
    /// The scheduler's job after each change of its state, oldest first.
    pub(crate) jobs: Vec<Job>,
    /// Time since the job was seen last.
    pub(crate) silence: Option<Duration>,
    pub(crate) logs: Vec<JobLog>,
}

impl JobHistory {
    /// Returns the latest state of the scheduler's job.
    pub(crate) fn job(&self) -> Option<&Job> {
        self.jobs.last()
    }

    /// Returns the scheduler's log, unless it is empty.
    pub(crate) fn schedulers_log(&self) -> Option<&JobLog> {
        let mut logs = self.logs.iter();
        logs.find(|log| log.is_schedulers() && !log.is_empty())
    }

    /// Returns the worker's log that was written last, without the empty ones.
    pub(crate) fn latest_workers_log(&self) -> Option<&JobLog> {
        let logs = self.logs.iter();
        logs.filter(|log| !log.is_schedulers() && !log.is_empty())
            .max_by_key(|log| log.changed())
    }

    /// Returns true if the job was waiting, and never left the queue except by being cancelled.
    fn only_waited(&self) -> bool {
        let mut jobs = self.jobs.iter();
        self.jobs.iter().any(Job::is_waiting)
            && jobs.all(|job| job.is_waiting() || job.is_cancelled())
    }

    /// Returns the last state in which the job was waiting, if it never left the queue.
    pub(crate) fn waiting_job(&self) -> Option<&Job> {
        let mut jobs = self.jobs.iter().rev();
        jobs.find(|job| job.is_waiting())
            .filter(|_| self.only_waited())
    }

    /// Creates the history of a job from lines of `squeue`.
    #[cfg(test)]
    pub(crate) fn for_test(lines: &[&str]) -> Self {
        let mut history = Self::default();
        for line in lines {
            history.record(slurm::parse(line).expect("a job"));
        }
        history
    }

    /// Adds the present state of the job, unless it is known.
    pub(crate) fn record(&mut self, job: Job) {
        match self.jobs.last_mut() {
            Some(last) if last.is_updated_by(&job) => *last = job,
            _ => self.jobs.push(job),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_only_changes() {
        let history = JobHistory::for_test(&[
            "5|PENDING|None|N/A|/a",
            "5|PENDING|Priority|N/A|/a",
            "5|PENDING|Priority|N/A|/a",
            "5|RUNNING|None|N/A|/a",
        ]);
        let states = history.jobs.iter().map(Job::condition);
        assert_eq!(
            states.collect::<Vec<_>>(),
            ["PENDING (Priority)", "RUNNING"]
        );
        assert_eq!(history.job(), history.jobs.last());
    }

    #[test]
    fn only_waited_if_it_never_ran() {
        let waited = |lines: &[&str]| {
            let history = JobHistory::for_test(lines);
            assert_eq!(history.waiting_job().is_some(), history.only_waited());
            history.only_waited()
        };
        assert!(waited(&["5|PENDING|None|N/A|/a"]));
        assert!(waited(&[
            "5|PENDING|None|N/A|/a",
            "5|CANCELLED by 7|None|N/A|/a"
        ]));
        assert!(!waited(&["5|CANCELLED|None|N/A|/a"]));
        assert!(!waited(&["5|PENDING|None|N/A|/a", "5|FAILED|None|N/A|/a"]));
        assert!(!waited(&[]));
    }
}
