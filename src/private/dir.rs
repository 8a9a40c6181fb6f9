//! A private directory, and the files in it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use rustix::fd::{AsFd as _, OwnedFd};
use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::access::{AccessRights, DIRECTORY_FLAGS, READ_FLAGS};
use super::ancestors::check_ancestors;
use super::error::Error;
use super::write;

/// Room for some ten thousand idle records, the largest file there is.
const SIZE_LIMIT: u64 = 4 * 1024 * 1024;

/// An open directory that belongs to the user, and that nobody else can write or exchange.
#[derive(Debug)]
pub(crate) struct PrivateDir {
    pub(super) descriptor: OwnedFd,
    path: PathBuf,
}

impl PrivateDir {
    /// Opens the directory at `path`; `None` if it doesn't exist.
    ///
    /// # Errors
    /// It can't be opened, belongs to somebody else, or can be written or exchanged by others.
    pub(crate) fn open(path: &Path) -> Result<Option<Self>, Error> {
        check_ancestors(write::parent(path))?;
        let failed = |errno: Errno| failure("open the directory", path.to_owned(), errno.into());
        let descriptor = match rustix::fs::open(path, DIRECTORY_FLAGS, Mode::empty()) {
            Ok(descriptor) => descriptor,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(failed(errno)),
        };
        let path = path.to_owned();
        match AccessRights::of(&descriptor)
            .map_err(failed)?
            .directory_fault()
        {
            None => Ok(Some(Self { descriptor, path })),
            Some(fault) => Err(Error::Refused { path, fault }),
        }
    }

    /// Opens the directory at `path`, after creating it and its missing parents with mode 700.
    ///
    /// # Errors
    /// It can't be created or opened, belongs to somebody else, or can be written or exchanged by
    /// others.
    pub(crate) fn create(path: &Path) -> Result<Self, Error> {
        check_ancestors(write::parent(path))?;
        let failed = |source| failure("create the directory", path.to_owned(), source);
        write::create_directories(path).map_err(failed)?;
        Self::open(path)?.ok_or_else(|| failed(Errno::NOENT.into()))
    }

    /// Returns true if others can neither list nor enter it.
    pub(crate) fn is_closed_to_others(&self) -> bool {
        AccessRights::of(&self.descriptor).is_ok_and(|rights| rights.is_private_directory())
    }

    /// Returns the path of `name` in this directory.
    pub(crate) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Reads the file `name` as JSON; `None` if it doesn't exist. No link is followed.
    ///
    /// # Errors
    /// The file isn't regular, isn't the user's own, hasn't mode 600, is larger than 4 MiB, or
    /// doesn't hold a `T`.
    pub(crate) fn read_json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        let path = || self.path_of(name);
        let failed = |errno: Errno| failure("read", path(), errno.into());
        let flags = READ_FLAGS.union(OFlags::NOFOLLOW);
        let file = match rustix::fs::openat(&self.descriptor, name, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(failed(errno)),
        };
        if let Some(fault) = AccessRights::of(&file).map_err(failed)?.file_fault() {
            return Err(Error::Refused {
                path: path(),
                fault,
            });
        }
        let mut bytes = Vec::new();
        file.take(SIZE_LIMIT + 1)
            .read_to_end(&mut bytes)
            .map_err(|source| failure("read", path(), source))?;
        if bytes.len() as u64 > SIZE_LIMIT {
            return Err(Error::Damaged(path()));
        }
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|_| Error::Damaged(path()))
    }

    /// Writes `value` as JSON to the file `name`; see [`Self::write`].
    ///
    /// # Errors
    /// It can't be written. Then the old file is unchanged.
    pub(crate) fn write_json(&self, name: &str, value: &impl Serialize) -> Result<(), Error> {
        let bytes = serde_json::to_vec(value)
            .map_err(|error| failure("write", self.path_of(name), error.into()))?;
        self.write(name, &bytes)
    }

    /// Writes `bytes` to the file `name` with mode 600, in place of what is there: all of them, or
    /// none.
    ///
    /// # Errors
    /// It can't be written. Then the old file is unchanged.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        write::replace(self.descriptor.as_fd(), &self.path, name.as_ref(), bytes)
            .map_err(|source| failure("write", self.path_of(name), source))
    }

    /// Removes the file `name`. Returns false if it doesn't exist.
    ///
    /// # Errors
    /// It can't be removed.
    pub(crate) fn remove(&self, name: &str) -> Result<bool, Error> {
        match rustix::fs::unlinkat(&self.descriptor, name, AtFlags::empty()) {
            Ok(()) => {
                // Some file systems can't do this, and need not.
                let _ = rustix::fs::fsync(&self.descriptor);
                Ok(true)
            }
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(failure("remove", self.path_of(name), errno.into())),
        }
    }

    /// Lists the names in this directory, without hidden ones.
    ///
    /// # Errors
    /// It can't be listed.
    pub(crate) fn names(&self) -> Result<Vec<String>, Error> {
        let failed = |errno: Errno| failure("list", self.path.clone(), errno.into());
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&self.descriptor).map_err(failed)? {
            let name = entry
                .map_err(failed)?
                .file_name()
                .to_string_lossy()
                .into_owned();
            if !name.starts_with('.') {
                names.push(name);
            }
        }
        Ok(names)
    }
}

