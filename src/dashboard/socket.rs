//! A Unix socket that only its owner can connect to.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixSocket};

use super::error::SocketFault;
use crate::private::{check_ancestors, parent};

/// Limit on connections that are not accepted yet.
const BACKLOG: u32 = 128;

/// A listening socket. Its file is removed with it.
pub(super) struct PrivateSocket {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode, to recognize the file if another has taken its place.
    file: (u64, u64),
}

impl PrivateSocket {
    /// Listens at `path`. Replaces a socket of the user's own at which nobody listens any more.
    ///
    /// # Errors
    /// Fails if anything else exists there, if others could put their own socket there, or if the
    /// socket can't be created.
    pub(super) fn listen(path: &Path) -> Result<Self, SocketFault> {
        check_ancestors(parent(path))?;
        remove_unused_socket(path)?;
        let socket = UnixSocket::new_stream()?;
        socket.bind(path)?;
        // Nobody can connect before it listens, so the mode is in force for every connection,
        // whatever the umask.
        let file = fs::symlink_metadata(path)
            .and_then(|_| fs::set_permissions(path, fs::Permissions::from_mode(0o600)))
            .and_then(|()| fs::symlink_metadata(path))?;
        if !file.file_type().is_socket() || file.mode() & 0o777 != 0o600 {
            return Err(SocketFault::NotASocket);
        }
        if file.uid() != own_uid() {
            return Err(SocketFault::OtherUser);
        }
        Ok(Self {
            listener: socket.listen(BACKLOG)?,
            path: path.to_owned(),
            file: (file.dev(), file.ino()),
        })
    }

    pub(super) fn listener(&self) -> &UnixListener {
        &self.listener
    }
}

impl Drop for PrivateSocket {
    fn drop(&mut self) {
        let there = fs::symlink_metadata(&self.path);
        if there.is_ok_and(|there| (there.dev(), there.ino()) == self.file) {
            // If that fails, the next dashboard at this path replaces it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes a socket of the user's own at `path`, at which nobody listens.
///
/// # Errors
/// Fails if anything else exists there.
fn remove_unused_socket(path: &Path) -> Result<(), SocketFault> {
    let there = match fs::symlink_metadata(path) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if !there.file_type().is_socket() {
        return Err(SocketFault::NotASocket);
    }
    if there.uid() != own_uid() {
        return Err(SocketFault::OtherUser);
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            Ok(fs::remove_file(path)?)
        }
        Ok(_) => Err(SocketFault::InUse),
        Err(error) => Err(error.into()),
    }
}

fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> tempfile::TempDir {
        tempfile::tempdir().expect("a directory")
    }

    #[tokio::test]
    async fn only_its_owner_may_connect_and_its_file_is_removed_with_it() {
        let directory = directory();
        let path = directory.path().join("socket");
        let socket = PrivateSocket::listen(&path).expect("it listens");
        let mode = fs::symlink_metadata(&path).expect("a file").mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(matches!(
            PrivateSocket::listen(&path),
            Err(SocketFault::InUse)
        ));
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn replaces_only_an_unused_socket() {
        let directory = directory();
        let path = directory.path().join("socket");
        drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
        assert!(path.exists(), "unused");
        drop(PrivateSocket::listen(&path).expect("replaced"));
        fs::write(&path, "precious").expect("a file");
        assert!(matches!(
            PrivateSocket::listen(&path),
            Err(SocketFault::NotASocket)
        ));
        fs::remove_file(&path).expect("removed");
        std::os::unix::fs::symlink("/nowhere", &path).expect("a link");
        assert!(matches!(
            PrivateSocket::listen(&path),
            Err(SocketFault::NotASocket)
        ));
        let missing = directory.path().join("no/socket");
        assert!(matches!(
            PrivateSocket::listen(&missing),
            Err(SocketFault::System(_))
        ));
    }

    #[tokio::test]
    async fn refuses_a_directory_in_which_others_could_replace_it() {
        let directory = directory();
        let path = directory.path().join("socket");
        for (mode, is_refused) in [(0o777, true), (0o1777, false)] {
            let mode = fs::Permissions::from_mode(mode);
            fs::set_permissions(directory.path(), mode).expect("the mode can be set");
            let listening = PrivateSocket::listen(&path);
            let refused = matches!(listening, Err(SocketFault::Directory(_)));
            assert_eq!(refused, is_refused);
        }
    }

    #[tokio::test]
    async fn does_not_remove_a_file_that_took_its_place() {
        let directory = directory();
        let path = directory.path().join("socket");
        let socket = PrivateSocket::listen(&path).expect("it listens");
        fs::remove_file(&path).expect("removed");
        fs::write(&path, "precious").expect("a file");
        drop(socket);
        assert!(path.exists());
    }
}
