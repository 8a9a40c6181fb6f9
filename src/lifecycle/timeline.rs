//! What becomes of a cluster: its scheduler's events, with what this machine knows of its jobs.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::gateway::TlsIdentity;
use crate::job::{self, EndedJob, Slurm, Staging};
use crate::scheduler::{
    ClusterEvent, EventKind, EventReader, IncompleteTimeline, SchedulerError, Schedulers,
};
use crate::thread;

/// The number of lines of a lost worker's log that are of help.
const LOG_LINES: usize = 5;

/// The most lost workers whose logs are read at once, the latest ones.
const LOGS_LIMIT: usize = 20;

/// How long a file system may delay the events.
const FILE_SYSTEM_LIMIT: Duration = Duration::from_secs(3);

/// The pause between requests to Slurm, whose controller has others to serve.
const SLURM_PAUSE: Duration = Duration::from_secs(30);

/// Reads the timeline of one cluster, each event once.
pub(crate) struct Timeline<'a> {
    name: &'a str,
    events: EventReader<'a>,
    slurm: Option<Slurm>,
    next_request: Instant,
    /// The numbers of the jobs that ended.
    jobs: HashSet<String>,
}

impl<'a> Timeline<'a> {
    /// Prepares to read the timeline of the cluster `name`.
    pub(crate) fn new(schedulers: &'a Schedulers, name: &'a str) -> Self {
        Self {
            name,
            events: EventReader::new(schedulers, name),
            slurm: Slurm::find(job::variables()),
            next_request: Instant::now(),
            jobs: HashSet::new(),
        }
    }

    /// Returns what was missing the last time.
    pub(crate) fn take_fault(&mut self) -> Option<IncompleteTimeline> {
        self.events.take_fault()
    }

    /// Returns the events that were not read yet, in the order of their times.
    ///
    /// # Errors
    /// Fails like [`EventReader::read`].
    pub(crate) async fn read(
        &mut self,
        identity: Option<&TlsIdentity>,
    ) -> Result<Vec<ClusterEvent>, SchedulerError> {
        let mut events = self.events.read(identity).await?;
        let jobs = self.ended_jobs().await;
        self.add_logs(&mut events, &jobs).await;
        for job in jobs {
            if self.jobs.insert(job.id.clone()) {
                let (text, id) = (job.text(), Some(job.id));
                events.push(ClusterEvent::new(job.time, EventKind::JobEnded, id, text));
            }
        }
        events.sort_by_key(|event| event.time);
        Ok(events)
    }

    /// Returns the last loss of a worker; `None` too if that can't be read.
    pub(crate) async fn last_loss(
        &mut self,
        identity: Option<&TlsIdentity>,
    ) -> Option<ClusterEvent> {
        let loss = self.events.last_loss(identity).await.ok()??;
        let jobs = self.ended_jobs().await;
        let mut losses = [loss];
        self.add_logs(&mut losses, &jobs).await;
        let [loss] = losses;
        Some(loss)
    }

    /// Returns the cluster's jobs that have ended, unless Slurm was asked lately.
    async fn ended_jobs(&mut self) -> Vec<EndedJob> {
        let Some(slurm) = &self.slurm else {
            return Vec::new();
        };
        if Instant::now() < self.next_request {
            return Vec::new();
        }
        self.next_request = Instant::now() + SLURM_PAUSE;
        slurm.ended_jobs(self.name).await.unwrap_or_default()
    }

    /// Adds the last lines of the logs of lost workers, where the cluster's jobs log into files.
    async fn add_logs(&self, events: &mut [ClusterEvent], jobs: &[EndedJob]) {
        let lost = events.iter_mut().rev();
        let lost = lost.filter(|event| event.event == EventKind::WorkerLost);
        let mut lost = lost.take(LOGS_LIMIT).collect::<Vec<_>>();
        let Some(home) = dirs::home_dir().filter(|_| !lost.is_empty()) else {
            return;
        };
        let mut staging = Staging::new(&home, self.name);
        if let Some(job) = jobs.first() {
            staging.add_directory(&job.directory);
        }
        let names = lost
            .iter()
            .map(|event| event.name.clone().unwrap_or_default());
        let names = names.collect::<Vec<_>>();
        let work = thread::start(move || {
            let logs = names.iter().map(|name| staging.worker_log(name));
            logs.collect::<Vec<_>>()
        });
        let Ok(work) = work else { return };
        let Ok(Ok(logs)) = timeout(FILE_SYSTEM_LIMIT, work).await else {
            return;
        };
        for (event, log) in lost.iter_mut().zip(logs) {
            event.log = log.map_or_else(Vec::new, |log| log.last_lines(LOG_LINES));
        }
    }
}
