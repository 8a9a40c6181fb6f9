//! `dgw new`

use std::cmp::Reverse;

use serde_json::{Map, Value};

use super::interrupt::Interrupts;
use super::started::Started;
use super::waiting;
use crate::cli::NewArgs;
use crate::config::Settings;
use crate::error::Error;
use crate::gateway::{Clamped, Cluster, Gateway, Scaling, Status, typed};
use crate::output::{Format, Printer};

/// Starts a cluster, waits until it runs, and prints its name.
pub(super) async fn run(
    args: &NewArgs,
    settings: &Settings,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    let asked_for = options(args, gateway).await?;
    if args.reuse
        && let Some(cluster) = reusable(gateway, &asked_for).await?
    {
        return reuse(args, cluster, gateway, printer).await;
    }
    let mut options = settings.cluster_options.clone();
    options.extend(asked_for);

    let mut interrupts = Interrupts::listen()?;
    let mut progress = printer.progress("asking the gateway for a cluster");
    let started = Started::create(gateway, &options, &mut interrupts, printer).await?;
    let name = started.name.clone();
    progress.phase(&waiting::pending(&name));
    let work = async {
        if args.no_wait {
            drop(progress);
            print_unwaited(&name, gateway, printer).await?;
            return Ok(None);
        }
        let start = waiting::until_running(gateway, &name, true, &mut progress);
        let what = format!("cluster {name} does not run yet");
        let cluster = waiting::within(args.timeout, &what, start).await?;
        let clamped = set_workers(args, &name, gateway).await?;
        progress.finish(&format!("cluster {name} runs"));
        print(&cluster, printer)?;
        Ok(clamped)
    };
    let clamped = started
        .or_shut_down(gateway, &mut interrupts, printer, work)
        .await?;
    unless_clamped(clamped)
}

/// The options on the command line, typed by what the gateway offers; it is asked only if there
/// are any.
async fn options(args: &NewArgs, gateway: &Gateway) -> Result<Map<String, Value>, Error> {
    if args.options.is_empty() {
        return Ok(Map::new());
    }
    let fields = gateway.options().await?;
    typed(&fields, &args.options).map_err(|(key, fault)| Error::Option { key, fault })
}

/// An active cluster that has the options asked for: running before pending, younger before
/// older.
async fn reusable(
    gateway: &Gateway,
    asked_for: &Map<String, Value>,
) -> Result<Option<Cluster>, Error> {
    let clusters = gateway.clusters(&Status::ACTIVE).await?.clusters;
    let fits = |cluster: &Cluster| {
        let has = |(key, value)| cluster.options.get(key) == Some(value);
        asked_for.iter().all(has)
    };
    let candidates = clusters.into_iter().filter(fits);
    Ok(candidates.min_by_key(|cluster| {
        let is_pending = cluster.status == Status::Pending;
        (is_pending, Reverse(cluster.start_time))
    }))
}

/// As for a new cluster, but it was there before, so nothing shuts it down.
async fn reuse(
    args: &NewArgs,
    cluster: Cluster,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    let name = cluster.name.clone();
    let mut progress = printer.progress(&format!("using cluster {name}"));
    let cluster = if cluster.status == Status::Running || args.no_wait {
        cluster
    } else {
        let start = waiting::until_running(gateway, &name, false, &mut progress);
        let what = format!("cluster {name} does not run yet");
        waiting::within(args.timeout, &what, start).await?
    };
    let clamped = set_workers(args, &name, gateway).await?;
    progress.finish(&format!("using cluster {name}, which was there already"));
    print(&cluster, printer)?;
    unless_clamped(clamped)
}

async fn set_workers(
    args: &NewArgs,
    name: &str,
    gateway: &Gateway,
) -> Result<Option<Clamped>, Error> {
    let scaling = match (args.workers, args.adapt) {
        (Some(count), _) => Scaling::Fixed(count),
        (None, Some((minimum, maximum))) => Scaling::Adaptive { minimum, maximum },
        (None, None) => return Ok(None),
    };
    Ok(gateway.scale(name, scaling).await?)
}

/// The name alone needs no request; a record does.
async fn print_unwaited(name: &str, gateway: &Gateway, printer: &Printer) -> Result<(), Error> {
    match printer.format() {
        Format::Table | Format::Wide | Format::Name => {
            printer.result(&serde_json::json!({ "name": name }), || format!("{name}\n"))
        }
        _ => print(&gateway.cluster(name).await?, printer),
    }
}

fn print(cluster: &Cluster, printer: &Printer) -> Result<(), Error> {
    printer.result(cluster, || format!("{}\n", cluster.name))
}

fn unless_clamped(clamped: Option<Clamped>) -> Result<(), Error> {
    match clamped {
        None => Ok(()),
        Some(Clamped(reason)) => Err(Error::Clamped(reason)),
    }
}
