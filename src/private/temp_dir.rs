//! A temporary directory for credentials that programs need as files.
//!
//! Its owner holds a lock on it, which the system releases when the owner's process ends, however
//! it ends. Without an owner, it was left by a process that was killed: the next one that creates a
//! directory removes it. Cleaners of temporary files spare locked directories, too.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, flock};

use super::access::AccessRights;
use super::error::Error;

/// Beginning of the directories' names.
const PREFIX: &str = "dgw-connection-";

/// Names of all files that dgw puts there. Other programs may use the prefix too: a directory with
/// another file in it is never removed as a leftover.
const FILES: [&str; 4] = ["cluster.pem", "cluster.key", "relay.json", "dashboard.html"];

/// Age from which a directory without an owner is a leftover. A younger one may have just been
/// created, or be about to be handed over.
const LEFTOVER_AGE: Duration = Duration::from_secs(60);

/// Attempts to lock a directory: [`is_locked`] itself holds a lock for a moment.
const LOCK_ATTEMPTS: usize = 20;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// A locked directory with mode 700. It's removed when this is dropped.
#[derive(Debug)]
pub(crate) struct TempDir {
    path: PathBuf,
    _lock: File,
    is_handed_over: bool,
}

impl TempDir {
    /// Creates one in `XDG_RUNTIME_DIR`, or else in the directory for temporary files.
    ///
    /// # Errors
    /// Neither can be written.
    pub(crate) fn create() -> Result<Self, Error> {
        remove_leftovers();
        if let Some(created) = runtime_directory().and_then(|place| create_in(&place).ok()) {
            return Ok(created);
        }
        let place = std::env::temp_dir();
        create_in(&place).map_err(|source| Error::NoTempDir { place, source })
    }

    /// Takes over a directory that another process created and handed over.
    ///
    /// # Errors
    /// It doesn't exist, isn't private, or is still locked by its owner.
    pub(crate) fn adopt(path: PathBuf) -> Result<Self, Error> {
        take(&path).map_err(|source| Error::NoTempDir {
            place: path,
            source,
        })
    }

    /// Releases the directory for another process to adopt, and returns its path.
    pub(crate) fn hand_over(mut self) -> PathBuf {
        self.is_handed_over = true;
        self.path.clone()
    }

    /// Returns the directory's path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        if !self.is_handed_over {
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Lists this user's temporary directories, each with true if its owner is still running.
pub(crate) fn temp_dirs() -> Vec<(PathBuf, bool)> {
    let places = runtime_directory()
        .into_iter()
        .chain([std::env::temp_dir()]);
    let entries = places.filter_map(|place| place.read_dir().ok()).flatten();
    let found = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let is_named = entry.file_name().to_str()?.starts_with(PREFIX);
        let path = is_named.then(|| entry.path())?;
        let is_locked = is_private(&path).then(|| is_locked(&path))??;
        Some((path, is_locked))
    });
    found.collect()
}

/// Returns true if the owner of the directory is still running; `None` if it doesn't exist.
pub(crate) fn is_locked(path: &Path) -> Option<bool> {
    let directory = File::open(path).ok()?;
    // Shared: two processes that test at once don't take each other for the owner.
    Some(flock(&directory, FlockOperation::NonBlockingLockShared).is_err())
}

fn create_in(place: &Path) -> io::Result<TempDir> {
    let directory = tempfile::Builder::new()
        .prefix(PREFIX)
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(place)?;
    let created = take(directory.path())?;
    let _ = directory.keep();
    Ok(created)
}

/// Locks the private directory at `path`.
fn take(path: &Path) -> io::Result<TempDir> {
    let lock = File::open(path)?;
    if !AccessRights::of(&lock)?.is_private_directory() {
        return Err(io::ErrorKind::PermissionDenied.into());
    }
    let mut attempts = 1;
    while let Err(errno) = flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        if attempts == LOCK_ATTEMPTS {
            return Err(errno.into());
        }
        attempts += 1;
        std::thread::sleep(LOCK_PAUSE);
    }
    Ok(TempDir {
        path: path.to_owned(),
        _lock: lock,
        is_handed_over: false,
    })
}

/// Returns `XDG_RUNTIME_DIR`, unless it's another user's, as `su` may leave it.
fn runtime_directory() -> Option<PathBuf> {
    dirs::runtime_dir().filter(|place| is_private(place))
}

/// Returns true if `path` itself, rather than what it links to, is a private directory.
fn is_private(path: &Path) -> bool {
    rustix::fs::lstat(path).is_ok_and(|stat| AccessRights::from(&stat).is_private_directory())
}

