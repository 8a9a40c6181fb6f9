//! Copies of logs in files that only their user can read.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::JobLog;

/// Number of clusters whose copies are kept.
const CLUSTERS: usize = 20;

/// Copies `logs` to `logs/NAME` in the directory `state`, and sets the path of each copy. A log that
/// can't be copied has none; nothing fails for it.
pub(super) fn write(state: &Path, name: &str, logs: &mut [JobLog]) {
    if logs.iter().all(|log| log.bytes().is_empty()) {
        return;
    }
    let all = state.join("logs");
    let Ok(directory) = private_directory(&all.join(name)) else {
        return;
    };
    for log in logs.iter_mut().filter(|log| !log.bytes().is_empty()) {
        let file = log.path.file_name().map(|file| directory.join(file));
        log.copy = file.filter(|copy| write_private(copy, log.bytes()).is_ok());
    }
    let _ = prune(&all, &directory);
}

/// Makes a directory of the user's own that nobody else can read.
fn private_directory(path: &Path) -> io::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    let metadata = fs::symlink_metadata(path)?;
    let is_mine = metadata.uid() == rustix::process::geteuid().as_raw();
    let is_private = metadata.mode().trailing_zeros() >= 6;
    if metadata.is_dir() && is_mine && is_private {
        Ok(path.to_owned())
    } else {
        Err(io::ErrorKind::PermissionDenied.into())
    }
}

/// Writes a file with mode 600, and replaces an existing one.
fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = create_private(path)?;
    file.write_all(bytes).inspect_err(|_| {
        // An incomplete copy would look like a complete one.
        let _ = fs::remove_file(path);
    })
}

fn create_private(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Removes the copies of all but the latest clusters; keeps `newest` in any case.
fn prune(all: &Path, newest: &Path) -> io::Result<()> {
    let mut directories = Vec::new();
    for entry in fs::read_dir(all)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() && entry.path() != newest {
            let modified = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
            directories.push((modified, entry.path()));
        }
    }
    directories.sort();
    let surplus = (directories.len() + 1).saturating_sub(CLUSTERS);
    for (_, directory) in directories.iter().take(surplus) {
        for file in fs::read_dir(directory)? {
            let path = file?.path();
            if path.extension().is_some_and(|extension| extension == "log") {
                fs::remove_file(path)?;
            }
        }
        fs::remove_dir(directory)?;
    }
    Ok(())
}
