//! Writes files that nobody else can read at any moment.

use std::ffi::OsStr;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use rustix::fd::{AsFd, BorrowedFd};
use rustix::fs::{Access, Mode, OFlags};

use super::access::DIRECTORY_FLAGS;

/// Mode of a private file.
pub(super) const FILE_MODE: Mode = Mode::from_raw_mode(0o600);

/// Flags for creating a file that must not exist yet.
const NEW_FILE: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::CLOEXEC);

/// Checks that a file could be created or replaced at `path`, as far as permissions tell. Ask
/// before a user types what is to be written.
///
/// # Errors
/// The nearest directory that exists can't be written.
pub(crate) fn check_writable(path: &Path) -> io::Result<()> {
    let mut directories = path.ancestors().map(parent);
    let directory = directories.find(|directory| directory.exists());
    Ok(rustix::fs::access(
        directory.unwrap_or(Path::new("/")),
        Access::WRITE_OK.union(Access::EXEC_OK),
    )?)
}

/// Writes `bytes` to a file with mode 600 at `path`, in place of what is there. Missing directories
/// are created with mode 700; one that exists isn't judged. The old file stays until the new one is
/// safe on the disk.
///
/// # Errors
/// The directory or the file can't be written. Then the old file is unchanged.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let directory = parent(path);
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    create_directories(directory)?;
    let descriptor = rustix::fs::open(directory, DIRECTORY_FLAGS, Mode::empty())?;
    replace(descriptor.as_fd(), directory, name, bytes)
}

/// Writes `bytes` to a new file with mode 600.
///
/// # Errors
/// There is a file at `path` already, or it can't be written.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?
        .write_all(bytes)
}

/// Creates the directory `path` and its missing parents with mode 700.
pub(super) fn create_directories(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes the file `name` of the open `directory`, which is at `path`. Nothing is locked, since
/// homes are on network file systems: the new file gets a random hidden name, which dask doesn't
/// read, and is then renamed.
pub(super) fn replace(
    directory: BorrowedFd<'_>,
    path: &Path,
    name: &OsStr,
    bytes: &[u8],
) -> io::Result<()> {
    let mut new = tempfile::Builder::new()
        .prefix(".dgw-")
        .make_in(path, |new| {
            let name = new.file_name().unwrap_or_default();
            Ok(File::from(rustix::fs::openat(
                directory, name, NEW_FILE, FILE_MODE,
            )?))
        })?;
    // A umask may have removed bits.
    rustix::fs::fchmod(new.as_file(), FILE_MODE)?;
    new.as_file_mut().write_all(bytes)?;
    new.as_file().sync_all()?;
    let new_name = new.path().file_name().unwrap_or_default();
    rustix::fs::renameat(directory, new_name, directory, name)?;
    // Renamed: no temporary file is left to remove.
    let _ = new.into_temp_path().keep();
    // Some file systems can't do this; the file itself is safe.
    let _ = rustix::fs::fsync(directory);
    Ok(())
}

/// Returns the directory that holds `path`: `.` for a bare file name, `/` for the root itself.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if directory.as_os_str().is_empty() => Path::new("."),
        directory => directory.unwrap_or(Path::new("/")),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("it exists").permissions().mode() & 0o7777
    }

    #[test]
    fn creates_file_with_mode_600_in_new_directories_with_mode_700() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("a/b/file.yaml");
        write_atomically(&path, b"one").expect("written");
        assert_eq!(fs::read(&path).expect("read"), b"one");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(&home.path().join("a")), 0o700);
        assert_eq!(mode(&home.path().join("a/b")), 0o700);
    }

    #[test]
    fn replaces_file_whatever_its_mode_and_leaves_nothing_else() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("file.yaml");
        fs::write(&path, "old").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("set");
        write_atomically(&path, b"new").expect("replaced");
        assert_eq!(fs::read(&path).expect("read"), b"new");
        assert_eq!(mode(&path), 0o600);
        assert_eq!(home.path().read_dir().expect("listed").count(), 1);
    }

    #[test]
    fn failed_write_leaves_no_temporary_file() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("taken");
        fs::create_dir(&path).expect("a directory in the place of the file");
        assert!(write_atomically(&path, b"new").is_err());
        assert_eq!(home.path().read_dir().expect("listed").count(), 1);
        assert!(write_atomically(Path::new("/"), b"new").is_err());
    }

    #[test]
    fn new_file_is_private_and_never_replaces_one() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("key");
        write_new(&path, b"one").expect("written");
        assert_eq!(mode(&path), 0o600);
        let error = write_new(&path, b"two").expect_err("it exists");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).expect("read"), b"one");
    }

    #[test]
    fn directory_that_takes_no_files_is_not_writable() {
        let home = tempfile::tempdir().expect("a directory");
        assert!(check_writable(&home.path().join("file")).is_ok());
        assert!(check_writable(&home.path().join("a/b/file")).is_ok());
        assert!(check_writable(Path::new("file-in-the-current-directory")).is_ok());
        let file = home.path().join("file");
        fs::write(&file, "").expect("written");
        assert!(check_writable(&file.join("below")).is_err());
    }

    #[test]
    fn parent_of_a_bare_file_name_is_the_current_directory() {
        for (path, directory) in [("a/b", "a"), ("a", "."), ("/a", "/"), ("/", "/")] {
            assert_eq!(parent(Path::new(path)), Path::new(directory));
        }
    }
}
