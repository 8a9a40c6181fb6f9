//! A Unix socket that only its owner can connect to.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixSocket};

use super::SocketFault;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 128;

/// A socket that listens; its file goes with it.
pub(super) struct PrivateSocket {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode, to tell it from what may have taken its place.
    file: (u64, u64),
}

impl PrivateSocket {
    /// Listens at `path`. One's own socket is replaced if nobody listens there any more.
    ///
    /// # Errors
    /// Anything else is there, or the system says no.
    pub(super) fn listen(path: &Path) -> Result<Self, SocketFault> {
        clear(path)?;
        let socket = UnixSocket::new_stream()?;
        socket.bind(path)?;
        // Nobody can connect before it listens, and by then it has its mode, whatever the umask.
        let file = fs::symlink_metadata(path)
            .and_then(|_| fs::set_permissions(path, fs::Permissions::from_mode(0o600)))
            .and_then(|()| fs::symlink_metadata(path))?;
        if !file.file_type().is_socket() || file.mode() & 0o777 != 0o600 {
            return Err(SocketFault::Taken);
        }
        if file.uid() != own_uid() {
            return Err(SocketFault::Foreign);
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
            // If it can't be removed, it is one that nobody listens at, and the next one replaces.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes sure that nothing is at `path`.
fn clear(path: &Path) -> Result<(), SocketFault> {
    let there = match fs::symlink_metadata(path) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if !there.file_type().is_socket() {
        return Err(SocketFault::Taken);
    }
    if there.uid() != own_uid() {
        return Err(SocketFault::Foreign);
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

    fn inside() -> tempfile::TempDir {
        tempfile::tempdir().expect("a folder")
    }

    #[tokio::test]
    async fn only_its_owner_may_connect_and_it_goes_with_its_listener() {
        let folder = inside();
        let path = folder.path().join("socket");
        let socket = PrivateSocket::listen(&path).expect("it listens");
        let mode = fs::symlink_metadata(&path).expect("it is there").mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(matches!(
            PrivateSocket::listen(&path),
            Err(SocketFault::InUse)
        ));
        drop(socket);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn what_is_left_over_is_replaced_and_nothing_else() {
        let folder = inside();
        let path = folder.path().join("socket");
        drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
        assert!(path.exists(), "left over");
        drop(PrivateSocket::listen(&path).expect("replaced"));
        fs::write(&path, "precious").expect("a file");
        assert!(matches!(
            PrivateSocket::listen(&path),
            Err(SocketFault::Taken)
        ));
        fs::remove_file(&path).expect("removed");
        std::os::unix::fs::symlink("/nowhere", &path).expect("a link");
        assert!(matches!(
            PrivateSocket::listen(&path),
            Err(SocketFault::Taken)
        ));
        let missing = folder.path().join("no/socket");
        assert!(matches!(
            PrivateSocket::listen(&missing),
            Err(SocketFault::System(_))
        ));
    }

    #[tokio::test]
    async fn what_took_its_place_stays() {
        let folder = inside();
        let path = folder.path().join("socket");
        let socket = PrivateSocket::listen(&path).expect("it listens");
        fs::remove_file(&path).expect("removed");
        fs::write(&path, "precious").expect("a file");
        drop(socket);
        assert!(path.exists());
    }
}
