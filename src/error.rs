//! The documented exit codes, and the trait by which each room's errors name theirs, their details
//! and their hint.

use std::fmt;
use std::panic;
use std::sync::{Mutex, PoisonError};

/// A documented exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitCode {
    /// Done, or nothing to do.
    Done,
    /// A failure that no other code describes.
    Other,
    /// A mistake on the command line, or an option that the gateway does not accept.
    Usage,
    /// The configuration was refused; nothing was sent.
    Configuration,
    /// Authentication or permission.
    Permission,
    /// No such cluster, or several match.
    NoCluster,
    /// The cluster failed.
    ClusterFailed,
    /// A time limit expired.
    TimedOut,
    /// Partly done, or the gateway clamped the request.
    Partly,
    /// The gateway is unreachable or broken.
    Gateway,
    /// The COMMAND exists but can't be run.
    NotExecutable,
    /// The COMMAND does not exist.
    CommandNotFound,
    /// The exit status of a COMMAND that dgw ran.
    Command(u8),
    /// The number of the signal that ended dgw after it cleaned up.
    Signal(u8),
}

impl ExitCode {
    /// Returns the status of the process.
    pub(crate) fn status(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Other => 1,
            Self::Usage => 2,
            Self::Configuration => 3,
            Self::Permission => 4,
            Self::NoCluster => 5,
            Self::ClusterFailed => 6,
            Self::TimedOut => 7,
            Self::Partly => 8,
            Self::Gateway => 9,
            Self::NotExecutable => 126,
            Self::CommandNotFound => 127,
            Self::Command(status) => status,
            Self::Signal(number) => 128 + number,
        }
    }
}

/// An error that can end a command: its `Display` is the message, without a full stop.
pub(crate) trait Failure: std::error::Error {
    /// Returns the exit code of a command that ends with this error.
    fn exit_code(&self) -> ExitCode;

    /// Returns the causes, or the candidates to choose from, a line each.
    fn details(&self) -> Vec<String> {
        Vec::new()
    }

    /// Returns the one thing to do next; it names a command or a setting.
    fn hint(&self) -> Option<String> {
        None
    }

    /// Returns true if nothing is printed: nobody reads, or the message was printed elsewhere.
    fn is_silent(&self) -> bool {
        false
    }

    /// Returns true if the message is a warning rather than an error.
    fn is_warning(&self) -> bool {
        false
    }
}

/// The error that ends a command, from whichever room it came.
#[derive(Debug)]
pub(crate) struct Error(Box<dyn Failure>);

impl Error {
    /// Returns what the error says about itself.
    pub(crate) fn as_failure(&self) -> &dyn Failure {
        self.0.as_ref()
    }
}

impl<F: Failure + 'static> From<F> for Error {
    fn from(failure: F) -> Self {
        Self(Box::new(failure))
    }
}

/// A mistake on the command line that clap can't find.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

impl Failure for UsageError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }
}

/// The place of the last panic.
static LAST_PANIC: Mutex<Option<String>> = Mutex::new(None);

/// A panic: a mistake in dgw, or a limit of the system that a library does not survive.
#[derive(Debug, thiserror::Error)]
#[error("dgw panicked{}", place.as_ref().map_or_else(String::new, |place| format!(" at {place}")))]
pub(crate) struct Panic {
    place: Option<String>,
}

impl Panic {
    /// From now on, panics are recorded, and printed only by whoever reports this error. Their texts
    /// may hold anything, so they are not kept.
    pub(crate) fn record() {
        panic::set_hook(Box::new(|info| {
            let place = info.location().map(ToString::to_string);
            *LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner) = place;
        }));
    }

    /// Returns the last panic.
    pub(crate) fn recorded() -> Self {
        let place = LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner);
        Self {
            place: place.clone(),
        }
    }
}

impl Failure for Panic {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Other
    }

    fn hint(&self) -> Option<String> {
        Some(
            "see whether a limit of `ulimit -a` is low, such as those on processes, open files and \
             memory; otherwise please report this"
                .to_owned(),
        )
    }
}

/// A failure of the system that no room expects, with its context.
#[derive(Debug)]
pub(crate) struct Unexpected(anyhow::Error);

impl fmt::Display for Unexpected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Unexpected {}

impl Failure for Unexpected {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Other
    }

    fn details(&self) -> Vec<String> {
        self.0.chain().skip(1).map(ToString::to_string).collect()
    }
}

impl From<anyhow::Error> for Unexpected {
    fn from(error: anyhow::Error) -> Self {
        Self(error)
    }
}

impl From<anyhow::Error> for Error {
    fn from(error: anyhow::Error) -> Self {
        Unexpected(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_have_no_details_and_are_printed_as_errors_by_default() {
        let error = Error::from(UsageError("wrong".to_owned()));
        let failure = error.as_failure();
        assert_eq!(failure.exit_code(), ExitCode::Usage);
        assert_eq!(failure.to_string(), "wrong");
        assert!(failure.details().is_empty() && failure.hint().is_none());
        assert!(!failure.is_silent() && !failure.is_warning());
    }

    #[test]
    fn unexpected_failures_list_their_causes() {
        let error = Error::from(anyhow::anyhow!("cause").context("effect"));
        let failure = error.as_failure();
        assert_eq!(failure.exit_code(), ExitCode::Other);
        assert_eq!(failure.to_string(), "effect");
        assert_eq!(failure.details(), ["cause"]);
    }

    #[test]
    fn exit_codes_are_those_of_the_contract() {
        use ExitCode as E;
        let codes = [
            (E::Done, 0),
            (E::Other, 1),
            (E::Usage, 2),
            (E::Configuration, 3),
            (E::Permission, 4),
            (E::NoCluster, 5),
            (E::ClusterFailed, 6),
            (E::TimedOut, 7),
            (E::Partly, 8),
            (E::Gateway, 9),
            (E::NotExecutable, 126),
            (E::CommandNotFound, 127),
            (E::Command(42), 42),
            (E::Signal(1), 129),
            (E::Signal(2), 130),
            (E::Signal(15), 143),
        ];
        for (code, status) in codes {
            assert_eq!(code.status(), status, "{code:?}");
        }
    }
}
