//! Opens a configuration file and judges it on the open descriptor, so that nobody can exchange the
//! file between the judgement and the reading.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use rustix::fd::OwnedFd;
use rustix::fs::{FileType, Mode, OFlags, StatVfsMountFlags};
use rustix::io::Errno;

use super::error::{Error, FileFault};
use super::find::{Candidate, Owner};
use crate::private::{self, AccessFault, AccessRights, DIRECTORY_FLAGS, READ_FLAGS};

/// A gateway section has some tens of lines. The YAML parser's time grows with the square of the
/// nesting: a file of this size takes a second at worst.
const SIZE_LIMIT: u64 = 64 * 1024;

/// Text of an open file, with the access rights of the same moment.
pub(super) struct Opened {
    pub(super) text: String,
    access: FileAccess,
}

/// Access rights of a file and of the directories that lead to it.
struct FileAccess {
    file: AccessRights,
    directory: DirectoryAccess,
    /// Directory of the file that a site's link leads to.
    target_directory: Option<DirectoryAccess>,
    is_link: bool,
}

/// Access rights of a directory.
struct DirectoryAccess {
    rights: AccessRights,
    /// On a read-only mount nobody can write, whatever the mode: Kubernetes mounts configuration
    /// with mode 777.
    is_read_only: bool,
}

impl Opened {
    /// Returns the file's permission bits.
    pub(super) fn mode(&self) -> u32 {
        self.access.file.mode
    }
}

/// Opens and reads a file. `None` if it doesn't exist or can't matter: dask skips files that it
/// can't read, too.
///
/// # Errors
/// A file for the gateway can't be read, or isn't a small regular text file.
pub(super) fn open(candidate: &Candidate) -> Result<Option<Opened>, Error> {
    let path = &candidate.path;
    let refused = |fault| Error::Refused {
        path: path.clone(),
        fault,
    };
    let opened = match InDirectory::open(path) {
        Ok(opened) => opened,
        Err(Errno::NOENT) => return Ok(None),
        Err(_) if candidate.owner == Owner::User && candidate.is_the_gateways() => {
            let mode = rustix::fs::stat(path).map(|stat| AccessRights::from(&stat).mode);
            return Err(refused(FileFault::Unreadable(mode.ok())));
        }
        Err(_) => return Ok(None),
    };
    let (file, access) = opened
        .access(candidate)
        .map_err(|_| refused(FileFault::Unreadable(None)))?;
    match read(file, &access.file) {
        Ok(text) => Ok(Some(Opened { text, access })),
        Err((fault, start)) => {
            let matters =
                candidate.is_the_gateways() || String::from_utf8_lossy(&start).contains("gateway");
            if matters {
                Err(refused(fault))
            } else {
                Ok(None)
            }
        }
    }
}

/// A file and its directory, opened together.
struct InDirectory {
    file: File,
    directory: OwnedFd,
    is_link: bool,
}

impl InDirectory {
    /// Opens the file relative to its directory, so that both descriptors are of one moment.
    fn open(path: &Path) -> Result<Self, Errno> {
        let name = path.file_name().ok_or(Errno::INVAL)?;
        let directory = rustix::fs::open(private::parent(path), DIRECTORY_FLAGS, Mode::empty())?;
        let open = |flags| rustix::fs::openat(&directory, name, flags, Mode::empty());
        let (file, is_link) = match open(READ_FLAGS.union(OFlags::NOFOLLOW)) {
            Err(Errno::LOOP) => (open(READ_FLAGS)?, true),
            opened => (opened?, false),
        };
        Ok(Self {
            file: file.into(),
            directory,
            is_link,
        })
    }

    /// Reads the access rights. Of a site's link, the file that it leads to counts.
    fn access(self, candidate: &Candidate) -> io::Result<(File, FileAccess)> {
        let (file, target_directory) = if self.is_link && candidate.owner == Owner::Site {
            let target = Self::open(&candidate.path.canonicalize()?)?;
            (target.file, Some(DirectoryAccess::of(&target.directory)?))
        } else {
            (self.file, None)
        };
        let access = FileAccess {
            file: AccessRights::of(&file)?,
            directory: DirectoryAccess::of(&self.directory)?,
            target_directory,
            is_link: self.is_link,
        };
        Ok((file, access))
    }
}

impl DirectoryAccess {
    fn of(directory: &OwnedFd) -> Result<Self, Errno> {
        let flags = rustix::fs::fstatvfs(directory)?.f_flag;
        Ok(Self {
            rights: AccessRights::of(directory)?,
            is_read_only: flags.contains(StatVfsMountFlags::RDONLY),
        })
    }
}

