//! `dgw run`

use std::ffi::OsString;
use std::time::Duration;

use clap::{Args, ValueHint};

use crate::attach::{Child, ConnectionSetup, find_program};
use crate::cli::StartArgs;
use crate::error::Error;
use crate::lifecycle::{Grant, Start, StartRequest};
use crate::output::Printer;
use crate::session::{Invocation, Session};
use crate::signals::{Interrupts, ignore_user_signals};

/// How long COMMAND may take to end after it was asked to. Slurm kills a job 30 seconds after asking
/// it, and shutting a cluster down takes some of them.
const GRACE: Duration = Duration::from_secs(10);

/// Start a cluster, run a COMMAND connected to it, and shut it down, whatever happens
///
/// When the requested workers are there, or as many as --wait-workers says, dgw runs COMMAND as
/// `dgw connect -- COMMAND` does: a plain `distributed.Client()` in it connects to the cluster. stdout
/// and the exit code are COMMAND's. When COMMAND has ended, or can't be run, dgw shuts the cluster
/// down and waits until it is gone. Everything behind `--` is COMMAND's; without `--`, dgw refuses
/// options behind COMMAND, because it can't know whose they are.
///
/// If the cluster is ended from outside while COMMAND is running, dgw says so last. If COMMAND was not
/// connected then, and ends with 0, dgw exits with 6.
///
/// dgw passes signals on to COMMAND. If COMMAND does not end within ten seconds of SIGTERM or SIGHUP,
/// or gets a second one, dgw kills it, so that there is time to shut the cluster down.
#[derive(Debug, Args)]
#[command(override_usage = "dgw run [OPTIONS] -- <COMMAND>...")]
#[command(after_long_help = "\
Examples:
  dgw run --workers 8 -- python analysis.py
  dgw run -s worker_cores=2 --adapt 2..20 --timeout 1h -- python analysis.py > result.csv
  dgw run --keep --workers 4 -- ipython")]
pub(crate) struct RunArgs {
    #[command(flatten)]
    start: StartArgs,

    /// Leave the cluster running when COMMAND ends, and print its name on stderr
    #[arg(long)]
    keep: bool,

    /// Command to run, and its arguments
    #[arg(required = true, trailing_var_arg = true, value_name = "COMMAND")]
    #[arg(value_hint = ValueHint::CommandWithArguments)]
    command: Vec<OsString>,
}

impl RunArgs {
    /// Returns the number of COMMAND's words.
    pub(super) fn words(&self) -> usize {
        self.command.len()
    }

    /// Starts a cluster, runs COMMAND connected to it, and shuts it down.
    pub(super) async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
        let session = invocation.session()?;
        find_program(&self.command)?;
        ignore_user_signals()?;
        let mut interrupts = Interrupts::listen()?;
        let setup = ConnectionSetup::acquire()?;
        let nothing = "nothing was started";
        let preparation = Start::prepare(self.request(), &session);
        let start = interrupts.run(nothing, preparation).await?;
        let reusable = interrupts.run(nothing, start.reusable()).await?;
        if let Some(cluster) = reusable {
            // It existed before, so nothing shuts it down.
            let work = async {
                let (cluster, grant) = start.reuse(cluster).await?;
                warn_if_clamped(grant.as_ref(), &session);
                let connection = setup.connect(&cluster, &session.gateway).await?;
                Child::start(&self.command, connection, &session.settings)
            };
            let child = interrupts
                .run("COMMAND was not run", Box::pin(work))
                .await?;
            return Ok(child.wait(&mut interrupts, None, &session.gateway).await?);
        }
        let (owned, mut progress) = start.create(&mut interrupts).await?;
        let (owned, child) = owned
            .run_or_shut_down(&session, &mut interrupts, async |owned| {
                let name = &owned.name;
                let (cluster, grant) = start.wait_until_ready(owned, &mut progress).await?;
                let connection = setup.connect(&cluster, &session.gateway).await?;
                progress.finish(&format!("cluster {name} is running"));
                warn_if_clamped(grant.as_ref(), &session);
                Child::start(&self.command, connection, &session.settings)
            })
            .await?;
        if self.keep {
            let done = child.wait(&mut interrupts, None, &session.gateway).await;
            let name = &owned.name;
            Printer::note_always(&format!(
                "cluster {name} is still running; `dgw shutdown {name}` shuts it down"
            ));
            return Ok(done?);
        }
        Ok(owned
            .run_then_shut_down(&session, &mut interrupts, async |interrupts| {
                child.wait(interrupts, Some(GRACE), &session.gateway).await
            })
            .await?)
    }

    /// Returns the cluster to start. Unless `--wait-workers` says otherwise, COMMAND waits for
    /// the requested workers.
    fn request(&self) -> StartRequest {
        let request = self.start.request();
        StartRequest {
            wait_workers: request.wait_workers.or(self.start.workers()),
            ..request
        }
    }
}

/// Warns that there are fewer workers than requested: they do the work all the same.
fn warn_if_clamped(grant: Option<&Grant>, session: &Session) {
    if let Some(warning) = grant.and_then(Grant::warning) {
        session.printer.warn(&warning.to_string());
    }
}
