//! The arguments of the commands that connect programs to clusters.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

use super::value;
use super::{StartArgs, TargetArgs};

/// Wait until a cluster runs, and print how to connect to it, or run a COMMAND connected to it
///
/// In the COMMAND's environment a plain `distributed.Client()` is connected to the cluster, with
/// dask-gateway installed or without. COMMAND gets the signals and keeps the terminal, and its exit
/// code is dgw's. It doesn't get your token or password; it does get `DGW_CLUSTER`, the cluster's
/// name, and `DGW_DASHBOARD`.
///
/// What leads to the cluster is a port on this machine that takes none but who holds the cluster's
/// own certificate. That is in a folder that is yours alone, in `XDG_RUNTIME_DIR` or `TMPDIR`, and
/// gone when COMMAND ends.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw connect
  dgw connect 2224 --timeout 5m
  dgw connect -- python analysis.py
  eval \"$(dgw connect --export)\"; python analysis.py; eval \"$(dgw connect --unexport)\"")]
pub(crate) struct ConnectArgs {
    #[command(flatten)]
    pub(crate) target: TargetArgs,

    /// Give up if it doesn't run after this long
    #[arg(long, value_name = "DURATION", value_parser = value::limit)]
    pub(crate) timeout: Option<Duration>,

    /// Print lines for a shell's eval, which connect all that it runs from then on
    ///
    /// For sh, bash, zsh and the like. A process in the background serves them until
    /// `dgw connect --unexport` or the cluster's end. Where it has its files is told on stderr.
    #[arg(long, conflicts_with = "command")]
    pub(crate) export: bool,

    /// End what --export began, and print lines for eval that take it back
    ///
    /// That of CLUSTER, else of the one that this shell is connected to, else the only one.
    #[arg(long, conflicts_with_all = ["export", "command", "timeout"])]
    pub(crate) unexport: bool,

    /// What to run, and its arguments
    #[arg(last = true, value_name = "COMMAND", value_hint = ValueHint::CommandWithArguments)]
    pub(crate) command: Vec<OsString>,
}

/// Start a cluster, run a COMMAND connected to it, and shut it down, whatever happens
///
/// COMMAND is started when the workers asked for are there (`--wait-workers` of them), and as by
/// `dgw connect -- COMMAND`: a plain `distributed.Client()` in it is connected to the cluster.
/// stdout and the exit code are COMMAND's. When it has ended, or can't be run, the cluster is shut
/// down and waited for until it is gone.
///
/// Signals go to COMMAND. One that doesn't end within ten seconds of SIGTERM or SIGHUP, or at the
/// second, is killed, so that there is time for the cluster.
#[derive(Debug, Args)]
#[command(override_usage = "dgw run [OPTIONS] -- <COMMAND>...")]
#[command(after_long_help = "\
Examples:
  dgw run --workers 8 -- python analysis.py
  dgw run -s worker_cores=2 --adapt 2..20 --timeout 1h -- python analysis.py > result.csv
  dgw run --keep --workers 4 -- ipython")]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) start: StartArgs,

    /// Leave the cluster running when COMMAND ends, and print its name, on stderr
    #[arg(long)]
    pub(crate) keep: bool,

    /// What to run, and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    #[arg(value_hint = ValueHint::CommandWithArguments)]
    pub(crate) command: Vec<OsString>,
}

/// Serve what `dgw connect --export` printed
///
/// Started by that, with a socket that listens as its stdin.
#[derive(Debug, Args)]
pub(crate) struct RelayArgs {
    /// The cluster's whole name
    pub(crate) name: String,

    /// The private folder, with the certificate and the key
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) folder: PathBuf,
}
