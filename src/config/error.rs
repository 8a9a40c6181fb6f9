//! Reasons why a configuration is refused, or can't be written.

use std::fmt;
use std::io;
use std::path::PathBuf;

use rustix::io::Errno;

use super::node::Source;
use super::selection::GatewayName;
use crate::error::{ExitCode, Failure};
use crate::private::AccessFault;
use crate::similar;

/// How to get a dgw with Kerberos.
pub(crate) const WITH_KERBEROS: &str = "build dgw with Kerberos: `cargo install --path . \
                                        --features kerberos` (needs Debian's libkrb5-dev, \
                                        libclang-dev and pkg-config, or RHEL's krb5-devel and \
                                        clang-devel)";

/// A configuration that can't be used or written. No variant carries a value that may be a secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("no such configuration file: `{}`", .0.display())]
    NoSuchFile(PathBuf),
    /// The name that a setting holds can't be that of a gateway.
    #[error("`{0}` must be a name of letters, digits, `-` and `_`, at most 64 characters long")]
    GatewayName(&'static str),
    #[error("no such gateway: `{name}`")]
    NoSuchGateway {
        name: GatewayName,
        known: Vec<GatewayName>,
    },
    /// The file of a named gateway lacks what dgw needs.
    #[error("gateway `{name}`: {cause}")]
    Incomplete {
        name: GatewayName,
        #[source]
        cause: Box<Error>,
    },
    #[error("refused to use `{}`: {fault}", path.display())]
    Refused { path: PathBuf, fault: FileFault },
    #[error("`{}` is not a valid dask configuration file{}", path.display(), place_text(*place))]
    Malformed {
        path: PathBuf,
        /// Line and column, counted from 1.
        place: Option<(u64, u64)>,
    },
    #[error("`{}` can't be read: {source}", path.display())]
    Unlistable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// Others could have the user's secret sent to themselves.
    #[error("refused to use `{key}` of `{}`, because others can change that file", file.display())]
    Untrusted {
        key: String,
        file: PathBuf,
        /// The file, or its directory.
        path: PathBuf,
        fault: AccessFault,
    },
    #[error("the environment variable `{0}` is too large for a setting")]
    VariableTooLarge(String),
    #[error("the environment variable `{0}` is not valid UTF-8")]
    VariableNotText(String),
    /// Dask encodes it as JSON in base64.
    #[error("the environment variable `{0}` does not hold a configuration that dask encoded")]
    VariableNotEncoded(&'static str),
    #[error("can't find your home directory")]
    NoHome,
    #[error("`{}` already holds {what}; nothing was changed", path.display())]
    WouldOverwrite {
        path: PathBuf,
        /// The setting that would be lost.
        what: &'static str,
        /// The address of another gateway that is to be written.
        new_address: Option<String>,
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
    #[error("`{key}` ({set_in}) {problem}")]
    Value {
        key: String,
        /// Where the value was set.
        set_in: String,
        problem: String,
    },
    #[error("`{key}` ({set_in}) names the environment variable `{variable}`, which is not set")]
    UnsetVariable {
        key: String,
        /// Where the value was set.
        set_in: String,
        variable: String,
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

    /// Returns the error about the named gateway that was selected, if one was and the error says what
    /// is missing.
    pub(super) fn of_gateway(self, name: Option<&GatewayName>) -> Self {
        match (self, name) {
            (cause @ (Self::NoAddress | Self::NoToken | Self::NoUsername), Some(name)) => {
                Self::Incomplete {
                    name: name.clone(),
                    cause: Box::new(cause),
                }
            }
            (error, _) => error,
        }
    }
}

impl Failure for Error {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::AddressFlag(_)
            | Self::GatewayName(_)
            | Self::WouldOverwrite { .. }
            | Self::Typed { .. } => ExitCode::Usage,
            Self::NotWritten { .. } | Self::ChangedMeanwhile(_) => ExitCode::Other,
            _ => ExitCode::Configuration,
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Untrusted { path, fault, .. } => vec![format!("`{}`: {fault}", path.display())],
            Self::NoSuchGateway { known, .. } => known.iter().map(ToString::to_string).collect(),
            _ => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Refused { path, fault } => return Some(fault.hint(path)),
            Self::Malformed { .. } => "correct that line: the file must be a YAML mapping",
            Self::NoAddress => "`dgw login --address https://gateway.example.org` configures one",
            Self::Unlistable { path, source } => {
                return Some(match Errno::from_io_error(source) {
                    Some(errno) => system_hint(path, errno),
                    None => system_hint(path, Errno::IO),
                });
            }
            Self::Untrusted { key, .. } if key == "gateway.address" => {
                "check that address; `dgw login --address URL` saves it in a file of your own"
            }
            Self::Untrusted { key, .. } => {
                return Some(format!(
                    "check that value, and set `{key}` in a file of your own"
                ));
            }
            Self::VariableTooLarge(_) => "unset it, or put the setting in a file",
            Self::VariableNotText(name) => {
                return Some(format!("unset {name}, or set it to valid text"));
            }
            Self::VariableNotEncoded(name) => return Some(format!("unset {name}")),
            Self::WouldOverwrite {
                new_address: Some(address),
                ..
            } => {
                return Some(format!(
                    "keep both: `dgw login -g NAME --address {address}`, with a NAME of your choice, \
                     saves it in a file of its own; or use `--force` to overwrite this one"
                ));
            }
            Self::WouldOverwrite { .. } => "use `--force` to overwrite it",
            Self::NoSuchGateway { name, known } => {
                return Some(
                    match similar::find(name.as_str(), known.iter().map(GatewayName::as_str)) {
                        Some(similar) => format!("did you mean `-g {similar}`?"),
                        None => format!("`dgw login -g {name} --address URL` sets it up"),
                    },
                );
            }
            Self::Incomplete { name, .. } => {
                return Some(format!("`dgw login -g {name} --address URL` sets it up"));
            }
            Self::NotEditable { lines, .. } if lines.is_empty() => {
                "remove the token and the password from it yourself"
            }
            Self::NotEditable { lines, .. } => {
                return Some(format!(
                    "add these lines to it yourself, with the secret, and run `chmod 600` on \
                     it:\n\n{lines}"
                ));
            }
            Self::WithoutKerberos { .. } => WITH_KERBEROS,
            Self::ChangedMeanwhile(_) => "run the command again",
            Self::NotWritten { .. } => "correct that, or name another file with `--config`",
            Self::NoToken => {
                "create a token on the hub's token page and give it to `dgw login`, or set \
                 JUPYTERHUB_API_TOKEN"
            }
            Self::NoUsername => "run `dgw login`, which asks for it and saves it",
            Self::NoHome => "set HOME, or name a file with `--config`",
            Self::NoSuchFile(_) => "check `--config`",
            Self::UnsetVariable { variable, .. } => {
                return Some(format!("`export {variable}=…`, or correct the value"));
            }
            Self::Typed { .. }
            | Self::Value { .. }
            | Self::AddressFlag(_)
            | Self::GatewayName(_) => return None,
        };
        Some(hint.to_owned())
    }
}

/// Describes a place in a file: `, at line 3, column 5`.
fn place_text(place: Option<(u64, u64)>) -> String {
    place.map_or_else(String::new, |(line, column)| {
        format!(", at line {line}, column {column}")
    })
}

/// The reason why a file is refused. Modes are permission bits as `stat` gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileFault {
    NotRegular,
    /// A link that belongs to the user with this ID.
    LinkNotYours(u32),
    TooLarge,
    NotText,
    Unreadable {
        /// The mode, if permissions are the reason.
        mode: Option<u32>,
        errno: Errno,
    },
    NotYours(u32),
    Mode(u32),
    DirectoryMode(u32),
    DirectoryNotYours(u32),
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
    DirectoryWritableForAll(u32),
}

