//! Opens a configuration file and judges it on the open descriptor, so that nobody can exchange the
//! file between the judgement and the reading.

mod follow;

use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

use rustix::fs::{FileType, StatVfsMountFlags};
use rustix::io::Errno;

use self::follow::{Followed, follow};
use super::error::{Error, FileFault};
use super::find::{Candidate, Owner};
use super::node::SECTIONS;
use crate::private::{AccessFault, AccessRights, parent, trust_fault};

/// A gateway section has some tens of lines. The YAML parser's time grows with the square of the
/// nesting: a file of this size takes a second at worst.
const SIZE_LIMIT: u64 = 64 * 1024;

/// Text of an open file, with the access rights of the same moment.
pub(super) struct Opened {
    pub(super) text: String,
    /// The file itself, to which links may have led.
    pub(super) target: PathBuf,
    access: FileAccess,
}

/// Access rights of a file and of the directories and links that lead to it.
struct FileAccess {
    file: AccessRights,
    /// The directory of the path itself, and those of the targets of links; the file's is the last.
    directories: Vec<DirectoryAccess>,
    /// The owners of the links.
    link_owners: Vec<AccessRights>,
    /// Who else than the user and root can change what the path leads to.
    untrusted: Option<Untrusted>,
}

/// Access rights of a directory.
struct DirectoryAccess {
    /// The file or link in it.
    entry: PathBuf,
    rights: AccessRights,
    /// On a read-only mount nobody can write, whatever the mode: Kubernetes mounts configuration
    /// with mode 777.
    is_read_only: bool,
}

/// A file or directory that somebody else can change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Untrusted {
    pub(super) path: PathBuf,
    pub(super) fault: AccessFault,
}

impl Opened {
    /// Returns the file's permission bits.
    pub(super) fn mode(&self) -> u32 {
        self.access.file.mode
    }

    /// Returns who else than the user and root can change the file.
    pub(super) fn untrusted(&self) -> Option<&Untrusted> {
        self.access.untrusted.as_ref()
    }
}

/// Opens and reads a file. `None` if it doesn't exist or can't matter: dask skips files that the user
/// may not read, too.
///
/// # Errors
/// A file for the gateway can't be read, or isn't a small regular text file; or the system fails.
pub(super) fn open(candidate: &Candidate) -> Result<Option<Opened>, Error> {
    let path = &candidate.path;
    let refused = |fault| Error::Refused {
        path: path.clone(),
        fault,
    };
    let unreadable = |errno| {
        let mode = rustix::fs::stat(path).map(|stat| AccessRights::from(&stat).mode);
        let mode = mode.ok().filter(|_| errno == Errno::ACCESS);
        refused(FileFault::Unreadable { mode, errno })
    };
    let followed = match follow(path) {
        Ok(followed) => followed,
        Err(errno) if matters(candidate, errno) => return Err(unreadable(errno)),
        Err(_) => return Ok(None),
    };
    let file = match &followed.file {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) if matters(candidate, *errno) => return Err(unreadable(*errno)),
        Err(_) => return Ok(None),
    };
    let access = FileAccess::of(file, &followed).map_err(unreadable)?;
    match read(file, &access.file) {
        Ok(text) => Ok(Some(Opened {
            text,
            target: followed.path,
            access,
        })),
        Err((fault, start)) => {
            let matters = candidate.is_the_gateways()
                || matches!(fault, FileFault::Unreadable { .. })
                || SECTIONS
                    .iter()
                    .any(|name| String::from_utf8_lossy(&start).contains(name));
            if matters {
                Err(refused(fault))
            } else {
                Ok(None)
            }
        }
    }
}

/// Returns the file that `path` leads to, by links perhaps. It may not exist yet.
///
/// # Errors
/// It can't be found out, or the directories or links break a rule for the user's own files.
pub(super) fn target_for_new_file(candidate: &Candidate) -> Result<PathBuf, Error> {
    let failed = |errno| Error::Refused {
        path: candidate.path.clone(),
        fault: FileFault::Unreadable { mode: None, errno },
    };
    let followed = follow(&candidate.path).map_err(failed)?;
    let directories = DirectoryAccess::all_of(&followed).map_err(failed)?;
    refuse(candidate, way_fault(&followed.links, &directories))?;
    Ok(followed.path)
}

/// Returns true if a file that can't be opened may decide who the user is: it is the user's own for
/// the gateway, or the system fails, so that it is unknown what the file holds.
fn matters(candidate: &Candidate, errno: Errno) -> bool {
    let is_lasting = [
        Errno::ACCESS,
        Errno::PERM,
        Errno::LOOP,
        Errno::NOENT,
        Errno::NOTDIR,
        // A socket.
        Errno::NXIO,
    ]
    .contains(&errno);
    !is_lasting || (candidate.owner == Owner::User && candidate.is_the_gateways())
}

impl FileAccess {
    fn of(file: &File, followed: &Followed) -> Result<Self, Errno> {
        let directories = DirectoryAccess::all_of(followed)?;
        let path = || followed.path.clone();
        let untrusted = |path, fault: Option<_>| fault.map(|fault| Untrusted { path, fault });
        let mut faults = vec![untrusted(path(), trust_fault(&rustix::fs::fstat(file)?))];
        for (access, (entry, directory)) in directories.iter().zip(&followed.directories) {
            let fault = trust_fault(&rustix::fs::fstat(directory)?)
                .filter(|fault| !access.is_read_only || matches!(fault, AccessFault::NotOwned(_)));
            faults.push(untrusted(parent(entry).to_owned(), fault));
        }
        let foreign_link = foreign_link(&followed.links).map(AccessFault::NotOwned);
        faults.push(untrusted(path(), foreign_link));
        Ok(Self {
            file: AccessRights::of(file)?,
            directories,
            link_owners: followed.links.clone(),
            untrusted: faults.into_iter().flatten().next(),
        })
    }
}

