//! Every flag and argument. The doc comments are the help and the man pages.

#[cfg(test)]
mod man;
pub(crate) mod value;

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{ArgAction, Args, Parser, Subcommand, ValueHint};
use clap_complete::engine::ArgValueCandidates;

use crate::complete;
use crate::gateway::Status;
use crate::output::{Colour, Format, Manner};
use value::ClusterName;

/// Start, find, scale and stop Dask clusters on a Dask Gateway
///
/// dgw reads the same configuration as dask-gateway's Python client,
/// ~/.config/dask/gateway.yaml, which must have mode 600, and talks to the gateway that it names.
/// Results go to stdout, everything else to stderr.
#[derive(Debug, Parser)]
#[command(name = "dgw", version, propagate_version = true, max_term_width = 100)]
#[command(arg_required_else_help = true, args_override_self = true, after_long_help = MORE)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: Global,
}

const MORE: &str = "\
Files:
  ~/.config/dask/*.yaml  your configuration; a file with a gateway section must
                         have mode 600, in a folder that nobody else may write
  /etc/dask/*.yaml       the site's

Environment:
  DASK_CONFIG            one more file or folder, over both
  DASK_ROOT_CONFIG       the site's folder, in place of /etc/dask
  DASK_GATEWAY__…        single keys, as DASK_GATEWAY__AUTH__TYPE=basic
  JUPYTERHUB_API_TOKEN   the token, where the configuration has none
  HTTP_PROXY, HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR, NO_COLOR,
  CLICOLOR_FORCE         as elsewhere

Durations:
  90s, 30m, 2h, 1d12h

Exit codes:
  0  done, or nothing to do
  1  another failure
  2  usage
  3  the configuration was refused, and nothing was sent
  4  authentication or permission
  5  no such cluster, or several fit
  6  the cluster failed
  7  timed out
  8  partly done, or the gateway did less than asked for
  9  the gateway is unreachable, or broken
  129, 130, 143  hung up, interrupted, terminated";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    OnGateway(GatewayCommand),
    Completions(CompletionsArgs),
}

/// The commands that need a gateway.
#[derive(Debug, Subcommand)]
pub(crate) enum GatewayCommand {
    #[command(visible_alias = "ls")]
    List(ListArgs),
    Show(ShowArgs),
    Logs(LogsArgs),
    New(NewArgs),
    Connect(ConnectArgs),
    Scale(ScaleArgs),
    Adapt(AdaptArgs),
    #[command(visible_alias = "stop")]
    Shutdown(ShutdownArgs),
    Wait(WaitArgs),
    Dashboard(DashboardArgs),
    Options(OptionsArgs),
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// How to print results
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "table"
    )]
    output: Format,

    /// Leave out the header line of tables and CSV
    #[arg(long, global = true)]
    no_header: bool,

    /// Sort by this column of the table, by its title
    #[arg(long, global = true, value_name = "COLUMN")]
    sort_by: Option<String>,

    /// Say nothing but results and errors
    #[arg(short, long, global = true)]
    quiet: bool,

    /// Say what is done: requests (-v), answers' headers (-vv)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,

    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Colour,

    /// Read this file or folder in place of the user's configuration
    #[arg(long, global = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) config: Option<PathBuf>,

    /// Talk to the gateway at this address in place of the configured one
    #[arg(long, global = true, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) address: Option<String>,

    /// Give up on a single request after this long
    #[arg(long, global = true, value_name = "DURATION", default_value = "30s")]
    #[arg(value_parser = value::limit)]
    pub(crate) request_timeout: Duration,
}

impl Global {
    pub(crate) fn manner(&self) -> Manner {
        Manner {
            format: self.output,
            header: !self.no_header,
            sort_by: self.sort_by.clone(),
            colour: self.color,
            quiet: self.quiet,
            verbosity: self.verbose,
        }
    }
}

/// List your clusters
///
/// Without arguments, the active ones: pending and running. On a narrow terminal the table leaves
/// out what doesn't fit, dashboards first; a pipe, a file and every other format get all of it.
///
/// With -o wide each running cluster is asked what it is doing, all at the same time. TASKS are those
/// still to be done, of all it knows; CLIENTS those connected; IDLE for how long nothing has been
/// running or queued, `-` while something is. `?` stands for what isn't known.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw list
  dgw list -o wide --sort-by idle
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
    /// On a terminal each list takes the place of the one before.
    #[arg(short, long, value_name = "DURATION", num_args = 0..=1)]
    #[arg(default_missing_value = "2s", value_parser = value::pace)]
    pub(crate) watch: Option<Duration>,

    /// Ask running clusters what they are doing, in every format, as -o wide does for the table
    #[arg(long)]
    pub(crate) wide: bool,

    #[command(flatten)]
    pub(crate) probe: Probe,

    #[command(flatten)]
    pub(crate) selectors: Selectors,
}

/// How running clusters are asked.
#[derive(Debug, Args)]
pub(crate) struct Probe {
    /// Leave unknown what a cluster doesn't tell within this time
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = value::limit)]
    pub(crate) probe_timeout: Duration,
}

/// Which clusters. Selectors narrow together.
#[derive(Debug, Args)]
#[command(next_help_heading = "Selectors")]
pub(crate) struct Selectors {
    /// Only clusters in these statuses
    #[arg(
        long,
        value_name = "STATUS,…",
        value_delimiter = ',',
        ignore_case = true
    )]
    #[arg(value_parser = PossibleValuesParser::new(STATUSES).try_map(|text| text.parse::<Status>()))]
    pub(crate) status: Vec<Status>,

    /// Only clusters that were started longer ago than this
    #[arg(long, value_name = "DURATION", value_parser = value::duration)]
    #[arg(allow_hyphen_values = true)]
    pub(crate) older_than: Option<Duration>,
}

const STATUSES: [&str; 5] = ["pending", "running", "stopping", "stopped", "failed"];

/// Show one cluster in full
///
/// What the gateway knows of it, and, while it runs, what it tells itself: its workers with their
/// memory, CPU and tasks, connected clients, since when it is idle, and the versions it runs on,
/// with a warning where scheduler and workers differ. `?` stands for what isn't known.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw show
  dgw show 2224 -o json | jq '.worker_details[].memory'")]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    pub(crate) target: Target,

    #[command(flatten)]
    pub(crate) probe: Probe,
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
    pub(crate) target: Target,

    /// One worker's log: its name, the beginning of it, or its address
    #[arg(long, value_name = "WORKER")]
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

/// Start a cluster, wait until it runs, and print its name
///
/// Either the name of a running cluster is printed, or nothing is left behind: an interrupt, a
/// time-out or a failed start shuts down what was started.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw new -s worker_cores=2 --workers 8
  name=$(dgw new --adapt 0..20 --timeout 10m)
  dgw new --reuse")]
pub(crate) struct NewArgs {
    /// Set an option of the cluster, as `dgw options` lists them; may be repeated
    ///
    /// Values are checked against what the gateway offers before anything is started. A mapping
    /// takes one KEY=VALUE at a time (-s environment=A=1 -s environment=B=2) or a JSON object.
    #[arg(short = 's', long = "set", value_name = "KEY=VALUE", value_parser = value::key_value)]
    #[arg(add = ArgValueCandidates::new(complete::options))]
    pub(crate) options: Vec<(String, String)>,

    /// Ask for this many workers
    #[arg(long, value_name = "N", conflicts_with = "adapt")]
    #[arg(value_parser = value::workers, allow_hyphen_values = true)]
    pub(crate) workers: Option<u32>,

    /// Scale between so many workers, as the work asks for
    #[arg(long, value_name = "MIN..MAX", value_parser = value::worker_range)]
    pub(crate) adapt: Option<(Option<u32>, Option<u32>)>,

    /// Wait until so many workers are there, too
    #[arg(long, value_name = "N", value_parser = value::workers, allow_hyphen_values = true)]
    #[arg(conflicts_with = "no_wait")]
    pub(crate) wait_workers: Option<u32>,

    /// Use an active cluster of yours, if there is one with these options, in place of a new one
    ///
    /// A running one is preferred to a pending one, a younger to an older. A cluster that was
    /// there before is never shut down, whatever happens.
    #[arg(long)]
    pub(crate) reuse: bool,

    /// Print the name at once and leave the cluster to start
    #[arg(long, conflicts_with_all = ["workers", "adapt", "timeout"])]
    pub(crate) no_wait: bool,

    /// Give up, and shut the cluster down, if it doesn't run after this long
    #[arg(long, value_name = "DURATION", value_parser = value::limit)]
    pub(crate) timeout: Option<Duration>,

    #[command(flatten)]
    pub(crate) probe: Probe,
}

/// Wait until a cluster runs, and print how to connect to it
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw connect
  dgw connect 2224 --timeout 5m")]
pub(crate) struct ConnectArgs {
    #[command(flatten)]
    pub(crate) target: Target,

    /// Give up if it doesn't run after this long
    #[arg(long, value_name = "DURATION", value_parser = value::limit)]
    pub(crate) timeout: Option<Duration>,
}

/// The one cluster that a command is about.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// A name, a prefix of one, or a dashboard's URL; the one active cluster if left out
    #[arg(value_name = "CLUSTER", value_parser = ClusterName::parse)]
    #[arg(add = ArgValueCandidates::new(complete::clusters))]
    pub(crate) cluster: Option<ClusterName>,
}

/// What keeps a request from doing harm: a gateway that can't pass it on to the scheduler takes the
/// whole cluster for failed.
#[derive(Debug, Args)]
pub(crate) struct Care {
    /// Send it without asking the cluster's scheduler first whether it is there
    ///
    /// A gateway that can't pass the request on to the scheduler takes the whole cluster for
    /// failed. So a scheduler that doesn't answer is left alone, but for this.
    #[arg(long)]
    pub(crate) force: bool,

    #[command(flatten)]
    pub(crate) probe: Probe,
}

/// Set the number of a cluster's workers
///
/// Adaptive scaling goes off. The workers come and go in the gateway's own time.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw scale 8
  dgw scale 2224 8")]
#[command(allow_missing_positional = true)]
pub(crate) struct ScaleArgs {
    #[command(flatten)]
    pub(crate) target: Target,

    /// How many workers
    #[arg(value_name = "N", required = true)]
    #[arg(value_parser = value::workers, allow_negative_numbers = true)]
    pub(crate) workers: u32,

    /// Wait until so many workers are there, and no others
    #[arg(long)]
    pub(crate) wait: bool,

    /// Give up waiting after this long; the gateway goes on with what it was asked
    #[arg(long, value_name = "DURATION", value_parser = value::limit, requires = "wait")]
    pub(crate) timeout: Option<Duration>,

    #[command(flatten)]
    pub(crate) care: Care,
}

/// Let the work decide the number of a cluster's workers
///
/// Where only one bound is given, the gateway's own holds for the other.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw adapt --min 0 --max 20
  dgw adapt 2224 --off")]
#[command(group = clap::ArgGroup::new("bounds").args(["min", "max", "off"]).multiple(true).required(true))]
pub(crate) struct AdaptArgs {
    #[command(flatten)]
    pub(crate) target: Target,

    /// At least so many workers
    #[arg(long, value_name = "N", value_parser = value::workers, allow_hyphen_values = true)]
    pub(crate) min: Option<u32>,

    /// At most so many workers
    #[arg(long, value_name = "N", value_parser = value::workers, allow_hyphen_values = true)]
    pub(crate) max: Option<u32>,

    /// Switch adaptive scaling off; the workers that are there stay
    #[arg(long, conflicts_with_all = ["min", "max"])]
    pub(crate) off: bool,

    #[command(flatten)]
    pub(crate) care: Care,
}

/// Shut clusters down, wait until they are gone, and print their names
///
/// Clusters are named, or picked by selectors; picking asks first on a terminal, and needs --yes
/// elsewhere. What is listed is exactly what is shut down. A failure doesn't stop the rest.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw shutdown 2224
  dgw shutdown --all
  dgw shutdown --older-than 1d --yes")]
#[command(group = clap::ArgGroup::new("which").args(["clusters", "all", "status", "older_than"]).multiple(true).required(true))]
pub(crate) struct ShutdownArgs {
    /// Names, prefixes of names, or dashboard URLs
    #[arg(value_name = "CLUSTER", value_parser = ClusterName::parse)]
    #[arg(conflicts_with_all = ["all", "status", "older_than"])]
    #[arg(add = ArgValueCandidates::new(complete::clusters))]
    pub(crate) clusters: Vec<ClusterName>,

    /// Every active cluster of yours
    #[arg(long)]
    pub(crate) all: bool,

    /// Print what would be shut down, and leave it
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Don't ask
    #[arg(short, long)]
    pub(crate) yes: bool,

    /// Don't wait until the clusters are gone
    #[arg(long)]
    pub(crate) no_wait: bool,

    /// Stop waiting after this long; the gateway goes on with what it was asked
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = value::limit)]
    pub(crate) timeout: Duration,

    #[command(flatten)]
    pub(crate) selectors: Selectors,
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
    pub(crate) target: Target,

    /// What to wait for: running, stopped, workers=N (or more), or idle
    #[arg(long = "for", value_name = "CONDITION", value_parser = value::condition)]
    pub(crate) condition: value::Condition,

    /// Give up after this long
    #[arg(long, value_name = "DURATION", value_parser = value::limit)]
    pub(crate) timeout: Option<Duration>,

    #[command(flatten)]
    pub(crate) probe: Probe,
}

/// Print the URL of a cluster's dashboard
#[derive(Debug, Args)]
pub(crate) struct DashboardArgs {
    #[command(flatten)]
    pub(crate) target: Target,

    /// Open it in a browser too
    #[arg(long)]
    pub(crate) open: bool,
}

/// List the options that this gateway offers for a new cluster
///
/// YOURS is your own default, from `gateway.cluster.options` of the configuration.
#[derive(Debug, Args)]
pub(crate) struct OptionsArgs {}

/// Print a shell's completion script
///
/// Cluster names and option keys complete live, from the gateway. For bash:
/// dgw completions bash > ~/.local/share/bash-completion/completions/dgw
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// Which shell
    pub(crate) shell: Shell,
}

/// The shells that dgw completes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
        }
    }
}
