//! Judges the directories above a file: whoever may rename one of them can exchange everything below
//! it.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

use super::access::{AccessFault, AccessRights};
use super::error::Error;

/// Symbolic links on the way to a directory; Linux follows as many.
const LINK_LIMIT: usize = 40;

/// Mode bit of a directory in which only a file's owner may rename or remove it.
const STICKY: u32 = 0o1000;

/// Checks that only the user and root can exchange the directory at `path`, or one above it.
///
/// Each directory on the way, `path` included, must belong to the user or to root. Others may write
/// it only if it is sticky, as `/tmp` is. The user's own private group, which has the user's number,
/// and root's group are not others. Of a symbolic link, its owner counts, and the directories on the
/// way to its target. What does not exist is no fault: whoever creates it judges its parents.
///
/// # Errors
/// [`Error::Exchangeable`] names the directory and the fault; or one of them can't be looked at.
pub(crate) fn check_ancestors(path: &Path) -> Result<(), Error> {
    let failed = |path: &Path, errno: Errno| Error::Io {
        action: "check",
        path: path.to_owned(),
        source: errno.into(),
    };
    let absolute = std::path::absolute(path).map_err(|source| Error::Io {
        action: "check",
        path: path.to_owned(),
        source,
    })?;
    let mut directory = PathBuf::from("/");
    let mut names = names(&absolute);
    let mut links = 0;
    check(&directory)?;
    while let Some(name) = names.pop_front() {
        if name == ".." {
            directory.pop();
            continue;
        }
        let entry = directory.join(name);
        let stat = match rustix::fs::lstat(&entry) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(()),
            Err(errno) => return Err(failed(&entry, errno)),
        };
        if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink {
            check(&entry)?;
            directory = entry;
            continue;
        }
        if let Some(fault) = ownership_fault(&AccessRights::from(&stat)) {
            return Err(Error::Exchangeable { path: entry, fault });
        }
        links += 1;
        if links > LINK_LIMIT {
            return Err(failed(&entry, Errno::LOOP));
        }
        let target = fs::read_link(&entry).map_err(|source| Error::Io {
            action: "check",
            path: entry,
            source,
        })?;
        if target.is_absolute() {
            directory = PathBuf::from("/");
        }
        let mut before = self::names(&target);
        before.append(&mut names);
        names = before;
    }
    Ok(())
}

/// Returns the names in a path, `..` included.
fn names(path: &Path) -> VecDeque<OsString> {
    path.components()
        .filter(|component| matches!(component, Component::Normal(_) | Component::ParentDir))
        .map(|component| component.as_os_str().to_owned())
        .collect()
}

fn check(directory: &Path) -> Result<(), Error> {
    // The dot makes the system mount what is mounted on demand.
    let stat = match rustix::fs::stat(directory.join(".")) {
        Ok(stat) => stat,
        Err(errno) => {
            return Err(Error::Io {
                action: "check",
                path: directory.to_owned(),
                source: errno.into(),
            });
        }
    };
    match trust_fault(&stat) {
        None => Ok(()),
        Some(fault) => Err(Error::Exchangeable {
            path: directory.to_owned(),
            fault,
        }),
    }
}

/// Judges a file or directory that only the user and root may change. A sticky directory, as `/tmp`
/// is, keeps others from exchanging what is in it.
pub(crate) fn trust_fault(stat: &Stat) -> Option<AccessFault> {
    let rights = AccessRights::from(stat);
    let writers = writers(&rights, stat.st_gid);
    ownership_fault(&rights).or_else(|| {
        let is_open = rights.mode & writers != 0 && rights.mode & STICKY == 0;
        is_open.then_some(AccessFault::WritableByOthers(rights.mode))
    })
}

/// Returns the mode bits by which others may write a directory of the group `group`.
fn writers(rights: &AccessRights, group: u32) -> u32 {
    if group == 0 || (group == rights.user && group == rustix::process::getegid().as_raw()) {
        0o002
    } else {
        0o022
    }
}

fn ownership_fault(rights: &AccessRights) -> Option<AccessFault> {
    let is_trusted = rights.is_own() || rights.owner == 0 || is_unmapped_root(rights.owner);
    (!is_trusted).then_some(AccessFault::NotOwned(rights.owner))
}

