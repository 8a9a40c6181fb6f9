//! The file of `--usage`.

use std::fs::Permissions;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use super::Error;
use crate::private;

/// The mode of a new file, from which the user's umask takes bits.
const FILE_MODE: u32 = 0o666;

/// A file that can be written, as far as permissions tell.
#[derive(Debug)]
pub(crate) struct UsageFile {
    path: PathBuf,
}

impl UsageFile {
    /// Checks that a file can be created or replaced at `path`.
    ///
    /// # Errors
    /// Its directory does not exist or can't be written, or something else than a file is there.
    pub(crate) fn at(path: &Path) -> Result<Self, Error> {
        checked(path).map_err(|source| Error::UsageFile {
            path: path.to_owned(),
            source,
        })
    }

    /// Writes `bytes` in place of what is there: all of them, or none.
    ///
    /// # Errors
    /// The file can't be written.
    pub(super) fn write(&self, bytes: &[u8]) -> Result<(), Error> {
        self.replace(bytes).map_err(|source| Error::UsageFile {
            path: self.path.clone(),
            source,
        })
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        let mut new = tempfile::Builder::new()
            .prefix(".dgw-")
            .permissions(Permissions::from_mode(FILE_MODE))
            .tempfile_in(private::parent(&self.path))?;
        new.write_all(bytes)?;
        new.as_file().sync_all()?;
        new.persist(&self.path)?;
        Ok(())
    }
}

fn checked(path: &Path) -> io::Result<UsageFile> {
    if path == Path::new("-") {
        return Err(io::Error::other("stdout is COMMAND's"));
    }
    let path = match path.canonicalize() {
        Ok(path) if path.is_file() => path,
        Ok(path) if path.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(_) => return Err(io::Error::other("it is not a regular file")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(error),
    };
    if path.as_os_str().as_bytes().ends_with(b"/") {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    let directory = private::parent(&path);
    rustix::fs::access(directory, Access::WRITE_OK.union(Access::EXEC_OK))?;
    Ok(UsageFile { path })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn replaces_files_and_follows_links_to_them() {
        let home = tempfile::tempdir().expect("a directory");
        let (file, link) = (home.path().join("usage.json"), home.path().join("link"));
        let write = |path: &Path, text: &str| {
            let file = UsageFile::at(path).expect("can be written");
            file.write(text.as_bytes()).expect("written");
        };
        write(&file, "old");
        symlink("usage.json", &link).expect("linked");
        write(&link, "new");
        assert_eq!(fs::read_to_string(&file).expect("read"), "new");
        assert!(link.is_symlink());
        assert_eq!(home.path().read_dir().expect("listed").count(), 2);
        let new = home.path().join("plain");
        fs::write(&new, "").expect("written");
        let mode = |path| fs::metadata(path).expect("it exists").permissions().mode();
        assert_eq!(mode(&file), mode(&new));
    }

    #[test]
    fn refuses_what_is_no_file_and_directories_that_do_not_exist() {
        let home = tempfile::tempdir().expect("a directory");
        let missing = home.path().join("missing/usage.json");
        let new_directory = home.path().join("new/");
        for path in [
            home.path(),
            &missing,
            &new_directory,
            Path::new("-"),
            Path::new("/dev/null"),
            Path::new("/dev/null/usage.json"),
        ] {
            assert!(UsageFile::at(path).is_err(), "{}", path.display());
        }
        assert_eq!(home.path().read_dir().expect("listed").count(), 0);
    }
}
