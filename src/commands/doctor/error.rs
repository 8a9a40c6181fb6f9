//! Problems that only `dgw doctor` finds.

use std::time::Duration;

use crate::duration;
use crate::error::{ExitCode, Failure};
use crate::scheduler::{SET_PROXY, SchedulerError};

/// A problem that a check found, or that checks failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum DoctorError {
    #[error("{} of {total} checks failed: {}", failed.len(), failed.join(", "))]
    ChecksFailed {
        failed: Vec<&'static str>,
        total: usize,
        /// The exit code of the first one.
        exit_code: ExitCode,
    },
    #[error("the clocks of this machine and the gateway differ by {}", duration::short(*.0))]
    ClocksDiffer(Duration),
    #[error("the gateway at `{url}` reports its health as `{status}`")]
    Unhealthy { url: String, status: String },
    #[error("can't reach the scheduler of cluster {name}: {source}")]
    Scheduler {
        name: String,
        source: SchedulerError,
    },
    #[error("can't reach dashboards at `{url}`: {response}")]
    Dashboards { url: String, response: String },
}

impl Failure for DoctorError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::ChecksFailed { exit_code, .. } => *exit_code,
            Self::Unhealthy { .. } => ExitCode::Gateway,
            Self::Scheduler { source, .. } => source.exit_code(),
            Self::ClocksDiffer(_) | Self::Dashboards { .. } => ExitCode::Other,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::ChecksFailed { .. } => return None,
            Self::ClocksDiffer(_) => {
                "set this machine's clock (`timedatectl set-ntp true`); if it is right, contact the \
                 gateway's administrators"
            }
            Self::Unhealthy { .. } => {
                "try again later; if it is still unhealthy, contact the gateway's administrators"
            }
            Self::Scheduler { .. } => SET_PROXY,
            Self::Dashboards { .. } => {
                "check `gateway.public-address`: links to dashboards begin with it"
            }
        };
        Some(hint.to_owned())
    }
}
