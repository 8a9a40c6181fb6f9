//! Failures of printing and asking.

use std::io;

use crate::error::{ExitCode, Failure};

/// A result that can't be printed, or a question that can't be asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("can't write to stdout")]
    Stdout(#[source] io::Error),
    #[error("can't write the cluster's name to stdout")]
    NameLost(#[source] io::Error),
    #[error("no column `{name}` to sort by: the columns are {known}")]
    NoColumn { name: String, known: String },
    #[error("no column `{name}` to sort by without {flag}")]
    ColumnOfFlag { name: String, flag: &'static str },
    #[error("refused to shut down clusters without confirmation")]
    NeedsYes,
    #[error("no {0} on stdin")]
    NoInput(String),
    #[error("stdin holds more than one line: give only the secret")]
    SeveralLines,
    #[error("{0}")]
    Unexpected(#[from] anyhow::Error),
}

impl Error {
    /// Returns the error for a result that is the name of a new cluster: its reader's leaving is a
    /// failure, because nobody knows of the cluster then.
    pub(crate) fn lost_name(self) -> Self {
        match self {
            Self::Stdout(error) => Self::NameLost(error),
            error => error,
        }
    }

    /// Returns true if the reader of stdout went away, as `head` does.
    fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Stdout(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl Failure for Error {
    fn exit_code(&self) -> ExitCode {
        match self {
            // A reader that has seen enough is no failure.
            Self::Stdout(_) if self.is_closed_pipe() => ExitCode::Done,
            Self::Stdout(_) | Self::NameLost(_) | Self::Unexpected(_) => ExitCode::Other,
            Self::NoColumn { .. }
            | Self::ColumnOfFlag { .. }
            | Self::NeedsYes
            | Self::NoInput(_)
            | Self::SeveralLines => ExitCode::Usage,
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Stdout(error) | Self::NameLost(error) => vec![error.to_string()],
            Self::Unexpected(error) => error.chain().skip(1).map(ToString::to_string).collect(),
            _ => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = "add `--yes`; `--dry-run` shows which clusters";
        matches!(self, Self::NeedsYes).then(|| hint.to_owned())
    }

    fn is_silent(&self) -> bool {
        self.is_closed_pipe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stdout(kind: io::ErrorKind) -> Error {
        Error::Stdout(kind.into())
    }

    #[test]
    fn closed_pipe_is_silent_success() {
        let closed = stdout(io::ErrorKind::BrokenPipe);
        assert_eq!(closed.exit_code(), ExitCode::Done);
        assert!(closed.is_silent());
        let full = stdout(io::ErrorKind::StorageFull);
        assert_eq!(full.exit_code(), ExitCode::Other);
        assert!(!full.is_silent());
        assert_eq!(full.details(), ["no storage space"]);
    }

    #[test]
    fn closed_pipe_loses_a_name() {
        let lost = stdout(io::ErrorKind::BrokenPipe).lost_name();
        assert_eq!(lost.exit_code(), ExitCode::Other);
        assert!(!lost.is_silent());
        assert_eq!(lost.details(), ["broken pipe"]);
        let usage = Error::NeedsYes.lost_name();
        assert_eq!(usage.exit_code(), ExitCode::Usage);
    }

    #[test]
    fn usage_errors_exit_with_2_and_unexpected_ones_list_their_causes() {
        for error in [Error::NoInput("password".to_owned()), Error::SeveralLines] {
            assert_eq!(error.exit_code(), ExitCode::Usage);
            assert!(error.details().is_empty());
        }
        assert!(Error::NeedsYes.hint().is_some());
        assert!(Error::SeveralLines.hint().is_none());
        let cause = anyhow::anyhow!("cause").context("effect");
        let error = Error::from(cause);
        assert_eq!(error.exit_code(), ExitCode::Other);
        assert_eq!(error.details(), ["cause"]);
    }
}
