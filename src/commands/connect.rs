//! `dgw connect`

use super::child::{self, Child};
use super::connection::Way;
use super::export;
use super::interrupt::{self, Interrupts};
use super::waiting::{self, Deadline};
use crate::cli::{ConnectArgs, GlobalArgs};
use crate::config::Settings;
use crate::error::Error;
use crate::gateway::{Cluster, Gateway, Status};
use crate::output::Printer;

/// Waits until a cluster runs, and prints how to connect to it; or runs COMMAND connected to it.
pub(super) async fn run(
    args: &ConnectArgs,
    global: &GlobalArgs,
    settings: &Settings,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    if args.export {
        let way = Way::make()?;
        let cluster = running(args, gateway, printer).await?;
        return export::begin(&cluster, way, global, gateway, printer).await;
    }
    if args.command.is_empty() {
        let cluster = running(args, gateway, printer).await?;
        return Ok(printer.result(&cluster, || text(&cluster, global, settings))?);
    }
    child::find(&args.command)?;
    interrupt::shield()?;
    let mut interrupts = Interrupts::listen()?;
    let way = Way::make()?;
    let work = async {
        let cluster = running(args, gateway, printer).await?;
        let connection = way.lead_to(&cluster, gateway).await?;
        Child::start(&args.command, connection, settings)
    };
    let child = interrupts.or("nothing was run", work).await?;
    child.wait(&mut interrupts, None, gateway).await
}

/// The cluster that is meant, as soon as it runs.
async fn running(
    args: &ConnectArgs,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<Cluster, Error> {
    let limit = args.timeout.map(Deadline::of);
    let silent = "the gateway has not answered";
    let found = waiting::within(limit, silent, args.target.find(gateway)).await?;
    let Cluster { name, status, .. } = &found;
    if *status == Status::Running {
        return Ok(found);
    }
    if !status.is_active() {
        return Err(Error::NotRunning {
            name: found.name,
            status: found.status,
        });
    }
    let mut progress = printer.progress(&format!("waiting for cluster {name}"));
    let cluster = waiting::until_running(gateway, name, false, limit, &mut progress).await?;
    progress.finish(&format!("cluster {name} runs"));
    Ok(cluster)
}

fn text(cluster: &Cluster, global: &GlobalArgs, settings: &Settings) -> String {
    format!(
        "cluster    {}\nscheduler  {}\ndashboard  {}\n\n{}",
        cluster.name,
        cluster.scheduler_address.as_deref().unwrap_or("-"),
        cluster.dashboard_link.as_deref().unwrap_or("-"),
        python(cluster, global, settings)
    )
}

/// Lines for Python, which reads the same configuration, except for what the command line changed:
/// that goes into the call. Credentials never do.
fn python(cluster: &Cluster, global: &GlobalArgs, settings: &Settings) -> String {
    let mut arguments = String::new();
    if global.address.is_some() || global.config.is_some() {
        arguments = format!(
            "\n    address={:?},\n    proxy_address={:?},\n    public_address={:?},\n",
            settings.address.as_str(),
            settings.scheduler_proxy,
            settings.public_address,
        );
    }
    let credentials = match &global.config {
        Some(path) => format!("# The credentials: set DASK_CONFIG={}\n", path.display()),
        None => String::new(),
    };
    format!(
        "{credentials}from dask_gateway import Gateway\n\n\
         cluster = Gateway({arguments}).connect(\"{}\")\n\
         client = cluster.get_client()\n",
        cluster.name
    )
}
