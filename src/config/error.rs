//! Why a configuration is refused. Every one of these ends with exit code 3.

use std::fmt;
use std::path::PathBuf;

/// How to get a dgw that knows Kerberos.
pub(crate) const WITH_KERBEROS: &str = "`cargo install --path . --features kerberos` in dgw's \
                                        sources builds one with it; that takes Debian's \
                                        libkrb5-dev, libclang-dev and pkg-config, or RHEL's \
                                        krb5-devel and clang-devel";

/// A configuration that can't be used. No variant carries a value that may be a secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("no such configuration file: `{}`", .0.display())]
    NoSuchFile(PathBuf),
    #[error("refused to use `{}`: {fault}", path.display())]
    Refused { path: PathBuf, fault: FileFault },
    #[error("`{}` is not a valid dask configuration file{}", path.display(), Place(*line, *column))]
    Malformed {
        path: PathBuf,
        line: Option<u64>,
        column: Option<u64>,
    },
    #[error("the variable `{0}` is not UTF-8 text")]
    Garbled(String),
    #[error("no home folder is known, and no `--config`")]
    NoHome,
    #[error("`{}` holds {what} already: nothing was changed", path.display())]
    Taken {
        path: PathBuf,
        /// What would be lost.
        what: &'static str,
    },
    #[error("`{}` can't be changed safely, so it was left as it is", path.display())]
    NotEditable {
        path: PathBuf,
        /// What should stand in it, without the secret.
        lines: String,
    },
    #[error("`{}` was changed by somebody else meanwhile, so it was left as it is", .0.display())]
    Raced(PathBuf),
    #[error("can't write `{}`, so nothing was changed: {cause}", path.display())]
    NotWritten { path: PathBuf, cause: String },
    #[error("the {what} {problem}")]
    Unfit {
        /// What was typed.
        what: &'static str,
        problem: &'static str,
    },
    #[error("`--address` {0}")]
    Flag(&'static str),
    #[error("no gateway address is configured")]
    NoAddress,
    /// The address may stand there.
    #[error("no gateway address is configured, and `{}` can't be read", .0.display())]
    Hidden(PathBuf),
    #[error("`{key}` ({set_in}) {problem}")]
    Value {
        key: String,
        /// Where the value was set.
        set_in: String,
        problem: String,
    },
    #[error("`gateway.auth.type` ({set_in}) is `kerberos`, which this dgw is built without")]
    WithoutKerberos {
        /// Where it was set.
        set_in: String,
    },
    #[error("no {what} is configured: `{key}` is not set")]
    Missing {
        key: &'static str,
        what: &'static str,
    },
}

/// What is wrong with a file; modes are permission bits as `stat` gives them.
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
    /// A site's file, which may be one's own: in an environment's folder.
    SecretForAll {
        mode: u32,
        is_own: bool,
    },
    /// The same of one that everyone may change.
    WritableForAll {
        mode: u32,
        is_own: bool,
    },
    /// And of a folder of such files.
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
                write!(f, "others may write to its folder (mode {mode:03o})")
            }
            Self::FolderNotYours(uid) => {
                write!(f, "its folder belongs to another user (uid {uid})")
            }
            Self::SecretForAll { mode, .. } => {
                write!(
                    f,
                    "it holds a secret that others may read (mode {mode:03o})"
                )
            }
            Self::WritableForAll { mode, .. } => {
                write!(f, "everyone may write to it (mode {mode:03o})")
            }
            Self::FolderForAll(mode) => {
                write!(f, "everyone may write to its folder (mode {mode:03o})")
            }
        }
    }
}

impl Error {
    /// The one thing to do about it.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Refused { path, fault } => fault.hint(path),
            Self::Malformed { .. } => {
                Some("dask reads this file too: it must be a YAML mapping".to_owned())
            }
            Self::NoAddress => Some(
                "`dgw login --address https://gateway.example.org` sets up one's configuration"
                    .to_owned(),
            ),
            Self::Hidden(path) => Some(format!(
                "check its mode, and those of the folders above it: namei -l {}",
                quoted(path)
            )),
            Self::Garbled(name) => Some(format!("unset {name}, or set it to text")),
            Self::Taken { .. } => Some("`--force` writes over it".to_owned()),
            Self::NotEditable { lines, .. } => Some(format!(
                "put these lines into it yourself, with the secret, and `chmod 600` it:\n\n{lines}"
            )),
            Self::WithoutKerberos { .. } => Some(WITH_KERBEROS.to_owned()),
            Self::Raced(_) => Some("run `dgw login` again".to_owned()),
            Self::NotWritten { .. } => {
                Some("mend that, or name another file with `--config`".to_owned())
            }
            Self::NoHome
            | Self::Unfit { .. }
            | Self::NoSuchFile(_)
            | Self::Value { .. }
            | Self::Flag(_) => None,
            Self::Missing { key, .. } => Some(match *key {
                "gateway.auth.kwargs.api_token" => {
                    "make a token on the hub's token page and give it to `dgw login`, or set it in \
                     JUPYTERHUB_API_TOKEN"
                        .to_owned()
                }
                "gateway.auth.kwargs.username" => "`dgw login` asks for it and keeps it".to_owned(),
                _ => "set it in ~/.config/dask/gateway.yaml".to_owned(),
            }),
        }
    }
}

impl FileFault {
    fn hint(self, path: &std::path::Path) -> Option<String> {
        let file = quoted(path);
        let folder = quoted(path.parent().unwrap_or(path));
        match self {
            Self::Unreadable(_) | Self::SecretForAll { is_own: true, .. } => {
                Some(format!("chmod 600 {file}"))
            }
            Self::Mode(_) => Some(format!(
                "chmod 600 {file}  (importing dask_gateway in Python leaves a template there with \
                 mode 644)"
            )),
            Self::SecretForAll { .. } => Some(format!(
                "tell your site's administrators, and give dgw your own file with mode 600 \
                 (the secret in {file} is open to everyone here)"
            )),
            Self::WritableForAll { is_own: true, .. } => Some(format!("chmod o-w {file}")),
            Self::WritableForAll { .. } | Self::FolderForAll(_) => Some(format!(
                "tell your site's administrators: whoever changes {file} gets your token sent to them"
            )),
            Self::FolderMode(_) => Some(format!("chmod go-w {folder}")),
            Self::NotYours(_) => {
                Some("put a copy of your own in its place, with mode 600".to_owned())
            }
            Self::Link => Some(
                "put the file itself there, or name the file it leads to with `--config`"
                    .to_owned(),
            ),
            Self::NotRegular | Self::TooLarge | Self::NotText => None,
            Self::FolderNotYours(_) => {
                Some("keep it in a folder of your own, and name it with `--config`".to_owned())
            }
        }
    }
}

/// A path as a shell takes it.
fn quoted(path: &std::path::Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+~".contains(c);
    if text.chars().all(plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// Where in a file: `, line 3, column 5`.
struct Place(Option<u64>, Option<u64>);

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (Some(line), Some(column)) => write!(f, ": line {line}, column {column}"),
            (Some(line), None) => write!(f, ": line {line}"),
            _ => Ok(()),
        }
    }
}
