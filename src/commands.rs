//! The subcommands: one file each, with its arguments and its `run`.

mod adapt;
mod completions;
mod connect;
mod dashboard;
mod doctor;
mod events;
mod follow;
mod gateways;
mod keep;
mod list;
mod login;
mod logout;
mod logs;
#[cfg(test)]
mod man_pages;
mod name;
mod new;
mod options;
mod packages;
mod relay;
mod run;
mod scale;
mod show;
mod shutdown;
mod top;
mod wait;

use std::mem::ManuallyDrop;

use anyhow::Context as _;
use clap::error::ContextKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::cli::{CommandLine, GlobalArgs, PrintedMistake};
use crate::config::Environment;
use crate::descriptors;
use crate::error::Error;
use crate::output::{Printer, suggest_gateway};
use crate::session::Invocation;
use crate::signals;

/// Start, find, scale and stop Dask clusters on a Dask Gateway
///
/// dgw reads the same configuration as dask-gateway's Python client, ~/.config/dask/gateway.yaml,
/// which must have mode 600, and talks to the gateway that it names. `dgw login` writes it;
/// `dgw doctor` finds problems with it. Results go to stdout, everything else to stderr.
#[derive(Debug, Parser)]
#[command(name = "dgw", version, propagate_version = true, max_term_width = 100)]
#[cfg_attr(feature = "kerberos", command(long_version = WITH_KERBEROS))]
#[command(arg_required_else_help = true, args_override_self = true, after_long_help = MORE)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    global: GlobalArgs,
}

#[cfg(feature = "kerberos")]
const WITH_KERBEROS: &str = concat!(env!("CARGO_PKG_VERSION"), " (with Kerberos)");

const MORE: &str = "\
Configuration:
  ~/.config/dask/gateway.yaml (mode 600), or $DASK_CONFIG; see dgw-config(5)

Durations:
  90s, 30m, 2h, 1d12h; or as in Slurm 1:30:00, 2-12:00:00 (2 days)

Exit codes:
  0  done, or nothing to do
  1  another failure
  2  usage
  3  the configuration was refused, and nothing was sent
  4  authentication, permission, or a limit of the gateway's site
  5  no such cluster, or several match
  6  the cluster failed
  7  timed out
  8  partly done, or the gateway granted less than requested
  9  the gateway is unreachable or broken
  126, 127  the COMMAND can't be run, or does not exist; otherwise COMMAND's own
  129, 130, 131  hung up, interrupted, quit
  143, 152  terminated, out of CPU time
  142, 144, 154, 155, 157, 158  ended by SIGALRM, SIGSTKFLT, SIGVTALRM, SIGPROF, SIGIO, SIGPWR";

/// Declares the subcommands and dispatches to each one's `run`.
macro_rules! subcommands {
    ($($name:ident => $args:path),* $(,)?) => {
        #[derive(Debug, Subcommand)]
        enum Command {
            $($name($args)),*
        }

        impl Command {
            async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
                match self {
                    $(Self::$name(args) => Box::pin(args.run(invocation)).await),*
                }
            }
        }
    };
}

subcommands! {
    List => list::ListArgs,
    Show => show::ShowArgs,
    Top => top::TopArgs,
    Logs => logs::LogsArgs,
    Events => events::EventsArgs,
    New => new::NewArgs,
    Run => run::RunArgs,
    Connect => connect::ConnectArgs,
    Scale => scale::ScaleArgs,
    Adapt => adapt::AdaptArgs,
    Shutdown => shutdown::ShutdownArgs,
    Keep => keep::KeepArgs,
    Name => name::NameArgs,
    Wait => wait::WaitArgs,
    Dashboard => dashboard::DashboardArgs,
    Options => options::OptionsArgs,
    Packages => packages::PackagesArgs,
    Relay => relay::RelayArgs,
    Login => login::LoginArgs,
    Logout => logout::LogoutArgs,
    Gateways => gateways::GatewaysArgs,
    Doctor => doctor::DoctorArgs,
    Completions => completions::CompletionsArgs,
}

