//! `dgw connect`

use super::waiting;
use crate::cli::ConnectArgs;
use crate::config::Settings;
use crate::error::Error;
use crate::gateway::{Cluster, Gateway, Status};
use crate::output::Printer;

/// Waits until a cluster runs, and prints how to connect to it.
pub(super) async fn run(
    args: &ConnectArgs,
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
        let start = waiting::until_running(gateway, name, false, &mut progress);
        let what = format!("cluster {name} does not run yet");
        let cluster = waiting::within(args.timeout, &what, start).await?;
        progress.finish(&format!("cluster {name} runs"));
        cluster
    };
    printer.result(&cluster, || text(&cluster, settings))
}

fn text(cluster: &Cluster, settings: &Settings) -> String {
    format!(
        "cluster    {}\nscheduler  {}\ndashboard  {}\n\n{}",
        cluster.name,
        cluster.scheduler_address.as_deref().unwrap_or("-"),
        cluster.dashboard_link.as_deref().unwrap_or("-"),
        python(cluster, settings)
    )
}

/// Lines for Python, which reads the same configuration; an address that isn't in there goes into
/// the call.
fn python(cluster: &Cluster, settings: &Settings) -> String {
    let address = if settings.address_is_configured {
        String::new()
    } else {
        format!("{:?}", settings.address.as_str())
    };
    format!(
        "from dask_gateway import Gateway\n\n\
         cluster = Gateway({address}).connect(\"{}\")\n\
         client = cluster.get_client()\n",
        cluster.name
    )
}
