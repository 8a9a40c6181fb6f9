//! Reasons why a configuration is refused, or can't be written.

use std::fmt;
use std::path::PathBuf;

use super::node::Source;
use crate::error::{ExitCode, Failure};

/// How to get a dgw with Kerberos.
pub(crate) const WITH_KERBEROS: &str = "`cargo install --path . --features kerberos` in dgw's \
                                        sources builds one with it; that takes Debian's \
                                        libkrb5-dev, libclang-dev and pkg-config, or RHEL's \
                                        krb5-devel and clang-devel";

/// A configuration that can't be used or written. No variant carries a value that may be a secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("no such configuration file: `{}`", .0.display())]
    NoSuchFile(PathBuf),
    #[error("refused to use `{}`: {fault}", path.display())]
    Refused { path: PathBuf, fault: FileFault },
    #[error("`{}` is not a valid dask configuration file{}", path.display(), place_text(*place))]
    Malformed {
        path: PathBuf,
        /// Line and column, counted from 1.
        place: Option<(u64, u64)>,
    },
    #[error("the environment variable `{0}` can't be decoded")]
    UndecodableVariable(String),
    #[error("can't find your home directory")]
    NoHome,
    #[error("`{}` already holds {what}; nothing was changed", path.display())]
    WouldOverwrite {
        path: PathBuf,
        /// The setting that would be lost.
        what: &'static str,
    },
    #[error("can't edit `{}` safely; it was left unchanged", path.display())]
    NotEditable {
        path: PathBuf,
        /// The lines to add, without the secret.
        lines: String,
    },
    #[error("`{}` was changed by another program in the meantime; it was left unchanged", .0.display())]
    ChangedMeanwhile(PathBuf),
    #[error("can't write `{}`, so nothing was changed: {cause}", path.display())]
    NotWritten { path: PathBuf, cause: String },
    #[error("the {what} {problem}")]
    Typed {
        /// What the user typed.
        what: &'static str,
        problem: &'static str,
    },
    #[error("`--address` {0}")]
    AddressFlag(&'static str),
    #[error("no gateway address is configured")]
    NoAddress,
    /// There may be an address in a directory that can't be read.
    #[error("no gateway address is configured, and `{}` can't be read", .0.display())]
    NoAddressReadable(PathBuf),
    #[error("`{key}` ({set_in}) {problem}")]
    Value {
        key: String,
        /// Where the value was set.
        set_in: String,
        problem: String,
    },
    #[error("`gateway.auth.type` ({set_in}) is `kerberos`, but this dgw is built without it")]
    WithoutKerberos {
        /// Where it was set.
        set_in: String,
    },
    #[error("no JupyterHub token is configured: `gateway.auth.kwargs.api_token` is not set")]
    NoToken,
    #[error("no user name is configured: `gateway.auth.kwargs.username` is not set")]
    NoUsername,
}

impl Error {
    /// A value that dgw can't use; `problem` continues a sentence after its key.
    pub(super) fn value(key: &str, source: &Source, problem: impl Into<String>) -> Self {
        Self::Value {
            key: key.to_owned(),
            set_in: source.to_string(),
            problem: problem.into(),
        }
    }

    /// Returns [`Failure::hint`].
    pub(crate) fn hint(&self) -> Option<String> {
        Failure::hint(self)
    }
}

impl Failure for Error {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::AddressFlag(_) | Self::WouldOverwrite { .. } | Self::Typed { .. } => {
                ExitCode::Usage
            }
            Self::NotWritten { .. } | Self::ChangedMeanwhile(_) => ExitCode::Other,
            _ => ExitCode::Configuration,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Refused { path, fault } => return fault.hint(path),
            Self::Malformed { .. } => {
                "correct the file at that place: it must be a YAML mapping, and dask reads it too"
            }
            Self::NoAddress => "`dgw login --address https://gateway.example.org` configures one",
            Self::NoAddressReadable(path) => {
                let path = quoted(path);
                return Some(format!(
                    "check its mode, and those of the directories above it: namei -l {path}"
                ));
            }
            Self::UndecodableVariable(name) => {
                return Some(format!("unset {name}, or set it to valid text"));
            }
            Self::WouldOverwrite { .. } => "`--force` overwrites it",
            Self::NotEditable { lines, .. } => {
                return Some(format!(
                    "add these lines to it yourself, with the secret, and run `chmod 600` on \
                     it:\n\n{lines}"
                ));
            }
            Self::WithoutKerberos { .. } => WITH_KERBEROS,
            Self::ChangedMeanwhile(_) => "run `dgw login` again",
            Self::NotWritten { .. } => "fix that, or name another file with `--config`",
            Self::NoToken => {
                "create a token on the hub's token page and give it to `dgw login`, or set \
                 JUPYTERHUB_API_TOKEN"
            }
            Self::NoUsername => "`dgw login` asks for it and saves it",
            Self::NoHome => "set HOME, or name a file with `--config`",
            Self::Typed { .. }
            | Self::NoSuchFile(_)
            | Self::Value { .. }
            | Self::AddressFlag(_) => return None,
        };
        Some(hint.to_owned())
    }
}

