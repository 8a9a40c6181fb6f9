//! The arguments of the commands that start, change and end clusters.

use std::time::Duration;

use clap::Args;
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter};

use super::value::{self, ClusterName};
use super::{ForceArgs, ProbeArgs, SelectorArgs, TargetArgs};
use crate::complete;

/// Start a cluster, wait until it runs, and print its name
///
/// Either the name of a running cluster is printed, or nothing is left behind: an interrupt, a
/// time-out or a failed start shuts down what was started.
///
/// Of a start that takes its time or fails, what can be seen is told. Where `squeue` is on the PATH,
/// it is asked now and then whether the scheduler's job waits in Slurm's queue, and why. Where a
/// gateway's jobs log into ~/.dask-gateway/NAME/, which it removes when a start fails, the end of
/// the scheduler's log is shown, and copies are left in ~/.local/state/dgw/logs/NAME/, of the last
/// 20 clusters.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw new -s worker_cores=2 --workers 8
  name=$(dgw new --adapt 0..20 --timeout 10m)
  dgw new --reuse")]
pub(crate) struct NewArgs {
    #[command(flatten)]
    pub(crate) start: StartArgs,

    /// Print the name at once and leave the cluster to start
    #[arg(long, conflicts_with_all = ["workers", "adapt", "wait_workers", "timeout"])]
    pub(crate) no_wait: bool,
}

/// What cluster to start, and until when to wait for it.
#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// Set an option of the cluster, as `dgw options` lists them; may be repeated
    ///
    /// Values are checked against what the gateway offers before anything is started. A mapping
    /// takes one KEY=VALUE at a time (-s environment=A=1 -s environment=B=2) or a JSON object.
    #[arg(short = 's', long = "set", value_name = "KEY=VALUE", value_parser = value::key_value)]
    #[arg(add = ArgValueCompleter::new(complete::options))]
    pub(crate) options: Vec<(String, String)>,

    /// Ask for this many workers
    #[arg(long, value_name = "N", conflicts_with = "adapt")]
    #[arg(value_parser = value::workers, allow_hyphen_values = true)]
    pub(crate) workers: Option<u32>,

    /// Scale between so many workers, as the work asks for
    #[arg(long, value_name = "MIN..MAX", value_parser = value::worker_range)]
    pub(crate) adapt: Option<(Option<u32>, Option<u32>)>,

    /// Wait until so many workers are there, too
    ///
    /// At most as many as --workers, or MIN of --adapt: more come only for work. Where the gateway
    /// grants fewer than were asked for, those are waited for.
    #[arg(long, value_name = "N", value_parser = value::workers, allow_hyphen_values = true)]
    pub(crate) wait_workers: Option<u32>,

    /// Use an active cluster of yours, if there is one with these options, in place of a new one
    ///
    /// A running one is preferred to a pending one, a younger to an older. A cluster that was
    /// there before is never shut down, whatever happens, and no workers are taken from it:
    /// --workers N asks for more where fewer than N are there, which switches adaptive scaling off
    /// and is said, and else for nothing; --adapt is left out, and that is said, where more than
    /// MAX are there.
    #[arg(long)]
    pub(crate) reuse: bool,

    /// Give up, and shut the cluster down, if it doesn't run after this long
    #[arg(long, value_name = "DURATION", value_parser = value::limit)]
    pub(crate) timeout: Option<Duration>,

    #[command(flatten)]
    pub(crate) probe: ProbeArgs,
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
    pub(crate) target: TargetArgs,

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
    pub(crate) force_args: ForceArgs,
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
    pub(crate) target: TargetArgs,

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
    pub(crate) force_args: ForceArgs,
}

const SHUTDOWN_MORE: &str = "\
Examples:
  dgw shutdown 2224
  dgw shutdown --all
  dgw shutdown --older-than 1d --yes
  dgw shutdown --idle-for 2h --dry-run -v

Orphans:
  --idle-for D picks a cluster only if all of this holds, and has held for D
  without a break:
  - it is RUNNING, and not protected by `dgw keep`;
  - no client is connected to it;
  - no task is running, waiting, queued, or without a worker that fits it;
  - no result is held in memory, published datasets among them; this one
    --ignore-results lifts.
  What isn't known counts as needed: a scheduler that doesn't answer within
  --probe-timeout, a login page in its place, an answer that lacks anything.
  The scheduler's own memory proves D: since when nothing has been running, and
  its list of clients that came and went, on its own clock. Where it can't tell
  one of these, earlier runs do: if one saw the cluster quiet D ago, and no
  client has come or gone and no task has run since. Such a cluster goes no
  sooner than D after the first run that saw it.
  Each is looked at again right before its end, and kept if anything changed.
  -v gives the reason for each cluster; `dgw list --idle-for D` and --dry-run
  show the same choice, and write nothing down.

