//! One run at a time. Two at once do no harm, since each looks again before it ends anything: this
//! saves work and keeps mail single.
//!
//! A file that only one run can create, and that it touches while it runs. One that hasn't been
//! touched for long, or whose process is gone from this host, is a crashed run's. Ages are taken by
//! the file system's clock alone, which is the same for all hosts.

use std::fs::File;
use std::io::{self, Write as _};
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, OFlags, Stat, Timespec, Timestamps, UTIME_NOW};
use rustix::io::Errno;
use rustix::process::Pid;
use serde::{Deserialize, Serialize};

use super::store::{Folder, PRIVATE};
use super::{Error, StateDir};

const FILE: &str = "lock";

/// How often it's touched.
const BEAT: Duration = Duration::from_secs(20);

/// One that hasn't been touched for so long is nobody's: some network file systems show a change
/// only after a minute.
const ABANDONED: i64 = 300;

/// Held until it's dropped.
pub(crate) struct Lock {
    folder: Folder,
    file: File,
    inode: u64,
}

/// Who holds it.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
struct Holder {
    host: String,
    process: i32,
}

impl Lock {
    /// The lock of `store`; `None` where another run holds it.
    ///
    /// # Errors
    /// It can't be created.
    pub(crate) fn take(store: &StateDir) -> Result<Option<Self>, Error> {
        let folder = store.make(None)?;
        let failed = |source: io::Error| Error::Disk {
            doing: "create",
            path: store.path.join(FILE),
            source,
        };
        // A second time, where the first has cleared away what was left.
        for _ in 0..2 {
            match create(&folder) {
                Ok(fd) => return Self::hold(folder, fd).map(Some).map_err(failed),
                Err(Errno::EXIST) if clear(&folder).map_err(|errno| failed(errno.into()))? => {}
                Err(Errno::EXIST) => return Ok(None),
                Err(errno) => return Err(failed(errno.into())),
            }
        }
        Ok(None)
    }

    fn hold(folder: Folder, fd: OwnedFd) -> io::Result<Self> {
        let inode = rustix::fs::fstat(&fd)?.st_ino;
        // From here on it's removed, whatever fails.
        let mut lock = Self {
            folder,
            file: File::from(fd),
            inode,
        };
        lock.file.write_all(&serde_json::to_vec(&Holder::this())?)?;
        Ok(lock)
    }

    /// Does `work`, and shows meanwhile that it's still at it.
    pub(crate) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let beating = async {
            loop {
                tokio::time::sleep(BEAT).await;
                // Where it fails, another run may come, which does no harm.
                let _ = rustix::fs::futimens(&self.file, &now());
            }
        };
        tokio::select! {
            done = work => done,
            () = beating => unreachable!("it beats for ever"),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if stat(&self.folder).is_ok_and(|stat| stat.st_ino == self.inode) {
            let _ = rustix::fs::unlinkat(&self.folder.fd, FILE, AtFlags::empty());
        }
    }
}

impl Holder {
    fn this() -> Self {
        Self {
            host: rustix::system::uname()
                .nodename()
                .to_string_lossy()
                .into_owned(),
            process: rustix::process::getpid().as_raw_nonzero().get(),
        }
    }

    /// Whether its process has ended, where that can be told from here.
    fn is_gone(&self) -> bool {
        let process = Pid::from_raw(self.process);
        self.host == Self::this().host
            && process.is_none_or(|process| {
                rustix::process::test_kill_process(process) == Err(Errno::SRCH)
            })
    }
}

fn create(folder: &Folder) -> Result<OwnedFd, Errno> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    rustix::fs::openat(&folder.fd, FILE, flags, PRIVATE)
}

fn stat(folder: &Folder) -> Result<Stat, Errno> {
    rustix::fs::statat(&folder.fd, FILE, AtFlags::SYMLINK_NOFOLLOW)
}

fn now() -> Timestamps {
    let now = Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_NOW,
    };
    Timestamps {
        last_access: now,
        last_modification: now,
    }
}

