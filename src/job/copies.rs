//! Copies of logs in a directory that only the user can enter.

use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use super::JobLog;
use crate::private::PrivateDir;

/// Number of clusters whose copies are kept, the latest ones.
const CLUSTERS: usize = 20;

/// Copies `logs` to `logs/NAME` in the directory `state`, and notes the copies' paths. A log that
/// can't be written has no copy; nothing fails for that.
pub(super) fn write(state: &Path, name: &str, logs: &mut [JobLog]) {
    if logs.iter().all(|log| log.bytes().is_empty()) {
        return;
    }
    let all = state.join("logs");
    let path = all.join(name);
    let Some(directory) = PrivateDir::create(&path)
        .ok()
        .filter(PrivateDir::is_closed_to_others)
    else {
        return;
    };
    for log in logs.iter_mut().filter(|log| !log.bytes().is_empty()) {
        log.copy = log.path.file_name().and_then(|file| {
            let file = file.to_str()?;
            directory.write(file, log.bytes()).ok()?;
            Some(directory.path_of(file))
        });
    }
    let _ = prune(&all, &path);
}

/// Removes the copies of all but the latest clusters; `newest` is always kept.
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