Limits:
  Only clients count as somebody. A Python session that has a GatewayCluster but
  no Client, as after `Gateway().new_cluster()`, looks like nobody; and so does a
  cluster started with `dgw new` that no Client has connected to yet. `dgw keep`
  protects those.
  A client that is connected counts, however long it has been idle: a notebook
  that was left open keeps its cluster. So does one on a laptop that sleeps,
  until the scheduler takes the connection for broken.
  Clients that tasks open (`get_client`, `worker_client`) count as their tasks'
  work, not as somebody. With schedulers before distributed 2023.4 they count.
  Those don't tell since when they are idle: there it takes earlier runs.
  Without workers, the scheduler's clock is read from its dashboard's HTTP
  server; where that can't be reached, it takes earlier runs, too. A scheduler's
  clock that is set forward makes its cluster look idle for longer, at most for
  as long as it has been there; one that is set back only delays.
  The scheduler lists its last 1000 events. Where a site sets
  distributed.admin.low-level-log-length below 100, clients can be missed.
  --ignore-results takes actors and published data for nothing: they are lost.

Cron:
  # m h dom mon dow command
  PATH=/usr/local/bin:/usr/bin:/bin
  MAILTO=me@example.org
  */30 * * * * dgw shutdown --idle-for 2h --yes -q
  # Without a mail system:
  */30 * * * * dgw shutdown --idle-for 2h --yes -q >>$HOME/dgw.log 2>&1
  # Where a site wants jobs to run under a wrapper, as JASMIN does:
  0 * * * * crontamer -t 2h 'dgw shutdown --idle-for 2h --yes -q'

In cron:
  PATH must lead to dgw, in full: cron's own is /usr/bin:/bin, and it expands no
  variables in such a line. HOME is set by cron, and the configuration is read
  from there; what else it needs, such as JUPYTERHUB_API_TOKEN, SSL_CERT_FILE or
  XDG_STATE_HOME, must be set in the crontab too.
  With -q nothing is printed when nothing is done, so that no mail comes. The
  name of each cluster that was shut down goes to stdout, errors to stderr, and
  the exit code isn't 0 when something failed.
  A run that finds another one still at work exits at once, with 0.

State:
  $XDG_STATE_HOME/dgw/GATEWAY (~/.local/state/dgw/GATEWAY), mode 700:
  sightings.json  what earlier runs saw. If it is damaged, or not yours alone, it
                  is started over, which only delays. If it can't be written,
                  and is needed, that is an error; what the schedulers prove is
                  shut down all the same.
  keeps/NAME      which clusters are protected. One that is damaged protects for
                  good. If the folder can't be read, or others can write it,
                  nothing is shut down.
  lock            that a clean-up is at work";

/// Shut clusters down, wait until they are gone, and print their names
///
/// Clusters are named, or picked by selectors; picking asks first on a terminal, and needs --yes
/// elsewhere. What is listed is exactly what is shut down, but for what --idle-for finds in use
/// again at the last moment. A failure doesn't stop the rest.
#[derive(Debug, Args)]
#[command(after_long_help = SHUTDOWN_MORE)]
#[command(
    override_usage = "dgw shutdown [OPTIONS] <CLUSTER>...\n       dgw shutdown [OPTIONS] <SELECTORS>"
)]
#[command(group = clap::ArgGroup::new("which").args(["clusters", "all", "status", "older_than", "idle_for"]).multiple(true).required(true))]
pub(crate) struct ShutdownArgs {
    /// Names, prefixes of names, or dashboard URLs
    #[arg(value_name = "CLUSTER", value_parser = ClusterName::parse)]
    #[arg(conflicts_with_all = ["all", "status", "older_than", "idle_for"])]
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
    pub(crate) selectors: SelectorArgs,

    #[command(flatten)]
    pub(crate) probe: ProbeArgs,
}

/// Protect clusters from clean-up by --idle-for
///
/// `dgw shutdown --idle-for`, as run by cron, leaves them alone. Every other shutdown does not:
/// who names a cluster, or asks for --all or --older-than, means it. `dgw list -o wide` shows
/// what is protected.
///
/// Protections are kept on disk, for each gateway's address, in `$XDG_STATE_HOME/dgw`, or else in
/// ~/.local/state/dgw. A cron job that has another `XDG_STATE_HOME`, or reaches the gateway by
/// another address, doesn't know them.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw keep 2224
  dgw keep 2224 --for 1d12h
  dgw keep 2224 --forget")]
pub(crate) struct KeepArgs {
    /// Names, prefixes of names, or dashboard URLs
    #[arg(value_name = "CLUSTER", required = true, value_parser = ClusterName::parse)]
    #[arg(add = ArgValueCandidates::new(complete::clusters))]
    pub(crate) clusters: Vec<ClusterName>,

    /// For so long, in place of for good
    #[arg(long, value_name = "DURATION", value_parser = value::limit)]
    #[arg(allow_hyphen_values = true)]
    pub(crate) r#for: Option<Duration>,

    /// No longer protect them
    #[arg(long, conflicts_with = "for")]
    pub(crate) forget: bool,
}
