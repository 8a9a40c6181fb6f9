//! Failures to read and compare packages.

use crate::count;
use crate::error::{ExitCode, Failure};
use crate::scheduler::{SET_PROXY, SchedulerError};

/// Why packages can't be compared, or do not fit.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("can't list the packages of `{program}`: {cause}")]
    Interpreter { program: String, cause: String },
    #[error("can't read the packages of cluster `{name}`: {source}")]
    Scheduler {
        name: String,
        source: SchedulerError,
    },
    #[error("can't read the packages of the workers of cluster `{name}`: {source}")]
    Workers {
        name: String,
        source: SchedulerError,
    },
    #[error(
        "{} of cluster `{name}` did not report packages",
        count::of(count, "worker")
    )]
    SilentWorkers { name: String, count: u64 },
    #[error("packages differ in a way that breaks work: {}", packages.join(", "))]
    Breaking { packages: Vec<String> },
}

impl Failure for Error {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Scheduler { source, .. } | Self::Workers { source, .. } => source.exit_code(),
            Self::Interpreter { .. } | Self::SilentWorkers { .. } | Self::Breaking { .. } => {
                ExitCode::Other
            }
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Interpreter { .. } => {
                "name the interpreter of your work: `dgw packages -- /path/to/python`"
            }
            Self::Scheduler { source, .. } | Self::Workers { source, .. }
                if source.is_of_proxy() =>
            {
                SET_PROXY
            }
            Self::Scheduler { .. } | Self::Workers { .. } => "set a longer `--probe-timeout`",
            Self::SilentWorkers { .. } => "`dgw logs --all-workers` shows what the workers log",
            Self::Breaking { .. } => {
                "use the same versions in all places; `dgw packages -- PYTHON` compares another \
                 interpreter"
            }
        };
        Some(hint.to_owned())
    }
}
