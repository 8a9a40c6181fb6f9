//! The logs in a cluster's staging folder, kept from being lost.
//!
//! A job-queue back-end puts a folder named after the cluster into `~/.dask-gateway/` unless its
//! site says otherwise (`JobQueueClusterConfig.staging_directory`). Jobs of Slurm log into it (those
//! of PBS don't), and the gateway removes it as soon as it stops or fails the cluster. Beside the
//! logs lies the cluster's private key: nothing but logs is ever opened.
//!
//! Files are open for no longer than it takes to read them, and nothing is written here: on NFS, a
//! file that is held open can keep the folder from being removed, and a folder that can't be
//! removed keeps the gateway from cancelling the job (`launcher.stop`).

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat};

use super::copies;

/// Of each log, its end is kept: enough for any traceback.
const SIZE_LIMIT: u64 = 256 * 1024;

/// The scheduler's, and some of the workers'.
const LOGS: usize = 8;

/// Characters of one line that are shown.
const LINE_LIMIT: usize = 400;

const FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK);

/// The end of a log, as it was when it was last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JobLog {
    /// Where it lies, or lay.
    pub(crate) path: PathBuf,
    /// Where a copy was put.
    pub(crate) copy: Option<PathBuf>,
    bytes: Vec<u8>,
    /// Size, and seconds and nanoseconds of the last change: whether it has grown since.
    seen: [i128; 3],
}

impl JobLog {
    /// Whether it is the scheduler's, by its name.
    pub(crate) fn is_schedulers(&self) -> bool {
        let name = self.path.file_name().unwrap_or_default();
        name.as_encoded_bytes().starts_with(b"dask-scheduler-")
    }

    /// Its last lines, long ones cut. Nothing is escaped.
    pub(crate) fn last_lines(&self, count: usize) -> Vec<String> {
        let text = String::from_utf8_lossy(&self.bytes);
        let lines = text.trim_end().lines().collect::<Vec<_>>();
        let first = lines.len().saturating_sub(count);
        lines[first..].iter().map(|line| shortened(line)).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.last_lines(1).is_empty()
    }

    /// When it was written to last, for comparison: seconds and nanoseconds.
    pub(super) fn changed(&self) -> (i128, i128) {
        (self.seen[1], self.seen[2])
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

fn shortened(line: &str) -> String {
    match line.char_indices().nth(LINE_LIMIT) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line.to_owned(),
    }
}

/// Where a cluster's logs may be, and those that were found.
#[derive(Debug)]
pub(crate) struct Staging {
    name: String,
    folders: Vec<PathBuf>,
    logs: Vec<JobLog>,
}

impl Staging {
    /// Of the cluster `name`, in the place where gateways put it by default.
    pub(crate) fn new(home: &Path, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            folders: vec![home.join(".dask-gateway").join(name)],
            logs: Vec::new(),
        }
    }

    /// Reads what is new, in the `folder` too that its job is said to work in. May block, as file
    /// systems do.
    pub(crate) fn look(&mut self, folder: Option<&Path>) {
        if let Some(folder) = folder
            && folder.is_absolute()
            && folder.ends_with(&self.name)
            && !self.folders.iter().any(|known| known == folder)
        {
            self.folders.push(folder.to_owned());
        }
        for folder in &self.folders {
            // What isn't there, or isn't to be read, is no news.
            let _ = look_into(folder, &mut self.logs);
        }
    }

    /// The logs as they were last seen, the scheduler's first; copied to where dgw keeps its own
    /// things, as far as that goes.
    pub(crate) fn rescue(&mut self, state: Option<&Path>) -> Vec<JobLog> {
        self.logs.sort_by_key(|log| !log.is_schedulers());
        if let Some(state) = state {
            copies::write(state, &self.name, &mut self.logs);
        }
        self.logs.clone()
    }
}

/// Reads the logs in `path` that are new or have changed.
fn look_into(path: &Path, logs: &mut Vec<JobLog>) -> rustix::io::Result<()> {
    let Some((parent, name)) = path.parent().zip(path.file_name()) else {
        return Ok(());
    };
    let flags = FLAGS | OFlags::DIRECTORY;
    let parent = rustix::fs::open(parent, flags, Mode::empty())?;
    let folder = rustix::fs::openat(&parent, name, flags, Mode::empty())?;
    if !is_mine(&rustix::fs::fstat(&folder)?) {
        return Ok(());
    }
    for entry in Dir::read_from(&folder)? {
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
        if known.is_none() && logs.len() >= LOGS && !name.starts_with("dask-scheduler-") {
            continue;
        }
        let stat = rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if known.is_some_and(|index| logs[index].seen == sight(&stat)) {
            continue;
        }
        // It may be gone meanwhile; the others may not.
        let Ok(Some(log)) = read(&folder, name, file) else {
            continue;
        };
        match known {
            Some(index) => logs[index] = log,
            None => logs.push(log),
        }
    }
    Ok(())
}

/// The end of a regular file of the user's own; `None` if it's something else.
fn read(folder: &OwnedFd, name: &str, path: PathBuf) -> std::io::Result<Option<JobLog>> {
    let file = rustix::fs::openat(folder.as_fd(), name, FLAGS, Mode::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    if !is_mine(&stat) || FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Ok(None);
    }
    let mut file = File::from(file);
    let size = u64::try_from(stat.st_size).unwrap_or_default();
    let skipped = size.saturating_sub(SIZE_LIMIT);
    file.seek(SeekFrom::Start(skipped))?;
    let mut bytes = Vec::new();
    file.take(SIZE_LIMIT).read_to_end(&mut bytes)?;
    if skipped > 0 {
        // The first line is cut.
        let end = bytes.iter().position(|byte| *byte == b'\n');
        bytes.drain(..end.map_or(0, |end| end + 1));
    }
    Ok(Some(JobLog {
        path,
        copy: None,
        bytes,
        seen: sight(&stat),
    }))
}

fn is_mine(stat: &Stat) -> bool {
    stat.st_uid == rustix::process::geteuid().as_raw()
}

/// What tells whether a file has changed. Its parts' types differ from system to system.
fn sight(stat: &Stat) -> [i128; 3] {
    [
        i128::from(stat.st_size),
        i128::from(stat.st_mtime),
        i128::from(stat.st_mtime_nsec),
    ]
}