impl fmt::Display for FileFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRegular => f.write_str("it is not a regular file"),
            Self::LinkNotYours(uid) => {
                write!(f, "it is a symbolic link of another user (uid {uid})")
            }
            Self::TooLarge => f.write_str("it is larger than 64 KiB"),
            Self::NotText => f.write_str("it is not UTF-8 text"),
            Self::Unreadable {
                mode: Some(mode), ..
            } if *mode != 0o600 => {
                write!(
                    f,
                    "it can't be read (mode {mode:03o}); it must have mode 600"
                )
            }
            Self::Unreadable { errno, .. } => {
                write!(f, "it can't be read: {}", io::Error::from(*errno))
            }
            Self::NotYours(uid) => write!(f, "it belongs to another user (uid {uid})"),
            Self::Mode(mode) => write!(f, "its mode is {mode:03o}; it must be 600"),
            Self::DirectoryMode(mode) => {
                write!(f, "its directory is writable by others (mode {mode:03o})")
            }
            Self::DirectoryNotYours(uid) => {
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
            Self::DirectoryWritableForAll(mode) => {
                write!(f, "its directory is writable by everyone (mode {mode:03o})")
            }
        }
    }
}

impl FileFault {
    fn hint(self, path: &std::path::Path) -> String {
        let file = quoted(path);
        let directory = quoted(path.parent().unwrap_or(path));
        match self {
            Self::Unreadable { mode, errno } if mode.is_none_or(|mode| mode == 0o600) => {
                system_hint(path, errno)
            }
            Self::Unreadable { .. } | Self::SecretForAll { is_own: true, .. } => {
                format!("chmod 600 {file}")
            }
            Self::Mode(_) => format!(
                "chmod 600 {file}  (importing dask_gateway in Python leaves a template there with \
                 mode 644)"
            ),
            Self::SecretForAll { .. } => format!(
                "tell your site's administrators that everyone here can read the secret in {file}, \
                 and give dgw your own file with mode 600"
            ),
            Self::WritableForAll { is_own: true, .. } => format!("chmod o-w {file}"),
            Self::WritableForAll { .. } | Self::DirectoryWritableForAll(_) => format!(
                "tell your site's administrators: anyone who changes {file} can make dgw send \
                 them your token"
            ),
            Self::DirectoryMode(_) => format!("chmod go-w {directory}"),
            Self::NotYours(_) => "replace it with a copy of your own, with mode 600".to_owned(),
            Self::LinkNotYours(_) => {
                "replace the link with one of your own, or with the file itself".to_owned()
            }
            Self::NotRegular | Self::TooLarge | Self::NotText => {
                "move or remove the file, then let `dgw login` write a new one".to_owned()
            }
            Self::DirectoryNotYours(_) => {
                "move it to a directory of your own, and name it with `--config`".to_owned()
            }
        }
    }
}

/// Returns the hint for a file or directory that the system can't read.
fn system_hint(path: &std::path::Path, errno: Errno) -> String {
    let path = quoted(path);
    match errno {
        Errno::ACCESS | Errno::PERM => {
            format!("check its mode, and those of the directories above it: namei -l {path}")
        }
        Errno::MFILE | Errno::NFILE => {
            "raise the limit on open files (`ulimit -n`), or end other programs".to_owned()
        }
        _ => format!("run `ls -l {path}`: when that works, dgw works too"),
    }
}

/// Quotes a path for a shell.
fn quoted(path: &std::path::Path) -> String {
    let text = path.display().to_string();
    shlex::try_quote(&text).map_or_else(|_| text.clone(), Into::into)
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
                    new_address: None,
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
        let expected = format!("{text}, at line 3, column 5");
        assert_eq!(malformed(Some((3, 5))).to_string(), expected);
    }

    #[test]
    fn paths_are_quoted_for_a_shell() {
        assert_eq!(quoted("/a/b-c_d.yaml".as_ref()), "/a/b-c_d.yaml");
        assert_eq!(quoted("/a b/$x".as_ref()), "'/a b/$x'");
    }
}