/// Describes a place in a file: `: line 3, column 5`.
fn place_text(place: Option<(u64, u64)>) -> String {
    place.map_or_else(String::new, |(line, column)| {
        format!(": line {line}, column {column}")
    })
}

/// The reason why a file is refused. Modes are permission bits as `stat` gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileFault {
    NotRegular,
    Link,
    TooLarge,
    NotText,
    Unreadable(Option<u32>),
    NotYours(u32),
    Mode(u32),
    FolderMode(u32),
    FolderNotYours(u32),
    /// A site's file, which may be the user's own, as in a conda environment.
    SecretForAll {
        mode: u32,
        is_own: bool,
    },
    /// A site's file that everyone can write to.
    WritableForAll {
        mode: u32,
        is_own: bool,
    },
    /// A directory of site files that everyone can write to.
    FolderForAll(u32),
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRegular => f.write_str("it is not a regular file"),
            Self::Link => f.write_str("it is a symbolic link"),
            Self::TooLarge => f.write_str("it is larger than 64 KiB"),
            Self::NotText => f.write_str("it is not UTF-8 text"),
            Self::Unreadable(Some(mode)) => {
                write!(
                    f,
                    "it can't be read (mode {mode:03o}), it must have mode 600"
                )
            }
            Self::Unreadable(None) => f.write_str("it can't be read"),
            Self::NotYours(uid) => write!(f, "it belongs to another user (uid {uid})"),
            Self::Mode(mode) => write!(f, "its mode is {mode:03o}, it must be 600"),
            Self::FolderMode(mode) => {
                write!(f, "its directory is writable by others (mode {mode:03o})")
            }
            Self::FolderNotYours(uid) => {
                write!(f, "its directory belongs to another user (uid {uid})")
            }
            Self::SecretForAll { mode, .. } => {
                write!(
                    f,
                    "it holds a secret and is readable by others (mode {mode:03o})"
                )
            }
            Self::WritableForAll { mode, .. } => {
                write!(f, "it is writable by everyone (mode {mode:03o})")
            }
            Self::FolderForAll(mode) => {
                write!(f, "its directory is writable by everyone (mode {mode:03o})")
            }
        }
    }
}

impl FileFault {
    fn hint(self, path: &std::path::Path) -> Option<String> {
        let file = quoted(path);
        let directory = quoted(path.parent().unwrap_or(path));
        match self {
            Self::Unreadable(_) | Self::SecretForAll { is_own: true, .. } => {
                Some(format!("chmod 600 {file}"))
            }
            Self::Mode(_) => Some(format!(
                "chmod 600 {file}  (importing dask_gateway in Python leaves a template there with \
                 mode 644)"
            )),
            Self::SecretForAll { .. } => Some(format!(
                "tell your site's administrators that everyone here can read the secret in {file}, \
                 and give dgw your own file with mode 600"
            )),
            Self::WritableForAll { is_own: true, .. } => Some(format!("chmod o-w {file}")),
            Self::WritableForAll { .. } | Self::FolderForAll(_) => Some(format!(
                "tell your site's administrators: whoever changes {file} can have your token sent to \
                 them"
            )),
            Self::FolderMode(_) => Some(format!("chmod go-w {directory}")),
            Self::NotYours(_) => {
                Some("replace it with a copy of your own, with mode 600".to_owned())
            }
            Self::Link => Some(
                "replace the link with the file itself, or name that file with `--config`"
                    .to_owned(),
            ),
            Self::NotRegular | Self::TooLarge | Self::NotText => None,
            Self::FolderNotYours(_) => {
                Some("move it to a directory of your own, and name it with `--config`".to_owned())
            }
        }
    }
}

/// Quotes a path for a shell.
fn quoted(path: &std::path::Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+~".contains(c);
    if text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_the_contract() {
        let path = || PathBuf::from("f");
        for (error, code) in [
            (Error::AddressFlag("is wrong"), ExitCode::Usage),
            (
                Error::WouldOverwrite {
                    path: path(),
                    what: "a token",
                },
                ExitCode::Usage,
            ),
            (
                Error::Typed {
                    what: "token",
                    problem: "is empty",
                },
                ExitCode::Usage,
            ),
            (Error::ChangedMeanwhile(path()), ExitCode::Other),
            (
                Error::NotWritten {
                    path: path(),
                    cause: String::new(),
                },
                ExitCode::Other,
            ),
            (Error::NoAddress, ExitCode::Configuration),
            (Error::NoToken, ExitCode::Configuration),
        ] {
            assert_eq!(error.exit_code(), code, "{error}");
        }
    }

    #[test]
    fn malformed_files_are_described_by_place() {
        let malformed = |place| Error::Malformed {
            path: "f".into(),
            place,
        };
        let text = "`f` is not a valid dask configuration file";
        assert_eq!(malformed(None).to_string(), text);
        let expected = format!("{text}: line 3, column 5");
        assert_eq!(malformed(Some((3, 5))).to_string(), expected);
    }

    #[test]
    fn paths_are_quoted_for_a_shell() {
        assert_eq!(quoted("/a/b-c_d.yaml".as_ref()), "/a/b-c_d.yaml");
        assert_eq!(quoted("/a b/it's".as_ref()), r"'/a b/it'\''s'");
    }
}
