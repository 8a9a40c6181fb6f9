//! `dgw dashboard`

mod browser;
mod error;
mod serve;
mod ssh_hint;

use std::path::PathBuf;

use clap::{Args, ValueHint};

use self::browser::Browser;
use self::error::DashboardError;
use crate::cli::TargetArgs;
use crate::error::Error;
use crate::lifecycle::{self, LabelledCluster};
use crate::session::Invocation;

/// Print the URL of a cluster's dashboard, or serve the dashboard on this machine
///
/// With --serve, dgw forwards a browser's requests to the gateway, for dashboards that can't be
/// reached from outside the site. It listens on loopback only, and prints a link that opens the
/// dashboard once: the browser gets a cookie, and nobody else on the machine gets in. When a link has
/// been used, dgw prints another one for the next browser. It also prints the ssh command that makes
/// the dashboard available on your own machine. dgw serves until the cluster ends, or until Ctrl-C.
///
/// The cluster gets neither your token or password nor the browser's cookies. Each time, the link has a
/// new host name, such as `dgw-3f9a0c1b2d4e5f67.localhost`, so that browsers keep the pages apart from
/// everything else at `127.0.0.1` and `localhost`. Chrome, Edge and Firefox find it on your own machine.
/// Safari doesn't, and asks your network for it: use another browser. Other names are refused.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw dashboard --open
  dgw dashboard --serve
  dgw dashboard 2224 --serve --port 8787
  dgw dashboard --serve --socket ~/.dashboard.sock")]
pub(crate) struct DashboardArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Also open it in a browser
    #[arg(long)]
    open: bool,

    /// Serve it on this machine, behind a one-time link, until the cluster ends
    #[arg(long)]
    serve: bool,

    /// Serve it on this loopback port; default: any free port
    #[arg(long, value_name = "PORT", requires = "serve")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,

    /// Also serve it on a Unix socket, to which only you can connect
    ///
    /// OpenSSH can forward to it, and the printed ssh command does. The socket has mode 600; dgw
    /// removes it at the end. dgw replaces a leftover socket at PATH, but no other file. Nobody but you
    /// and root may be able to replace it there: PATH is in a directory of your own, or in `/tmp`.
    #[arg(long, value_name = "PATH", requires = "serve", value_hint = ValueHint::FilePath)]
    socket: Option<PathBuf>,
}

impl DashboardArgs {
    /// Prints the URL of a cluster's dashboard, and opens or serves it if asked to.
    pub(super) async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
        let session = invocation.session()?;
        let cluster = lifecycle::find(&session.gateway, self.target.cluster.as_ref()).await?;
        lifecycle::require_running(&cluster)?;
        let name = &cluster.name;
        let browser = Browser::new(&session.settings);
        if self.serve {
            let opens = self.open.then_some(&browser);
            return serve::serve(name, self.port, self.socket.as_deref(), opens, &session).await;
        }
        let Some(url) = &cluster.dashboard_link else {
            return Err(DashboardError::NoUrl(name.clone()).into());
        };
        let is_relative = url.starts_with('/');
        if is_relative && !self.open {
            session
                .printer
                .warn("`gateway.public-address` is a path: put your hub's address before this URL");
        }
        let record = LabelledCluster::new(&cluster, &session.gateway);
        session.printer.result(&record, || format!("{url}\n"))?;
        match self.open {
            true if is_relative => Err(DashboardError::RelativeUrl(url.clone()).into()),
            true => Ok(browser.open(url).await?),
            false => Ok(()),
        }
    }
}
