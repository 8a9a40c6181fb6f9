//! `dgw run`

use std::time::Duration;

use super::account;
use super::child::{self, Child};
use super::connection::Way;
use super::interrupt::{self, Interrupts};
use super::scale;
use super::start::{self, Start};
use super::started::OwnedCluster;
use crate::cli::RunArgs;
use crate::config::Settings;
use crate::error::Error;
use crate::gateway::{Clamped, Gateway};
use crate::output::Printer;

/// How long COMMAND may take to end when it was asked to. Slurm kills a job 30 seconds after it has
/// asked, and shutting a cluster down takes some of them.
const PATIENCE: Duration = Duration::from_secs(10);

/// Starts a cluster, runs COMMAND connected to it, and shuts it down.
pub(super) async fn run(
    args: &RunArgs,
    settings: &Settings,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    child::find(&args.command)?;
    interrupt::shield()?;
    let mut interrupts = Interrupts::listen()?;
    let way = Way::make()?;
    let nothing = "nothing was started";
    // What stands ready for COMMAND is what it asked for, unless told otherwise.
    let workers = args.start.wait_workers.or(args.start.workers);
    let start = Start::new(&args.start, workers, gateway);
    let asked_for = interrupts.or(nothing, start.options(settings)).await?;
    if args.start.reuse {
        let reusable = start.reusable(&asked_for);
        if let Some(cluster) = interrupts.or(nothing, reusable).await? {
            // It was there before, so nothing shuts it down.
            let name = cluster.name.clone();
            let work = async {
                let (cluster, clamped) = start.ready_again(cluster, true, printer).await?;
                warn_if_clamped(&name, clamped, printer);
                let connection = way.lead_to(&cluster, gateway).await?;
                Child::start(&args.command, connection, settings)
            };
            let child = interrupts.or("nothing was run", Box::pin(work)).await?;
            return child.wait(&mut interrupts, None, gateway).await;
        }
    }
    let mut options = settings.cluster_options.clone();
    options.extend(asked_for.clone());

    let mut progress = printer.progress(start::ASKING);
    let limit = start.limit();
    let creation = OwnedCluster::create(gateway, &options, limit, &mut interrupts, &progress);
    let started = match creation.await {
        Ok(started) => started,
        Err(error) => return Err(start::blamed(error, &asked_for, settings, gateway).await),
    };
    let name = started.name.clone();
    progress.phase(&account::pending(&name));
    let work = async {
        let (cluster, clamped) = start.ready(&name, &mut progress).await?;
        let connection = way.lead_to(&cluster, gateway).await?;
        progress.finish(&format!("cluster {name} runs"));
        warn_if_clamped(&name, clamped, printer);
        Child::start(&args.command, connection, settings)
    };
    let (started, child) = started
        .or_shut_down(gateway, &mut interrupts, printer, work)
        .await?;
    if args.keep {
        let done = child.wait(&mut interrupts, None, gateway).await;
        Printer::note_always(&format!(
            "cluster {name} stays: `dgw shutdown {name}` ends it"
        ));
        return done;
    }
    started
        .then_shut_down(gateway, &mut interrupts, printer, async |interrupts| {
            child.wait(interrupts, Some(PATIENCE), gateway).await
        })
        .await
}

/// Fewer workers than asked for do the work all the same.
fn warn_if_clamped(name: &str, clamped: Option<Clamped>, printer: &Printer) {
    if let Some(clamped) = clamped {
        printer.warn(&scale::less_done(name, &clamped).to_string());
    }
}
