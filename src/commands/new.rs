//! `dgw new`

use std::cmp::Reverse;

use serde_json::{Map, Value};

use super::condition::{self, Goal};
use super::interrupt::Interrupts;
use super::scale;
use super::started::Started;
use super::waiting::{self, Limit};
use crate::cli::NewArgs;
use crate::config::Settings;
use crate::error::Error;
use crate::gateway::{Clamped, Cluster, Gateway, Scaling, Status, typed};
use crate::output::{Format, Printer, Progress};

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

    let limit = args.timeout.map(Limit::of);
    let mut interrupts = Interrupts::listen()?;
    let mut progress = printer.progress("asking the gateway for a cluster");
    let started = Started::create(gateway, &options, &mut interrupts, &progress).await?;
    let name = started.name.clone();
    progress.phase(&waiting::pending(&name));
    let work = async {
        if args.no_wait {
            drop(progress);
            print_unwaited(&name, gateway, printer).await?;
            return Ok(None);
        }
        let cluster = waiting::until_running(gateway, &name, true, limit, &mut progress).await?;
        let clamped = set_workers(args, &name, gateway, limit).await?;
        if clamped.is_none() {
            wait_for_workers(args, &name, gateway, limit, &mut progress).await?;
        }
        progress.finish(&format!("cluster {name} runs"));
        print_or_lose(&cluster, printer)?;
        Ok(clamped)
    };
    let clamped = started
        .or_shut_down(gateway, &mut interrupts, printer, work)
        .await?;
    unless_clamped(name, clamped)
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
    let limit = args.timeout.map(Limit::of);
    let name = cluster.name.clone();
    printer.say(&format!("using cluster {name}, which was there already"));
    let cluster = if cluster.status == Status::Running || args.no_wait {
        cluster
    } else {
        let mut progress = printer.progress(&waiting::pending(&name));
        let cluster = waiting::until_running(gateway, &name, false, limit, &mut progress).await?;
        progress.finish(&format!("cluster {name} runs"));
        cluster
    };
    let clamped = set_workers(args, &name, gateway, limit).await?;
    if clamped.is_none() && args.wait_workers.is_some() {
        let mut progress = printer.progress(&format!("cluster {name} runs"));
        wait_for_workers(args, &name, gateway, limit, &mut progress).await?;
    }
    print(&cluster, printer)?;
    unless_clamped(name, clamped)
}

/// Adaptive scaling goes off with a fixed number, and on with a range.
async fn set_workers(
    args: &NewArgs,
    name: &str,
    gateway: &Gateway,
    limit: Option<Limit>,
) -> Result<Option<Clamped>, Error> {
    let scaling = match (args.workers, args.adapt) {
        (Some(count), _) => Scaling::Fixed(count),
        (None, Some((minimum, maximum))) => Scaling::Adaptive { minimum, maximum },
        (None, None) => return Ok(None),
    };
    let what = format!("cluster {name} has not been told its number of workers");
    waiting::within(limit, &what, scale::scale(gateway, name, scaling)).await
}

/// Waits for `--wait-workers`. Not where the gateway clamped the request: they might never come.
async fn wait_for_workers(
    args: &NewArgs,
    name: &str,
    gateway: &Gateway,
    limit: Option<Limit>,
    progress: &mut Progress,
) -> Result<(), Error> {
    let Some(count) = args.wait_workers else {
        return Ok(());
    };
    let identity = condition::still_running(gateway, name).await?;
    let schedulers = super::schedulers(gateway, &args.probe);
    let ways = (gateway, &schedulers);
    condition::until(Goal::AtLeast(count), name, identity, ways, limit, progress).await
}

/// The name alone needs no request; a record does.
async fn print_unwaited(name: &str, gateway: &Gateway, printer: &Printer) -> Result<(), Error> {
    match printer.format() {
        Format::Table | Format::Wide | Format::Name => printer
            .result(&serde_json::json!({ "name": name }), || format!("{name}\n"))
            .map_err(Error::lost_name),
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
    printer.result(cluster, || format!("{}\n", cluster.name))
}

fn unless_clamped(name: String, clamped: Option<Clamped>) -> Result<(), Error> {
    match clamped {
        None => Ok(()),
        Some(Clamped(reason)) => Err(Error::Clamped { name, reason }),
    }
}
