//! Evidence about a cluster besides the gateway's responses while dgw waits for it: its logs in the
//! staging directory, and its Slurm job.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until, timeout};

use crate::job::{self, Job, JobHistory, JobLog, Slurm, SlurmUnavailable, Staging};
use crate::output::Progress;
use crate::private;
use crate::thread::{self, BlockingWork};

/// The pause between readings of the logs. The gateway takes longer than this to notice that a job
/// has ended.
const PAUSE: Duration = Duration::from_secs(1);

/// A start that takes no longer than this needs no explanation.
const QUICK_START: Duration = Duration::from_secs(3);

/// The pause between requests to Slurm, whose controller has others to serve.
const SLURM_PAUSE: Duration = Duration::from_secs(10);

/// How long a file system may delay the report of a failed start.
const FILE_SYSTEM_LIMIT: Duration = Duration::from_secs(3);

/// The diagnostics of one wait.
pub(crate) struct StartDiagnostics {
    name: String,
    /// True if the gateway's last response never arrived.
    is_gateway_away: bool,
    jobs: JobHistory,
    job_seen: Option<Instant>,
    /// Shared with the thread that reads: if a file system hangs, only that thread does.
    staging: Option<Arc<Mutex<Staging>>>,
    reading: Option<BlockingWork<()>>,
    next_reading: Instant,
    slurm: SlurmState,
    next_request: Instant,
}

/// The state of access to Slurm.
enum SlurmState {
    Unknown,
    Available(Slurm),
    Unavailable,
}

impl StartDiagnostics {
    /// Observes a cluster that is starting.
    pub(super) fn of_start(name: &str) -> Self {
        let staging = dirs::home_dir().map(|home| Staging::new(&home, name));
        Self {
            name: name.to_owned(),
            is_gateway_away: false,
            jobs: JobHistory::default(),
            job_seen: None,
            staging: staging.map(|staging| Arc::new(Mutex::new(staging))),
            reading: None,
            next_reading: Instant::now() + PAUSE,
            slurm: SlurmState::Unknown,
            next_request: Instant::now() + QUICK_START,
        }
    }

    /// Observes a cluster that is running. Its workers are jobs too: the queue is not asked for
    /// any of them.
    pub(super) fn of_workers(name: &str) -> Self {
        Self {
            slurm: SlurmState::Unavailable,
            ..Self::of_start(name)
        }
    }

    /// Observes until `response` arrives, and shows what is new.
    pub(super) async fn observe_during<T>(
        &mut self,
        progress: &mut Progress,
        response: impl Future<Output = T>,
    ) -> T {
        let mut response = std::pin::pin!(response);
        loop {
            tokio::select! {
                biased;
                response = &mut response => return response,
                () = self.observe(progress) => {}
            }
        }
    }

    /// Shows that the cluster is PENDING, and what else is known.
    pub(super) fn show_pending(&mut self, progress: &mut Progress) {
        self.is_gateway_away = false;
        self.show(progress);
    }

    /// Shows that the gateway does not respond: its last status may be outdated.
    pub(super) fn show_outage(&mut self, progress: &mut Progress) {
        self.is_gateway_away = true;
        self.show(progress);
    }

    fn show(&self, progress: &mut Progress) {
        let outage = self
            .is_gateway_away
            .then(|| "the gateway does not respond".to_owned());
        let job = self.jobs.job();
        let known = [
            outage,
            Some(pending_message(&self.name)),
            job.map(Job::text),
        ];
        progress.phase(&known.into_iter().flatten().collect::<Vec<_>>().join("; "));
        progress.remark(job.and_then(Job::expectation).as_deref());
    }

    /// Waits until the next observation is due, and makes it.
    async fn observe(&mut self, progress: &mut Progress) {
        sleep_until(self.next_reading).await;
        self.next_reading = Instant::now() + PAUSE;
        self.read_logs();
        if Instant::now() >= self.next_request {
            self.next_request = Instant::now() + SLURM_PAUSE;
            self.ask_slurm().await;
            if self.jobs.job().is_some() {
                self.show(progress);
            }
        }
    }

    /// Reads the logs in a thread, unless one is still at it.
    fn read_logs(&mut self) {
        let is_reading = self
            .reading
            .as_ref()
            .is_some_and(|reading| !reading.is_finished());
        if let Some(staging) = self.staging.clone().filter(|_| !is_reading) {
            let directory = self.work_directory();
            self.reading = thread::start(move || {
                with_lock(&staging, |staging| staging.update(directory.as_deref()));
            })
            .ok();
        }
    }

    /// Returns the job's working directory, by Slurm: not every site keeps it in the user's home.
    fn work_directory(&self) -> Option<PathBuf> {
        self.jobs.job().map(|job| job.directory().to_owned())
    }

    async fn ask_slurm(&mut self) {
        if matches!(self.slurm, SlurmState::Unknown) {
            let slurm = Slurm::find(job::variables());
            self.slurm = slurm.map_or(SlurmState::Unavailable, SlurmState::Available);
        }
        let SlurmState::Available(slurm) = &self.slurm else {
            return;
        };
        match slurm.job(&self.name).await {
            Ok(Some(job)) => {
                self.job_seen = Some(Instant::now());
                self.jobs.record(job);
            }
            Ok(None) => {}
            Err(SlurmUnavailable) => self.slurm = SlurmState::Unavailable,
        }
    }

    /// Makes a last observation of a start that failed, and returns all that was seen.
    pub(super) async fn finish(mut self) -> Box<JobHistory> {
        // Logs first: the gateway is about to remove them.
        if !self.reading_is_done().await {
            self.staging = None;
        }
        self.read_logs();
        self.ask_slurm().await;
        self.jobs.silence = self.job_seen.map(|seen| seen.elapsed());
        self.reading_is_done().await;
        self.jobs.logs = match self.staging.take() {
            Some(staging) => copy_logs(staging, self.work_directory()).await,
            None => Vec::new(),
        };
        Box::new(self.jobs)
    }

    /// Returns true if the thread that reads logs is done in time.
    async fn reading_is_done(&mut self) -> bool {
        if let Some(reading) = &mut self.reading
            && timeout(FILE_SYSTEM_LIMIT, reading).await.is_err()
        {
            return false;
        }
        // The thread may exist for a moment longer, but its result is had only once.
        self.reading = None;
        true
    }
}

/// Returns the first phase of a start.
pub(crate) fn pending_message(name: &str) -> String {
    format!("cluster {name} is PENDING")
}

async fn copy_logs(staging: Arc<Mutex<Staging>>, directory: Option<PathBuf>) -> Vec<JobLog> {
    let work = thread::start(move || {
        with_lock(&staging, |staging| {
            staging.update(directory.as_deref());
            staging.copy_logs(private::state_directory().as_deref())
        })
    });
    let Ok(work) = work else {
        return Vec::new();
    };
    timeout(FILE_SYSTEM_LIMIT, work)
        .await
        .ok()
        .and_then(Result::ok)
        .unwrap_or_default()
}

fn with_lock<T>(staging: &Mutex<Staging>, work: impl FnOnce(&mut Staging) -> T) -> T {
    work(&mut staging.lock().unwrap_or_else(PoisonError::into_inner))
}
