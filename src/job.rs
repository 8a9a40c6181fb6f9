//! What a job-queue back-end leaves within its user's reach: the logs of its jobs, in a folder of
//! the user's home, and the job's place in Slurm's queue. The gateway tells neither.

mod copies;
mod slurm;
mod staging;

use std::time::Duration;

pub(crate) use slurm::{Job, Slurm, SlurmUnavailable, variables};
pub(crate) use staging::{JobLog, Staging};

/// What was seen of a cluster beside the gateway's own answers, while it was waited for.
#[derive(Debug, Default)]
pub(crate) struct JobHistory {
    /// The scheduler's job, as often as it was found changed, oldest first.
    pub(crate) jobs: Vec<Job>,
    /// How long ago the job was seen last.
    pub(crate) silence: Option<Duration>,
    pub(crate) logs: Vec<JobLog>,
}

impl JobHistory {
    /// How the scheduler's job was when it was last looked at.
    pub(crate) fn job(&self) -> Option<&Job> {
        self.jobs.last()
    }

    /// The scheduler's log, unless it is empty.
    pub(crate) fn schedulers_log(&self) -> Option<&JobLog> {
        let mut logs = self.logs.iter();
        logs.find(|log| log.is_schedulers() && !log.is_empty())
    }

    /// The log of the worker that logged last.
    pub(crate) fn latest_workers_log(&self) -> Option<&JobLog> {
        let logs = self.logs.iter();
        logs.filter(|log| !log.is_schedulers() && !log.is_empty())
            .max_by_key(|log| log.changed())
    }

    /// Whether the job was seen waiting, and never seen to have left the queue by itself.
    pub(crate) fn only_waited(&self) -> bool {
        let mut jobs = self.jobs.iter();
        self.jobs.iter().any(Job::is_waiting)
            && jobs.all(|job| job.is_waiting() || job.is_cancelled())
    }

    /// Notes how the job is now, unless that is known.
    pub(crate) fn note(&mut self, job: Job) {
        match self.jobs.last_mut() {
            Some(last) if last.becomes(&job) => *last = job,
            _ => self.jobs.push(job),
        }
    }
}
