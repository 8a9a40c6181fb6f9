//! Failures to open or serve a dashboard.

use crate::dashboard;
use crate::error::{ExitCode, Failure};

/// Why a dashboard could not be opened or served.
#[derive(Debug, thiserror::Error)]
pub(super) enum DashboardError {
    #[error("the dashboard's URL has no host: `{0}`")]
    RelativeUrl(String),
    #[error("the gateway sent no valid path for the dashboard of cluster `{0}`")]
    NoUrl(String),
    #[error("no browser could be opened on this machine")]
    NoBrowser,
    #[error("can't serve the dashboard of cluster `{name}`: {source}")]
    NotServed {
        name: String,
        source: dashboard::Error,
    },
}

impl Failure for DashboardError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::RelativeUrl(_) => ExitCode::Configuration,
            Self::NoUrl(_) => ExitCode::Gateway,
            Self::NoBrowser | Self::NotServed { .. } => ExitCode::Other,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::RelativeUrl(_) => {
                "set `gateway.public-address` to a full URL, or open this path on your hub"
            }
            Self::NoUrl(name) => {
                return Some(format!(
                    "`dgw dashboard {name} --serve` serves it on this machine"
                ));
            }
            Self::NoBrowser => "open the URL in a browser on your own machine",
            Self::NotServed { source, .. } => return source.hint(),
        };
        Some(hint.to_owned())
    }
}
