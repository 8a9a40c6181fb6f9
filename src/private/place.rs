//! A directory that holds private directories, such as `/tmp`. They are created, opened and removed
//! by descriptor, so that nobody can exchange one in between.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, Dir, Mode, OFlags};
use rustix::io::Errno;

use super::access::{AccessRights, DIRECTORY_FLAGS};
use super::ancestors::check_ancestors;

/// Flags for opening a private directory itself, rather than what a link leads to.
const PRIVATE_FLAGS: OFlags = DIRECTORY_FLAGS.union(OFlags::NOFOLLOW);

/// How a directory is opened that need not be readable, only writable. Elsewhere than on Linux it must be.
#[cfg(target_os = "linux")]
const LOOK: OFlags = OFlags::PATH;
#[cfg(not(target_os = "linux"))]
const LOOK: OFlags = OFlags::RDONLY;

/// An open directory whose entries only their owners can exchange.
#[derive(Debug)]
pub(super) struct Place {
    descriptor: OwnedFd,
    path: PathBuf,
}

impl Place {
    /// Opens the directory at `path`.
    ///
    /// # Errors
    /// It can't be opened, or others could exchange it or what is in it.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        check_ancestors(&path).map_err(io::Error::other)?;
        let flags = LOOK | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let descriptor = rustix::fs::open(&path, flags, Mode::empty())?;
        Ok(Self { descriptor, path })
    }

    /// Returns the absolute path of this directory.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of `name` in this directory.
    pub(super) fn path_of(&self, name: &OsStr) -> PathBuf {
        self.path.join(name)
    }

    /// Creates a private directory with a random name that begins with `prefix`.
    ///
    /// # Errors
    /// It can't be created or opened. Then there is none.
    pub(super) fn create(&self, prefix: &str) -> io::Result<(OsString, File)> {
        let (directory, path) = tempfile::Builder::new()
            .prefix(prefix)
            .disable_cleanup(true)
            .make_in(&self.path, |path| {
                let name = path.file_name().unwrap_or_default();
                rustix::fs::mkdirat(&self.descriptor, name, Mode::RWXU)?;
                self.open_private(name).inspect_err(|_| {
                    let _ = self.remove_empty(name);
                })
            })?
            .keep()?;
        let name = path.file_name().unwrap_or_default().to_owned();
        Ok((name, directory))
    }

    /// Opens the private directory `name`.
    ///
    /// # Errors
    /// It is none, or can't be opened.
    pub(super) fn open_private(&self, name: &OsStr) -> io::Result<File> {
        let directory = rustix::fs::openat(&self.descriptor, name, PRIVATE_FLAGS, Mode::empty())?;
        if AccessRights::of(&directory)?.is_private_directory() {
            Ok(directory.into())
        } else {
            Err(io::ErrorKind::PermissionDenied.into())
        }
    }

    /// Opens the private directories whose names begin with `prefix`.
    pub(super) fn open_all(&self, prefix: &str) -> Vec<(OsString, File)> {
        let Ok(entries) = self.path.read_dir() else {
            return Vec::new();
        };
        entries
            .filter_map(|entry| {
                let name = entry.ok()?.file_name();
                let is_named = name.as_encoded_bytes().starts_with(prefix.as_bytes());
                let directory = is_named.then(|| self.open_private(&name))?.ok()?;
                Some((name, directory))
            })
            .collect()
    }

    /// Removes the open private `directory`, which was created as `name`, and the `files` in it.
    /// Needs no new descriptor.
    ///
    /// # Errors
    /// One of the files can't be removed; or something else is in the directory, or in its place.
    pub(super) fn remove(&self, name: &OsStr, directory: &File, files: &[&str]) -> io::Result<()> {
        let mut removed = Ok(());
        for file in files {
            match rustix::fs::unlinkat(directory, *file, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => {}
                Err(errno) => removed = Err(errno),
            }
        }
        removed?;
        let own = rustix::fs::fstat(directory)?;
        if own.st_nlink == 0 {
            return Ok(());
        }
        let is_own = rustix::fs::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|found| (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino));
        if is_own {
            self.remove_empty(name)
        } else {
            Err(io::Error::other("it was moved; it is empty"))
        }
    }

    fn remove_empty(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(
            &self.descriptor,
            name,
            AtFlags::REMOVEDIR,
        )?)
    }
}

