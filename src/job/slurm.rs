//! The state of a cluster's job, from Slurm's `squeue`.
//!
//! All jobs of a gateway are called `dask-gateway` (`SlurmBackend.get_submit_cmd_env_stdin`). The
//! working directory shows which cluster a job belongs to: it is the staging directory, which is
//! named after the cluster. Workers have the same one, but only start once the cluster runs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use rustix::fs::Access;
use serde::Serialize;
use tokio::process::Command;

use crate::capture::capture;
use crate::count;

/// Time limit for `squeue`. It takes milliseconds, unless Slurm's controller is overloaded.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Size limit of the output: some thousand jobs. The rest is not read.
const SIZE_LIMIT: u64 = 1024 * 1024;

/// The job's number, state, reason, start and working directory, which comes last because it may
/// contain any character.
const FORMAT: &str = "--format=%i|%T|%r|%S|%Z";

/// The variable that makes Slurm write times in seconds since the epoch.
const SECONDS: (&str, &str) = ("SLURM_TIME_FORMAT", "%s");

/// Environment variables by which `squeue` finds its Slurm, its user and the time zone. None of them
/// holds a token of dgw's.
const VARIABLES: [&str; 10] = [
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

/// A job as Slurm reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Job {
    /// Job scheduler: always `slurm`.
    scheduler: &'static str,
    id: String,
    /// In Slurm's words: `PENDING`, `RUNNING`, `FAILED` …
    state: String,
    /// Why it is in that state, in Slurm's words; `None` where Slurm gives no reason.
    reason: Option<String>,
    /// When Slurm expects a pending job to start, in this machine's time zone, as Slurm writes it.
    expected_start: Option<String>,
    #[serde(skip)]
    directory: PathBuf,
}

impl Job {
    /// Returns true if `now` is the same job in the same state, with the same reason or the first
    /// one: Slurm takes a moment to find a reason.
    pub(super) fn is_updated_by(&self, now: &Self) -> bool {
        let keeps_reason = self.reason.is_none() || self.reason == now.reason;
        keeps_reason && (&self.id, &self.state) == (&now.id, &now.state)
    }

    /// Returns the job's number.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Returns why it is in its state, in Slurm's words.
    pub(crate) fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// Returns true if it waits in the queue.
    pub(crate) fn is_waiting(&self) -> bool {
        self.state == "PENDING"
    }

    /// Returns true if it was cancelled, as the gateway does with jobs that it gives up.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.state.starts_with("CANCELLED")
    }

    /// Returns its working directory: the cluster's staging directory.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns its state and the reason: `PENDING (Resources)`. Leaves out the reason of a cancelled
    /// job: it is the one for which the job was waiting before.
    pub(crate) fn condition(&self) -> String {
        match &self.reason {
            Some(reason) if !self.is_cancelled() => {
                format!("{} ({reason})", self.state)
            }
            _ => self.state.clone(),
        }
    }

    /// Describes its state within a sentence.
    pub(crate) fn text(&self) -> String {
        match &self.reason {
            Some(reason) if self.is_waiting() => {
                format!("Slurm job {} is waiting: {reason}", self.id)
            }
            _ if self.is_waiting() => format!("Slurm job {} is waiting", self.id),
            _ => format!("Slurm job {} is {}", self.id, self.condition()),
        }
    }

    /// Says when Slurm expects it to start.
    pub(crate) fn expectation(&self) -> Option<String> {
        let start = self.expected_start.as_ref()?;
        Some(format!("expected to start at {start}"))
    }
}

