//! A mistake on the command line with dgw's own advice, and what clap says of a mistake.

use clap::Command;
use clap::error::{ContextKind, ContextValue};

use crate::error::{ExitCode, Failure};

/// A mistake on the command line, and how to correct it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct UsageMistake {
    pub(super) message: String,
    pub(super) details: Vec<String>,
    pub(super) hint: String,
}

impl Failure for UsageMistake {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }

    fn details(&self) -> Vec<String> {
        self.details.clone()
    }

    fn hint(&self) -> Option<String> {
        Some(self.hint.clone())
    }
}

/// Returns true if `command` has this argument as a flag.
pub(super) fn has(command: &Command, name: &str) -> bool {
    let mut flags = command.get_arguments().filter(|arg| !arg.is_positional());
    flags.any(|arg| arg.get_id() == name)
}

/// Returns what clap says of this kind, if it is one word.
pub(super) fn text(mistake: &clap::Error, kind: ContextKind) -> Option<&str> {
    match mistake.get(kind)? {
        ContextValue::String(text) => Some(text),
        _ => None,
    }
}
