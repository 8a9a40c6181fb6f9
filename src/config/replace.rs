//! Writes a configuration file whole or not at all, readable by nobody else at any moment.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::Access;

/// So many leftovers of runs that were killed may be in the way.
const ATTEMPTS: u32 = 100;

/// Whether a file could be put at `path`, as far as permissions tell; worth knowing before anybody
/// types a password.
///
/// # Errors
/// The system's: no permission, or a file system that can only be read.
pub(super) fn is_possible(path: &Path) -> io::Result<()> {
    let mut folders = path
        .ancestors()
        .skip(1)
        .map(|folder| match folder.as_os_str() {
            here if here.is_empty() => Path::new("."),
            _ => folder,
        });
    let folder = folders.find(|folder| folder.exists());
    let folder = folder.unwrap_or(Path::new("/"));
    Ok(rustix::fs::access(
        folder,
        Access::WRITE_OK | Access::EXEC_OK,
    )?)
}

/// Puts `text` at `path`, with mode 600, in place of what is there; folders that are missing get
/// mode 700. The old file is there until the new one is safe on the disk, so that nothing is lost
/// to a full one. No locks: home folders are on NFS.
///
/// # Errors
/// The system's. Then nothing has changed, but for folders.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let (mut file, beside) = create_beside(path)?;
    let written = (|| {
        // A umask may have taken away what the owner needs.
        file.set_permissions(Permissions::from_mode(0o600))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    } else if let Ok(folder) = File::open(folder) {
        // Not every file system can; the file itself is safe.
        let _ = folder.sync_all();
    }
    written
}

/// A new file in the same folder, under a name that dask doesn't read.
fn create_beside(path: &Path) -> io::Result<(File, PathBuf)> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut number = 0;
    loop {
        let beside = path.with_file_name(format!(".{name}.{}-{number}.tmp", std::process::id()));
        let created = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside);
        match created {
            Ok(file) => return Ok((file, beside)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && number < ATTEMPTS => {
                number += 1;
            }
            Err(error) => return Err(error),
        }
    }
}