/// This machine's Slurm.
pub(crate) struct Slurm {
    squeue: PathBuf,
    variables: Vec<(&'static str, OsString)>,
}

/// Returns the environment variables of this process that `squeue` needs.
pub(crate) fn variables() -> Vec<(&'static str, OsString)> {
    let set = VARIABLES.iter().map(|name| (*name, std::env::var_os(name)));
    set.filter_map(|(name, value)| Some((name, value?)))
        .collect()
}

impl Slurm {
    /// Finds `squeue` on the PATH.
    pub(crate) fn find(variables: Vec<(&'static str, OsString)>) -> Option<Self> {
        let (_, path) = variables.iter().find(|(name, _)| *name == "PATH")?;
        let squeue = std::env::split_paths(path)
            .filter(|directory| directory.is_absolute())
            .map(|directory| directory.join("squeue"))
            .find(|file| file.is_file() && rustix::fs::access(file, Access::EXEC_OK).is_ok())?;
        Some(Self { squeue, variables })
    }

    /// Returns the job of the scheduler of the cluster `name`, which does not run yet. `None` if no
    /// job fits, or more than one.
    ///
    /// # Errors
    /// Fails if `squeue` fails or takes too long. It isn't worth trying again.
    pub(crate) async fn job(&self, name: &str) -> Result<Option<Job>, SlurmUnavailable> {
        let text = self.squeue(FORMAT).await?;
        log::debug!("squeue listed {}", count::of(text.lines().count(), "job"));
        Ok(only_job(&text, name))
    }

    /// Returns the job of the scheduler of the cluster `name` if it has ended. The workers' jobs have
    /// the same working directory, but were submitted later.
    ///
    /// # Errors
    /// Fails if `squeue` fails or takes too long.
    pub(crate) async fn ended_job(&self, name: &str) -> Result<Option<Job>, SlurmUnavailable> {
        let text = self.squeue(FORMAT).await?;
        let scheduler = jobs_by_number(&text, name).into_iter().next();
        Ok(scheduler.filter(|job| has_ended(&job.state)))
    }

    /// Returns the jobs of the workers of the cluster `name`, oldest first.
    ///
    /// # Errors
    /// Fails if `squeue` fails or takes too long.
    pub(crate) async fn worker_jobs(&self, name: &str) -> Result<Vec<Job>, SlurmUnavailable> {
        let text = self.squeue(FORMAT).await?;
        Ok(jobs_by_number(&text, name).into_iter().skip(1).collect())
    }

    /// Returns the jobs of the cluster `name` that have ended, with their times: by `sacct`, or by
    /// `squeue`, which knows no exit codes, where the site keeps no accounts.
    ///
    /// # Errors
    /// Fails if both fail or take too long.
    pub(crate) async fn ended_jobs(&self, name: &str) -> Result<Vec<EndedJob>, SlurmUnavailable> {
        let mut sacct = self.command(&self.squeue.with_file_name("sacct"));
        sacct.env(SECONDS.0, SECONDS.1);
        sacct.args([
            "--noheader",
            "--parsable2",
            "--allocations",
            "--starttime=now-30days",
        ]);
        sacct.args([
            "--name=dask-gateway",
            "--format=JobID,State,ExitCode,End,WorkDir",
        ]);
        let text = match capture(&mut sacct, SIZE_LIMIT, TIMEOUT).await {
            Ok(text) => text,
            Err(cause) => {
                log::info!("`sacct` failed: {cause}");
                self.squeue("--format=%i|%T||%e|%Z").await?
            }
        };
        let jobs = text.lines().filter_map(EndedJob::parse);
        Ok(jobs.filter(|job| job.directory.ends_with(name)).collect())
    }

    /// Lists all of the user's jobs, including those that ended lately, and logs why that fails.
    async fn squeue(&self, format: &str) -> Result<String, SlurmUnavailable> {
        let mut command = self.command(&self.squeue);
        if format != FORMAT {
            command.env(SECONDS.0, SECONDS.1);
        }
        command
            .args(["--noheader", "--all", "--states=all", "--name=dask-gateway"])
            .arg(format);
        let output = capture(&mut command, SIZE_LIMIT, TIMEOUT).await;
        output.map_err(|cause| {
            log::info!("`squeue` failed: {cause}");
            SlurmUnavailable
        })
    }

    /// Creates a command that lists jobs of the user.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .arg(format!("--user={}", rustix::process::getuid().as_raw()))
            .env_clear()
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir("/");
        command
    }
}

/// A job that has ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct EndedJob {
    pub(crate) id: String,
    pub(crate) time: Timestamp,
    /// In Slurm's words.
    state: String,
    /// Exit code and signal, as Slurm writes them: `0:9`.
    exit_code: Option<String>,
    /// Its working directory: the cluster's staging directory.
    pub(crate) directory: PathBuf,
}