/// Why the arguments of this process are not to be run.
pub(crate) enum NotRun {
    /// Help or the version is asked for.
    Help {
        help: clap::Error,
        /// True if a shell is to evaluate what dgw prints.
        is_for_eval: bool,
    },
    /// A mistake in the arguments.
    Mistake {
        error: Error,
        /// True if a shell is to evaluate what dgw prints.
        is_for_eval: bool,
    },
}

impl Cli {
    /// Parses the arguments of this process.
    ///
    /// # Errors
    /// A mistake in the arguments; or help or the version, if asked for.
    pub(crate) fn from_process() -> Result<Self, NotRun> {
        let line = CommandLine::from_process();
        // Never dropped: that would cost an eighth of the instructions of `dgw list`.
        let mut command = ManuallyDrop::new(Self::command());
        let parsed = command
            .try_get_matches_from_mut(line.words())
            .and_then(|mut matches| {
                let parsed = Self::from_arg_matches_mut(&mut matches);
                parsed.map_err(|error| error.format(&mut command))
            });
        let error = match parsed {
            Ok(cli) => match line.check_separator(cli.command.words(), &command) {
                Ok(()) => return Ok(cli),
                Err(mistake) => mistake.into(),
            },
            Err(help) if !help.use_stderr() => {
                let is_for_eval = line.is_for_eval(&command);
                return Err(NotRun::Help { help, is_for_eval });
            }
            Err(mut mistake) => line.explain(&mistake, &command).map_or_else(
                || {
                    // clap suggests `--` before unknown flags, which helps with none of dgw's words.
                    mistake.remove(ContextKind::Suggested);
                    Printer::print_mistake(&mistake);
                    PrintedMistake.into()
                },
                Error::from,
            ),
        };
        Err(NotRun::Mistake {
            error,
            is_for_eval: line.is_for_eval(&command),
        })
    }

    /// Returns true if a shell is to evaluate what dgw prints.
    pub(crate) fn is_for_eval(&self) -> bool {
        let is_text = self.global.output_options().format.is_table();
        is_text && matches!(&self.command, Command::Connect(args) if args.is_for_eval())
    }
}

impl Command {
    /// Returns the number of words of `dgw run`'s COMMAND; 0 for other subcommands.
    fn words(&self) -> usize {
        match self {
            Self::Run(args) => args.words(),
            _ => 0,
        }
    }
}

