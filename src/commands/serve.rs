//! `dgw dashboard --serve`

use std::convert::Infallible;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::browser::Browser;
use super::here;
use super::interrupt::Interrupts;
use crate::cli::DashboardArgs;
use crate::dashboard::Server;
use crate::error::Error;
use crate::gateway::{self, Gateway, Status};
use crate::output::Printer;

/// Between looks whether the cluster still runs: the gateway can't be asked to tell.
const PAUSE: Duration = Duration::from_secs(10);

/// Not sooner than this, however many pages fail.
const SHORTEST_PAUSE: Duration = Duration::from_secs(2);

/// Once the cluster has ended, its pages say so for a while: longer than those that wait for the
/// gateway take until they look again.
const EPILOGUE: Duration = Duration::from_secs(5);

/// What is served, and how to get there.
#[derive(Serialize)]
struct Served<'a> {
    name: &'a str,
    /// Holds the secret that opens it, once.
    url: &'a str,
    port: u16,
    socket: Option<PathBuf>,
    ssh: &'a str,
}

/// Serves the dashboard of the running cluster `name`, until it ends or a signal comes.
pub(super) async fn run(
    args: &DashboardArgs,
    name: &str,
    browser: &Browser,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    let socket = args.socket.as_ref().map(std::path::absolute).transpose();
    let socket = socket.context("can't tell where `--socket` is")?;
    let mut interrupts = Interrupts::listen()?;
    let server = Server::listen(
        gateway.dashboard_client(name)?,
        args.port,
        socket.as_deref(),
    )
    .await;
    let server = server.map_err(|source| Error::NotServed {
        name: name.to_owned(),
        source,
    })?;
    let port = server.port();
    let url = server.link();
    let end = match &socket {
        Some(path) => path.display().to_string(),
        None => format!("127.0.0.1:{port}"),
    };
    let ssh = here::ssh_line(port, &end);
    let record = Served {
        name,
        url: &url,
        port,
        socket,
        ssh: &ssh,
    };
    printer.result(&record, || format!("{url}\n"))?;
    printer.note(&format!(
        "the dashboard of cluster {name} is served until Ctrl-C; the link opens it once"
    ));
    printer.note("on another machine, run this there first:");
    printer.note(&format!("  {ssh}"));
    tokio::select! {
        ended = follow(&server, name, gateway, printer) => ended,
        signal = interrupts.next() => {
            printer.note(&format!("{}: the dashboard is no longer served", signal.word()));
            Err(Error::Signalled(signal))
        }
        never = server.run() => match never {},
        never = renew(&server, printer) => match never {},
        never = show(args.open.then_some(browser), &url, printer) => match never {},
    }
}

/// Prints another link whenever one was used.
async fn renew(server: &Server, printer: &Printer) -> Infallible {
    loop {
        server.opened().await;
        printer.note("the link was used; for another browser:");
        printer.note(&format!("  {}", server.link()));
    }
}

/// Opens the link in a browser if asked to. Without one it is served all the same.
async fn show(browser: Option<&Browser>, url: &str, printer: &Printer) -> Infallible {
    if let Some(browser) = browser {
        match browser.open_secretly(url).await {
            // The browser may take its time to read it.
            Ok(_page) => std::future::pending().await,
            Err(error) => printer.warn(&format!("{error}: open the link yourself")),
        }
    }
    std::future::pending().await
}

/// Waits until the cluster has ended.
///
/// # Errors
/// The gateway says no.
async fn follow(
    server: &Server,
    name: &str,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    let mut is_away = false;
    loop {
        let asked = Instant::now();
        // A page that fails may mean that the cluster has ended.
        let _ = timeout_at(asked + PAUSE, server.troubled()).await;
        sleep_until(asked + SHORTEST_PAUSE).await;
        let how = match gateway.cluster(name).await {
            Ok(cluster) if cluster.status == Status::Running => {
                if is_away {
                    printer.note("the gateway answers again");
                    is_away = false;
                }
                continue;
            }
            Ok(cluster) => format!("cluster {name} is {}", cluster.status),
            Err(gateway::Error::NoSuchCluster(_)) => format!("cluster {name} is gone"),
            Err(error) if error.is_temporary() => {
                if !is_away {
                    printer.warn(&format!("{error}; trying again"));
                    is_away = true;
                }
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        printer.note(&format!("{how}: its dashboard ends"));
        server.conclude(&how);
        sleep(EPILOGUE).await;
        return Ok(());
    }
}
