//! The limit on open files.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

use crate::error::{ExitCode, Failure};

/// Descriptors that a command needs to begin with: tokio's, some of which it panics without, a
/// connection, and a few files.
const NEEDED: usize = 12;

/// The system allows too few open files.
#[derive(Debug, thiserror::Error)]
#[error("dgw can't open {NEEDED} files: {0}")]
pub(crate) struct TooFewDescriptors(io::Error);

impl Failure for TooFewDescriptors {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Other
    }

    fn hint(&self) -> Option<String> {
        Some("raise the limit on open files, which `ulimit -n` shows".to_owned())
    }
}

/// Checks that a command can open what it needs, before it does anything.
///
/// # Errors
/// It can't.
pub(crate) fn check() -> Result<(), TooFewDescriptors> {
    reserve(NEEDED).map(drop).map_err(TooFewDescriptors)
}

/// Opens `count` descriptors, which others can have as soon as they are dropped.
///
/// # Errors
/// The system allows no more.
pub(crate) fn reserve(count: usize) -> io::Result<Vec<OwnedFd>> {
    let stderr = io::stderr();
    (0..count)
        .map(|_| stderr.as_fd().try_clone_to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enough_descriptors_are_free_unless_the_limit_is_low() {
        assert!(check().is_ok());
        assert_eq!(reserve(3).map(|reserved| reserved.len()).ok(), Some(3));
        let error = TooFewDescriptors(io::Error::other("too many"));
        assert_eq!(error.to_string(), "dgw can't open 12 files: too many");
        assert_eq!(error.exit_code(), ExitCode::Other);
        assert!(error.hint().is_some_and(|hint| hint.contains("ulimit -n")));
    }
}
