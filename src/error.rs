//! Every way a command can fail: its message, its exit code, and the one thing to do about it.

mod answer;
mod hint;
mod option;
mod start;

use std::io;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) use answer::token_page;
pub(crate) use option::DefaultFault;

use crate::gateway::{self, OptionFault, Status};
use crate::job::JobHistory;
use crate::{age, config, dashboard, private};

/// The documented exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ExitCode {
    /// Done, or nothing to do.
    Done = 0,
    /// What none of the others tells.
    Other = 1,
    /// A mistake on the command line, or an option the gateway doesn't take.
    Usage = 2,
    /// The configuration was refused; nothing was sent.
    Configuration = 3,
    /// Authentication or permission.
    Permission = 4,
    /// No such cluster, or several fit.
    NoCluster = 5,
    /// The cluster failed.
    ClusterFailed = 6,
    /// A time limit ran out.
    TimedOut = 7,
    /// Partly done, or the gateway clamped the request.
    Partly = 8,
    /// The gateway is unreachable or broken.
    Gateway = 9,
    /// A COMMAND that is there can't be run.
    NotRun = 126,
    /// There is no such COMMAND.
    NoCommand = 127,
}

/// What every room's error tells the user besides its message.
pub(crate) trait Failure: std::error::Error {
    /// The exit code of a command that ends with this error.
    fn exit_code(&self) -> ExitCode;

    /// Causes, or what there is to choose from, a line each.
    fn details(&self) -> Vec<String> {
        Vec::new()
    }

    /// The one thing to do next, naming a command or a setting.
    fn hint(&self) -> Option<String> {
        None
    }
}