impl EndedJob {
    /// Describes how it ended.
    pub(crate) fn text(&self) -> String {
        let exit_code = self
            .exit_code
            .iter()
            .map(|code| format!(", exit code {code}"));
        let exit_code = exit_code.collect::<String>();
        format!("Slurm job {} ended: {}{exit_code}", self.id, self.state)
    }

    /// Parses one line, `ID|STATE|EXITCODE|END|DIRECTORY`; `None` if it describes no job that has
    /// ended. The end is in seconds since the epoch.
    fn parse(line: &str) -> Option<Self> {
        let fields = line.splitn(5, '|').map(str::trim).collect::<Vec<_>>();
        let [id, state, exit_code, end, directory] = fields[..] else {
            return None;
        };
        if !has_ended(state) {
            return None;
        }
        Some(Self {
            id: id.to_owned(),
            time: Timestamp::from_second(end.parse().ok()?).ok()?,
            state: state.to_owned(),
            exit_code: Some(exit_code.to_owned()).filter(|code| !code.is_empty()),
            directory: directory.into(),
        })
    }
}

/// Returns true if a job in this state has left the queue and its nodes.
fn has_ended(state: &str) -> bool {
    let active = [
        "PENDING",
        "RUNNING",
        "CONFIGURING",
        "COMPLETING",
        "SUSPENDED",
        "REQUEUED",
        "RESIZING",
        "STOPPED",
        "SIGNALING",
        "STAGE_OUT",
    ];
    !active.contains(&state)
}

/// `squeue` failed or took too long.
#[derive(Debug)]
pub(crate) struct SlurmUnavailable;

/// Returns the only job in the output whose working directory has this name.
fn only_job(text: &str, name: &str) -> Option<Job> {
    let mut jobs = text
        .lines()
        .filter_map(parse)
        .filter(|job| job.directory.ends_with(name));
    let job = jobs.next()?;
    jobs.next().is_none().then_some(job)
}

/// Returns the jobs whose working directory has this name in the order of their numbers: the first
/// is the scheduler's.
fn jobs_by_number(text: &str, name: &str) -> Vec<Job> {
    let jobs = text.lines().filter_map(parse);
    let mut jobs = jobs
        .filter(|job| job.directory.ends_with(name))
        .collect::<Vec<_>>();
    jobs.sort_by_key(|job| job.id.parse::<u64>().unwrap_or(u64::MAX));
    jobs
}