fn failure(action: &'static str, path: PathBuf, source: io::Error) -> Error {
    Error::Io {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

    use super::*;
    use crate::private::AccessFault;

    /// A private directory in a temporary one.
    fn create() -> (tempfile::TempDir, PrivateDir) {
        let home = tempfile::tempdir().expect("a directory");
        let dir = PrivateDir::create(&home.path().join("state/dgw")).expect("created");
        (home, dir)
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it exists").permissions().mode() & 0o777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the mode can be set");
    }

    fn fault<T: std::fmt::Debug>(result: &Result<T, Error>) -> Option<AccessFault> {
        match result {
            Err(Error::Refused { fault, .. }) => Some(*fault),
            _ => None,
        }
    }

    #[test]
    fn creates_private_directories_and_opens_existing_ones() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("state/dgw");
        assert!(PrivateDir::open(&path).is_ok_and(|dir| dir.is_none()));
        let dir = PrivateDir::create(&path).expect("created");
        assert_eq!(mode(&path), 0o700);
        assert!(PrivateDir::open(&path).is_ok_and(|dir| dir.is_some()));
        assert_eq!(dir.path_of("file"), path.join("file"));
        assert!(dir.is_closed_to_others());
        set_mode(&path, 0o755);
        assert!(!dir.is_closed_to_others());
        assert!(PrivateDir::create(&path).is_ok());
    }

    #[test]
    fn file_in_the_place_of_a_directory_is_an_error() {
        let (_home, dir) = create();
        dir.write("file", b"").expect("written");
        let path = dir.path_of("file");
        for (result, action) in [
            (PrivateDir::open(&path).map(|_| ()), "open the directory"),
            (
                PrivateDir::create(&path).map(|_| ()),
                "create the directory",
            ),
        ] {
            assert!(
                matches!(&result, Err(Error::Io { action: found, .. }) if *found == action),
                "{result:?}"
            );
        }
    }

    #[test]
    fn writes_private_files_and_reads_them_back() {
        let (_home, dir) = create();
        assert_eq!(dir.read_json::<Vec<u8>>("file").ok(), Some(None));
        dir.write_json("file", &[1, 2]).expect("written");
        dir.write_json("file", &[3]).expect("replaced");
        assert_eq!(dir.read_json("file").ok(), Some(Some(vec![3])));
        assert_eq!(mode(&dir.path_of("file")), 0o600);
        dir.write(".hidden", b"").expect("written");
        assert_eq!(dir.names().ok(), Some(vec!["file".to_owned()]));
        assert_eq!(dir.remove("file").ok(), Some(true));
        assert_eq!(dir.remove("file").ok(), Some(false));
        PrivateDir::create(&dir.path_of("keeps")).expect("created");
        assert!(dir.remove("keeps").is_err());
    }

    #[test]
    fn refuses_directory_that_others_can_write() {
        let (home, _dir) = create();
        let path = home.path().join("state/dgw");
        set_mode(&path, 0o770);
        let expected = Some(AccessFault::WritableByOthers(0o770));
        assert_eq!(fault(&PrivateDir::open(&path)), expected);
        assert_eq!(fault(&PrivateDir::create(&path)), expected);
    }

    #[test]
    fn refuses_directory_that_others_can_exchange() {
        let (home, _dir) = create();
        let path = home.path().join("state/dgw");
        set_mode(home.path(), 0o777);
        for result in [
            PrivateDir::open(&path).map(|_| ()),
            PrivateDir::create(&path).map(|_| ()),
            PrivateDir::create(&home.path().join("new/dgw")).map(|_| ()),
        ] {
            assert!(
                matches!(&result, Err(Error::Exchangeable { path, .. }) if path == home.path()),
                "{result:?}"
            );
        }
        assert!(!home.path().join("new").exists());
        set_mode(home.path(), 0o1777);
        assert!(PrivateDir::open(&path).is_ok());
    }

    #[test]
    fn refuses_directories_and_files_of_other_users() {
        // Only root can give files away.
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let (home, dir) = create();
        dir.write_json("file", &[1]).expect("written");
        chown(dir.path_of("file"), Some(12_345), None).expect("given away");
        let expected = Some(AccessFault::NotOwned(12_345));
        assert_eq!(fault(&dir.read_json::<Vec<u8>>("file")), expected);
        let path = home.path().join("state/dgw");
        chown(&path, Some(12_345), None).expect("given away");
        assert_eq!(fault(&PrivateDir::open(&path)), expected);
    }

    #[test]
    fn refuses_files_that_others_can_read_links_and_fifos() {
        let (_home, dir) = create();
        dir.write_json("file", &[1]).expect("written");
        let path = dir.path_of("file");
        set_mode(&path, 0o644);
        let read = || dir.read_json::<Vec<u8>>("file");
        assert_eq!(fault(&read()), Some(AccessFault::Mode(0o644)));
        fs::rename(&path, dir.path_of("target")).expect("renamed");
        set_mode(&dir.path_of("target"), 0o600);
        symlink(dir.path_of("target"), &path).expect("linked");
        assert!(matches!(read(), Err(Error::Io { action: "read", .. })));
        fs::remove_file(&path).expect("removed");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &path,
            rustix::fs::FileType::Fifo,
            write::FILE_MODE,
            0,
        )
        .expect("a FIFO");
        assert_eq!(fault(&read()), Some(AccessFault::NotRegular));
    }

    #[test]
    fn refuses_damaged_and_large_files() {
        let (_home, dir) = create();
        let read = || dir.read_json::<Vec<u8>>("file");
        dir.write("file", b"[1").expect("written");
        assert!(matches!(read(), Err(Error::Damaged(_))));
        let limit = 4 * 1024 * 1024;
        let mut text = b"[]".to_vec();
        text.resize(limit, b' ');
        dir.write("file", &text).expect("written");
        assert_eq!(read().ok(), Some(Some(Vec::new())));
        text.push(b' ');
        dir.write("file", &text).expect("written");
        assert!(matches!(read(), Err(Error::Damaged(_))));
    }
}