/// Clears away a lock that a crashed run left. Returns whether the way is free now.
fn clear(folder: &Folder) -> Result<bool, Errno> {
    let judged = match stat(folder) {
        Ok(stat) => stat,
        Err(Errno::NOENT) => return Ok(true),
        Err(errno) => return Err(errno),
    };
    let is_gone = folder
        .read::<Holder>(FILE)
        .is_ok_and(|holder| holder.is_some_and(|holder| holder.is_gone()));
    if !is_gone && !is_abandoned(folder, &judged)? {
        return Ok(false);
    }
    // Taken away under another name first: what another run created meanwhile is put back.
    let aside = format!(".lock.{}", std::process::id());
    match rustix::fs::renameat(&folder.fd, FILE, &folder.fd, &aside) {
        Ok(()) => {}
        Err(Errno::NOENT) => return Ok(true),
        Err(errno) => return Err(errno),
    }
    let taken = rustix::fs::statat(&folder.fd, &aside, AtFlags::SYMLINK_NOFOLLOW)?;
    let is_it = taken.st_ino == judged.st_ino;
    if !is_it {
        let _ = rustix::fs::linkat(&folder.fd, &aside, &folder.fd, FILE, AtFlags::empty());
    }
    rustix::fs::unlinkat(&folder.fd, &aside, AtFlags::empty())?;
    Ok(is_it)
}

/// Whether it's long since it was touched, by the clock of the file system. One that was touched in
/// the future is as good as any other that no run looks after.
fn is_abandoned(folder: &Folder, lock: &Stat) -> Result<bool, Errno> {
    let probe = format!(".clock.{}", std::process::id());
    let _ = rustix::fs::unlinkat(&folder.fd, &probe, AtFlags::empty());
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
    let fd = rustix::fs::openat(&folder.fd, &probe, flags, Mode::RUSR | Mode::WUSR)?;
    let stat = rustix::fs::fstat(&fd);
    let _ = rustix::fs::unlinkat(&folder.fd, &probe, AtFlags::empty());
    Ok((stat?.st_mtime - lock.st_mtime).abs() > ABANDONED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, StateDir) {
        let home = tempfile::tempdir().expect("a folder");
        let store = StateDir {
            path: home.path().join("gateway"),
        };
        (home, store)
    }

    fn left_by(store: &StateDir, holder: &str, age: i64) {
        let folder = store.make(None).expect("a folder");
        let mut file = File::from(create(&folder).expect("no lock yet"));
        file.write_all(holder.as_bytes()).expect("written");
        let probe = rustix::fs::fstat(&file).expect("there");
        let mut times = now();
        times.last_modification.tv_sec = probe.st_mtime - age;
        times.last_modification.tv_nsec = 0;
        rustix::fs::futimens(&file, &times).expect("set");
    }

    fn is_free(store: &StateDir) -> bool {
        Lock::take(store).expect("an answer").is_some()
    }

    #[test]
    fn one_holds_it_until_it_is_dropped() {
        let (_home, store) = store();
        let lock = Lock::take(&store).expect("an answer");
        assert!(lock.is_some() && !is_free(&store));
        drop(lock);
        assert!(is_free(&store));
        assert!(is_free(&store), "that one is gone too");
    }

    #[test]
    fn what_a_crashed_run_left_holds_for_a_while_at_most() {
        let dead = serde_json::to_string(&Holder {
            process: i32::MAX,
            ..Holder::this()
        });
        let dead = dead.expect("JSON");
        let elsewhere = r#"{"host": "elsewhere.example.org", "process": 1}"#;
        for (holder, age, is_expected_free) in [
            (&*dead, 0, true),
            (elsewhere, 0, false),
            (elsewhere, ABANDONED - 60, false),
            (elsewhere, ABANDONED + 60, true),
            (elsewhere, -(ABANDONED + 60), true),
            ("", 0, false),
            ("", ABANDONED + 60, true),
            ("garbage", ABANDONED + 60, true),
        ] {
            let (_home, store) = store();
            left_by(&store, holder, age);
            assert_eq!(is_free(&store), is_expected_free, "{holder} {age}");
        }
    }

    #[test]
    fn a_lock_that_was_lost_is_not_removed_from_who_has_it_now() {
        let (_home, store) = store();
        let lost = Lock::take(&store).expect("an answer").expect("a lock");
        // Kept, or its number would be used again.
        std::fs::rename(store.path.join(FILE), store.path.join("old")).expect("moved");
        let held = Lock::take(&store).expect("an answer");
        drop(lost);
        assert!(held.is_some() && !is_free(&store));
    }
}
