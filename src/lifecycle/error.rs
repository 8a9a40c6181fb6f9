//! Failures of what commands do with clusters.

use std::time::Duration;

use super::labels;
use super::option_sources::SourceFault;
use super::options::{self, DefaultFault};
use super::start_report;
use crate::count;
use crate::duration;
use crate::error::{ExitCode, Failure, Unexpected};
use crate::gateway::{self, OptionFault, Status};
use crate::job::JobHistory;
use crate::observed::ObservedCluster;
use crate::signals::Interrupted;
use crate::{output, private, similar};

/// Why a cluster could not be selected, started, waited for, scaled or shut down.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Gateway(#[from] gateway::Error),
    #[error(transparent)]
    Private(#[from] private::Error),
    #[error(transparent)]
    Output(#[from] output::Error),
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    #[error(transparent)]
    Unexpected(#[from] Unexpected),
    /// An option of the command line that the gateway does not accept.
    #[error("{}", options::option_text(key, fault))]
    Option { key: String, fault: OptionFault },
    /// An option of the command line whose value is elsewhere.
    #[error(transparent)]
    OptionSource(#[from] SourceFault),
    /// Configured defaults that the gateway does not accept.
    #[error("{}", options::defaults_text(.0))]
    Defaults(Vec<DefaultFault>),
    #[error(
        "`--wait-workers {wanted}` would never end: {}",
        if *is_adaptive {
            format!("the cluster keeps only {} without work", count::of(coming, "worker"))
        } else {
            format!("you requested only {}", count::of(coming, "worker"))
        }
    )]
    EndlessWait {
        wanted: u32,
        coming: u32,
        is_adaptive: bool,
    },
    #[error("no cluster matches `{pattern}`")]
    NoMatch {
        pattern: String,
        active: Vec<ObservedCluster>,
    },
    #[error("{} clusters match `{pattern}`", matching.len())]
    SeveralMatch {
        pattern: String,
        matching: Vec<ObservedCluster>,
    },
    /// Protected clusters, which the gateway may have forgotten.
    #[error("{} clusters match `{pattern}`", names.len())]
    SeveralProtected { pattern: String, names: Vec<String> },
    /// A name of the user's own that stands for another cluster.
    #[error("`{label}` already means cluster `{cluster}`")]
    LabelTaken {
        label: String,
        cluster: String,
        /// True if `--reuse` would use that cluster.
        is_reusable: bool,
    },
    /// A cluster that is to be reused by its name.
    #[error("cluster `{label}`, which is `{cluster}`, has other options than requested")]
    OtherOptions { label: String, cluster: String },
    #[error("the variable DGW_CLUSTER is `{value}`, which {cause}")]
    DefaultCluster { value: String, cause: String },
    #[error("you have no active cluster")]
    NoneActive,
    #[error("you have {} active clusters: name one", active.len())]
    SeveralActive { active: Vec<ObservedCluster> },
    #[error("cluster `{name}` is {status}, not RUNNING")]
    NotRunning { name: String, status: Status },
    #[error("the scheduler of cluster `{name}` does not respond: {cause}")]
    SchedulerSilent { name: String, cause: String },
    #[error("can't tell how many workers cluster `{name}` has: {cause}")]
    WorkersUnknown { name: String, cause: String },
    #[error(
        "can't tell how many workers are requested for cluster `{name}`: its log is too long to show \
         it"
    )]
    RequestUnknown { name: String },
    #[error(
        "cluster `{name}` did not start: {} after {} of PENDING",
        if *status == Status::Stopped {
            "it was shut down from elsewhere".to_owned()
        } else {
            format!("the gateway reports {status}")
        },
        duration::short(*after)
    )]
    StartFailed {
        name: String,
        status: Status,
        after: Duration,
        jobs: Box<JobHistory>,
    },
    #[error(
        "cluster `{name}` {} while dgw waited for it: the gateway reports {status}",
        if *status == Status::Stopped { "was shut down from elsewhere" } else { "ended" }
    )]
    EndedWhileWaiting {
        name: String,
        status: Status,
        jobs: Box<JobHistory>,
    },
    #[error("timed out after {}: cluster `{name}` is still PENDING", duration::short(*limit))]
    StartTimedOut {
        name: String,
        limit: Duration,
        jobs: Box<JobHistory>,
    },
    #[error("timed out after {}: {pending}", duration::short(*limit))]
    TimedOut {
        /// The event that had not happened yet.
        pending: String,
        limit: Duration,
    },
    #[error("the gateway granted less than requested for cluster `{name}`: {reason}")]
    Clamped { name: String, reason: String },
    /// The same, where the user wants all workers or none.
    #[error("the gateway granted less than requested for cluster `{name}`: {reason}")]
    NotGranted { name: String, reason: String },
    #[error("{} of {total} clusters could not be shut down", failed.len())]
    Partly {
        /// Each cluster with its cause.
        failed: Vec<String>,
        total: usize,
    },
    #[error("{source}; a cluster may have been started{}", start_report::doubt(seen.as_deref()))]
    StartUncertain {
        source: gateway::Error,
        /// Clusters that may be the one started; `None` where the gateway did not list any.
        seen: Option<Vec<String>>,
    },
    #[error(
        "timed out after {}: the gateway has not responded; a cluster may have been started{}",
        duration::short(*limit),
        start_report::doubt(seen.as_deref())
    )]
    StartUncertainTimedOut {
        limit: Duration,
        /// See [`Error::StartUncertain`].
        seen: Option<Vec<String>>,
    },
    /// A cluster that should have been shut down and may still exist.
    #[error("{0}")]
    LeftBehind(String),
    #[error("the gateway's responses have no Date header, so the age of its clusters is unknown")]
    NoClock,
}

