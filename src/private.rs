//! Temporary: the state directory.

use std::path::PathBuf;

/// Returns the directory for what dgw keeps, by the XDG base directory specification.
pub(crate) fn state_directory() -> Option<PathBuf> {
    let state = dirs::state_dir().or_else(|| Some(dirs::home_dir()?.join(".local/state")))?;
    Some(state.join("dgw"))
}
