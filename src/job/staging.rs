//! Reads the logs in a cluster's staging directory before they are lost.
//!
//! A job-queue backend makes a directory named after the cluster in `~/.dask-gateway/`, unless its
//! site says otherwise (`JobQueueClusterConfig.staging_directory`). Jobs of Slurm log into it (those
//! of PBS don't), and the gateway removes it as soon as it stops or fails the cluster. It also holds
//! the cluster's private key: dgw opens nothing but logs.
//!
//! Files are only open while they are read, and nothing is written here: on NFS, an open file can
//! prevent the directory from being removed, and a directory that can't be removed prevents the
//! gateway from cancelling the job (`launcher.stop`).

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rustix::fs::{Dir, FileType, Mode, OFlags};

use super::copies;
use crate::private::{AccessRights, READ_FLAGS};

/// Size limit of each log, of which the end is kept: enough for any traceback.
const SIZE_LIMIT: u64 = 256 * 1024;

/// Limits on the number of logs: of workers', and of those that are named as the scheduler's, of
/// which there is one unless somebody has made others.
const WORKER_LOGS: usize = 7;
const SCHEDULER_LOGS: usize = 1;

/// Limit on the characters of a line.
const LINE_LIMIT: usize = 400;

const FLAGS: OFlags = READ_FLAGS.union(OFlags::NOFOLLOW);

/// The end of a log, as it was read last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JobLog {
    /// Path of the log, which may be gone.
    pub(crate) path: PathBuf,
    /// Path of the copy, if there is one.
    pub(crate) copy: Option<PathBuf>,
    pub(super) bytes: Vec<u8>,
    /// Size, and time of the last change, by which a change is noticed.
    version: (u64, Option<SystemTime>),
}

impl JobLog {
    /// Returns true if it is the scheduler's, by its name.
    pub(crate) fn is_schedulers(&self) -> bool {
        is_schedulers(self.path.file_name().unwrap_or_default())
    }

    /// Returns the last lines, long ones truncated. Nothing is escaped.
    pub(crate) fn last_lines(&self, count: usize) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.bytes);
        let lines = text.trim_end().lines().collect::<Vec<_>>();
        let first = lines.len().saturating_sub(count);
        lines[first..].iter().map(|line| truncated(line)).collect()
    }

    /// Returns true if it has no text.
    pub(crate) fn is_empty(&self) -> bool {
        self.last_lines(1).is_empty()
    }

    /// Returns when it was written to last.
    pub(super) fn changed(&self) -> Option<SystemTime> {
        self.version.1
    }
}

/// Returns true if a log with this name is the scheduler's.
fn is_schedulers(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"dask-scheduler-")
}

/// Returns true if another log with this name is within the limits.
fn has_room(logs: &[JobLog], name: &str) -> bool {
    let is_schedulers = is_schedulers(name.as_ref());
    let same = logs
        .iter()
        .filter(|log| log.is_schedulers() == is_schedulers);
    let limit = if is_schedulers {
        SCHEDULER_LOGS
    } else {
        WORKER_LOGS
    };
    same.count() < limit
}