/// Returns true if the open `directory` holds no files but those with these names.
pub(super) fn holds_only(directory: &File, files: &[&str]) -> bool {
    let is_known = |name: &[u8]| {
        let dots: [&[u8]; 2] = [b".", b".."];
        dots.contains(&name) || files.iter().any(|file| file.as_bytes() == name)
    };
    Dir::read_from(directory).is_ok_and(|mut entries| {
        entries.all(|entry| entry.is_ok_and(|entry| is_known(entry.file_name().to_bytes())))
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const FILES: [&str; 2] = ["one", "two"];

    fn place() -> (tempfile::TempDir, Place) {
        let base = tempfile::tempdir().expect("a directory");
        let place = Place::open(base.path()).expect("only the user can write it");
        (base, place)
    }

    fn count(place: &Place) -> usize {
        place.path.read_dir().expect("listed").count()
    }

    #[test]
    fn creates_a_private_directory_and_removes_it_with_its_files() {
        let (_base, place) = place();
        let (name, directory) = place.create("dgw-").expect("created");
        let rights = AccessRights::of(&directory).expect("judged");
        assert!(rights.is_private_directory());
        fs::write(place.path_of(&name).join("one"), "").expect("written");
        assert_eq!(place.open_all("dgw-").len(), 1);
        assert!(place.open_all("other-").is_empty());
        place.remove(&name, &directory, &FILES).expect("removed");
        assert_eq!(count(&place), 0);
        place.remove(&name, &directory, &FILES).expect("it is gone");
    }

    #[test]
    fn unknown_file_stays_and_known_ones_go() {
        let (_base, place) = place();
        let (name, directory) = place.create("dgw-").expect("created");
        for file in ["one", "thesis.tex", "two"] {
            fs::write(place.path_of(&name).join(file), "").expect("written");
        }
        assert!(!holds_only(&directory, &FILES));
        let error = place.remove(&name, &directory, &FILES);
        let error = error.expect_err("a file stays");
        assert_eq!(error.kind(), io::ErrorKind::DirectoryNotEmpty);
        assert!(holds_only(&directory, &["thesis.tex"]));
    }

    #[test]
    fn file_that_can_not_be_removed_does_not_keep_the_others() {
        let (_base, place) = place();
        let (name, directory) = place.create("dgw-").expect("created");
        let path = place.path_of(&name);
        fs::create_dir(path.join("one")).expect("a directory in the place of a file");
        fs::write(path.join("two"), "").expect("written");
        assert!(place.remove(&name, &directory, &FILES).is_err());
        assert!(path.join("one").exists() && !path.join("two").exists());
    }

    #[test]
    fn directory_that_was_put_in_its_place_stays() {
        let (_base, place) = place();
        let (name, directory) = place.create("dgw-").expect("created");
        let path = place.path_of(&name);
        fs::write(path.join("one"), "").expect("written");
        let moved = path.with_extension("moved");
        fs::rename(&path, &moved).expect("moved");
        fs::create_dir(&path).expect("exchanged");
        assert!(place.remove(&name, &directory, &FILES).is_err());
        assert!(path.exists() && moved.exists() && !moved.join("one").exists());
    }

    #[test]
    fn place_that_others_can_write_is_refused() {
        let (base, _place) = place();
        let open = fs::Permissions::from_mode(0o777);
        fs::set_permissions(base.path(), open).expect("set");
        let error = Place::open(base.path()).expect_err("refused");
        assert!(error.to_string().contains("mode 777"), "{error}");
        assert!(Place::open(&base.path().join("none")).is_err());
    }
}
