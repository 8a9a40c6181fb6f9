//! `dgw dashboard`

use super::browser::Browser;
use super::serve;
use crate::cli::DashboardArgs;
use crate::config::Settings;
use crate::error::Error;
use crate::gateway::{Cluster, Gateway};
use crate::output::Printer;

/// Prints the URL of a cluster's dashboard, and opens it, or serves it, if asked to.
pub(super) async fn run(
    args: &DashboardArgs,
    settings: &Settings,
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
    let browser = Browser::new(settings);
    if args.serve {
        return serve::run(args, name, &browser, gateway, printer).await;
    }
    let is_relative = url.starts_with('/');
    if is_relative && !args.open {
        printer
            .warn("`gateway.public-address` is a path: the URL begins with your hub's own address");
    }
    printer.result(&cluster, || format!("{url}\n"))?;
    match args.open {
        true if is_relative => Err(Error::RelativeUrl(url.clone())),
        true => browser.open(url).await,
        false => Ok(()),
    }
}
