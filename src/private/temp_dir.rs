//! A temporary directory for credentials that programs need as files.
//!
//! Its owner holds a lock on it, which the system releases when the owner's process ends, however
//! it ends. Without an owner, it was left by a process that was killed: the next one that creates a
//! directory removes it. Cleaners of temporary files spare locked directories, too.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, flock};

use super::error::Error;
use super::place::{Place, holds_only};
use super::write::parent;

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
    place: Place,
    name: OsString,
    /// The directory, locked.
    directory: File,
    report: fn(&Error),
    is_handed_over: bool,
}

impl TempDir {
    /// Creates one in `XDG_RUNTIME_DIR`, or else in the directory for temporary files. Calls `report`
    /// with the error if it can't be removed in the end.
    ///
    /// # Errors
    /// Neither can be written, or others could exchange what is in them.
    pub(crate) fn create(report: fn(&Error)) -> Result<Self, Error> {
        remove_leftovers();
        if let Some(created) = runtime_directory().and_then(|place| create_in(place, report).ok()) {
            return Ok(created);
        }
        let path = std::env::temp_dir();
        Place::open(&path)
            .and_then(|place| create_in(place, report))
            .map_err(|source| Error::NoTempDir {
                place: path,
                source,
            })
    }

    /// Takes over a directory that another process created and handed over.
    ///
    /// # Errors
    /// It doesn't exist, isn't private, or is still locked by its owner.
    pub(crate) fn adopt(path: PathBuf, report: fn(&Error)) -> Result<Self, Error> {
        let adopted = Place::open(parent(&path)).and_then(|place| {
            let name = path.file_name().unwrap_or_default();
            let directory = place.open_private(name)?;
            lock(&directory)?;
            Ok(Self::of(place, name.to_owned(), directory, report))
        });
        adopted.map_err(|source| Error::NoTempDir {
            place: path,
            source,
        })
    }

    fn of(place: Place, name: OsString, directory: File, report: fn(&Error)) -> Self {
        Self {
            path: place.path_of(&name),
            place,
            name,
            directory,
            report,
            is_handed_over: false,
        }
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
        if self.is_handed_over {
            return;
        }
        let removed = self.place.remove(&self.name, &self.directory, &FILES);
        if let Err(source) = removed {
            (self.report)(&Error::NotRemoved {
                path: self.path.clone(),
                source,
            });
        }
    }
}

/// Lists this user's temporary directories, each with true if its owner is still running.
pub(crate) fn temp_dirs() -> Vec<(PathBuf, bool)> {
    let mut found = Vec::new();
    for place in places() {
        for (name, directory) in place.open_all(PREFIX) {
            found.push((place.path_of(&name), has_owner(&directory)));
        }
    }
    found
}

/// Returns true if the owner of the directory is still running; `None` if it doesn't exist.
pub(crate) fn is_locked(path: &Path) -> Option<bool> {
    Some(has_owner(&File::open(path).ok()?))
}

/// Returns true if the owner of the open directory is still running.
fn has_owner(directory: &File) -> bool {
    // Shared: two processes that test at once don't take each other for the owner.
    flock(directory, FlockOperation::NonBlockingLockShared).is_err()
}

/// Opens the directories in which temporary directories may be.
fn places() -> Vec<Place> {
    let mut places = Vec::from_iter(runtime_directory());
    places.extend(Place::open(&std::env::temp_dir()));
    places.dedup_by(|one, other| one.path() == other.path());
    places
}

/// Opens `XDG_RUNTIME_DIR`, unless it's another user's, as `su` may leave it, or open to others.
fn runtime_directory() -> Option<Place> {
    private_place(&dirs::runtime_dir()?)
}

/// Opens the directory at `path` if it, rather than what it links to, is private.
fn private_place(path: &Path) -> Option<Place> {
    let above = Place::open(parent(path)).ok()?;
    above.open_private(path.file_name()?).ok()?;
    Place::open(path).ok()
}

fn create_in(place: Place, report: fn(&Error)) -> io::Result<TempDir> {
    let (name, directory) = place.create(PREFIX)?;
    let created = TempDir::of(place, name, directory, report);
    lock(&created.directory)?;
    Ok(created)
}

fn lock(directory: &File) -> io::Result<()> {
    let mut attempts = 1;
    while let Err(errno) = flock(directory, FlockOperation::NonBlockingLockExclusive) {
        if attempts == LOCK_ATTEMPTS {
            return Err(errno.into());
        }
        attempts += 1;
        std::thread::sleep(LOCK_PAUSE);
    }
    Ok(())
}

fn remove_leftovers() {
    let now = SystemTime::now();
    for place in places() {
        for (name, directory) in place.open_all(PREFIX) {
            let is_free = flock(&directory, FlockOperation::NonBlockingLockExclusive).is_ok();
            if is_free && is_leftover(&directory, now) {
                let removed = place.remove(&name, &directory, &FILES);
                log::info!(
                    "removing the leftovers of a dgw that was killed: {}: {}",
                    place.path_of(&name).display(),
                    removed.map_or_else(|error| error.to_string(), |()| "done".to_owned())
                );
            }
        }
    }
}