impl DirectoryAccess {
    fn all_of(followed: &Followed) -> Result<Vec<Self>, Errno> {
        let directories = followed.directories.iter();
        let accesses = directories.map(|(entry, directory)| {
            let flags = rustix::fs::fstatvfs(directory)?.f_flag;
            Ok(Self {
                entry: entry.clone(),
                rights: AccessRights::of(directory)?,
                is_read_only: flags.contains(StatVfsMountFlags::RDONLY),
            })
        });
        accesses.collect()
    }
}

/// Reads the whole text. Its error comes with the bytes that were read.
fn read(file: &File, rights: &AccessRights) -> Result<String, (FileFault, Vec<u8>)> {
    if rights.kind != FileType::RegularFile {
        return Err((FileFault::NotRegular, Vec::new()));
    }
    let mut bytes = Vec::new();
    match file.take(SIZE_LIMIT + 1).read_to_end(&mut bytes) {
        Err(error) => {
            let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
            Err((FileFault::Unreadable { mode: None, errno }, bytes))
        }
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

/// A rule that a file breaks, and the file or link whose directory it is about.
type Fault = Option<(PathBuf, FileFault)>;

fn refuse(candidate: &Candidate, fault: Fault) -> Result<(), Error> {
    fault.map_or(Ok(()), |(path, fault)| {
        // The path as it is written, unless a link led elsewhere.
        let is_same = path.file_name() == candidate.path.file_name()
            && path.parent() == candidate.path.parent();
        let path = if is_same {
            candidate.path.clone()
        } else {
            path
        };
        Err(Error::Refused { path, fault })
    })
}

/// Judges a site's file. Not everybody may write it. That others can is no fault by itself, but they
/// must not decide where a secret goes; see [`Opened::untrusted`].
fn site_fault(access: &FileAccess, holds_secret: bool) -> Fault {
    let (mode, is_own) = (access.file.mode, access.file.is_own());
    let mut directories = access.directories.iter();
    let open_directory =
        directories.find(|directory| directory.rights.mode & 0o002 != 0 && !directory.is_read_only);
    if mode & 0o002 != 0 {
        access.fault(FileFault::WritableForAll { mode, is_own })
    } else if let Some(directory) = open_directory {
        let fault = FileFault::DirectoryWritableForAll(directory.rights.mode);
        Some((directory.entry.clone(), fault))
    } else {
        let is_exposed = holds_secret && mode & 0o044 != 0;
        access
            .fault(FileFault::SecretForAll { mode, is_own })
            .filter(|_| is_exposed)
    }
}

impl FileAccess {
    /// A fault of the file itself.
    fn fault(&self, fault: FileFault) -> Fault {
        let last = self.directories.last()?;
        Some((last.entry.clone(), fault))
    }
}

/// Judges a file of the user's, which must be private.
fn user_fault(access: &FileAccess) -> Fault {
    let fault = access.file.file_fault().map(|fault| match fault {
        AccessFault::NotOwned(owner) => FileFault::NotYours(owner),
        AccessFault::Mode(mode) | AccessFault::WritableByOthers(mode) => FileFault::Mode(mode),
        AccessFault::NotRegular => FileFault::NotRegular,
    });
    fault
        .and_then(|fault| access.fault(fault))
        .or_else(|| way_fault(&access.link_owners, &access.directories))
}

/// Judges a file of the user's that is to be changed. Without settings it is a template, and its
/// mode doesn't matter.
fn change_fault(access: &FileAccess, holds_settings: bool) -> Fault {
    match user_fault(access) {
        Some((_, FileFault::Mode(_)))
            if !(holds_settings && access.file.is_writable_by_others()) =>
        {
            way_fault(&access.link_owners, &access.directories)
        }
        fault => fault,
    }
}

/// Judges the directories and links that lead to a file of the user's: the user or root must own
/// them, and nobody else may write a directory.
fn way_fault(links: &[AccessRights], directories: &[DirectoryAccess]) -> Fault {
    let fault = directories.iter().find_map(|directory| {
        let rights = &directory.rights;
        let fault = if rights.is_writable_by_others() {
            FileFault::DirectoryMode(rights.mode)
        } else if rights.is_own() || rights.owner == 0 {
            return None;
        } else {
            FileFault::DirectoryNotYours(rights.owner)
        };
        Some((directory.entry.clone(), fault))
    });
    fault.or_else(|| {
        let entry = directories.first()?.entry.clone();
        Some((entry, FileFault::LinkNotYours(foreign_link(links)?)))
    })
}

/// Returns the owner of a link that belongs to neither the user nor root.
fn foreign_link(links: &[AccessRights]) -> Option<u32> {
    let mut foreign = links
        .iter()
        .filter(|link| !link.is_own() && link.owner != 0);
    foreign.next().map(|link| link.owner)
}

#[cfg(test)]
mod tests;
