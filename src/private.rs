//! Files and directories that only the user may read: judged, read, written, locked and removed.
//!
//! What is read was judged first, on the open descriptor, so that nobody can exchange it in
//! between. What is written has mode 600 from its first moment and is never there by half.

mod access;
mod dir;
mod error;
mod lock;
mod state_dir;
mod temp_dir;
mod write;

pub(crate) use access::{AccessFault, AccessRights, DIRECTORY_FLAGS, READ_FLAGS};
pub(crate) use dir::PrivateDir;
pub(crate) use error::Error;
pub(crate) use lock::FileLock;
pub(crate) use state_dir::{StateDir, state_directory};
pub(crate) use temp_dir::{TempDir, is_locked, temp_dirs};
pub(crate) use write::{check_writable, parent, write_atomically, write_new};