fn remove_leftovers() {
    let now = SystemTime::now();
    for (path, is_locked) in temp_dirs() {
        if !is_locked && is_leftover(&path, now) {
            log::info!(
                "removing the leftovers of a dgw that was killed: {}",
                path.display()
            );
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// Returns true if the directory is old enough and holds nothing but dgw's files.
fn is_leftover(path: &Path, now: SystemTime) -> bool {
    let age = path.metadata().and_then(|metadata| metadata.modified());
    let is_old = age.is_ok_and(|time| now.duration_since(time).is_ok_and(|age| age > LEFTOVER_AGE));
    let is_known = |entry: io::Result<fs::DirEntry>| {
        entry.is_ok_and(|entry| FILES.iter().any(|name| entry.file_name() == *name))
    };
    is_old
        && path
            .read_dir()
            .is_ok_and(|mut entries| entries.all(is_known))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, chown, symlink};

    use super::*;

    #[test]
    fn directory_is_private_locked_and_removed_in_the_end() {
        let directory = TempDir::create().expect("created");
        let path = directory.path().to_owned();
        let mode = path.metadata().expect("it exists").mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(is_locked(&path), Some(true));
        assert!(temp_dirs().contains(&(path.clone(), true)));
        assert!(TempDir::adopt(path.clone()).is_err(), "it has an owner");
        assert_eq!(directory.hand_over(), path);
        assert_eq!(is_locked(&path), Some(false));
        assert!(temp_dirs().contains(&(path.clone(), false)));
        let adopted = TempDir::adopt(path.clone()).expect("it has no owner");
        assert_eq!(is_locked(&path), Some(true));
        drop(adopted);
        assert_eq!(is_locked(&path), None);
    }

    #[test]
    fn directory_is_adopted_though_somebody_tests_its_lock() {
        let path = create_in(&std::env::temp_dir())
            .expect("created")
            .hand_over();
        let tested = File::open(&path).expect("opened");
        flock(&tested, FlockOperation::NonBlockingLockShared).expect("locked");
        let testing = std::thread::spawn(move || {
            std::thread::sleep(LOCK_PAUSE * 3);
            drop(tested);
        });
        let adopted = TempDir::adopt(path);
        testing.join().expect("no panic");
        assert!(adopted.is_ok());
    }

    #[test]
    fn directory_that_others_can_enter_is_not_adopted() {
        let directory = tempfile::tempdir().expect("a directory");
        let open = fs::Permissions::from_mode(0o750);
        fs::set_permissions(directory.path(), open).expect("its mode can be set");
        assert!(TempDir::adopt(directory.path().to_owned()).is_err());
        assert!(directory.path().exists());
    }

    #[test]
    fn directory_of_another_user_is_not_adopted() {
        // Only root can give directories away.
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let directory = create_in(&std::env::temp_dir())
            .expect("created")
            .hand_over();
        chown(&directory, Some(12_345), None).expect("given away");
        assert!(TempDir::adopt(directory.clone()).is_err());
        assert!(!temp_dirs().iter().any(|(path, _)| *path == directory));
        fs::remove_dir(&directory).expect("removed");
    }

    #[test]
    fn link_to_a_private_directory_is_not_private() {
        let place = tempfile::tempdir().expect("a directory");
        let target = create_in(place.path()).expect("created");
        let link = place.path().join("link");
        symlink(target.path(), &link).expect("linked");
        assert!(is_private(target.path()) && !is_private(&link));
    }

    #[test]
    fn only_an_old_directory_with_known_files_is_a_leftover() {
        let directory = create_in(&std::env::temp_dir()).expect("created");
        let path = directory.path();
        let modified = |path: &Path| {
            let metadata = path.metadata().expect("it exists");
            metadata.modified().expect("it has a time")
        };
        let is_leftover_after = |age| is_leftover(path, modified(path) + age);
        for name in FILES {
            fs::write(path.join(name), "").expect("written");
        }
        assert!(!is_leftover_after(LEFTOVER_AGE));
        assert!(is_leftover_after(LEFTOVER_AGE + Duration::from_secs(1)));
        fs::write(path.join("thesis.tex"), "").expect("written");
        assert!(!is_leftover_after(LEFTOVER_AGE * 2));
        assert!(!is_leftover(&path.join("none"), SystemTime::now()));
    }

    #[test]
    fn leftovers_are_removed_and_directories_in_use_are_not() {
        let leave = |is_old: bool| {
            let directory = create_in(&std::env::temp_dir()).expect("created");
            if is_old {
                let lock = File::open(directory.path()).expect("opened");
                let time = SystemTime::now() - LEFTOVER_AGE * 2;
                lock.set_modified(time).expect("set");
            }
            directory
        };
        let held = leave(true);
        let old = leave(true).hand_over();
        let young = leave(false).hand_over();
        remove_leftovers();
        assert!(held.path().exists() && !old.exists() && young.exists());
        fs::remove_dir(young).expect("removed");
    }
}
