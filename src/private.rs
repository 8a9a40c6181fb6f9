//! Files and directories that only the user may read: judged, read, written, locked and removed.
//!
//! Files are judged on the open descriptor before they are read, so that nobody can exchange them in
//! between. New files have mode 600 from their first moment and are never written by half.

mod access;
mod ancestors;
mod dir;
mod error;
mod lock;
mod memory;
mod place;
mod state_dir;
mod temp_dir;
mod write;

pub(crate) use access::{AccessFault, AccessRights, DIRECTORY_FLAGS, READ_FLAGS, permissions};
pub(crate) use ancestors::{check_ancestors, trust_fault};
pub(crate) use dir::PrivateDir;
pub(crate) use error::Error;
pub(crate) use lock::FileLock;
pub(crate) use memory::forbid_core_dumps;
pub(crate) use state_dir::{StateDir, state_directory};
pub(crate) use temp_dir::{TempDir, is_locked, temp_dirs};
pub(crate) use write::{check_writable, parent, write_atomically, write_new};
