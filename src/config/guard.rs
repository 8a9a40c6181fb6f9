//! Opens a configuration file and judges it on the open descriptor, so that what was judged is
//! what is read.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, Stat, StatVfsMountFlags};
use rustix::io::Errno;

use super::error::{Error, FileFault};
use super::find::{Candidate, Owner};

/// A gateway section is some tens of lines. The YAML parser slows down with the square of what
/// nests in it: at this size it takes a second at the worst.
const SIZE_LIMIT: u64 = 64 * 1024;

/// A file's text, with what its descriptors said of it.
pub(super) struct Opened {
    pub(super) text: String,
    file: Stat,
    folder: Folder,
    /// Where a link of the site's leads to.
    target_folder: Option<Folder>,
    is_link: bool,
}

struct Folder {
    stat: Stat,
    /// Whether nobody may write there, whatever its mode: so is what Kubernetes mounts for everyone.
    is_read_only: bool,
}

impl Opened {
    /// The file's permission bits.
    pub(super) fn mode(&self) -> u32 {
        self.file.st_mode & 0o7777
    }
}

/// Opens and reads a file. `None` where it isn't there, or can't matter: dask passes over what it
/// can't read, too.
///
/// # Errors
/// What is there for the gateway's sake can't be read, or isn't a small regular file of text.
pub(super) fn open(candidate: &Candidate) -> Result<Option<Opened>, Error> {
    let path = &candidate.path;
    let refused = |fault| Error::Refused {
        path: path.clone(),
        fault,
    };
    let (mut file, folder, is_link) = match open_with_folder(path) {
        Ok(opened) => opened,
        Err(Errno::NOENT) => return Ok(None),
        Err(_) if candidate.owner == Owner::User && candidate.is_the_gateways() => {
            let mode = rustix::fs::stat(path).map(|stat| stat.st_mode & 0o7777);
            return Err(refused(FileFault::Unreadable(mode.ok())));
        }
        Err(_) => return Ok(None),
    };
    let unreadable = |_| refused(FileFault::Unreadable(None));
    let mut target_folder = None;
    if is_link && candidate.owner == Owner::Site {
        let target = path.canonicalize();
        let target = target.map_err(|_| refused(FileFault::Unreadable(None)))?;
        let (leads_to, holds_it, _) = open_with_folder(&target).map_err(unreadable)?;
        file = leads_to;
        target_folder = Some(Folder::of(&holds_it).map_err(unreadable)?);
    }
    let file_stat = rustix::fs::fstat(&file).map_err(unreadable)?;
    let folder = Folder::of(&folder).map_err(unreadable)?;
    match read(file, &file_stat) {
        Ok(text) => Ok(Some(Opened {
            text,
            file: file_stat,
            folder,
            target_folder,
            is_link,
        })),
        Err(unfit) if candidate.is_the_gateways() || unfit.mentions_gateway => {
            Err(refused(unfit.fault))
        }
        Err(_) => Ok(None),
    }
}

impl Folder {
    fn of(folder: &rustix::fd::OwnedFd) -> Result<Self, Errno> {
        let flags = rustix::fs::fstatvfs(folder)?.f_flag;
        Ok(Self {
            stat: rustix::fs::fstat(folder)?,
            is_read_only: flags.contains(StatVfsMountFlags::RDONLY),
        })
    }
}

/// Why a file's text can't be had.
struct Unfit {
    fault: FileFault,
    /// As far as it was read.
    mentions_gateway: bool,
}

fn read(file: File, stat: &Stat) -> Result<String, Unfit> {
    let unfit = |bytes: &[u8], fault| Unfit {
        fault,
        mentions_gateway: String::from_utf8_lossy(bytes).contains("gateway"),
    };
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(unfit(&[], FileFault::NotRegular));
    }
    // Room for a byte more than it holds, so that one read sees its end.
    let size = u64::try_from(stat.st_size).map_or(0, |size| size.min(SIZE_LIMIT));
    let mut bytes = Vec::with_capacity(usize::try_from(size + 1).unwrap_or_default());
    match file.take(SIZE_LIMIT + 1).read_to_end(&mut bytes) {
        Err(_) => Err(unfit(&bytes, FileFault::Unreadable(None))),
        Ok(size) if size as u64 > SIZE_LIMIT => Err(unfit(&bytes, FileFault::TooLarge)),
        Ok(_) => {
            String::from_utf8(bytes).map_err(|error| unfit(error.as_bytes(), FileFault::NotText))
        }
    }
}