/// Returns the user's own name of one of `rows` that `pattern` may be a misspelling of.
fn similar_label<'a>(pattern: &str, rows: &'a [ObservedCluster]) -> Option<&'a str> {
    similar::find(pattern, rows.iter().filter_map(|row| row.label.as_deref()))
}

/// Returns the hint for a cluster that ended with `status` while dgw waited for it.
fn end_hint(name: &str, status: Status, jobs: &JobHistory) -> String {
    match status {
        // Nothing failed: the gateway reports FAILED where something did.
        Status::Stopped => format!("`dgw show {name}` shows when it ended"),
        _ if jobs.latest_workers_log().is_some() => {
            "read the end of its worker's log above: it may say why".to_owned()
        }
        Status::Stopping => {
            format!(
                "`dgw show {name}` shows how it ended: STOPPED if it was shut down, FAILED if not"
            )
        }
        _ => "the gateway does not say why: ask its administrators to check its log".to_owned(),
    }
}

impl Failure for Error {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Gateway(error) | Self::StartUncertain { source: error, .. } => error.exit_code(),
            Self::Private(error) => error.exit_code(),
            Self::Output(error) => error.exit_code(),
            Self::Interrupted(error) => error.exit_code(),
            Self::Unexpected(error) => error.exit_code(),
            Self::Option { .. }
            | Self::OptionSource(_)
            | Self::EndlessWait { .. }
            | Self::LabelTaken { .. }
            | Self::OtherOptions { .. }
            | Self::DefaultCluster { .. } => ExitCode::Usage,
            Self::Defaults(_) => ExitCode::Configuration,
            Self::NoMatch { .. }
            | Self::SeveralMatch { .. }
            | Self::SeveralProtected { .. }
            | Self::NoneActive
            | Self::SeveralActive { .. } => ExitCode::NoCluster,
            Self::NotRunning { status, .. } if status.is_active() => ExitCode::Other,
            Self::SchedulerSilent { .. }
            | Self::WorkersUnknown { .. }
            | Self::RequestUnknown { .. } => ExitCode::Other,
            Self::NotRunning { .. } | Self::StartFailed { .. } | Self::EndedWhileWaiting { .. } => {
                ExitCode::ClusterFailed
            }
            Self::StartTimedOut { .. }
            | Self::TimedOut { .. }
            | Self::StartUncertainTimedOut { .. } => ExitCode::TimedOut,
            Self::Clamped { .. }
            | Self::NotGranted { .. }
            | Self::Partly { .. }
            | Self::LeftBehind(_) => ExitCode::Partly,
            Self::NoClock => ExitCode::Gateway,
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Gateway(error)
            | Self::StartUncertain {
                source: error,
                seen: None,
            } => error.details(),
            Self::Private(error) => error.details(),
            Self::Output(error) => error.details(),
            Self::Unexpected(error) => error.details(),
            Self::Defaults(faults) => options::listed(faults),
            Self::NoMatch { active: rows, .. }
            | Self::SeveralMatch { matching: rows, .. }
            | Self::SeveralActive { active: rows } => {
                rows.iter().map(ObservedCluster::summary).collect()
            }
            Self::SeveralProtected { names: lines, .. }
            | Self::Partly { failed: lines, .. }
            | Self::StartUncertain {
                seen: Some(lines), ..
            }
            | Self::StartUncertainTimedOut {
                seen: Some(lines), ..
            } => lines.clone(),
            Self::StartFailed { jobs, .. } | Self::StartTimedOut { jobs, .. } => {
                start_report::lines(jobs, jobs.schedulers_log())
            }
            Self::EndedWhileWaiting { jobs, .. } => {
                start_report::lines(jobs, jobs.latest_workers_log())
            }
            _ => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Gateway(error) => return error.hint(),
            Self::Private(error) => return error.hint(),
            Self::Output(error) => return error.hint(),
            Self::OptionSource(fault) => return Some(fault.hint()),
            Self::Option {
                fault: OptionFault::Unknown { .. },
                ..
            } => "`dgw options` lists the options that this gateway offers",
            Self::Defaults(_) => {
                "`dgw options` lists the options that this gateway offers, and your defaults"
            }
            Self::NoMatch { pattern, active } if similar_label(pattern, active).is_some() => {
                let label = similar_label(pattern, active)?;
                return Some(format!("did you mean `{label}`?"));
            }
            Self::NoMatch { active, .. } if active.is_empty() => {
                "`dgw list --all` lists every cluster that the gateway still knows"
            }
            Self::NoMatch { .. } => "`dgw list --all` also lists clusters that have ended",
            Self::SeveralMatch { .. } | Self::SeveralProtected { .. } => "type more of the name",
            Self::LabelTaken {
                is_reusable: true, ..
            } => {
                "`--reuse` uses that cluster; or choose another name: `dgw list` shows those in use"
            }
            Self::LabelTaken { .. } => "choose another name; `dgw list` shows those in use",
            Self::OtherOptions { label, .. } => {
                return Some(format!("`dgw show {label}` shows its options"));
            }
            Self::DefaultCluster { .. } => "`unset DGW_CLUSTER`, or name the cluster",
            Self::NoneActive => "`dgw new` starts one",
            Self::NotRunning {
                name,
                status: Status::Pending,
            } => return Some(format!("`dgw connect {name}` waits until it is running")),
            Self::SchedulerSilent { .. } => {
                "the gateway would mark the whole cluster as failed if dgw sent the request now; \
                 `--force` sends it anyway"
            }
            Self::WorkersUnknown { .. } => {
                "workers are counted through the gateway's scheduler proxy: check \
                 `gateway.proxy-address`, and that this machine can reach it"
            }
            Self::RequestUnknown { name } => {
                return Some(format!("`dgw scale {name} N` sets the number of workers"));
            }
            Self::NotGranted { .. } => "without `--strict`, dgw uses the workers that are granted",
            Self::StartFailed {
                name,
                status: status @ Status::Stopped,
                jobs,
                ..
            }
            | Self::EndedWhileWaiting { name, status, jobs } => {
                return Some(end_hint(name, *status, jobs));
            }
            Self::StartFailed { jobs, .. } => return Some(start_report::hint(jobs)),
            Self::StartTimedOut { jobs, .. } => return Some(start_report::timeout_hint(jobs)),
            Self::NotRunning { name, .. } if labels::is_default(name) => {
                "DGW_CLUSTER names it: `unset DGW_CLUSTER`, or `eval \"$(dgw connect --unexport)\"` if \
                 it was exported"
            }
            Self::NotRunning { .. } => "`dgw new` starts another one",
            Self::TimedOut { .. } => "set a longer limit with `--timeout`",
            Self::Partly { .. } => "run the command again for the remaining clusters",
            Self::StartUncertain { seen, .. } | Self::StartUncertainTimedOut { seen, .. } => {
                start_report::doubt_hint(seen.as_deref())
            }
            Self::EndlessWait {
                wanted,
                is_adaptive,
                ..
            } => {
                let setting = if *is_adaptive {
                    "the MIN of `--adapt`"
                } else {
                    "`--workers`"
                };
                return Some(format!("set {setting} to at least {wanted}"));
            }
            Self::NoClock => "name the clusters instead of using `--older-than`",
            Self::Interrupted(_)
            | Self::Unexpected(_)
            | Self::Option { .. }
            | Self::SeveralActive { .. }
            | Self::Clamped { .. }
            | Self::LeftBehind(_) => return None,
        };
        Some(hint.to_owned())
    }

    fn is_silent(&self) -> bool {
        match self {
            Self::Output(error) => error.is_silent(),
            Self::Interrupted(error) => error.is_silent(),
            _ => false,
        }
    }

    /// Clamping a request is the gateway's right.
    fn is_warning(&self) -> bool {
        matches!(self, Self::Clamped { .. })
    }
}
