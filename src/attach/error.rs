//! Failures to connect a program to a cluster.

use std::io;
use std::path::{Path, PathBuf};

use super::child::is_python;
use super::connection::ClusterEnd;
use crate::error::{ExitCode, Failure, Unexpected};
use crate::scheduler::{SET_PROXY, SchedulerError};
use crate::signals::Interrupted;
use crate::{lifecycle, output, private};

/// Why a program could not be connected to a cluster, or how it ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Lifecycle(#[from] lifecycle::Error),
    #[error(transparent)]
    Output(#[from] output::Error),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    #[error(transparent)]
    Unexpected(#[from] Unexpected),
    #[error("can't reach the scheduler of cluster `{name}`: {source}")]
    SchedulerUnreachable {
        name: String,
        source: SchedulerError,
    },
    #[error(transparent)]
    Private(#[from] private::Error),
    #[error("can't listen on a port of 127.0.0.1")]
    NoPort(#[source] io::Error),
    #[error("the background process of `--export` did not start: {0}")]
    RelayNotStarted(String),
    #[error("process {pid}, which serves the connection to cluster `{name}`, does not end")]
    RelayNotStopped { pid: i32, name: String },
    #[error("no exported connection matches `{0}`")]
    NoExportMatches(String),
    #[error("{} connections are exported: name one", exported.len())]
    SeveralExported { exported: Vec<String> },
    #[error("no such command: `{0}`")]
    CommandNotFound(String),
    #[error("can't run `{command}`: {source}")]
    NotExecutable { command: String, source: io::Error },
    #[error("can't write the usage to `{}`: {source}", path.display())]
    UsageFile { path: PathBuf, source: io::Error },
    /// The cluster ended while COMMAND was running, which ended with `status`.
    #[error("cluster `{}` was ended from outside while COMMAND was running: {}", end.name, end.cause)]
    ClusterEnded { end: ClusterEnd, status: u8 },
    /// The COMMAND ended with this status, after messages of its own.
    #[error("the COMMAND ended with status {0}")]
    CommandEnded(u8),
}

impl Failure for Error {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Lifecycle(error) => error.exit_code(),
            Self::Output(error) => error.exit_code(),
            Self::Private(error) => error.exit_code(),
            Self::Interrupted(error) => error.exit_code(),
            Self::Unexpected(error) => error.exit_code(),
            Self::RelayNotStopped { .. } => ExitCode::Partly,
            Self::NoExportMatches(_) | Self::SeveralExported { .. } => ExitCode::NoCluster,
            Self::CommandNotFound(_) => ExitCode::CommandNotFound,
            Self::NotExecutable { .. } => ExitCode::NotExecutable,
            Self::ClusterEnded { end, status: 0 } if !end.was_noticed => ExitCode::ClusterFailed,
            Self::CommandEnded(status) | Self::ClusterEnded { status, .. } => {
                ExitCode::Command(*status)
            }
            Self::SchedulerUnreachable { source, .. } => source.exit_code(),
            Self::NoPort(_) | Self::RelayNotStarted(_) | Self::UsageFile { .. } => ExitCode::Other,
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Lifecycle(error) => error.details(),
            Self::Output(error) => error.details(),
            Self::Unexpected(error) => error.details(),
            Self::Private(error) => error.details(),
            Self::NoPort(source) => vec![source.to_string()],
            Self::SeveralExported { exported } => exported.clone(),
            Self::ClusterEnded { end, status: 0 } if !end.was_noticed => {
                vec!["COMMAND ended with status 0, but was not connected to see the end".to_owned()]
            }
            Self::ClusterEnded { status, .. } => {
                vec![format!("COMMAND ended with status {status}")]
            }
            _ => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Lifecycle(error) => return error.hint(),
            Self::Output(error) => return error.hint(),
            Self::Private(error) => return error.hint(),
            Self::SchedulerUnreachable { .. } => {
                return Some(format!(
                    "programs connect through the gateway's scheduler proxy: {SET_PROXY}"
                ));
            }
            Self::RelayNotStarted(_) => {
                "run `dgw connect -- COMMAND`, which needs no background process"
            }
            Self::ClusterEnded { end, .. } => {
                return Some(format!("`dgw show {}` shows when it ended", end.name));
            }
            Self::RelayNotStopped { pid, .. } => {
                return Some(format!("`kill -9 {pid}` ends it"));
            }
            Self::UsageFile { .. } => {
                "set `--usage` to a file in a directory that exists and that you can write"
            }
            Self::NoExportMatches(_) => {
                "run `dgw connect --unexport` without a name to end the only one"
            }
            Self::CommandNotFound(command) | Self::NotExecutable { command, .. }
                if is_python(Path::new(command)) && Path::new(command).is_file() =>
            {
                return Some(format!("put `python` before it: `-- python {command}`"));
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }

    fn is_silent(&self) -> bool {
        match self {
            Self::CommandEnded(_) => true,
            Self::Lifecycle(error) => error.is_silent(),
            Self::Output(error) => error.is_silent(),
            Self::Interrupted(error) => error.is_silent(),
            _ => false,
        }
    }

    fn is_warning(&self) -> bool {
        match self {
            Self::Lifecycle(error) => error.is_warning(),
            // COMMAND knew, and took it for a success.
            Self::ClusterEnded { end, status: 0 } => end.was_noticed,
            _ => false,
        }
    }
}
