//! Every flag and argument. The doc comments are the help and the man pages.

mod change;
mod connect;
mod look;
#[cfg(test)]
mod man;
mod setup;
pub(crate) mod value;

use std::mem::ManuallyDrop;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap::{
    ArgAction, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueHint,
};
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter};

pub(crate) use change::{AdaptArgs, KeepArgs, NewArgs, ScaleArgs, ShutdownArgs, StartArgs};
pub(crate) use connect::{ConnectArgs, RelayArgs, RunArgs};
pub(crate) use look::{
    DashboardArgs, ListArgs, LogsArgs, OptionsArgs, ShowArgs, TopArgs, WaitArgs,
};
pub(crate) use setup::{DoctorArgs, LoginArgs};

use crate::complete;
use crate::gateway::Status;
use crate::output::{Colour, Format, OutputOptions, SortBy};
use value::ClusterName;

/// Start, find, scale and stop Dask clusters on a Dask Gateway
///
/// dgw reads the same configuration as dask-gateway's Python client,
/// ~/.config/dask/gateway.yaml, which must have mode 600, and talks to the gateway that it names.
/// `dgw login` writes it; `dgw doctor` finds out what is wrong with it.
/// Results go to stdout, everything else to stderr.
#[derive(Debug, Parser)]
#[command(name = "dgw", version, propagate_version = true, max_term_width = 100)]
#[cfg_attr(feature = "kerberos", command(long_version = WITH_KERBEROS))]
#[command(arg_required_else_help = true, args_override_self = true, after_long_help = MORE)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
}

impl Cli {
    /// What this process was called with.
    ///
    /// # Errors
    /// That is no usage of dgw; or help was asked for, which is in the error.
    pub(crate) fn of_process() -> Result<Self, clap::Error> {
        // Taking all commands apart again would cost an eighth of the instructions of `dgw list`.
        let mut command = ManuallyDrop::new(Self::command());
        let mut matches = command.try_get_matches_from_mut(std::env::args_os())?;
        let cli = Self::from_arg_matches_mut(&mut matches);
        cli.map_err(|error| error.format(&mut command))
    }
}

#[cfg(feature = "kerberos")]
const WITH_KERBEROS: &str = concat!(env!("CARGO_PKG_VERSION"), " (with Kerberos)");

