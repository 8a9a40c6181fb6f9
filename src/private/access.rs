//! Judges files and directories by their owner, type and mode.

use std::fmt;

use rustix::fd::AsFd;
use rustix::fs::{FileType, OFlags, Stat};

/// Flags for opening a file to read. Without `NONBLOCK`, opening a FIFO would wait for a writer.
pub(crate) const READ_FLAGS: OFlags = OFlags::RDONLY
    .union(OFlags::CLOEXEC)
    .union(OFlags::NONBLOCK);

/// Flags for opening a directory.
pub(crate) const DIRECTORY_FLAGS: OFlags = READ_FLAGS.union(OFlags::DIRECTORY);

/// Owner, type and mode of a file or directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AccessRights {
    /// User ID of the owner.
    pub(crate) owner: u32,
    /// Effective user ID of this process.
    pub(crate) user: u32,
    /// Permission bits, those for set-ID and sticky included.
    pub(crate) mode: u32,
    pub(crate) kind: FileType,
}

/// Reason to distrust a file or directory that should be private. Modes are as `stat` prints them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AccessFault {
    NotRegular,
    /// Owned by the user with this ID.
    NotOwned(u32),
    /// A file's mode isn't 600.
    Mode(u32),
    /// A directory can be written by its group or by everyone.
    WritableByOthers(u32),
}

impl AccessRights {
    /// Reads the access rights of an open file or directory.
    ///
    /// # Errors
    /// `fstat` failed.
    pub(crate) fn of(descriptor: impl AsFd) -> rustix::io::Result<Self> {
        Ok(Self::from(&rustix::fs::fstat(descriptor)?))
    }

    /// Returns true if the user owns it.
    pub(crate) fn is_own(&self) -> bool {
        self.owner == self.user
    }

    /// Returns true if its group or everyone may write to it.
    pub(crate) fn is_writable_by_others(&self) -> bool {
        self.mode & 0o022 != 0
    }

    /// Returns true if it is a directory that only the user may enter. Some file systems pass the
    /// set-group-ID bit on to new directories; it changes nothing.
    pub(super) fn is_private_directory(&self) -> bool {
        self.kind == FileType::Directory && self.is_own() && self.mode & 0o777 == 0o700
    }

    /// Judges a file that only the user may read or write.
    pub(crate) fn file_fault(&self) -> Option<AccessFault> {
        if self.kind != FileType::RegularFile {
            Some(AccessFault::NotRegular)
        } else if !self.is_own() {
            Some(AccessFault::NotOwned(self.owner))
        } else {
            (self.mode != 0o600).then_some(AccessFault::Mode(self.mode))
        }
    }

    /// Judges a directory for private files: only the user may add or remove files.
    pub(super) fn directory_fault(&self) -> Option<AccessFault> {
        if self.is_own() {
            let fault = AccessFault::WritableByOthers(self.mode);
            self.is_writable_by_others().then_some(fault)
        } else {
            Some(AccessFault::NotOwned(self.owner))
        }
    }
}

/// Returns the permission bits of a mode, which has 16 bits on macOS.
pub(crate) fn permissions(mode: impl Into<u32>) -> u32 {
    mode.into() & 0o7777
}

impl From<&Stat> for AccessRights {
    fn from(stat: &Stat) -> Self {
        Self {
            owner: stat.st_uid,
            user: rustix::process::geteuid().as_raw(),
            mode: permissions(stat.st_mode),
            kind: FileType::from_raw_mode(stat.st_mode),
        }
    }
}

impl fmt::Display for AccessFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRegular => f.write_str("it is not a regular file"),
            Self::NotOwned(owner) => write!(f, "it belongs to another user (uid {owner})"),
            Self::Mode(mode) => write!(f, "its mode is {mode:03o}; it must be 600"),
            Self::WritableByOthers(mode) => {
                write!(f, "it is writable by others (mode {mode:03o})")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn rights(kind: FileType, owner: u32, mode: u32) -> AccessRights {
        AccessRights {
            owner,
            user: 1000,
            mode,
            kind,
        }
    }

    #[test]
    fn private_file_is_regular_own_and_has_mode_600() {
        for (kind, owner, mode, fault) in [
            (FileType::RegularFile, 1000, 0o600, None),
            (
                FileType::Fifo,
                1000,
                0o600,
                Some((AccessFault::NotRegular, "it is not a regular file")),
            ),
            (
                FileType::RegularFile,
                0,
                0o600,
                Some((
                    AccessFault::NotOwned(0),
                    "it belongs to another user (uid 0)",
                )),
            ),
            (
                FileType::RegularFile,
                1000,
                0o640,
                Some((AccessFault::Mode(0o640), "its mode is 640; it must be 600")),
            ),
            (
                FileType::RegularFile,
                1000,
                0o400,
                Some((AccessFault::Mode(0o400), "its mode is 400; it must be 600")),
            ),
        ] {
            let found = rights(kind, owner, mode).file_fault();
            assert_eq!(found, fault.map(|(fault, _)| fault));
            assert_eq!(
                found.map(|fault| fault.to_string()),
                fault.map(|(_, text)| text.to_owned())
            );
        }
    }

    #[test]
    fn directory_for_private_files_is_own_and_writable_by_the_user_alone() {
        let fault = |owner, mode| rights(FileType::Directory, owner, mode).directory_fault();
        assert_eq!(fault(1000, 0o700), None);
        assert_eq!(fault(1000, 0o2755), None);
        assert_eq!(fault(1001, 0o700), Some(AccessFault::NotOwned(1001)));
        for mode in [0o720, 0o702, 0o1777] {
            let expected = AccessFault::WritableByOthers(mode);
            assert_eq!(fault(1000, mode), Some(expected));
            let text = format!("it is writable by others (mode {mode:o})");
            assert_eq!(expected.to_string(), text);
        }
    }

    #[test]
    fn private_directory_is_own_and_closed_to_others() {
        let is_private = |kind, owner, mode| rights(kind, owner, mode).is_private_directory();
        assert!(is_private(FileType::Directory, 1000, 0o700));
        assert!(is_private(FileType::Directory, 1000, 0o2700));
        assert!(!is_private(FileType::Directory, 1000, 0o750));
        assert!(!is_private(FileType::Directory, 1000, 0o500));
        assert!(!is_private(FileType::Directory, 1001, 0o700));
        assert!(!is_private(FileType::RegularFile, 1000, 0o700));
    }

    #[test]
    fn rights_of_a_file_on_disk_are_read() {
        let file = tempfile::tempfile().expect("a file");
        file.set_permissions(fs::Permissions::from_mode(0o4640))
            .expect("the mode can be set");
        let user = rustix::process::geteuid().as_raw();
        let expected = AccessRights {
            owner: user,
            user,
            mode: 0o4640,
            kind: FileType::RegularFile,
        };
        assert_eq!(AccessRights::of(&file), Ok(expected));
    }
}
