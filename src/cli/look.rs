//! The arguments of the commands that look, and change nothing.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter};

use super::value::{self, ClusterName};
use super::{ProbeArgs, SelectorArgs, TargetArgs};
use crate::complete;

/// List your clusters
///
/// Without arguments, the active ones: pending and running. On a narrow terminal the table leaves
/// out what doesn't fit, dashboards first; a pipe, a file and every other format get all of it.
///
/// With -o wide each running cluster is asked what it is doing, all at the same time. TASKS are those
/// still to be done, of all it knows; CLIENTS those connected; IDLE for how long nothing has been
/// running or queued, `-` while something is; KEEP for how long clean-up leaves it alone, on a terminal
/// only where any is kept. `?` stands for what isn't known.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw list
  dgw list -o wide --sort-by idle
  dgw list -o csv --sort-by -start_time
  dgw list --all --older-than 1d
  dgw list -o json | jq -r '.[].dashboard_link'")]
pub(crate) struct ListArgs {
    /// Only these: names, prefixes of names, or dashboard URLs
    #[arg(value_name = "CLUSTER", value_parser = ClusterName::parse)]
    #[arg(add = ArgValueCandidates::new(complete::clusters))]
    pub(crate) clusters: Vec<ClusterName>,

    /// Those in every status that the gateway still knows
    #[arg(long)]
    pub(crate) all: bool,

    /// List again and again, every two seconds or so often
    ///
    /// On a terminal each list takes the place of the one before, and its last line says how many have
    /// no room.
    #[arg(short, long, value_name = "DURATION", num_args = 0..=1)]
    #[arg(default_missing_value = "2s", value_parser = value::pace)]
    pub(crate) watch: Option<Duration>,

    /// Ask running clusters what they are doing, in every format, as -o wide does for the table
    #[arg(long)]
    pub(crate) wide: bool,

    #[command(flatten)]
    pub(crate) probe: ProbeArgs,

    #[command(flatten)]
    pub(crate) selectors: SelectorArgs,
}

/// Show one cluster in full
///
/// What the gateway knows of it, and, while it runs, what it tells itself: its workers with their
/// memory, CPU and tasks, connected clients, since when it is idle, and the versions it runs on,
/// with a warning where scheduler and workers differ. Of one that is PENDING, where `squeue` is on the
/// PATH: how Slurm says its job is. `?` stands for what isn't known. --sort-by orders the workers.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw show
  dgw show 2224 -o json | jq '.worker_details[].memory'")]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) target: TargetArgs,

    #[command(flatten)]
    pub(crate) probe: ProbeArgs,
}

/// Watch what clusters are doing, on the whole screen
///
/// Without CLUSTER, all active ones, a line each; Enter shows the chosen one in full, Esc leads
/// back. `?` shows the keys; q and Ctrl-C quit, with exit code 0.
///
/// The running ones are asked again and again, all at the same time. A cluster that doesn't answer
/// is marked with a question mark after its status, and what it told last is shown faint, `?`
/// where it never told any. One that fails meanwhile stays on the screen; one that is shown in full
/// stays, with the last it told, however it ends. CPU is the share of all threads that is in use;
/// TASKS are those still to be done, of all it knows.
///
/// --sort-by takes a column's title: numbers begin with the largest, or with the smallest where it is
/// -COLUMN.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw top
  dgw top 2224 --every 5s --sort-by memory")]
pub(crate) struct TopArgs {
    /// Begin with this one in full: a name, a prefix of one, or a dashboard's URL
    #[arg(value_name = "CLUSTER", value_parser = ClusterName::parse)]
    #[arg(add = ArgValueCandidates::new(complete::clusters))]
    pub(crate) cluster: Option<ClusterName>,

    /// Ask this often
    #[arg(short, long, value_name = "DURATION", default_value = "2s", value_parser = value::pace)]
    pub(crate) every: Duration,

    #[command(flatten)]
    pub(crate) probe: ProbeArgs,
}

