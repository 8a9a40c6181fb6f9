//! What can be seen of a cluster, beside the gateway's answers, while it or its workers are waited
//! for.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::{Instant, sleep_until, timeout};

use crate::job::{self, Job, JobHistory, JobLog, Slurm, Staging};
use crate::output::Progress;

/// Between looks at the logs. The gateway takes longer than that to notice that a job has ended.
const PAUSE: Duration = Duration::from_secs(1);

/// A start that takes no longer than this needs no explanation.
const QUICK: Duration = Duration::from_secs(3);

/// Between questions to Slurm: its controller has others to serve.
const SLURM_PAUSE: Duration = Duration::from_secs(10);

/// How long a file system may keep a failed start from being reported.
const PATIENCE: Duration = Duration::from_secs(3);

/// The account of one wait.
pub(super) struct StartDiagnostics {
    name: String,
    /// Whether the gateway's last answer never came.
    is_away: bool,
    trace: JobHistory,
    job_seen: Option<Instant>,
    /// Shared with the thread that looks: where a file system hangs, only that thread does.
    staging: Option<Arc<Mutex<Staging>>>,
    looking: Option<JoinHandle<()>>,
    next_look: Instant,
    slurm: Question,
    next_question: Instant,
}

/// Whether Slurm is worth asking.
enum Question {
    Unasked,
    Worth(Slurm),
    Vain,
}

impl StartDiagnostics {
    pub(super) fn of(name: &str) -> Self {
        let staging = dirs::home_dir().map(|home| Staging::new(&home, name));
        Self {
            name: name.to_owned(),
            is_away: false,
            trace: JobHistory::default(),
            job_seen: None,
            staging: staging.map(|staging| Arc::new(Mutex::new(staging))),
            looking: None,
            next_look: Instant::now() + PAUSE,
            slurm: Question::Unasked,
            next_question: Instant::now() + QUICK,
        }
    }

    /// Of a cluster that runs. Its workers are jobs too: the queue isn't asked for any.
    pub(super) fn of_running(name: &str) -> Self {
        Self {
            slurm: Question::Vain,
            ..Self::of(name)
        }
    }

    /// Looks around until `answer` comes, and shows what is new.
    pub(super) async fn during<T>(
        &mut self,
        progress: &mut Progress,
        answer: impl Future<Output = T>,
    ) -> T {
        let mut answer = std::pin::pin!(answer);
        loop {
            tokio::select! {
                biased;
                answer = &mut answer => return answer,
                () = self.look(progress) => {}
            }
        }
    }

    /// Shows that the gateway says PENDING, and what else is known.
    pub(super) fn heard_pending(&mut self, progress: &mut Progress) {
        self.is_away = false;
        self.show(progress);
    }

    /// Shows that the gateway doesn't answer: what it said before may no longer hold.
    pub(super) fn heard_nothing(&mut self, progress: &mut Progress) {
        self.is_away = true;
        self.show(progress);
    }

    fn show(&self, progress: &mut Progress) {
        let away = self
            .is_away
            .then(|| "the gateway does not answer".to_owned());
        let job = self.trace.job();
        let known = [away, Some(pending(&self.name)), job.map(Job::text)];
        progress.phase(&known.into_iter().flatten().collect::<Vec<_>>().join("; "));
        progress.remark(job.and_then(Job::expectation).as_deref());
    }

    /// Waits until the next look is due, and takes it.
    async fn look(&mut self, progress: &mut Progress) {
        sleep_until(self.next_look).await;
        self.next_look = Instant::now() + PAUSE;
        self.look_at_logs();
        if Instant::now() >= self.next_question {
            self.next_question = Instant::now() + SLURM_PAUSE;
            self.ask_slurm().await;
            if self.trace.job().is_some() {
                self.show(progress);
            }
        }
    }

    /// Has a thread look, unless one still does.
    fn look_at_logs(&mut self) {
        let is_looking = self
            .looking
            .as_ref()
            .is_some_and(|look| !look.is_finished());
        if let Some(staging) = self.staging.clone().filter(|_| !is_looking) {
            let folder = self.folder();
            self.looking = Some(spawn_blocking(move || {
                locked(&staging, |staging| staging.look(folder.as_deref()));
            }));
        }
    }

    /// Where the job works, as Slurm says: not every site leaves it in the user's home.
    fn folder(&self) -> Option<PathBuf> {
        self.trace.job().map(|job| job.folder().to_owned())
    }

    async fn ask_slurm(&mut self) {
        if matches!(self.slurm, Question::Unasked) {
            let slurm = Slurm::find(job::variables());
            self.slurm = slurm.map_or(Question::Vain, Question::Worth);
        }
        let Question::Worth(slurm) = &self.slurm else {
            return;
        };
        match slurm.job(&self.name).await {
            Ok(Some(job)) => {
                self.job_seen = Some(Instant::now());
                self.trace.note(job);
            }
            Ok(None) => {}
            Err(job::SlurmUnavailable) => self.slurm = Question::Vain,
        }
    }

    /// A last look, now that the wait is in vain, and all that was seen.
    pub(super) async fn close(mut self) -> Box<JobHistory> {
        // Logs first: the gateway is about to remove them.
        if !self.has_looked().await {
            self.staging = None;
        }
        self.look_at_logs();
        self.ask_slurm().await;
        self.trace.silence = self.job_seen.map(|seen| seen.elapsed());
        self.has_looked().await;
        self.trace.logs = match self.staging.take() {
            Some(staging) => rescue(staging, self.folder()).await,
            None => Vec::new(),
        };
        Box::new(self.trace)
    }

    /// Whether the thread that looks comes back in time.
    async fn has_looked(&mut self) -> bool {
        match &mut self.looking {
            Some(look) => timeout(PATIENCE, look).await.is_ok(),
            None => true,
        }
    }
}

/// The phase that a start begins with.
pub(super) fn pending(name: &str) -> String {
    format!("cluster {name} is PENDING")
}

async fn rescue(staging: Arc<Mutex<Staging>>, folder: Option<PathBuf>) -> Vec<JobLog> {
    let work = spawn_blocking(move || {
        locked(&staging, |staging| {
            staging.look(folder.as_deref());
            staging.rescue(crate::private::state_directory().as_deref())
        })
    });
    timeout(PATIENCE, work)
        .await
        .ok()
        .and_then(Result::ok)
        .unwrap_or_default()
}

fn locked<T>(staging: &Mutex<Staging>, work: impl FnOnce(&mut Staging) -> T) -> T {
    work(&mut staging.lock().unwrap_or_else(PoisonError::into_inner))
}