/// Runs the subcommand that the command line names.
///
/// # Errors
/// The error with which the subcommand ends.
pub(crate) fn run(cli: &Cli) -> Result<(), Error> {
    descriptors::check()?;
    let environment = Environment::from_process();
    let invocation = Invocation {
        overrides: cli.global.overrides(&environment)?,
        environment,
        printer: Printer::new(cli.global.output_options()),
    };
    invocation.printer.check_values();
    if let Some(name) = invocation
        .overrides
        .config
        .variable(&invocation.environment)
    {
        suggest_gateway(name);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("can't start the asynchronous runtime")?;
    let done = runtime.block_on(async {
        signals::ignore_file_size_signal()?;
        cli.command.run(&invocation).await
    });
    // Does not wait for a host name's look-up or a line from the terminal, which can't be cancelled.
    runtime.shutdown_background();
    done
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{FLAGS, SUBCOMMANDS};

    fn root() -> clap::Command {
        let mut root = Cli::command();
        root.build();
        root
    }

    /// Returns the first command or flag of a hint.
    fn quoted(hint: &str) -> Vec<&str> {
        let quoted = hint.split('`').nth(1).expect("a hint quotes something");
        quoted.split(' ').collect()
    }

    #[test]
    fn hints_for_unknown_subcommands_name_visible_ones() {
        let root = root();
        for (words, hint) in SUBCOMMANDS {
            for word in words {
                let known = root.find_subcommand(word);
                assert!(known.is_none(), "`{word}` exists");
            }
            let line = quoted(hint);
            if let Err(error) = Cli::command().try_get_matches_from(&line) {
                let kind = error.kind();
                let is_incomplete = kind == clap::error::ErrorKind::MissingRequiredArgument;
                assert!(is_incomplete || !error.use_stderr(), "{hint}: {error}");
            }
            let named = root.find_subcommand(line[1]);
            let is_visible = named.is_none_or(|named| !named.is_hide_set());
            assert!(is_visible, "{hint}");
        }
    }

    /// Returns the hint for a line that dgw refuses, without backticks.
    fn hint(line: &str) -> Option<String> {
        let words = line.split(' ').map(Into::into).collect::<Vec<_>>();
        let mut root = Cli::command();
        let mistake = root.try_get_matches_from_mut(&words).expect_err(line);
        let explained = CommandLine::of_words(words).explain(&mistake, &root)?;
        crate::error::Failure::hint(&explained).map(|hint| hint.replace('`', ""))
    }

    #[test]
    fn hints_say_which_flag_is_missing() {
        for (line, expected) in [
            ("dgw new era5", "use --name era5"),
            ("dgw new 2", "use --workers 2"),
            ("dgw new 1..4", "use --adapt 1..4"),
            ("dgw new -w 2", "use --workers N"),
            ("dgw new -n 2", "use --workers 2"),
            ("dgw new -n era5", "use --name era5"),
            ("dgw new -s worker_cores 2", "use -s worker_cores=2"),
            ("dgw new -s a=2 b=3", "use -s b=3"),
            ("dgw scale 2 b04", "dgw scale b04 2"),
            ("dgw scale b04", "dgw scale b04 N"),
            ("dgw scale era5", "dgw scale era5 N"),
            ("dgw adapt 1 3", "use --min 1 --max 3"),
            ("dgw adapt 3", "use --max 3"),
            ("dgw adapt b04x 3", "use --max 3"),
            ("dgw wait running", "use --for running"),
            ("dgw wait b04 workers=2", "use --for workers=2"),
            ("dgw logs -n 5", "use --tail 5"),
            ("dgw logout work", "use --gateway work"),
            ("dgw login https://x.org", "use --address https://x.org"),
            ("dgw packages /bin/python3", "dgw packages -- /bin/python3"),
            ("dgw packages b04 python3", "dgw packages b04 -- python3"),
            (
                "dgw shutdown --all --all-gateways",
                "add --idle-for, or omit --all-gateways",
            ),
            ("dgw scale 2 --timeout 5m", "add --wait, or omit --timeout"),
            ("dgw nwe", "did you mean dgw new?"),
            ("dgw lsit", "did you mean dgw list?"),
            ("dgw help nwe", "did you mean dgw new?"),
        ] {
            assert_eq!(hint(line).as_deref(), Some(expected), "{line}");
        }
        for line in ["dgw wait", "dgw scale 1.5", "dgw adapt"] {
            assert_eq!(hint(line), None, "{line}");
        }
    }

    #[test]
    fn hints_for_unknown_flags_name_a_flag_of_the_same_subcommand() {
        let root = root();
        for (_, name, hint) in FLAGS {
            let has = |command: &&clap::Command| {
                let mut flags = command.get_arguments().filter(|arg| !arg.is_positional());
                flags.any(|arg| arg.get_id() == name)
            };
            let flag = quoted(hint)[0];
            let with = root.get_subcommands().filter(has).collect::<Vec<_>>();
            assert!(!with.is_empty(), "no subcommand has `{name}`");
            for command in with {
                let is_flag = |arg: &clap::Arg| {
                    let long = arg.get_long().map(|long| format!("--{long}"));
                    let short = arg.get_short().map(|short| format!("-{short}"));
                    long.as_deref() == Some(flag) || short.as_deref() == Some(flag)
                };
                assert!(command.get_arguments().any(is_flag), "{hint}");
            }
        }
    }
}
