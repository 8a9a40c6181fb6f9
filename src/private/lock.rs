//! Locks between runs of dgw.

use std::fs::File;
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

use super::dir::PrivateDir;
use super::error::Error;
use super::write::FILE_MODE;

/// Flags for opening a file to lock: NFS locks it exclusively only if it's open for writing.
const LOCK_FLAGS: OFlags = OFlags::RDWR
    .union(OFlags::CREATE)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// A locked file. The lock ends when this is dropped, or with the process.
#[derive(Debug)]
pub(crate) struct FileLock {
    _file: File,
}

impl PrivateDir {
    /// Locks the file `name`, which is created and stays; `None` if another process has held the
    /// lock for less than `max_age`.
    ///
    /// # Errors
    /// The file can't be created, its file system has no locks, or another process has held the
    /// lock for longer.
    pub(crate) fn try_lock(
        &self,
        name: &str,
        max_age: Duration,
    ) -> Result<Option<FileLock>, Error> {
        let failed = |errno: Errno| Error::Io {
            action: "lock",
            path: self.path_of(name),
            source: errno.into(),
        };
        let file = rustix::fs::openat(&self.descriptor, name, LOCK_FLAGS, FILE_MODE)
            .map(File::from)
            .map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                // Others see from when the lock is; without that, they take it for new.
                let _ = file.set_modified(SystemTime::now());
                Ok(Some(FileLock { _file: file }))
            }
            Err(Errno::WOULDBLOCK) if !is_older(&file, max_age) => Ok(None),
            Err(errno) => Err(failed(errno)),
        }
    }
}

/// Returns true if `file` was modified longer ago than `age`.
fn is_older(file: &File, age: Duration) -> bool {
    file.metadata()
        .and_then(|metadata| metadata.modified())
        .is_ok_and(|time| time.elapsed().is_ok_and(|elapsed| elapsed > age))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn create() -> (tempfile::TempDir, PrivateDir) {
        let home = tempfile::tempdir().expect("a directory");
        let dir = PrivateDir::create(&home.path().join("dgw")).expect("created");
        (home, dir)
    }

    /// Sets the age of the lock file.
    fn set_age(dir: &PrivateDir, age: Duration) {
        let file = File::options().write(true).open(dir.path_of("lock"));
        let file = file.expect("the lock file");
        file.set_modified(SystemTime::now() - age).expect("set");
    }

    #[test]
    fn one_holds_the_lock_until_it_is_dropped() {
        let (_home, dir) = create();
        let is_free = || dir.try_lock("lock", HOUR).expect("no error").is_some();
        let lock = dir.try_lock("lock", HOUR).expect("no error");
        assert!(lock.is_some() && !is_free());
        drop(lock);
        assert!(is_free());
        assert!(is_free(), "that one was dropped too");
    }

    #[test]
    fn file_of_a_crashed_run_is_locked_at_once() {
        let (_home, dir) = create();
        dir.write("lock", br#"{"host": "elsewhere", "process": 1}"#)
            .expect("written");
        let is_free = dir.try_lock("lock", HOUR).expect("no error").is_some();
        assert!(is_free);
    }

    #[test]
    fn lock_that_is_held_for_too_long_is_an_error() {
        let (_home, dir) = create();
        let _held = dir.try_lock("lock", HOUR).expect("no error");
        set_age(&dir, HOUR.saturating_sub(Duration::from_secs(60)));
        assert!(dir.try_lock("lock", HOUR).is_ok_and(|lock| lock.is_none()));
        set_age(&dir, HOUR + Duration::from_secs(60));
        let error = dir.try_lock("lock", HOUR).expect_err("too old");
        assert!(matches!(error, Error::Io { action: "lock", .. }));
    }

    #[test]
    fn taking_the_lock_renews_its_age() {
        let (_home, dir) = create();
        let lock = || dir.try_lock("lock", HOUR).expect("no error");
        let first = lock().expect("free");
        set_age(&dir, 2 * HOUR);
        drop(first);
        let _second = lock().expect("free");
        assert!(lock().is_none());
    }

    #[test]
    fn directory_in_the_place_of_the_file_is_an_error() {
        let (_home, dir) = create();
        PrivateDir::create(&dir.path_of("lock")).expect("created");
        assert!(dir.try_lock("lock", HOUR).is_err());
    }
}
