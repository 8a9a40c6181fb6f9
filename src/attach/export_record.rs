//! The record of an exported connection, in the relay's private directory.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use super::Error;
use crate::gateway::ClusterPattern;
use crate::private::{is_locked, temp_dirs, write_new};

/// How long a relay may take to end after SIGTERM: it has nothing to wait for.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// The pause between looks at a relay that starts or ends.
pub(super) const PAUSE: Duration = Duration::from_millis(20);

/// An exported connection, as its relay describes it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ExportRecord {
    /// The cluster's name.
    pub(super) name: String,
    /// The gateway's address.
    pub(super) gateway: String,
    /// The address on which the relay listens.
    pub(super) address: SocketAddr,
    /// The relay's process.
    pub(super) pid: i32,
    /// True if `DGW_GATEWAY` was exported, too.
    #[serde(default)]
    pub(super) selects_gateway: bool,
}

impl ExportRecord {
    /// Writes the record into `directory`.
    ///
    /// # Errors
    /// The directory can't be written.
    pub(super) fn write(&self, directory: &Path) -> io::Result<()> {
        write_new(&Self::path(directory), &serde_json::to_vec(self)?)
    }

    /// Reads the record in `directory`, if there is one.
    pub(super) fn read(directory: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(Self::path(directory)).ok()?).ok()
    }

    fn path(directory: &Path) -> PathBuf {
        directory.join("relay.json")
    }

    /// Stops the relay, and waits until it has ended.
    ///
    /// # Errors
    /// The relay does not end.
    pub(super) fn stop(&self, directory: &Path) -> Result<(), Error> {
        // The relay still holds its directory, so the process is still the relay.
        if let Some(pid) = Pid::from_raw(self.pid) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let deadline = Instant::now() + STOP_LIMIT;
        while is_locked(directory) == Some(true) {
            if Instant::now() > deadline {
                return Err(Error::RelayNotStopped {
                    pid: self.pid,
                    name: self.name.clone(),
                });
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }
}

/// Lists the user's exported connections, with their directories.
pub(super) fn all() -> Vec<(PathBuf, ExportRecord)> {
    temp_dirs()
        .into_iter()
        .filter(|(_, is_locked)| *is_locked)
        .filter_map(|(directory, _)| {
            let record = ExportRecord::read(&directory)?;
            Some((directory, record))
        })
        .collect()
}

/// Selects the exported connection that is meant: by `pattern`, or else the one that this shell
/// uses (`DGW_CLUSTER`), or else the only one.
///
/// # Errors
/// No connection matches `pattern`, or several are exported.
pub(super) fn select(
    pattern: Option<&ClusterPattern>,
) -> Result<Option<(PathBuf, ExportRecord)>, Error> {
    let mut exported = all();
    if let Some(pattern) = pattern {
        exported.retain(|(_, record)| pattern.matches(&record.name));
        if exported.is_empty() {
            return Err(Error::NoExportMatches(pattern.to_string()));
        }
    } else if let Ok(current) = std::env::var("DGW_CLUSTER") {
        exported.retain(|(_, record)| record.name == current);
    }
    if exported.len() > 1 {
        let names = exported.into_iter().map(|(_, record)| record.name);
        return Err(Error::SeveralExported {
            exported: names.collect(),
        });
    }
    Ok(exported.pop())
}
