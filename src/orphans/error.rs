//! What can go wrong with dgw's own files. None of it ends a cluster.

use std::io;
use std::path::PathBuf;

/// Why the state folder can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("there is no home folder to keep state in")]
    NoHome,
    /// Others could have changed what's in it.
    #[error("`{path}` can't be trusted: {why}")]
    Untrusted {
        path: PathBuf,
        why: String,
        /// What makes it right.
        mend: String,
    },
    #[error("can't {doing} `{path}`: {source}")]
    Disk {
        doing: &'static str,
        path: PathBuf,
        source: io::Error,
    },
}

impl Error {
    /// What to do about it.
    pub(crate) fn hint(&self) -> String {
        match self {
            Self::NoHome => "set XDG_STATE_HOME to a folder of your own".to_owned(),
            Self::Untrusted { mend, .. } => mend.clone(),
            Self::Disk { .. } => {
                "check the folder's mode and the space left; XDG_STATE_HOME names another"
                    .to_owned()
            }
        }
    }
}
