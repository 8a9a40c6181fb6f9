//! Errors of private files and directories.

use std::io;
use std::path::PathBuf;

use super::access::AccessFault;
use crate::error::{ExitCode, Failure};

/// Reason why a private file or directory can't be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("can't find your home directory, so dgw has nowhere to store its state")]
    NoHome,
    /// Others could have changed it.
    #[error("refused to use `{path}`: {fault}")]
    Refused { path: PathBuf, fault: AccessFault },
    /// Somebody else could put another directory in its place.
    #[error("others can exchange what is in `{path}`: {fault}")]
    Exchangeable { path: PathBuf, fault: AccessFault },
    #[error("`{0}` is damaged or too large")]
    Damaged(PathBuf),
    #[error("can't {action} `{path}`: {source}")]
    Io {
        action: &'static str,
        path: PathBuf,
        source: io::Error,
    },
    #[error("can't create a private directory in `{place}`")]
    NoTempDir {
        place: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("can't remove the private directory `{path}`, which may hold a cluster's key")]
    NotRemoved {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

impl Failure for Error {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Other
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::NoTempDir { source, .. } | Self::NotRemoved { source, .. } => {
                vec![source.to_string()]
            }
            _ => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::NoHome => Some("set XDG_STATE_HOME to a directory of your own".to_owned()),
            Self::Refused { path, fault } => {
                let path = path.display();
                Some(match fault {
                    AccessFault::NotRegular | AccessFault::NotOwned(_) => {
                        format!("move or remove `{path}`")
                    }
                    AccessFault::Mode(_) => format!("chmod 600 {path}"),
                    AccessFault::WritableByOthers(_) => format!("chmod 700 {path}"),
                })
            }
            Self::Exchangeable { path, fault } => Some(match fault {
                AccessFault::WritableByOthers(_) => format!(
                    "run `chmod go-w {}` if it is yours, or use another directory",
                    path.display()
                ),
                _ => "use a directory below none but root's and your own".to_owned(),
            }),
            Self::Damaged(path) => Some(format!(
                "remove `{}`; dgw then forgets what it recorded there, such as a protection by \
                 `dgw keep`",
                path.display()
            )),
            Self::Io { .. } => Some(
                "check the directory's mode and the free space, or set XDG_STATE_HOME to another \
                 directory"
                    .to_owned(),
            ),
            Self::NoTempDir { .. } => Some("set TMPDIR to a directory of your own".to_owned()),
            Self::NotRemoved { path, .. } => {
                Some(format!("remove `{}` and what is in it", path.display()))
            }
        }
    }

    fn is_warning(&self) -> bool {
        matches!(self, Self::NotRemoved { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_names_what_to_do() {
        let path = PathBuf::from("/state/dgw");
        let refused = |fault| Error::Refused {
            path: path.clone(),
            fault,
        };
        let exchangeable = |fault| Error::Exchangeable {
            path: path.clone(),
            fault,
        };
        let source = || io::Error::other("no space");
        for (error, hint) in [
            (Error::NoHome, "set XDG_STATE_HOME"),
            (
                refused(AccessFault::NotRegular),
                "move or remove `/state/dgw`",
            ),
            (
                refused(AccessFault::NotOwned(7)),
                "move or remove `/state/dgw`",
            ),
            (refused(AccessFault::Mode(0o644)), "chmod 600 /state/dgw"),
            (
                refused(AccessFault::WritableByOthers(0o777)),
                "chmod 700 /state/dgw",
            ),
            (
                exchangeable(AccessFault::WritableByOthers(0o775)),
                "run `chmod go-w /state/dgw`",
            ),
            (
                exchangeable(AccessFault::NotOwned(7)),
                "use a directory below",
            ),
            (Error::Damaged(path.clone()), "remove `/state/dgw`"),
            (
                Error::Io {
                    action: "write",
                    path: path.clone(),
                    source: source(),
                },
                "check the directory's mode",
            ),
        ] {
            let found = error.hint().expect("a hint");
            assert!(found.starts_with(hint), "{error}: {found}");
            assert_eq!(error.exit_code(), ExitCode::Other);
            assert!(error.details().is_empty());
        }
        let error = Error::NoTempDir {
            place: path.clone(),
            source: source(),
        };
        assert_eq!(error.details(), ["no space"]);
        assert!(!error.is_warning());
        assert!(error.hint().is_some_and(|hint| hint.contains("TMPDIR")));
        let error = Error::NotRemoved {
            path: path.clone(),
            source: source(),
        };
        assert_eq!(error.details(), ["no space"]);
        assert!(error.is_warning());
        assert!(error.hint().is_some_and(|hint| hint.contains("/state/dgw")));
    }
}