/// Reads the whole text. Its error comes with the bytes that were read.
fn read(file: File, rights: &AccessRights) -> Result<String, (FileFault, Vec<u8>)> {
    if rights.kind != FileType::RegularFile {
        return Err((FileFault::NotRegular, Vec::new()));
    }
    let mut bytes = Vec::new();
    match file.take(SIZE_LIMIT + 1).read_to_end(&mut bytes) {
        Err(_) => Err((FileFault::Unreadable(None), bytes)),
        Ok(size) if size as u64 > SIZE_LIMIT => Err((FileFault::TooLarge, bytes)),
        Ok(_) => String::from_utf8(bytes).map_err(|error| (FileFault::NotText, error.into_bytes())),
    }
}

/// Refuses a file with a gateway section that others could have written, or whose secret they can
/// read.
///
/// # Errors
/// The file breaks a rule for site files or for the user's own.
pub(super) fn judge(
    candidate: &Candidate,
    opened: &Opened,
    holds_secret: bool,
) -> Result<(), Error> {
    let fault = match candidate.owner {
        Owner::Site => site_fault(&opened.access, holds_secret),
        Owner::User => user_fault(&opened.access),
    };
    refuse(candidate, fault)
}

/// Refuses a file of the user's that is to be changed and to get mode 600 then: nobody else may
/// have written what it holds now.
///
/// # Errors
/// The file breaks a rule other than that it must have mode 600.
pub(super) fn judge_for_change(
    candidate: &Candidate,
    opened: &Opened,
    holds_settings: bool,
) -> Result<(), Error> {
    refuse(candidate, change_fault(&opened.access, holds_settings))
}

/// Refuses to create a file of the user's in a directory that others can write to.
///
/// # Errors
/// The directory breaks a rule.
pub(super) fn judge_directory(candidate: &Candidate) -> Result<(), Error> {
    let stat = rustix::fs::stat(private::parent(&candidate.path));
    let rights = stat.ok().as_ref().map(AccessRights::from);
    refuse(candidate, rights.as_ref().and_then(directory_fault))
}

fn refuse(candidate: &Candidate, fault: Option<FileFault>) -> Result<(), Error> {
    fault.map_or(Ok(()), |fault| {
        Err(Error::Refused {
            path: candidate.path.clone(),
            fault,
        })
    })
}

/// Judges a site's file. Anybody may own it, but not everybody may write it: it may name the
/// address to which the user's own secret is sent.
fn site_fault(access: &FileAccess, holds_secret: bool) -> Option<FileFault> {
    let (mode, is_own) = (access.file.mode, access.file.is_own());
    let open_directory = [Some(&access.directory), access.target_directory.as_ref()]
        .into_iter()
        .flatten()
        .find(|directory| directory.rights.mode & 0o002 != 0 && !directory.is_read_only);
    if mode & 0o002 != 0 {
        Some(FileFault::WritableForAll { mode, is_own })
    } else if let Some(directory) = open_directory {
        Some(FileFault::DirectoryWritableForAll(directory.rights.mode))
    } else {
        let is_exposed = holds_secret && mode & 0o044 != 0;
        is_exposed.then_some(FileFault::SecretForAll { mode, is_own })
    }
}

/// Judges a file of the user's, which must be private.
fn user_fault(access: &FileAccess) -> Option<FileFault> {
    if access.is_link {
        return Some(FileFault::Link);
    }
    let fault = access.file.file_fault().map(|fault| match fault {
        AccessFault::NotOwned(owner) => FileFault::NotYours(owner),
        AccessFault::Mode(mode) | AccessFault::WritableByOthers(mode) => FileFault::Mode(mode),
        AccessFault::NotRegular => FileFault::NotRegular,
    });
    fault.or_else(|| directory_fault(&access.directory.rights))
}

/// Judges a file of the user's that is to be changed. Without settings it is a template, and its
/// mode doesn't matter.
fn change_fault(access: &FileAccess, holds_settings: bool) -> Option<FileFault> {
    match user_fault(access) {
        Some(FileFault::Mode(_)) if !(holds_settings && access.file.is_writable_by_others()) => {
            directory_fault(&access.directory.rights)
        }
        fault => fault,
    }
}

/// Judges a directory of the user's files: the user or root must own it, and nobody else may write
/// it.
fn directory_fault(rights: &AccessRights) -> Option<FileFault> {
    if rights.is_writable_by_others() {
        Some(FileFault::DirectoryMode(rights.mode))
    } else if rights.is_own() || rights.owner == 0 {
        None
    } else {
        Some(FileFault::DirectoryNotYours(rights.owner))
    }
}

#[cfg(test)]
mod tests;