fn truncated(line: &str) -> String {
    match line.char_indices().nth(LINE_LIMIT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// Returns the size of a file and when it was written to last.
fn version(metadata: &Metadata) -> (u64, Option<SystemTime>) {
    (metadata.len(), metadata.modified().ok())
}

/// The staging directories that a cluster may have, and the logs in them.
#[derive(Debug)]
pub(crate) struct Staging {
    name: String,
    directories: Vec<PathBuf>,
    logs: Vec<JobLog>,
}

impl Staging {
    /// Takes the name of a cluster, and the home directory in which gateways stage it by default.
    pub(crate) fn new(home: &Path, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            directories: vec![home.join(".dask-gateway").join(name)],
            logs: Vec::new(),
        }
    }

    /// Reads new and changed logs, including those in `job_directory`, where Slurm says that the job
    /// works. May block, as file systems do.
    pub(crate) fn update(&mut self, job_directory: Option<&Path>) {
        if let Some(directory) = job_directory {
            self.add_directory(directory);
        }
        for directory in &self.directories {
            // It may not exist yet, or not be readable.
            let _ = update_logs(directory, &mut self.logs);
        }
    }

    /// Adds a directory in which Slurm says that a job of the cluster works.
    pub(crate) fn add_directory(&mut self, directory: &Path) {
        let is_of_cluster = directory.is_absolute() && directory.ends_with(&self.name);
        if is_of_cluster && !self.directories.iter().any(|known| known == directory) {
            self.directories.push(directory.to_owned());
        }
    }

    /// Reads the log of one worker, of which there can be more than [`Self::update`] reads. May block.
    pub(crate) fn worker_log(&self, worker: &str) -> Option<JobLog> {
        let name = format!("dask-worker-{worker}.log");
        // The name is the scheduler's word: it must not lead elsewhere.
        if Path::new(&name).file_name()? != name.as_str() {
            return None;
        }
        self.directories.iter().find_map(|directory| {
            let opened = open_own(directory).ok()??;
            read(&opened, &name, directory.join(&name)).ok()?
        })
    }

    /// Copies the logs, as they were read last, into dgw's `state` directory as far as possible.
    /// Returns them, the scheduler's first.
    pub(crate) fn copy_logs(&mut self, state: Option<&Path>) -> Vec<JobLog> {
        self.logs.sort_by_key(|log| !log.is_schedulers());
        if let Some(state) = state {
            copies::write(state, &self.name, &mut self.logs);
        }
        self.logs.clone()
    }
}

/// Opens the directory `path` if it is the user's own.
fn open_own(path: &Path) -> io::Result<Option<OwnedFd>> {
    let Some((parent, name)) = path.parent().zip(path.file_name()) else {
        return Ok(None);
    };
    let flags = FLAGS | OFlags::DIRECTORY;
    let parent = rustix::fs::open(parent, flags, Mode::empty())?;
    let directory = rustix::fs::openat(&parent, name, flags, Mode::empty())?;
    let is_own = AccessRights::of(&directory)?.is_own();
    Ok(is_own.then_some(directory))
}

/// Reads the logs in the directory `path` that are new or have changed.
fn update_logs(path: &Path, logs: &mut Vec<JobLog>) -> io::Result<()> {
    let Some(directory) = open_own(path)? else {
        return Ok(());
    };
    for entry in Dir::read_from(&directory)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().to_str() else {
            continue;
        };
        if Path::new(name)
            .extension()
            .is_none_or(|extension| extension != "log")
        {
            continue;
        }
        let file = path.join(name);
        let known = logs.iter().position(|log| log.path == file);
        if known.is_none() && !has_room(logs, name) {
            continue;
        }
        let present = version(&file.symlink_metadata()?);
        if known.is_some_and(|index| logs[index].version == present) {
            continue;
        }
        // This one may be gone meanwhile, and others still there.
        let Ok(Some(log)) = read(&directory, name, file) else {
            continue;
        };
        match known {
            Some(index) => logs[index] = log,
            None => logs.push(log),
        }
    }
    Ok(())
}