const MORE: &str = "\
Files:
  ~/.config/dask/*.yaml  your configuration; a file with a gateway section must
                         have mode 600, in a folder that nobody else may write
  PREFIX/etc/dask/*.yaml what an environment or image brings along, under that;
                         PREFIX is that of the python3 on PATH
  /etc/dask/*.yaml       the site's, under both
  ~/.local/state/dgw/logs/
                         copies of logs of clusters that failed to start
  ~/.local/state/dgw     what `dgw keep` protects, and what clean-up saw

Environment:
  DASK_CONFIG            one more file or folder, over all of these
  DASK_ROOT_CONFIG       the site's folder, in place of /etc/dask
  DASK_GATEWAY__…        single keys, as DASK_GATEWAY__AUTH__TYPE=basic
  JUPYTERHUB_API_TOKEN   the token, where the configuration has none
  XDG_STATE_HOME         in place of ~/.local/state
  HTTP_PROXY, HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE, SSL_CERT_DIR, NO_COLOR,
  CLICOLOR_FORCE         as elsewhere
  KRB5CCNAME, KRB5_CONFIG, KRB5_CLIENT_KTNAME
                         as elsewhere, in a dgw that is built with Kerberos

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
  126, 127  the COMMAND can't be run, or isn't there; else a COMMAND's own code counts
  129, 130, 131  hung up, interrupted, quit
  143, 152  terminated, out of CPU time";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    OnGateway(GatewayCommand),
    Login(LoginArgs),
    Doctor(DoctorArgs),
    Completions(CompletionsArgs),
}

/// The commands that need a gateway.
#[derive(Debug, Subcommand)]
pub(crate) enum GatewayCommand {
    #[command(visible_alias = "ls")]
    List(ListArgs),
    Show(ShowArgs),
    Top(TopArgs),
    Logs(LogsArgs),
    New(NewArgs),
    Run(RunArgs),
    Connect(ConnectArgs),
    Scale(ScaleArgs),
    Adapt(AdaptArgs),
    #[command(visible_alias = "stop")]
    Shutdown(ShutdownArgs),
    Keep(KeepArgs),
    Wait(WaitArgs),
    Dashboard(DashboardArgs),
    Options(OptionsArgs),
    #[command(hide = true)]
    Relay(RelayArgs),
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
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

    /// Sort by this column of the table, by its title, or by this field of the records; -COLUMN
    /// turns the order round
    #[arg(long, global = true, value_name = "COLUMN", allow_hyphen_values = true)]
    #[arg(add = ArgValueCompleter::new(complete::columns))]
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

impl GlobalArgs {
    pub(crate) fn output_options(&self) -> OutputOptions {
        OutputOptions {
            format: self.output,
            header: !self.no_header,
            sort_by: self.sort_by.as_deref().map(SortBy::from),
            colour: self.color,
            quiet: self.quiet,
            verbosity: self.verbose,
        }
    }
}

/// How running clusters are asked.
#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    /// Leave unknown what a cluster doesn't tell within this time
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = value::limit)]
    pub(crate) probe_timeout: Duration,
}

/// Which clusters. Selectors narrow together.
#[derive(Debug, Args)]
#[command(next_help_heading = "Selectors")]
pub(crate) struct SelectorArgs {
    /// Only clusters in these statuses
    #[arg(
        long,
        value_name = "STATUS,…",
        value_delimiter = ',',
        ignore_case = true
    )]
    #[arg(value_parser = PossibleValuesParser::new(STATUSES).try_map(|text| text.parse::<Status>()))]
    #[arg(add = ArgValueCompleter::new(complete::statuses))]
    pub(crate) status: Vec<Status>,

    /// Only clusters that were started longer ago than this
    #[arg(long, value_name = "DURATION", value_parser = value::duration)]
    #[arg(allow_hyphen_values = true)]
    pub(crate) older_than: Option<Duration>,

    /// Only running clusters that nobody has needed for this long
    ///
    /// No client connected, nothing running or queued, no result held in memory, and all that
    /// without a break; not protected by `dgw keep`. What isn't known counts as needed. See
    /// dgw-shutdown(1), or the end of `dgw shutdown --help`.
    #[arg(long, value_name = "DURATION", value_parser = value::limit)]
    #[arg(allow_hyphen_values = true)]
    pub(crate) idle_for: Option<Duration>,

    /// With --idle-for: results held in memory count for nothing
    #[arg(long, requires = "idle_for")]
    pub(crate) ignore_results: bool,
}

const STATUSES: [&str; 5] = ["pending", "running", "stopping", "stopped", "failed"];

/// The one cluster that a command is about.
#[derive(Debug, Args)]
pub(crate) struct TargetArgs {
    /// A name, a prefix of one, or a dashboard's URL; the one active cluster if left out
    #[arg(value_name = "CLUSTER", value_parser = ClusterName::parse)]
    #[arg(add = ArgValueCandidates::new(complete::clusters))]
    pub(crate) cluster: Option<ClusterName>,
}

/// What keeps a request from doing harm: a gateway that can't pass it on to the scheduler takes the
/// whole cluster for failed.
#[derive(Debug, Args)]
pub(crate) struct ForceArgs {
    /// Send it without asking the cluster's scheduler first whether it is there
    ///
    /// A gateway that can't pass the request on to the scheduler takes the whole cluster for
    /// failed. So a scheduler that doesn't answer is left alone, but for this.
    #[arg(long)]
    pub(crate) force: bool,

    #[command(flatten)]
    pub(crate) probe: ProbeArgs,
}

/// Print a shell's completion script
///
/// Cluster names and option keys complete live, from the gateway; a COMMAND that stands behind `--`
/// as by itself.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw completions bash > ~/.local/share/bash-completion/completions/dgw
  dgw completions zsh > ~/.zfunc/_dgw
  dgw completions fish > ~/.config/fish/completions/dgw.fish")]
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
