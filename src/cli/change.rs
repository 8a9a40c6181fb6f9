//! The arguments of the commands that start, change and end clusters.

use std::time::Duration;

use clap::Args;
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter};

use super::value::{self, ClusterName};
use super::{Care, Probe, Selectors, Target};
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
    #[arg(long, value_name = "N", value_parser = value::workers, allow_hyphen_values = true)]
    pub(crate) wait_workers: Option<u32>,

    /// Use an active cluster of yours, if there is one with these options, in place of a new one
    ///
    /// A running one is preferred to a pending one, a younger to an older. A cluster that was
    /// there before is never shut down, whatever happens.
    #[arg(long)]
    pub(crate) reuse: bool,

    /// Give up, and shut the cluster down, if it doesn't run after this long
    #[arg(long, value_name = "DURATION", value_parser = value::limit)]
    pub(crate) timeout: Option<Duration>,

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