/// Parses one line of the output; `None` if it describes no job.
pub(super) fn parse(line: &str) -> Option<Job> {
    let mut fields = line.splitn(5, '|');
    let mut next = || fields.next().map(str::trim);
    let (id, state, reason, start, directory) = (next()?, next()?, next()?, next()?, next()?);
    let known = |text: &str| {
        let is_known = !["", "None", "N/A", "(null)", "Unknown"].contains(&text);
        is_known.then(|| text.to_owned())
    };
    Some(Job {
        scheduler: "slurm",
        id: known(id)?,
        state: known(state)?,
        reason: known(reason),
        // For a job that has started, this is the time when it did.
        expected_start: known(start).filter(|_| state == "PENDING"),
        directory: PathBuf::from(directory),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
4|RUNNING|None|2026-11-21T04:53:15|/home/ada/.dask-gateway/fa65
5|PENDING|Resources|2026-11-21T05:40:00|/home/ada/.dask-gateway/4f65
6|PENDING|Priority|N/A|/scratch/a|b/6bce
7|CANCELLED|Priority|2026-11-21T04:53:34|/home/ada/.dask-gateway/0000
8|RUNNING|None|2026-11-21T04:53:34|/home/ada/.dask-gateway/twice
9|PENDING|Priority|N/A|/home/ada/.dask-gateway/twice
CLUSTER: other
10|PENDING
";

    fn text(name: &str) -> Option<String> {
        only_job(OUTPUT, name).map(|job| job.text())
    }

    #[test]
    fn finds_job_by_its_working_directory() {
        assert_eq!(text("fa65").as_deref(), Some("Slurm job 4 is RUNNING"));
        assert_eq!(
            text("4f65").as_deref(),
            Some("Slurm job 5 is waiting: Resources")
        );
        assert_eq!(
            text("6bce").as_deref(),
            Some("Slurm job 6 is waiting: Priority")
        );
        assert_eq!(text("0000").as_deref(), Some("Slurm job 7 is CANCELLED"));
    }

    #[test]
    fn ignores_ambiguous_and_similar_names() {
        for name in ["twice", "f65", "ada", "10", "nosuch"] {
            assert_eq!(text(name), None, "{name}");
        }
    }

    #[test]
    fn condition_has_the_reason_unless_cancelled() {
        let condition = |name| only_job(OUTPUT, name).map(|job| job.condition());
        assert_eq!(condition("4f65").as_deref(), Some("PENDING (Resources)"));
        assert_eq!(condition("fa65").as_deref(), Some("RUNNING"));
        assert_eq!(condition("0000").as_deref(), Some("CANCELLED"));
    }

    #[test]
    fn the_first_job_of_a_cluster_is_its_schedulers() {
        let output = "12|RUNNING|None|N/A|/a/fa65\n9|TIMEOUT|TimeLimit|N/A|/a/fa65\n";
        let jobs = jobs_by_number(output, "fa65");
        assert!(has_ended(&jobs[0].state));
        assert_eq!(jobs[0].text(), "Slurm job 9 is TIMEOUT (TimeLimit)");
        assert_eq!(jobs[1].text(), "Slurm job 12 is RUNNING");
        assert!(!has_ended(&jobs_by_number(OUTPUT, "twice")[0].state));
        assert_eq!(jobs_by_number(OUTPUT, "f65"), []);
    }

    #[test]
    fn same_state_with_a_first_reason_is_an_update() {
        let job = |line| parse(line).expect("a job");
        let pending = job("5|PENDING|None|N/A|/a");
        let with_reason = job("5|PENDING|Priority|N/A|/a");
        assert!(pending.is_updated_by(&with_reason));
        assert!(with_reason.is_updated_by(&with_reason));
        for other in [
            "5|PENDING|Resources|N/A|/a",
            "5|PENDING|None|N/A|/a",
            "6|PENDING|Priority|N/A|/a",
            "5|RUNNING|Priority|N/A|/a",
        ] {
            assert!(!with_reason.is_updated_by(&job(other)), "{other}");
        }
    }

    #[test]
    fn only_pending_jobs_have_an_expected_start() {
        let expectation = |name| only_job(OUTPUT, name).and_then(|job| job.expectation());
        assert_eq!(
            expectation("4f65").as_deref(),
            Some("expected to start at 2026-11-21T05:40:00")
        );
        assert_eq!(expectation("6bce"), None);
        assert_eq!(expectation("fa65"), None);
    }

    proptest::proptest! {
        #[test]
        fn parses_any_output(
            text in crate::hostile::text(), table in "([0-9]{0,3}\\|?[A-Z]{0,9}\\|?[a-z/|]{0,12}\n?){0,9}",
        ) {
            for text in [&text, &table] {
                if let Some(job) = only_job(text, "fa65") {
                    let _ = (job.text(), job.condition(), job.expectation());
                    proptest::prop_assert!(job.directory().ends_with("fa65"));
                }
            }
        }
    }

    #[test]
    fn jobs_end_at_a_time_and_maybe_with_an_exit_code() {
        let job = EndedJob::parse("17|OUT_OF_MEMORY|0:125|1795300447|/home/a|b/ab12");
        let job = job.expect("a job");
        assert_eq!(
            job.text(),
            "Slurm job 17 ended: OUT_OF_MEMORY, exit code 0:125"
        );
        assert_eq!(job.time.as_second(), 1_795_300_447);
        assert!(job.directory.ends_with("ab12"));
        let job = EndedJob::parse("17|CANCELLED by 7||1795300447|/ab12").expect("a job");
        assert_eq!(job.text(), "Slurm job 17 ended: CANCELLED by 7");
        for line in [
            "17|RUNNING|0:0|Unknown|/ab12",
            "17|FAILED||N/A|/ab12",
            "17|FAILED",
            "",
        ] {
            assert_eq!(EndedJob::parse(line), None, "{line}");
        }
    }
}