/// Returns true if the directory is old enough and holds nothing but dgw's files.
fn is_leftover(directory: &File, now: SystemTime) -> bool {
    let age = directory
        .metadata()
        .and_then(|metadata| metadata.modified());
    let is_old = age.is_ok_and(|time| now.duration_since(time).is_ok_and(|age| age > LEFTOVER_AGE));
    is_old && holds_only(directory, &FILES)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    const REPORT: fn(&Error) = |error| panic!("{error}");

    fn create() -> TempDir {
        let place = Place::open(&std::env::temp_dir()).expect("only its user can write it");
        create_in(place, REPORT).expect("created")
    }

    #[test]
    fn directory_is_private_locked_and_removed_in_the_end() {
        let directory = TempDir::create(REPORT).expect("created");
        let path = directory.path().to_owned();
        let mode = path.metadata().expect("it exists").mode();
        assert_eq!(mode & 0o777, 0o700);
        assert_eq!(is_locked(&path), Some(true));
        assert!(temp_dirs().contains(&(path.clone(), true)));
        assert!(
            TempDir::adopt(path.clone(), REPORT).is_err(),
            "it has an owner"
        );
        assert_eq!(directory.hand_over(), path);
        assert_eq!(is_locked(&path), Some(false));
        assert!(temp_dirs().contains(&(path.clone(), false)));
        let adopted = TempDir::adopt(path.clone(), REPORT).expect("it has no owner");
        assert_eq!(is_locked(&path), Some(true));
        drop(adopted);
        assert_eq!(is_locked(&path), None);
    }

    #[test]
    fn directory_is_adopted_though_somebody_tests_its_lock() {
        let path = create().hand_over();
        let tested = File::open(&path).expect("opened");
        flock(&tested, FlockOperation::NonBlockingLockShared).expect("locked");
        let testing = std::thread::spawn(move || {
            std::thread::sleep(LOCK_PAUSE * 3);
            drop(tested);
        });
        let adopted = TempDir::adopt(path, REPORT);
        testing.join().expect("no panic");
        assert!(adopted.is_ok());
    }

    #[test]
    fn directory_that_others_can_enter_is_not_adopted() {
        let directory = tempfile::tempdir().expect("a directory");
        let open = fs::Permissions::from_mode(0o750);
        fs::set_permissions(directory.path(), open).expect("its mode can be set");
        assert!(TempDir::adopt(directory.path().to_owned(), REPORT).is_err());
        assert!(directory.path().exists());
    }

    #[test]
    fn directory_of_another_user_is_not_adopted() {
        // Only root can give directories away.
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let directory = create().hand_over();
        chown(&directory, Some(12_345), None).expect("given away");
        assert!(TempDir::adopt(directory.clone(), REPORT).is_err());
        assert!(!temp_dirs().iter().any(|(path, _)| *path == directory));
        fs::remove_dir(&directory).expect("removed");
    }

    #[test]
    fn link_to_a_private_directory_is_not_private() {
        let base = tempfile::tempdir().expect("a directory");
        let set_mode = |mode| {
            let permissions = fs::Permissions::from_mode(mode);
            fs::set_permissions(base.path(), permissions).expect("its mode can be set");
        };
        set_mode(0o700);
        let link = base.path().join("link");
        let target = create();
        symlink(target.path(), &link).expect("linked");
        assert!(private_place(base.path()).is_some() && private_place(&link).is_none());
        set_mode(0o755);
        assert!(private_place(base.path()).is_none());
    }

    #[test]
    fn failed_removal_is_reported() {
        static REPORTED: AtomicBool = AtomicBool::new(false);
        let place = Place::open(&std::env::temp_dir()).expect("opened");
        let report: fn(&Error) = |error| {
            REPORTED.store(matches!(error, Error::NotRemoved { .. }), Ordering::Relaxed);
        };
        let directory = create_in(place, report).expect("created");
        let path = directory.path().to_owned();
        fs::write(path.join("cluster.key"), "").expect("written");
        fs::write(path.join("thesis.tex"), "").expect("written");
        drop(directory);
        assert!(REPORTED.load(Ordering::Relaxed));
        assert!(!path.join("cluster.key").exists());
        fs::remove_dir_all(path).expect("removed");
    }

    #[test]
    fn only_an_old_directory_with_known_files_is_a_leftover() {
        let directory = create();
        let modified = || {
            let metadata = directory.path().metadata().expect("it exists");
            metadata.modified().expect("it has a time")
        };
        let is_leftover_after = |age| is_leftover(&directory.directory, modified() + age);
        for name in FILES {
            fs::write(directory.path().join(name), "").expect("written");
        }
        assert!(!is_leftover_after(LEFTOVER_AGE));
        assert!(is_leftover_after(LEFTOVER_AGE + Duration::from_secs(1)));
        let other = directory.path().join("thesis.tex");
        fs::write(&other, "").expect("written");
        assert!(!is_leftover_after(LEFTOVER_AGE * 2));
        fs::remove_file(other).expect("removed");
    }

    #[test]
    fn leftovers_are_removed_and_directories_in_use_are_not() {
        let leave = |is_old: bool| {
            let directory = create();
            if is_old {
                let time = SystemTime::now() - LEFTOVER_AGE * 2;
                directory.directory.set_modified(time).expect("set");
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
