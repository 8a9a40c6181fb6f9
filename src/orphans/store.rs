//! The state folder: one folder for each gateway, below `$XDG_STATE_HOME/dgw`.
//!
//! Homes are on network file systems: nothing here is locked by the kernel. A file is replaced as a
//! whole, after it has reached the disk. What is read is judged on the open descriptor first: a file
//! must be the user's own, mode 600, in a folder that nobody else can write.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Error;

/// Some ten thousand sightings.
const SIZE_LIMIT: u64 = 4 * 1024 * 1024;

/// File names have at most 255 bytes; a few are for what is added.
const NAME_LIMIT: usize = 200;

/// What an address is made of that a file name may be.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// The folder of one gateway. It need not be there.
#[derive(Debug)]
pub(crate) struct StateDir {
    pub(super) path: PathBuf,
}

/// The folder, open, and nobody else's.
pub(super) struct Folder {
    pub(super) fd: OwnedFd,
    pub(super) path: PathBuf,
}

impl StateDir {
    /// For the gateway at `address`: in `$XDG_STATE_HOME`, or else in `~/.local/state`.
    ///
    /// # Errors
    /// There's no home. One that depends on where dgw is run is none: what is protected here would
    /// not be elsewhere.
    pub(crate) fn of(address: &str) -> Result<Self, Error> {
        let home = || dirs::home_dir().map(|home| home.join(".local/state"));
        let base = dirs::state_dir().or_else(home);
        let base = base.filter(|base| base.is_absolute());
        let base = base.ok_or(Error::NoHome)?;
        Ok(Self {
            path: base.join("dgw").join(file_name(address)),
        })
    }

    /// The folder, or one in it, if it's there.
    ///
    /// # Errors
    /// It can't be read, or others can write it.
    pub(super) fn open(&self, inner: Option<&str>) -> Result<Option<Folder>, Error> {
        let path = inner.map_or_else(|| self.path.clone(), |inner| self.path.join(inner));
        open_folder(&path)
    }

    /// The same, made if it isn't there, for the user alone.
    ///
    /// # Errors
    /// It can't be made or read, or others can write it.
    pub(super) fn make(&self, inner: Option<&str>) -> Result<Folder, Error> {
        let path = inner.map_or_else(|| self.path.clone(), |inner| self.path.join(inner));
        let failed = |source| Error::Disk {
            doing: "make the folder",
            path: path.clone(),
            source,
        };
        let mut builder = std::fs::DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(&path);
        made.map_err(failed)?;
        open_folder(&path)?.ok_or_else(|| failed(Errno::NOENT.into()))
    }
}

fn open_folder(path: &Path) -> Result<Option<Folder>, Error> {
    let failed = |errno: Errno| Error::Disk {
        doing: "read the folder",
        path: path.to_owned(),
        source: errno.into(),
    };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(fd) => fd,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(failed(errno)),
    };
    let stat = rustix::fs::fstat(&fd).map_err(failed)?;
    let mode = stat.st_mode & 0o7777;
    let untrusted = |why: String, mend: String| Error::Untrusted {
        path: path.to_owned(),
        why,
        mend,
    };
    if stat.st_uid != rustix::process::geteuid().as_raw() {
        let mend = "move it out of the way".to_owned();
        return Err(untrusted(
            format!("it belongs to user {}", stat.st_uid),
            mend,
        ));
    }
    if mode & 0o022 != 0 {
        let mend = format!("chmod 700 {}", path.display());
        return Err(untrusted(
            format!("its mode is {mode:03o}, so others can write it"),
            mend,
        ));
    }
    Ok(Some(Folder {
        fd,
        path: path.to_owned(),
    }))
}