/// The file opened relative to its folder, so that both descriptors are of one moment. Without
/// `NONBLOCK` a FIFO would hang here.
fn open_with_folder(path: &Path) -> Result<(File, rustix::fd::OwnedFd, bool), Errno> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let parent = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let name = path.file_name().ok_or(Errno::INVAL)?;
    let folder = rustix::fs::open(parent, flags | OFlags::DIRECTORY, Mode::empty())?;
    match rustix::fs::openat(&folder, name, flags | OFlags::NOFOLLOW, Mode::empty()) {
        Ok(file) => Ok((file.into(), folder, false)),
        Err(Errno::LOOP) => {
            let file = rustix::fs::openat(&folder, name, flags, Mode::empty())?;
            Ok((file.into(), folder, true))
        }
        Err(error) => Err(error),
    }
}

/// Refuses a file with a gateway section that others could have written, or whose secret they can
/// read.
///
/// # Errors
/// Which of the rules it breaks, and the mode that was found.
pub(super) fn judge(
    candidate: &Candidate,
    opened: &Opened,
    holds_secret: bool,
) -> Result<(), Error> {
    let fault = match candidate.owner {
        Owner::Site => site_fault(opened, holds_secret),
        Owner::User => user_fault(opened, opened.mode()),
    };
    match fault {
        None => Ok(()),
        Some(fault) => Err(Error::Refused {
            path: candidate.path.clone(),
            fault,
        }),
    }
}

/// A site's file may be anyone's, but not everyone's: it may name the address that the user's own
/// secret is sent to.
fn site_fault(opened: &Opened, holds_secret: bool) -> Option<FileFault> {
    let mode = opened.mode();
    let is_own = opened.file.st_uid == rustix::process::geteuid().as_raw();
    let folders = [Some(&opened.folder), opened.target_folder.as_ref()];
    let mut modes = folders.into_iter().flatten().filter_map(|folder| {
        let mode = folder.stat.st_mode & 0o7777;
        (mode & 0o002 != 0 && !folder.is_read_only).then_some(mode)
    });
    if mode & 0o002 != 0 {
        Some(FileFault::WritableForAll { mode, is_own })
    } else if let Some(mode) = modes.next() {
        Some(FileFault::FolderForAll(mode))
    } else {
        let is_open = holds_secret && mode & 0o044 != 0;
        is_open.then_some(FileFault::SecretForAll { mode, is_own })
    }
}

fn user_fault(opened: &Opened, mode: u32) -> Option<FileFault> {
    let (others, folders) = user_faults(opened);
    let mode = (mode != 0o600).then_some(FileFault::Mode(mode));
    others.or(mode).or(folders)
}

/// What is wrong with the user's file itself, whatever its mode, and with its folder.
fn user_faults(opened: &Opened) -> (Option<FileFault>, Option<FileFault>) {
    let me = rustix::process::geteuid().as_raw();
    let of_file = if opened.is_link {
        Some(FileFault::Link)
    } else if opened.file.st_uid != me {
        Some(FileFault::NotYours(opened.file.st_uid))
    } else {
        None
    };
    (of_file, folder_fault(&opened.folder.stat))
}

/// What is wrong with a folder of the user's.
pub(super) fn folder_fault(folder: &Stat) -> Option<FileFault> {
    let me = rustix::process::geteuid().as_raw();
    let mode = folder.st_mode & 0o7777;
    if mode & 0o022 != 0 {
        Some(FileFault::FolderMode(mode))
    } else if folder.st_uid != me && folder.st_uid != 0 {
        Some(FileFault::FolderNotYours(folder.st_uid))
    } else {
        None
    }
}

/// Refuses a file of the user's that is to be changed, and have mode 600 then: what it says now
/// must be the user's own words.
///
/// # Errors
/// Which of the rules it breaks.
pub(super) fn judge_for_change(
    candidate: &Candidate,
    opened: &Opened,
    holds_settings: bool,
) -> Result<(), Error> {
    let mode = opened.mode();
    let (of_file, of_folder) = user_faults(opened);
    let is_others = holds_settings && mode & 0o022 != 0;
    let of_mode = is_others.then_some(FileFault::Mode(mode));
    match of_file.or(of_mode).or(of_folder) {
        None => Ok(()),
        Some(fault) => Err(Error::Refused {
            path: candidate.path.clone(),
            fault,
        }),
    }
}
