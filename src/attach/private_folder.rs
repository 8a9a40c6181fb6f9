//! A folder for credentials that programs need as files: the user's alone, and gone in the end.
//!
//! Its owner holds a lock on it, which the system lifts when the owner ends, by whatever: what was
//! left by one that was killed is told from what is in use, and removed by the next that makes a
//! folder. Cleaners of temporary files spare locked folders, too.

use std::fs::{self, DirEntry, File};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, flock};
use rustix::process::geteuid;

use super::Error;

/// What the folders' names begin with.
const PREFIX: &str = "dgw-connection-";

/// Younger ones may yet be without their lock: made just now, or about to be handed over.
const SETTLED: Duration = Duration::from_secs(60);

/// Whoever looks whether a folder is held holds it for a moment.
const TRIES: usize = 20;
const PAUSE: Duration = Duration::from_millis(10);

/// A folder with mode 700. Dropped, it's removed.
pub(super) struct PrivateFolder {
    path: PathBuf,
    _lock: File,
    is_handed_over: bool,
}

impl PrivateFolder {
    /// Makes one in `XDG_RUNTIME_DIR`, or else in the folder for temporary files.
    ///
    /// # Errors
    /// None of these can be written.
    pub(super) fn make() -> Result<Self, Error> {
        remove_leftovers();
        let mut failed = None;
        for place in places() {
            match Self::make_in(&place) {
                Ok(folder) => return Ok(folder),
                Err(source) => failed = Some((place, source)),
            }
        }
        let (path, source) = failed.unwrap_or_else(|| {
            let missing = std::io::Error::from(std::io::ErrorKind::NotFound);
            (std::env::temp_dir(), missing)
        });
        Err(Error::PrivateDirectory { path, source })
    }

    fn make_in(place: &Path) -> std::io::Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(fs::Permissions::from_mode(0o700))
            .tempdir_in(place)?;
        let lock = File::open(folder.path())?;
        hold(&lock)?;
        Ok(Self {
            path: folder.keep(),
            _lock: lock,
            is_handed_over: false,
        })
    }

    /// Takes over what another dgw made and handed over.
    ///
    /// # Errors
    /// It isn't there, isn't private, or its owner is still there.
    pub(super) fn adopt(path: PathBuf) -> Result<Self, Error> {
        let refused = |source| Error::PrivateDirectory {
            path: path.clone(),
            source,
        };
        let lock = File::open(&path).map_err(refused)?;
        if !is_private(&lock.metadata().map_err(refused)?) {
            return Err(refused(std::io::ErrorKind::PermissionDenied.into()));
        }
        hold(&lock).map_err(refused)?;
        Ok(Self {
            path,
            _lock: lock,
            is_handed_over: false,
        })
    }

    /// Lets go of it for another to adopt; returns where it is.
    pub(super) fn hand_over(mut self) -> PathBuf {
        self.is_handed_over = true;
        self.path.clone()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        if !self.is_handed_over {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Every private folder of this user's, with whether its owner is still there.
pub(super) fn all() -> Vec<(PathBuf, bool)> {
    let entries = places()
        .into_iter()
        .filter_map(|place| place.read_dir().ok())
        .flatten();
    let found = entries.filter_map(|entry| {
        let path = own(&entry.ok()?)?;
        let is_held = is_held(&path)?;
        Some((path, is_held))
    });
    found.collect()
}

/// Whether the owner of the folder is still there; nothing if the folder is not.
pub(super) fn is_held(path: &Path) -> Option<bool> {
    let folder = File::open(path).ok()?;
    // Shared: two that look at once don't take each other for the owner.
    Some(flock(&folder, FlockOperation::NonBlockingLockShared).is_err())
}

fn hold(folder: &File) -> std::io::Result<()> {
    let mut tries = 1;
    while let Err(error) = flock(folder, FlockOperation::NonBlockingLockExclusive) {
        if tries == TRIES {
            return Err(error.into());
        }
        tries += 1;
        std::thread::sleep(PAUSE);
    }
    Ok(())
}

/// Where to make one, best first. A `XDG_RUNTIME_DIR` of somebody else's, as `su` may leave it,
/// is none.
fn places() -> Vec<PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let runtime = runtime.filter(|place| {
        let metadata = place.metadata();
        place.is_absolute() && metadata.is_ok_and(|metadata| is_private(&metadata))
    });
    let temporary = Some(std::env::temp_dir());
    runtime.into_iter().chain(temporary).collect()
}

fn is_private(metadata: &fs::Metadata) -> bool {
    metadata.is_dir() && metadata.uid() == geteuid().as_raw() && metadata.mode() & 0o777 == 0o700
}

/// The path of a private folder of this user's, if that is what it is.
fn own(entry: &DirEntry) -> Option<PathBuf> {
    let is_ours = entry.file_name().to_str()?.starts_with(PREFIX);
    // Of the entry itself, never of what a link leads to.
    (is_ours && is_private(&entry.metadata().ok()?)).then(|| entry.path())
}

fn remove_leftovers() {
    for (path, is_held) in all() {
        let made = path.metadata().and_then(|metadata| metadata.modified());
        let age = made.map(|made| SystemTime::now().duration_since(made));
        let is_settled = age.is_ok_and(|age| age.is_ok_and(|age| age > SETTLED));
        if !is_held && is_settled && holds_only_ours(&path) {
            log::info!(
                "removing what a dgw that was killed left: {}",
                path.display()
            );
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// Whether nothing is in it but what dgw itself puts there: others may call their folders so, too.
fn holds_only_ours(path: &Path) -> bool {
    const OURS: [&str; 3] = ["cluster.pem", "cluster.key", "relay.json"];
    let Ok(mut entries) = path.read_dir() else {
        return false;
    };
    entries.all(|entry| {
        entry.is_ok_and(|entry| {
            let name = entry.file_name();
            OURS.iter().any(|ours| name == *ours)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_private_held_and_gone_in_the_end() {
        let folder = PrivateFolder::make().expect("a folder");
        let path = folder.path().to_owned();
        let mode = path.metadata().expect("it is there").mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(is_held(&path), Some(true));
        assert!(
            PrivateFolder::adopt(path.clone()).is_err(),
            "it has an owner"
        );
        assert_eq!(folder.hand_over(), path);
        let folder = PrivateFolder::adopt(path.clone()).expect("it has none");
        assert_eq!(is_held(&path), Some(true));
        drop(folder);
        assert_eq!(is_held(&path), None);
    }

    #[test]
    fn what_others_may_read_is_not_adopted() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = fs::Permissions::from_mode(0o750);
        fs::set_permissions(folder.path(), open).expect("its mode can be set");
        assert!(PrivateFolder::adopt(folder.path().to_owned()).is_err());
    }
}
