//! `dgw dashboard`

use std::process::Stdio;

use crate::cli::DashboardArgs;
use crate::error::Error;
use crate::gateway::{Cluster, Gateway};
use crate::output::Printer;

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
    if url.starts_with('/') {
        printer
            .warn("`gateway.public-address` is a path: the URL begins with your hub's own address");
    }
    printer.result(&cluster, || format!("{url}\n"))?;
    if args.open { open(url) } else { Ok(()) }
}

/// Starts the system's way to open a URL, the first that is there.
fn open(url: &str) -> Result<(), Error> {
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
        if command.status().is_ok_and(|status| status.success()) {
            return Ok(());
        }
    }
    Err(Error::NoBrowser)
}
