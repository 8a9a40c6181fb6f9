//! `dgw new`

use super::account;
use super::interrupt::{self, Interrupts};
use super::scale;
use super::start::{self, Start};
use super::started::OwnedCluster;
use super::waiting;
use crate::cli::NewArgs;
use crate::config::Settings;
use crate::error::Error;
use crate::gateway::{Cluster, Gateway};
use crate::output::{Format, Printer};

/// Starts a cluster, waits until it runs, and prints its name.
pub(super) async fn run(
    args: &NewArgs,
    settings: &Settings,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    let start = Start::new(&args.start, args.start.wait_workers, gateway);
    let asked_for = start.options(settings).await?;
    if args.start.reuse
        && let Some(cluster) = start.reusable(&asked_for).await?
    {
        // It was there before, so nothing shuts it down.
        let name = cluster.name.clone();
        let (cluster, clamped) = start.ready_again(cluster, !args.no_wait, printer).await?;
        print(&cluster, printer)?;
        return scale::unless_clamped(&name, clamped);
    }
    let mut options = settings.cluster_options.clone();
    options.extend(asked_for.clone());

    interrupt::shield()?;
    let mut interrupts = Interrupts::listen()?;
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
        if args.no_wait {
            drop(progress);
            print_unwaited(&name, gateway, printer).await?;
            return Ok(None);
        }
        let (cluster, clamped) = start.ready(&name, &mut progress).await?;
        progress.finish(&format!("cluster {name} runs"));
        print_or_lose(&cluster, printer)?;
        Ok(clamped)
    };
    let (_, clamped) = started
        .or_shut_down(gateway, &mut interrupts, printer, work)
        .await?;
    Printer::rescue_name(&name);
    scale::unless_clamped(&name, clamped)
}

/// The name alone needs no request; a record does.
async fn print_unwaited(name: &str, gateway: &Gateway, printer: &Printer) -> Result<(), Error> {
    match printer.format() {
        Format::Table | Format::Wide | Format::Name => printer
            .result(&serde_json::json!({ "name": name }), || format!("{name}\n"))
            .map_err(|error| Error::from(error).lost_name()),
        _ => {
            let look = async || gateway.cluster(name).await;
            print_or_lose(&waiting::once_known(look).await?, printer)
        }
    }
}

/// Prints a new cluster; not to be able to is a failure, even where nobody reads any more.
fn print_or_lose(cluster: &Cluster, printer: &Printer) -> Result<(), Error> {
    print(cluster, printer).map_err(Error::lost_name)
}

fn print(cluster: &Cluster, printer: &Printer) -> Result<(), Error> {
    Ok(printer.result(cluster, || format!("{}\n", cluster.name))?)
}
