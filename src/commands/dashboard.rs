//! `dgw dashboard`

use std::process::{Child, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::cli::DashboardArgs;
use crate::error::Error;
use crate::gateway::{Cluster, Gateway};
use crate::output::Printer;

/// What is going to fail has failed by then.
const FAILS_BY: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(50);

/// Variables that a browser has no business with: they may hold a token or a password.
fn is_secret(name: &str) -> bool {
    name == "JUPYTERHUB_API_TOKEN" || name.starts_with("DASK_")
}

/// Prints the URL of a cluster's dashboard, and opens it if asked to.
pub(super) async fn run(
    args: &DashboardArgs,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    let cluster = args.target.find(gateway).await?;
    let Cluster { name, status, .. } = &cluster;
    let Some(url) = &cluster.dashboard_link else {
        return Err(Error::NotRunning {
            name: name.clone(),
            status: *status,
        });
    };
    let is_relative = url.starts_with('/');
    if is_relative && !args.open {
        printer
            .warn("`gateway.public-address` is a path: the URL begins with your hub's own address");
    }
    printer.result(&cluster, || format!("{url}\n"))?;
    match args.open {
        true if is_relative => Err(Error::RelativeUrl(url.clone())),
        true => open(url).await,
        false => Ok(()),
    }
}

/// Starts the system's way to open a URL, the first that works.
async fn open(url: &str) -> Result<(), Error> {
    for mut command in open::commands(url) {
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(is_secret) {
                command.env_remove(name);
            }
        }
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Ok(mut opener) = command.spawn()
            && succeeds(&mut opener).await
        {
            return Ok(());
        }
    }
    Err(Error::NoBrowser)
}

/// Whether `opener` does its work: ends well, or runs on, as a browser of its own does. It may
/// outlive dgw.
async fn succeeds(opener: &mut Child) -> bool {
    let deadline = Instant::now() + FAILS_BY;
    while Instant::now() < deadline {
        match opener.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => sleep(PAUSE).await,
            Err(_) => return false,
        }
    }
    true
}
