//! Slurm's own word on a cluster's job, by its `squeue`.
//!
//! All jobs of a gateway are called `dask-gateway` (`SlurmBackend.get_submit_cmd_env_stdin`). What
//! tells whose a job is, is its working directory: the staging folder, which is named after the
//! cluster. Workers work in it too, but they are started only once the cluster runs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::fs::Access;
use serde::Serialize;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

/// An answer takes milliseconds. A controller that needs longer has enough to do.
const PATIENCE: Duration = Duration::from_secs(3);

/// More than some thousand jobs' lines: what comes after is not read.
const SIZE_LIMIT: u64 = 1024 * 1024;

/// The job's number, state, reason, start and working directory. The last may hold any character,
/// so it comes last.
const FORMAT: &str = "--format=%i|%T|%r|%S|%Z";

/// What `squeue` needs to find its Slurm, its user and the time zone; no token of ours is among it.
const NEEDED: [&str; 10] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TZ",
    "LD_LIBRARY_PATH",
    "SLURM_CONF",
    "SLURM_CLUSTERS",
    "SLURM_CONF_SERVER",
    "SLURM_JWT",
];

/// A job, as Slurm tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Job {
    /// Which queue it is in: `slurm`.
    scheduler: &'static str,
    id: String,
    /// In Slurm's words: `PENDING`, `RUNNING`, `FAILED` …
    state: String,
    /// Why it is in that state, in Slurm's words; `None` where Slurm gives no reason.
    reason: Option<String>,
    /// When Slurm expects a pending job to start, on the clock of this machine, as it writes it.
    expected_start: Option<String>,
    #[serde(skip)]
    folder: PathBuf,
}

impl Job {
    /// Whether `now` says of the same job in the same state no less than this does: Slurm needs a
    /// moment to find a reason.
    pub(super) fn becomes(&self, now: &Self) -> bool {
        let is_kept = self.reason.is_none() || self.reason == now.reason;
        is_kept && (&self.id, &self.state) == (&now.id, &now.state)
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.state == "PENDING"
    }

    /// Whether it was cancelled: the gateway does so with what it gives up.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.state.starts_with("CANCELLED")
    }

    /// Where it works: the staging folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its state and the reason: `PENDING (Resources)`. A job that was cancelled keeps the reason
    /// that it had before: that is none for its end.
    pub(crate) fn condition(&self) -> String {
        match &self.reason {
            Some(reason) if !self.is_cancelled() => {
                format!("{} ({reason})", self.state)
            }
            _ => self.state.clone(),
        }
    }

    /// In a sentence's middle, for people.
    pub(crate) fn text(&self) -> String {
        match &self.reason {
            Some(reason) if self.is_waiting() => format!("Slurm job {} waits: {reason}", self.id),
            _ if self.is_waiting() => format!("Slurm job {} waits", self.id),
            _ => format!("Slurm job {} is {}", self.id, self.condition()),
        }
    }

    /// When Slurm expects it to start, for people.
    pub(crate) fn expectation(&self) -> Option<String> {
        let start = self.expected_start.as_ref()?;
        Some(format!("expected to start at {start}"))
    }
}

