//! `dgw connect`

use super::waiting::{self, Limit};
use crate::cli::{ConnectArgs, Global};
use crate::config::Settings;
use crate::error::Error;
use crate::gateway::{Cluster, Gateway, Status};
use crate::output::Printer;

/// Waits until a cluster runs, and prints how to connect to it.
pub(super) async fn run(
    args: &ConnectArgs,
    global: &Global,
    settings: &Settings,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    let found = args.target.find(gateway).await?;
    let Cluster { name, status, .. } = &found;
    let cluster = if *status == Status::Running {
        found
    } else if !status.is_active() {
        return Err(Error::NotRunning {
            name: found.name,
            status: found.status,
        });
    } else {
        let mut progress = printer.progress(&format!("waiting for cluster {name}"));
        let limit = args.timeout.map(Limit::of);
        let cluster = waiting::until_running(gateway, name, false, limit, &mut progress).await?;
        progress.finish(&format!("cluster {name} runs"));
        cluster
    };
    printer.result(&cluster, || text(&cluster, global, settings))
}

fn text(cluster: &Cluster, global: &Global, settings: &Settings) -> String {
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
fn python(cluster: &Cluster, global: &Global, settings: &Settings) -> String {
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
