//! Failures to read logs.

use crate::error::{ExitCode, Failure};
use crate::scheduler::{SET_PROXY, SchedulerError};

/// Why a log could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum LogsError {
    #[error("can't read the logs of cluster `{name}`: {source}")]
    Unreachable {
        name: String,
        source: SchedulerError,
    },
    #[error("no worker of cluster `{name}` matches `{pattern}`")]
    NoWorkerMatches {
        name: String,
        pattern: String,
        /// The cluster's workers, a line each.
        workers: Vec<String>,
    },
    #[error("{} workers of cluster `{name}` match `{pattern}`", matching.len())]
    SeveralWorkersMatch {
        name: String,
        pattern: String,
        matching: Vec<String>,
    },
}

impl Failure for LogsError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Unreachable { source, .. } => source.exit_code(),
            Self::NoWorkerMatches { .. } | Self::SeveralWorkersMatch { .. } => ExitCode::Other,
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Unreachable { .. } => Vec::new(),
            Self::NoWorkerMatches { workers: lines, .. }
            | Self::SeveralWorkersMatch {
                matching: lines, ..
            } => lines.clone(),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unreachable { source, .. } if source.is_of_proxy() => {
                return Some(format!(
                    "logs come through the gateway's scheduler proxy: {SET_PROXY}"
                ));
            }
            Self::Unreachable {
                source: SchedulerError::TooLarge,
                ..
            } => "ask for fewer entries with `--tail` or `--since`",
            Self::Unreachable { .. } => {
                "logs come through the gateway's scheduler proxy: set a longer `--probe-timeout`, \
                 and check `gateway.proxy-address`"
            }
            Self::NoWorkerMatches { workers, .. } if workers.is_empty() => {
                "the cluster has no workers: `dgw scale` starts some"
            }
            Self::NoWorkerMatches { .. } => "choose one of the cluster's workers, listed above",
            Self::SeveralWorkersMatch { .. } => "type more of the name",
        };
        Some(hint.to_owned())
    }
}

/// Creates the error that the logs of the cluster `name` can't be read.
pub(super) fn unreachable(name: &str, source: SchedulerError) -> LogsError {
    LogsError::Unreachable {
        name: name.to_owned(),
        source,
    }
}