/// Reads the end of a regular file of the user's own; `None` if it is anything else.
fn read(directory: &OwnedFd, name: &str, path: PathBuf) -> io::Result<Option<JobLog>> {
    let mut file = File::from(rustix::fs::openat(directory, name, FLAGS, Mode::empty())?);
    let rights = AccessRights::of(&file)?;
    if !rights.is_own() || rights.kind != FileType::RegularFile {
        return Ok(None);
    }
    let version = version(&file.metadata()?);
    let skipped = version.0.saturating_sub(SIZE_LIMIT);
    file.seek(SeekFrom::Start(skipped))?;
    let mut bytes = Vec::new();
    file.take(SIZE_LIMIT).read_to_end(&mut bytes)?;
    if skipped > 0 {
        // The first line is incomplete.
        let end = bytes.iter().position(|byte| *byte == b'\n');
        bytes.drain(..end.map_or(0, |end| end + 1));
    }
    Ok(Some(JobLog {
        path,
        copy: None,
        bytes,
        version,
    }))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn reads_the_end_of_logs_and_nothing_else() {
        let home = tempfile::tempdir().expect("a directory");
        let directory = home.path().join(".dask-gateway/ab12");
        fs::create_dir_all(&directory).expect("a directory");
        let write = |name: &str, text: &str| {
            fs::write(directory.join(name), text).expect("a file");
        };
        let line = "x".repeat(1023) + "\n";
        write("dask-worker-1.log", &(line.repeat(300) + "end\n"));
        write("dask-scheduler-ab12.log", "  \n");
        write("dask.pem", "a key");
        symlink(directory.join("dask.pem"), directory.join("link.log")).expect("a link");
        let mut staging = Staging::new(home.path(), "ab12");
        staging.update(None);
        let logs = staging.copy_logs(None);
        let names = logs.iter().filter_map(|log| log.path.file_name());
        assert_eq!(
            names.collect::<Vec<_>>(),
            ["dask-scheduler-ab12.log", "dask-worker-1.log"]
        );
        assert!(logs[0].is_empty() && logs[0].is_schedulers());
        assert!(!logs[1].is_empty() && !logs[1].is_schedulers());
        assert!(logs[1].bytes.len() as u64 <= SIZE_LIMIT);
        assert!(logs[1].bytes.starts_with(b"xxx"));
        let last_lines = logs[1].last_lines(2);
        assert_eq!(last_lines[0], "x".repeat(LINE_LIMIT) + "…");
        assert_eq!(last_lines[1..], ["end"]);

        assert_eq!(
            staging.worker_log("1").map(|log| log.last_lines(1)),
            Some(vec!["end".to_owned()])
        );
        assert!(staging.worker_log("2").is_none());
        assert!(staging.worker_log("x/../dask-worker-1").is_none());

        write("dask-worker-1.log", "more\n");
        staging.update(Some(&home.path().join("other/cd34")));
        assert_eq!(staging.copy_logs(None)[1].last_lines(9), ["more"]);
    }

    #[test]
    fn thousands_of_links_to_a_log_stay_within_the_limits() {
        let home = tempfile::tempdir().expect("a directory");
        let directory = home.path().join(".dask-gateway/ab12");
        fs::create_dir_all(&directory).expect("a directory");
        let large = directory.join("dask-worker-0.log");
        let size = usize::try_from(SIZE_LIMIT * 2).expect("it fits");
        let text = "a line\n".repeat(size / 7);
        fs::write(&large, text).expect("a file");
        for number in 1..1000 {
            for role in ["scheduler", "worker"] {
                let link = directory.join(format!("dask-{role}-{number}.log"));
                fs::hard_link(&large, link).expect("a link");
            }
        }
        let mut staging = Staging::new(home.path(), "ab12");
        staging.update(None);
        staging.update(None);
        let logs = staging.copy_logs(None);
        assert_eq!(logs.len(), WORKER_LOGS + SCHEDULER_LOGS);
        assert!(logs[0].is_schedulers() && !logs[1].is_schedulers());
        assert!(logs.iter().all(|log| !log.is_empty()));
        assert!(logs.iter().all(|log| log.bytes.len() as u64 <= SIZE_LIMIT));
    }

    #[test]
    fn reads_the_directory_that_the_job_works_in() {
        let [home, scratch] = [0; 2].map(|_| tempfile::tempdir().expect("a directory"));
        let directory = scratch.path().join("ab12");
        fs::create_dir(&directory).expect("a directory");
        fs::write(directory.join("dask-worker-1.log"), "text").expect("a file");
        let mut staging = Staging::new(home.path(), "ab12");
        staging.update(Some(scratch.path()));
        assert!(staging.copy_logs(None).is_empty());
        staging.update(Some(&directory));
        assert_eq!(staging.copy_logs(None).len(), 1);
    }
}