/// A signal that ends a command after it has cleaned up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Hangup = 1,
    Interrupt = 2,
    Quit = 3,
    Terminate = 15,
    /// As login nodes and batch systems limit it (`ulimit -t`).
    CpuTime = 24,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Config(#[from] config::Error),
    #[error(transparent)]
    Gateway(#[from] gateway::Error),
    /// The gateway's, where `--address` says which one.
    #[error(transparent)]
    AtNamed(gateway::Error),
    #[error(transparent)]
    Activity(#[from] private::Error),
    #[error("{0}")]
    Usage(String),
    #[error("{}", option::option_text(key, fault))]
    Option { key: String, fault: OptionFault },
    #[error("{}", option::defaults_text(.0))]
    Defaults(Vec<DefaultFault>),
    #[error("shutting down what a selector picks needs `--yes` where nobody can be asked")]
    NeedsYes,
    #[error("`dgw top` needs {0}")]
    NoScreen(&'static str),
    #[error("no cluster fits `{pattern}`")]
    NoneFits { pattern: String, there: Vec<String> },
    #[error("{} clusters fit `{pattern}`", fitting.len())]
    SeveralFit {
        pattern: String,
        fitting: Vec<String>,
    },
    #[error("you have no active cluster")]
    NoneActive,
    #[error("you have {} active clusters: say which one", there.len())]
    SeveralActive { there: Vec<String> },
    #[error("cluster `{name}` is {status}, not RUNNING")]
    NotRunning { name: String, status: Status },
    #[error("the scheduler of cluster `{name}` does not answer: {fault}")]
    NoScheduler { name: String, fault: String },
    #[error("the scheduler of cluster `{name}` can't be reached: {fault}")]
    NotReached { name: String, fault: String },
    #[error("the logs of cluster `{name}` can't be reached: {fault}")]
    NoLogs {
        name: String,
        fault: String,
        /// With `--since`, which the scheduler's web pages can't serve.
        by_time: bool,
    },
    #[error("no worker of cluster `{name}` fits `{pattern}`")]
    NoWorkerFits {
        name: String,
        pattern: String,
        there: Vec<String>,
    },
    #[error("{} workers of cluster `{name}` fit `{pattern}`", fitting.len())]
    SeveralWorkersFit {
        name: String,
        pattern: String,
        fitting: Vec<String>,
    },
    #[error(
        "cluster `{name}` did not start: the gateway reports {status} after {} of PENDING",
        age::short(*after)
    )]
    StartFailed {
        name: String,
        status: Status,
        after: Duration,
        trace: Box<JobHistory>,
    },
    #[error("cluster `{name}` ended while it was waited for: the gateway reports {status}")]
    Ended {
        name: String,
        status: Status,
        trace: Box<JobHistory>,
    },
    #[error("timed out after {}: cluster {name} does not run yet", age::short(*limit))]
    StartTimedOut {
        name: String,
        limit: Duration,
        trace: Box<JobHistory>,
    },
    #[error("timed out after {}: {what}", age::short(*limit))]
    TimedOut { what: String, limit: Duration },
    #[error("the gateway did less for cluster `{name}` than asked for: {reason}")]
    Clamped { name: String, reason: String },
    #[error("{} of {of} clusters could not be shut down", failed.len())]
    Partly {
        /// Which, and why.
        failed: Vec<String>,
        of: usize,
    },
    #[error("{source}; a cluster may have been started{}", start::doubt(seen.as_deref()))]
    Doubtful {
        source: gateway::Error,
        /// Clusters that may be what was started, and how they are; `None` where nobody tells.
        seen: Option<Vec<String>>,
    },
    #[error(
        "timed out after {}: the gateway has not answered; a cluster may have been started{}",
        age::short(*limit),
        start::doubt(seen.as_deref())
    )]
    DoubtfulTimedOut {
        limit: Duration,
        /// As above.
        seen: Option<Vec<String>>,
    },
    #[error("{} of {of} steps failed: {}", failed.len(), failed.join(", "))]
    Unwell {
        failed: Vec<&'static str>,
        of: usize,
        /// That of the first.
        exit_status: u8,
    },
    #[error("this machine's clock and the gateway's differ by {}", age::short(*.0))]
    Clocks(Duration),
    #[error("the gateway at `{url}` says of itself: `{status}`")]
    Ailing { url: String, status: String },
    #[error("can't reach the scheduler proxy at `{proxy}`: {fault}")]
    NoSchedulerProxy { proxy: String, fault: String },
    #[error("dashboards can't be reached: `{url}` answers with {what}")]
    NoDashboards { url: String, what: String },
    #[error("{source}")]
    Elsewhere {
        source: gateway::Error,
        /// Where a gateway answers.
        address: String,
    },
    /// What was typed for `dgw login` isn't accepted.
    #[error("{0}")]
    Untaken(gateway::Error),
    #[error("the gateway wants {0} authentication, which this dgw doesn't know")]
    Unsupported(String),
    #[error("the gateway wants Kerberos authentication, which this dgw is built without")]
    WithoutKerberos,
    #[error("the gateway at `{0}` asks nobody who they are: there is nothing to keep")]
    NoAuthentication(String),
    #[error("{}: {note}", signal.word())]
    Interrupted { signal: Signal, note: String },
    #[error("{}", not_run_text(command, source))]
    NotRun { command: String, source: io::Error },
    /// A COMMAND has ended so; it has said why itself.
    #[error("the COMMAND ended with status {status}")]
    CommandEnded { status: u8 },
    /// What COMMAND left to do could not be done.
    #[error("{0}")]
    LeftBehind(String),
    #[error("no private folder can be made in `{}`", place.display())]
    NoPrivateFolder {
        place: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("can't listen on a port of 127.0.0.1")]
    NoPort(#[source] io::Error),
    #[error("what should serve the connection in the background did not start: {0}")]
    NoRelay(String),
    #[error("{} connections of yours are exported: say which one", there.len())]
    SeveralExported { there: Vec<String> },
    #[error("the gateway tells no time, so nobody can tell how old its clusters are")]
    NoClock,
    #[error("the dashboard's URL has no host: `{0}`")]
    RelativeUrl(String),
    #[error("no browser could be opened on this machine")]
    NoBrowser,
    #[error("can't serve the dashboard of cluster `{name}`: {source}")]
    NotServed {
        name: String,
        source: dashboard::Error,
    },
    /// A signal ended what has no other end.
    #[error("{}", .0.word())]
    Signalled(Signal),
    #[error("can't write to stdout")]
    Stdout(#[source] io::Error),
    #[error("can't write the cluster's name to stdout")]
    NameLost(#[source] io::Error),
    #[error("{0}")]
    Unexpected(#[from] anyhow::Error),
}

impl Signal {
    pub(crate) const ALL: [Self; 5] = [
        Self::Hangup,
        Self::Interrupt,
        Self::Quit,
        Self::Terminate,
        Self::CpuTime,
    ];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Hangup => "hung up",
            Self::Interrupt => "interrupted",
            Self::Quit => "quit",
            Self::Terminate => "terminated",
            Self::CpuTime => "out of CPU time",
        }
    }
}

impl Error {
    /// The process's exit status: a [`ExitCode`], or 128 and the signal's number.
    pub(crate) fn exit_status(&self) -> u8 {
        let code = match self {
            Self::NoClock | Self::Ailing { .. } => ExitCode::Gateway,
            Self::Gateway(error)
            | Self::AtNamed(error)
            | Self::Untaken(error)
            | Self::Elsewhere { source: error, .. }
            | Self::Doubtful { source: error, .. } => answer::code(error),
            Self::Unsupported(_) | Self::WithoutKerberos => ExitCode::Permission,
            Self::Config(error) => config_code(error),
            Self::Usage(_) | Self::Option { .. } | Self::NeedsYes | Self::NoScreen(_) => {
                ExitCode::Usage
            }
            Self::Defaults(_) | Self::RelativeUrl(_) => ExitCode::Configuration,
            Self::NoneFits { .. }
            | Self::SeveralFit { .. }
            | Self::NoneActive
            | Self::SeveralExported { .. }
            | Self::SeveralActive { .. } => ExitCode::NoCluster,
            Self::NotRunning {
                status: Status::Pending | Status::Running,
                ..
            } => ExitCode::Other,
            Self::NotRunning { .. } | Self::StartFailed { .. } | Self::Ended { .. } => {
                ExitCode::ClusterFailed
            }
            Self::TimedOut { .. } | Self::StartTimedOut { .. } | Self::DoubtfulTimedOut { .. } => {
                ExitCode::TimedOut
            }
            Self::Clamped { .. } | Self::Partly { .. } | Self::LeftBehind(_) => ExitCode::Partly,
            Self::NotRun { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                ExitCode::NoCommand
            }
            Self::NotRun { .. } => ExitCode::NotRun,
            Self::CommandEnded { status } => return *status,
            Self::Interrupted { signal, .. } | Self::Signalled(signal) => {
                return 128 + *signal as u8;
            }
            Self::Unwell { exit_status, .. } => return *exit_status,
            // A reader that has seen enough is no failure.
            Self::Stdout(_) if self.is_closed_pipe() => ExitCode::Done,
            Self::NoBrowser
            | Self::NotServed { .. }
            | Self::NotReached { .. }
            | Self::NoPrivateFolder { .. }
            | Self::NoPort(_)
            | Self::NoRelay(_)
            | Self::Activity(_)
            | Self::Clocks(_)
            | Self::NoSchedulerProxy { .. }
            | Self::NoDashboards { .. }
            | Self::NoAuthentication(_)
            | Self::NoScheduler { .. }
            | Self::NoLogs { .. }
            | Self::NoWorkerFits { .. }
            | Self::SeveralWorkersFit { .. }
            | Self::NameLost(_)
            | Self::Stdout(_)
            | Self::Unexpected(_) => ExitCode::Other,
        };
        code as u8
    }

    /// A name that nobody reads is lost, and so would be its cluster.
    pub(crate) fn lost_name(self) -> Self {
        match self {
            Self::Stdout(error) => Self::NameLost(error),
            error => error,
        }
    }

    /// Whether the reader of stdout went away, as `head` does.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Stdout(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// Whether there is nothing to say: nobody reads, somebody else has said it, or it was asked
    /// for.
    pub(crate) fn is_silent(&self) -> bool {
        self.is_closed_pipe() || matches!(self, Self::CommandEnded { .. } | Self::Signalled(_))
    }

    /// What lies beneath, or what there is to choose from, a line each.
    pub(crate) fn details(&self) -> Vec<String> {
        match self {
            Self::Gateway(error)
            | Self::AtNamed(error)
            | Self::Untaken(error)
            | Self::Elsewhere { source: error, .. } => {
                error.cause().map(str::to_owned).into_iter().collect()
            }
            Self::Defaults(faults) => option::listed(faults),
            Self::Partly { failed: lines, .. }
            | Self::NoneFits { there: lines, .. }
            | Self::SeveralFit { fitting: lines, .. }
            | Self::NoWorkerFits { there: lines, .. }
            | Self::SeveralWorkersFit { fitting: lines, .. }
            | Self::SeveralActive { there: lines }
            | Self::SeveralExported { there: lines } => lines.clone(),
            Self::Doubtful { seen, .. } | Self::DoubtfulTimedOut { seen, .. } => {
                seen.clone().unwrap_or_default()
            }
            Self::StartFailed { trace, .. } | Self::StartTimedOut { trace, .. } => {
                start::seen(trace, trace.schedulers_log())
            }
            Self::Ended { trace, .. } => start::seen(trace, trace.latest_workers_log()),
            Self::Stdout(error)
            | Self::NameLost(error)
            | Self::NoPort(error)
            | Self::NoPrivateFolder { source: error, .. } => vec![error.to_string()],
            Self::Activity(error) => error.details(),
            Self::Unexpected(error) => error.chain().skip(1).map(ToString::to_string).collect(),
            _ => Vec::new(),
        }
    }

    /// Clamping is the gateway's right, not a failure.
    pub(crate) fn is_warning(&self) -> bool {
        matches!(self, Self::Clamped { .. })
    }
}

/// What a command ends with whose configuration can't be used, or kept.
pub(crate) fn config_code(error: &config::Error) -> ExitCode {
    use config::Error as E;
    match error {
        E::Flag(_) | E::Taken { .. } | E::Unfit { .. } => ExitCode::Usage,
        E::NotWritten { .. } | E::Raced(_) => ExitCode::Other,
        _ => ExitCode::Configuration,
    }
}

fn not_run_text(command: &str, source: &io::Error) -> String {
    match source.kind() {
        io::ErrorKind::NotFound => format!("no such command: `{command}`"),
        _ => format!("can't run `{command}`: {source}"),
    }
}
