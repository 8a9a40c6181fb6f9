//! `dgw run`

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

use crate::attach::{self, Child, ConnectionSetup, UsageFile, UsageMeter, find_program};
use crate::cli::StartArgs;
use crate::config::Settings;
use crate::error::Error;
use crate::gateway::Scaling;
use crate::lifecycle::{Labels, Start, StartRequest, WorkerRequest};
use crate::output::Printer;
use crate::session::Invocation;
use crate::signals::{Interrupts, ignore_user_signals};

/// How long COMMAND may take to end after it was asked to. Slurm kills a job 30 seconds after asking
/// it, and shutting a cluster down takes some of them.
const GRACE: Duration = Duration::from_secs(10);

/// Start a cluster, run a COMMAND connected to it, and shut it down, whatever happens
///
/// When the workers of --workers are there, or as many as --wait-workers says, dgw runs COMMAND as
/// `dgw connect -- COMMAND` does: a plain `distributed.Client()` in it connects to the cluster. stdout
/// and the exit code are COMMAND's. When COMMAND has ended, or can't be run, dgw shuts the cluster
/// down and waits until it is gone. Everything behind `--` is COMMAND's; without `--`, dgw refuses
/// options behind COMMAND, because it can't know whose they are.
///
/// Without --workers and --adapt the cluster scales adaptively between 1 and 8 workers, or as many as
/// the gateway allows. `dgw.run.workers` in the configuration sets another default; see dgw-config(5).
/// If COMMAND's tasks wait for workers for half a minute, dgw says once why none arrive.
///
/// When COMMAND has ended, dgw prints in one line what it used: core-hours, workers, CPU, memory, tasks,
/// and the workers that were lost. While COMMAND is running, dgw asks the scheduler for that every 2 to 10
/// seconds. Core-hours are the workers' threads over the time that COMMAND ran. What is unknown is left out.
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
  dgw run -- python analysis.py
  dgw run --workers 8 -- python analysis.py
  dgw run -s worker_cores=2 --adapt 2..20 --timeout 1h -- python analysis.py > result.csv
  dgw run --keep --workers 4 -- ipython")]
pub(crate) struct RunArgs {
    #[command(flatten)]
    start: StartArgs,

    /// Leave the cluster running when COMMAND ends, and print its name on stderr
    #[arg(long)]
    keep: bool,

    /// Also write what COMMAND used to FILE, as a JSON object
    ///
    /// The fields are in dgw-scripts(7). dgw checks before it starts anything that FILE can be written,
    /// and replaces it when COMMAND has ended. If that fails then, dgw prints a warning, and exits with
    /// COMMAND's exit code all the same.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    usage: Option<PathBuf>,

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
        let session = invocation.session_with_defaults()?;
        find_program(&self.command)?;
        let usage_file = self.usage.as_deref().map(UsageFile::at).transpose()?;
        let is_measured = usage_file.is_some() || !session.printer.is_quiet();
        let meter = |is_new| is_measured.then(|| UsageMeter::start(usage_file, is_new));
        ignore_user_signals()?;
        let mut interrupts = Interrupts::listen()?;
        let setup = ConnectionSetup::acquire()?;
        let nothing = "nothing was started";
        let preparation = Start::prepare(self.request(&session.settings), &session);
        let start = interrupts.run(nothing, preparation).await?;
        let reusable = interrupts.run(nothing, start.reusable()).await?;
        if let Some(cluster) = reusable {
            // It existed before, so nothing shuts it down.
            let work = async {
                let (cluster, grant) = start.reuse(cluster).await?;
                start.report_workers(grant.as_ref());
                let connection = setup.connect(&cluster, &session.gateway).await?;
                Child::start(&self.command, connection, &session)
            };
            let child = interrupts
                .run("COMMAND was not run", Box::pin(work))
                .await?;
            let meter = meter(false);
            return Ok(child.wait(&mut interrupts, None, &session, meter).await?);
        }
        let (owned, mut progress) = start.create(&mut interrupts).await?;
        let (owned, child) = owned
            .run_or_shut_down(&session, &mut interrupts, async |owned| {
                let name = &owned.name;
                let (cluster, grant) = start.wait_until_ready(owned, &mut progress).await?;
                let connection = setup.connect(&cluster, &session.gateway).await?;
                progress.finish(&format!("cluster {name} is running"));
                start.report_workers(grant.as_ref());
                Child::start(&self.command, connection, &session)
            })
            .await?;
        let meter = meter(true);
        if self.keep {
            let done = child.wait(&mut interrupts, None, &session, meter).await;
            let name = &owned.name;
            let word = Labels::word_for(name, &session.gateway);
            Printer::note_always(&format!(
                "cluster {name} is still running; `dgw shutdown {word}` shuts it down"
            ));
            return Ok(done?);
        }
        Ok(owned
            .run_then_shut_down(&session, &mut interrupts, async |owned, interrupts| {
                let done = child.wait(interrupts, Some(GRACE), &session, meter).await;
                if matches!(done, Err(attach::Error::ClusterEnded { .. })) {
                    owned.note_end();
                }
                done
            })
            .await?)
    }

    /// Returns the cluster to start. Unless the command line says otherwise, it gets the default
    /// workers, and COMMAND waits for a fixed number of workers.
    fn request(&self, settings: &Settings) -> StartRequest {
        let mut request = self.start.request();
        let workers = request
            .workers
            .get_or_insert_with(|| WorkerRequest::by_default(settings));
        if let Scaling::Fixed(count) = workers.scaling {
            request.wait_workers.get_or_insert(count);
        }
        request
    }
}
