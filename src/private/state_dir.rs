//! Directories for state: `$XDG_STATE_HOME/dgw`, and below it one for each gateway.

use std::path::PathBuf;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::dir::PrivateDir;
use super::error::Error;

/// Characters of an address that its directory's name can't keep.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// State directory of one gateway, which need not exist.
#[derive(Debug)]
pub(crate) struct StateDir {
    path: PathBuf,
}

/// Returns dgw's own state directory: `dgw` in `$XDG_STATE_HOME`, or else in `~/.local/state`.
/// `None` if no home is known. A relative one is none: dgw would protect a cluster in one working
/// directory and shut it down in another.
pub(crate) fn state_directory() -> Option<PathBuf> {
    dirs::state_dir()
        .or_else(|| dirs::home_dir().map(|home| home.join(".local/state")))
        .filter(|base| base.is_absolute())
        .map(|base| base.join("dgw"))
}

impl StateDir {
    /// Returns the state directory for the gateway at `address`.
    ///
    /// # Errors
    /// No home directory is known.
    pub(crate) fn of(address: &str) -> Result<Self, Error> {
        let base = state_directory().ok_or(Error::NoHome)?;
        Ok(Self::in_directory(&base, address))
    }

    fn in_directory(base: &std::path::Path, address: &str) -> Self {
        let name = utf8_percent_encode(address, ENCODED).to_string();
        Self {
            path: base.join(name),
        }
    }

    /// Opens the directory; `None` if it doesn't exist.
    ///
    /// # Errors
    /// The errors of [`PrivateDir::open`].
    pub(crate) fn open(&self) -> Result<Option<PrivateDir>, Error> {
        PrivateDir::open(&self.path)
    }

    /// Opens the directory, after creating it if needed.
    ///
    /// # Errors
    /// The errors of [`PrivateDir::create`].
    pub(crate) fn create(&self) -> Result<PrivateDir, Error> {
        PrivateDir::create(&self.path)
    }

    /// Returns a state directory in `base`.
    #[cfg(test)]
    pub(crate) fn for_test(base: &std::path::Path) -> Self {
        Self::in_directory(base, "http://gateway")
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn address_is_one_safe_file_name() {
        let path = |address| StateDir::in_directory(Path::new("/state"), address).path;
        assert_eq!(
            path("https://gw.example.org:8000/dg_1-2"),
            Path::new("/state/https%3A%2F%2Fgw.example.org%3A8000%2Fdg_1-2")
        );
        assert_eq!(path("../.."), Path::new("/state/..%2F.."));
    }

    #[test]
    fn state_directory_is_absolute_and_dgws_own() {
        let path = state_directory().expect("tests have a home");
        assert!(path.is_absolute() && path.ends_with("dgw"));
        let of_gateway = StateDir::of("http://gateway").expect("tests have a home");
        assert_eq!(of_gateway.path, path.join("http%3A%2F%2Fgateway"));
    }

    #[test]
    fn opens_only_what_was_created() {
        let home = tempfile::tempdir().expect("a directory");
        let state = StateDir::for_test(&home.path().join("dgw"));
        assert!(state.open().is_ok_and(|dir| dir.is_none()));
        state.create().expect("created");
        assert!(state.open().is_ok_and(|dir| dir.is_some()));
    }
}