/// Returns true if root's files show `owner` because this process is in a user namespace without
/// root, as in an unprivileged container. Root can't be told from other users there.
fn is_unmapped_root(owner: u32) -> bool {
    let is_number = |path: &str, number: u32| {
        fs::read_to_string(path).is_ok_and(|text| text.trim().parse() == Ok(number))
    };
    let is_mapped = || {
        fs::read_to_string("/proc/self/uid_map")
            .is_ok_and(|map| map.split_whitespace().eq(["0", "0", "4294967295"]))
    };
    is_number("/proc/sys/kernel/overflowuid", owner) && !is_mapped()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the mode can be set");
    }

    /// Creates `a/b/c` in a temporary directory.
    fn tree() -> (tempfile::TempDir, PathBuf) {
        let base = tempfile::tempdir().expect("a directory");
        let inner = base.path().join("a/b/c");
        fs::create_dir_all(&inner).expect("created");
        for directory in inner.ancestors().take(3) {
            set_mode(directory, 0o755);
        }
        (base, inner)
    }

    fn fault(path: &Path) -> Option<(PathBuf, AccessFault)> {
        match check_ancestors(path) {
            Ok(()) => None,
            Err(Error::Exchangeable { path, fault }) => Some((path, fault)),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn directory_is_judged_with_all_above_it() {
        let (base, inner) = tree();
        assert_eq!(fault(&inner), None);
        assert_eq!(fault(&inner.join("not/yet")), None);
        for directory in inner.ancestors().take(3) {
            for (mode, is_fault) in [
                (0o777, true),
                (0o707, true),
                (0o1777, false),
                (0o700, false),
            ] {
                set_mode(directory, mode);
                let expected = (directory.to_owned(), AccessFault::WritableByOthers(mode));
                assert_eq!(fault(&inner), is_fault.then_some(expected), "{mode:o}");
            }
        }
        set_mode(&base.path().join("a"), 0o777);
        let expected = (base.path().join("a"), AccessFault::WritableByOthers(0o777));
        assert_eq!(fault(&base.path().join("a/not/yet")), Some(expected));
    }

    #[test]
    fn group_that_may_write_is_others_unless_it_is_the_users_own_or_roots() {
        // Only root can give directories to any group.
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let (_base, inner) = tree();
        set_mode(&inner, 0o775);
        assert_eq!(fault(&inner), None, "root's group");
        chown(&inner, None, Some(12_345)).expect("given away");
        let found = fault(&inner).map(|(_, fault)| fault);
        assert_eq!(found, Some(AccessFault::WritableByOthers(0o775)));
        let rights = |user| AccessRights {
            owner: user,
            user,
            mode: 0o775,
            kind: FileType::Directory,
        };
        assert_eq!(
            writers(&rights(1000), 1000),
            0o022,
            "not this process's group"
        );
    }

    #[test]
    fn directories_and_links_of_other_users_are_faults() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let (base, inner) = tree();
        let link = base.path().join("link");
        symlink("a/b", &link).expect("linked");
        assert_eq!(fault(&link.join("c")), None);
        std::os::unix::fs::lchown(&link, Some(12_345), None).expect("given away");
        let expected = Some((link.clone(), AccessFault::NotOwned(12_345)));
        assert_eq!(fault(&link.join("c")), expected);
        chown(&inner, Some(12_345), None).expect("given away");
        assert_eq!(fault(&inner), Some((inner, AccessFault::NotOwned(12_345))));
    }

    #[test]
    fn links_are_followed_and_what_they_lead_through_is_judged() {
        let (base, inner) = tree();
        let link = base.path().join("link");
        for target in [inner.clone(), "a/b/c".into(), "a/b/../../a/b/c".into()] {
            symlink(&target, &link).expect("linked");
            assert_eq!(fault(&link.join("d")), None);
            set_mode(&base.path().join("a/b"), 0o777);
            let expected = (
                base.path().join("a/b"),
                AccessFault::WritableByOthers(0o777),
            );
            assert_eq!(fault(&link.join("d")), Some(expected));
            set_mode(&base.path().join("a/b"), 0o755);
            fs::remove_file(&link).expect("removed");
        }
        symlink("link", &link).expect("linked");
        assert!(matches!(check_ancestors(&link), Err(Error::Io { .. })));
    }

    #[test]
    fn nobody_is_root_only_without_root() {
        assert!(!is_unmapped_root(0));
        assert!(!is_unmapped_root(12_345));
    }
}