/// Print the log of a running cluster's scheduler, or of its workers
///
/// A line for an entry, oldest first: its time, its level, who logged it, and what; further lines
/// of an entry, as of a traceback, are indented. Times are UTC, by the clocks of those who log.
/// Each of them holds its last 10000 entries in memory: they end with the process.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw logs --since 10m
  dgw logs 2224 --all-workers --tail all | grep -A 20 ERROR
  dgw logs -f -o jsonl | jq -r 'select(.level == \"WARNING\").text'")]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    pub(crate) target: TargetArgs,

    /// One worker's log: its name, the beginning of it, or its address
    #[arg(long, value_name = "WORKER")]
    #[arg(add = ArgValueCandidates::new(complete::workers))]
    pub(crate) worker: Option<String>,

    /// The logs of all workers, each line after the worker's name
    #[arg(long, conflicts_with = "worker")]
    pub(crate) all_workers: bool,

    /// Go on with what is logged from now on, until the cluster ends
    ///
    /// It is asked every second; less often where asking many workers takes long.
    #[arg(short, long)]
    pub(crate) follow: bool,

    /// Only the last N entries of each log, or all
    ///
    /// Without it, 200, and with --since, all.
    #[arg(long, value_name = "N", value_parser = value::tail, allow_hyphen_values = true)]
    pub(crate) tail: Option<value::Tail>,

    /// Only entries younger than this
    #[arg(long, value_name = "DURATION", value_parser = value::duration)]
    #[arg(allow_hyphen_values = true)]
    pub(crate) since: Option<Duration>,

    /// Give up on a log that doesn't come within this time
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = value::limit)]
    pub(crate) probe_timeout: Duration,
}

/// Wait until a cluster is running, has ended, has its workers, or is idle
///
/// For scripts: it prints nothing, unless in a format other than the table, and its exit code
/// tells. Idle means that nothing is running, queued or unrunnable; clients and results don't
/// count. What a cluster doesn't tell is never taken for what is waited for.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw wait 2224 --for workers=8 --timeout 10m
  dgw wait --for idle && dgw shutdown 2224")]
pub(crate) struct WaitArgs {
    #[command(flatten)]
    pub(crate) target: TargetArgs,

    /// What to wait for: running, stopped, workers=N (or more), or idle
    #[arg(long = "for", value_name = "CONDITION", value_parser = value::condition)]
    #[arg(add = ArgValueCompleter::new(complete::conditions))]
    pub(crate) condition: value::Condition,

    /// Give up after this long
    #[arg(long, value_name = "DURATION", value_parser = value::limit)]
    pub(crate) timeout: Option<Duration>,

    #[command(flatten)]
    pub(crate) probe: ProbeArgs,
}

/// Print the URL of a cluster's dashboard, or serve the dashboard on this machine
///
/// With --serve, dgw passes a browser's requests on to the gateway, for dashboards that can't be
/// seen from outside the site. It listens on 127.0.0.1 only, and prints a link that opens the
/// dashboard once: the browser gets a cookie, and everybody else on the machine gets nothing. For
/// another browser it prints another link as soon as the first was used. It prints the ssh line,
/// too, that brings the dashboard to your own machine, and ends with the cluster, or by Ctrl-C.
///
/// Neither your token or password nor a cookie of the browser's goes to the cluster.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw dashboard --open
  dgw dashboard --serve
  dgw dashboard 2224 --serve --port 8787
  dgw dashboard --serve --socket ~/.dashboard.sock")]
pub(crate) struct DashboardArgs {
    #[command(flatten)]
    pub(crate) target: TargetArgs,

    /// Open it in a browser too
    #[arg(long)]
    pub(crate) open: bool,

    /// Serve it on this machine, behind a one-time link, until the cluster ends
    #[arg(long)]
    pub(crate) serve: bool,

    /// Serve it on this port of 127.0.0.1; any free one if left out
    #[arg(long, value_name = "PORT", requires = "serve")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: Option<u16>,

    /// Serve it on a Unix socket too, which nobody else may connect to
    ///
    /// OpenSSH forwards to one, and the ssh line does then. The socket has mode 600 and is removed
    /// at the end. One that is left over at PATH is replaced, anything else is not.
    #[arg(long, value_name = "PATH", requires = "serve", value_hint = ValueHint::FilePath)]
    pub(crate) socket: Option<PathBuf>,
}

/// List the options that this gateway offers for a new cluster
///
/// YOURS is your own default, from `gateway.cluster.options` of the configuration.
#[derive(Debug, Args)]
pub(crate) struct OptionsArgs {}
