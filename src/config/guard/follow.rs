//! Follows symbolic links step by step, and keeps every directory on the way open, so that what is
//! judged is what led to the file.

use std::ffi::OsString;
use std::fs::File;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;

use crate::private::{AccessRights, DIRECTORY_FLAGS, READ_FLAGS, parent};

/// Links that may follow each other; Linux follows as many.
const LINK_LIMIT: usize = 40;

/// A path that was followed to a file that is no link.
pub(super) struct Followed {
    /// The file's own path.
    pub(super) path: PathBuf,
    pub(super) file: Result<File, Errno>,
    /// The path and the targets of its links, each with its directory. The last is the file's.
    pub(super) directories: Vec<(PathBuf, OwnedFd)>,
    /// Owners of the links.
    pub(super) links: Vec<AccessRights>,
}

/// Opens the file at `path`. Each link is read, and the file opened, relative to a descriptor.
///
/// # Errors
/// A directory can't be opened, or there are too many links.
pub(super) fn follow(path: &Path) -> Result<Followed, Errno> {
    let mut path = path.to_owned();
    let (mut directories, mut links) = (Vec::new(), Vec::new());
    loop {
        let name = path.file_name().ok_or(Errno::INVAL)?.to_owned();
        let directory = match rustix::fs::open(parent(&path), DIRECTORY_FLAGS, Mode::empty()) {
            Ok(directory) => directory,
            Err(Errno::NOENT) => {
                return Ok(Followed {
                    path,
                    file: Err(Errno::NOENT),
                    directories,
                    links,
                });
            }
            Err(errno) => return Err(errno),
        };
        let flags = READ_FLAGS.union(OFlags::NOFOLLOW);
        let opened = rustix::fs::openat(&directory, &name, flags, Mode::empty());
        let target = match opened {
            Err(Errno::LOOP) if links.len() == LINK_LIMIT => return Err(Errno::LOOP),
            Err(Errno::LOOP) => {
                let link = rustix::fs::statat(&directory, &name, AtFlags::SYMLINK_NOFOLLOW)?;
                links.push(AccessRights::from(&link));
                rustix::fs::readlinkat(&directory, &name, Vec::new())?
            }
            opened => {
                directories.push((path.clone(), directory));
                return Ok(Followed {
                    path,
                    file: opened.map(File::from),
                    directories,
                    links,
                });
            }
        };
        let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
        let next = parent(&path).join(target);
        directories.push((path, directory));
        path = next;
    }
}