impl Folder {
    /// What the file `name` holds. `None` where it isn't there.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(super) fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, String> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let file = match rustix::fs::openat(&self.fd, name, flags, Mode::empty()) {
            Ok(fd) => File::from(fd),
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(io::Error::from(errno).to_string()),
        };
        let stat = rustix::fs::fstat(&file).map_err(|errno| errno.to_string())?;
        if let Some(fault) = fault(&stat) {
            return Err(fault);
        }
        let mut bytes = Vec::new();
        let read = file.take(SIZE_LIMIT + 1).read_to_end(&mut bytes);
        read.map_err(|error| error.to_string())?;
        if bytes.len() as u64 > SIZE_LIMIT {
            return Err("it is too large".to_owned());
        }
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|_| "it is damaged".to_owned())
    }

    /// Puts `value` into the file `name`, in place of what is there: all of it, or nothing.
    ///
    /// # Errors
    /// What went wrong, as a full disk or a folder that can't be written.
    pub(super) fn replace(&self, name: &str, value: &impl Serialize) -> Result<(), Error> {
        let failed = |source| Error::Disk {
            doing: "write",
            path: self.path.join(name),
            source,
        };
        // Hidden, so that it is taken for nothing else. Another host may use the same number.
        let host = rustix::system::uname();
        let host = host.nodename().to_string_lossy().into_owned();
        let new = format!(".{}.{}.new", file_name(&host), std::process::id());
        let text = serde_json::to_vec(value).map_err(|error| failed(error.into()))?;
        let write = || -> io::Result<()> {
            // One of a run that was killed.
            let _ = rustix::fs::unlinkat(&self.fd, &new, AtFlags::empty());
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
            let fd = rustix::fs::openat(&self.fd, &new, flags, PRIVATE)?;
            // Whatever the umask.
            rustix::fs::fchmod(&fd, PRIVATE)?;
            let mut file = File::from(fd);
            file.write_all(&text)?;
            file.sync_all()?;
            drop(file);
            rustix::fs::renameat(&self.fd, &new, &self.fd, name)?;
            // Some file systems can't do this, and need not.
            let _ = rustix::fs::fsync(&self.fd);
            Ok(())
        };
        write().map_err(|source| {
            let _ = rustix::fs::unlinkat(&self.fd, &new, AtFlags::empty());
            failed(source)
        })
    }

    /// Removes the file `name`. Returns whether it was there.
    ///
    /// # Errors
    /// It's there still.
    pub(super) fn remove(&self, name: &str) -> Result<bool, Error> {
        match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) => {
                let _ = rustix::fs::fsync(&self.fd);
                Ok(true)
            }
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(Error::Disk {
                doing: "remove",
                path: self.path.join(name),
                source: errno.into(),
            }),
        }
    }

    /// The names of the files in it, but hidden ones.
    ///
    /// # Errors
    /// It can't be listed.
    pub(super) fn names(&self) -> Result<Vec<String>, Error> {
        let failed = |errno: Errno| Error::Disk {
            doing: "list the folder",
            path: self.path.clone(),
            source: errno.into(),
        };
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.fd).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with('.') {
                names.push(name);
            }
        }
        Ok(names)
    }
}

/// For the user alone.
pub(super) const PRIVATE: Mode = Mode::from_raw_mode(0o600);

fn fault(stat: &Stat) -> Option<String> {
    let mode = stat.st_mode & 0o7777;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        Some("it is no regular file".to_owned())
    } else if stat.st_uid != rustix::process::geteuid().as_raw() {
        Some(format!("it belongs to user {}", stat.st_uid))
    } else if mode != 0o600 {
        Some(format!("its mode is {mode:03o}, not 600"))
    } else {
        None
    }
}

/// `text` as a file name, the same for the same text, and for no other.
fn file_name(text: &str) -> String {
    let encoded = utf8_percent_encode(text, PLAIN).to_string();
    if encoded.len() <= NAME_LIMIT {
        return encoded;
    }
    // FNV-1a: what the standard library hashes with may change.
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // All of it is ASCII by now.
    format!("{}-{hash:016x}", &encoded[..NAME_LIMIT - 17])
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn an_address_is_one_safe_file_name() {
        assert_eq!(
            file_name("https://gw.example.org:8000/dg"),
            "https%3A%2F%2Fgw.example.org%3A8000%2Fdg"
        );
        let long = format!("https://{}/", "a/".repeat(200));
        let longer = format!("{long}b");
        assert!(file_name(&long).len() <= NAME_LIMIT);
        assert_ne!(file_name(&long), file_name(&longer));
        assert!(!file_name("../..").contains('/'));
    }

    #[test]
    fn what_is_written_is_private_whole_and_read_back() {
        let home = tempfile::tempdir().expect("a folder");
        let store = StateDir {
            path: home.path().join("state/dgw/gateway"),
        };
        assert!(store.open(None).is_ok_and(|folder| folder.is_none()));
        let folder = store.make(None).expect("a folder");
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode();
        assert_eq!(mode(&store.path) & 0o777, 0o700);
        assert_eq!(folder.read::<Vec<u8>>("file"), Ok(None));
        folder.replace("file", &[1, 2]).expect("written");
        folder.replace("file", &[3]).expect("replaced");
        assert_eq!(folder.read("file"), Ok(Some(vec![3])));
        assert_eq!(mode(&store.path.join("file")) & 0o777, 0o600);
        assert_eq!(folder.names().ok(), Some(vec!["file".to_owned()]));
        assert!(folder.remove("file").is_ok_and(|was_there| was_there));
        assert!(folder.remove("file").is_ok_and(|was_there| !was_there));
    }

    #[test]
    fn what_others_could_have_written_is_not_read() {
        let home = tempfile::tempdir().expect("a folder");
        let store = StateDir {
            path: home.path().join("gateway"),
        };
        let folder = store.make(None).expect("a folder");
        folder.replace("file", &[1]).expect("written");
        let path = store.path.join("file");
        let set = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("set");
        };
        set(&path, 0o644);
        assert!(
            folder
                .read::<Vec<u8>>("file")
                .is_err_and(|why| why.contains("644"))
        );
        std::fs::remove_file(&path).expect("removed");
        std::os::unix::fs::symlink("/etc/passwd", &path).expect("a link");
        assert!(folder.read::<Vec<u8>>("file").is_err());
        std::fs::remove_file(&path).expect("removed");
        std::fs::write(&path, "[1").expect("written");
        set(&path, 0o600);
        assert_eq!(
            folder.read::<Vec<u8>>("file"),
            Err("it is damaged".to_owned())
        );
        set(&store.path, 0o770);
        assert!(matches!(store.open(None), Err(Error::Untrusted { .. })));
    }
}