/// The way to this machine's Slurm.
pub(crate) struct Slurm {
    squeue: PathBuf,
    variables: Vec<(&'static str, OsString)>,
}

/// Those of the process's environment variables that `squeue` needs.
pub(crate) fn variables() -> Vec<(&'static str, OsString)> {
    let set = NEEDED.iter().map(|name| (*name, std::env::var_os(name)));
    set.filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

impl Slurm {
    /// Where `squeue` is on the PATH; `None` where it isn't.
    pub(crate) fn find(variables: Vec<(&'static str, OsString)>) -> Option<Self> {
        let (_, path) = variables.iter().find(|(name, _)| *name == "PATH")?;
        let squeue = std::env::split_paths(path)
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join("squeue"))
            .find(|file| file.is_file() && rustix::fs::access(file, Access::EXEC_OK).is_ok())?;
        Some(Self { squeue, variables })
    }

    /// The scheduler's job of the cluster `name`, which doesn't run yet. `Ok(None)` where there is
    /// none, or more than one that might be it.
    ///
    /// # Errors
    /// Slurm can't be asked, or it doesn't answer in time: it isn't worth asking again.
    pub(crate) async fn job(&self, name: &str) -> Result<Option<Job>, SlurmUnavailable> {
        let answer = tokio::time::timeout(PATIENCE, self.ask()).await;
        let text = answer.ok().flatten().ok_or(SlurmUnavailable)?;
        log::debug!("squeue told of {} jobs", text.lines().count());
        Ok(only_job(&text, name))
    }

    /// The lines of all of the user's jobs, those that have ended lately too.
    async fn ask(&self) -> Option<String> {
        let mut command = Command::new(&self.squeue);
        command
            .args(["--noheader", "--all", "--states=all", "--name=dask-gateway"])
            .arg(format!("--user={}", rustix::process::getuid().as_raw()))
            .arg(FORMAT)
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let mut child = command.spawn().ok()?;
        let mut text = Vec::new();
        let stdout = child.stdout.take()?;
        stdout.take(SIZE_LIMIT).read_to_end(&mut text).await.ok()?;
        let status = child.wait().await.ok()?;
        status
            .success()
            .then(|| String::from_utf8_lossy(&text).into_owned())
    }
}

/// Slurm can't be asked.
#[derive(Debug)]
pub(crate) struct SlurmUnavailable;

/// The one job in squeue's answer that works in a folder of that name.
fn only_job(text: &str, name: &str) -> Option<Job> {
    let mut jobs = text.lines().filter_map(parse);
    let mut its = jobs.by_ref().filter(|job| job.folder.ends_with(name));
    let job = its.next()?;
    its.next().is_none().then_some(job)
}

fn parse(line: &str) -> Option<Job> {
    let mut fields = line.splitn(5, '|');
    let mut next = || fields.next().map(str::trim);
    let (id, state, reason, start, folder) = (next()?, next()?, next()?, next()?, next()?);
    let known = |text: &str| {
        let is_known = !["", "None", "N/A", "(null)", "Unknown"].contains(&text);
        is_known.then(|| text.to_owned())
    };
    Some(Job {
        scheduler: "slurm",
        id: known(id)?,
        state: known(state)?,
        reason: known(reason),
        // Of a job that has started, it's the time when it did.
        expected_start: known(start).filter(|_| state == "PENDING"),
        folder: PathBuf::from(folder),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANSWER: &str = "\
4|RUNNING|None|2026-11-21T04:53:15|/home/ada/.dask-gateway/fa65
5|PENDING|Resources|2026-11-21T05:40:00|/home/ada/.dask-gateway/4f65
6|PENDING|Priority|N/A|/scratch/a|b/6bce
7|CANCELLED|Priority|2026-11-21T04:53:34|/home/ada/.dask-gateway/0000
8|RUNNING|None|2026-11-21T04:53:34|/home/ada/.dask-gateway/twice
9|PENDING|Priority|N/A|/home/ada/.dask-gateway/twice
CLUSTER: other
10|PENDING
";

    fn told(name: &str) -> Option<String> {
        only_job(ANSWER, name).map(|job| job.text())
    }

    #[test]
    fn a_job_is_known_by_its_folder() {
        assert_eq!(told("fa65").as_deref(), Some("Slurm job 4 is RUNNING"));
        assert_eq!(
            told("4f65").as_deref(),
            Some("Slurm job 5 waits: Resources")
        );
        assert_eq!(told("6bce").as_deref(), Some("Slurm job 6 waits: Priority"));
        assert_eq!(told("0000").as_deref(), Some("Slurm job 7 is CANCELLED"));
    }

    #[test]
    fn what_might_be_it_is_not_it() {
        for name in ["twice", "f65", "ada", "10", "nosuch"] {
            assert_eq!(told(name), None, "{name}");
        }
    }

    #[test]
    fn only_what_waits_is_expected_to_start() {
        let expectation = |name| only_job(ANSWER, name).and_then(|job| job.expectation());
        assert_eq!(
            expectation("4f65").as_deref(),
            Some("expected to start at 2026-11-21T05:40:00")
        );
        assert_eq!(expectation("6bce"), None);
        assert_eq!(expectation("fa65"), None);
    }

    proptest::proptest! {
        #[test]
        fn whatever_squeue_says_is_a_job_or_none(
            text in crate::hostile::text(), table in "([0-9]{0,3}\\|?[A-Z]{0,9}\\|?[a-z/|]{0,12}\n?){0,9}",
        ) {
            for text in [&text, &table] {
                if let Some(job) = only_job(text, "fa65") {
                    let _ = (job.text(), job.condition(), job.expectation());
                    proptest::prop_assert!(job.folder().ends_with("fa65"));
                }
            }
        }
    }
}
