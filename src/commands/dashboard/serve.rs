//! `dgw dashboard --serve`

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::browser::Browser;
use super::error::DashboardError;
use super::ssh_hint::ssh_command;
use crate::dashboard::Server;
use crate::error::Error;
use crate::gateway::{self, Gateway, Status};
use crate::lifecycle::OutageNotice;
use crate::output::Printer;
use crate::session::Session;
use crate::signals::{Interrupted, Interrupts};

/// The pause between checks that the cluster is still running.
const PAUSE: Duration = Duration::from_secs(10);

/// The shortest pause, however many pages fail.
const SHORTEST_PAUSE: Duration = Duration::from_secs(2);

/// How long the pages of an ended cluster say so: longer than open pages take until they reload.
const EPILOGUE: Duration = Duration::from_secs(5);

/// The record of a served dashboard.
#[derive(Serialize)]
struct ServedDashboard<'a> {
    name: &'a str,
    /// Holds the secret that opens the dashboard, once.
    url: &'a str,
    port: u16,
    socket: Option<PathBuf>,
    ssh: &'a str,
}

/// Serves the dashboard of the running cluster `name`, until it ends or a signal arrives.
///
/// # Errors
/// The port or the socket can't be used, the gateway refuses, or a signal arrives.
pub(super) async fn serve(
    name: &str,
    port: Option<u16>,
    socket: Option<&Path>,
    browser: Option<&Browser>,
    session: &Session,
) -> Result<(), Error> {
    let Session {
        gateway, printer, ..
    } = session;
    let socket = socket
        .map(std::path::absolute)
        .transpose()
        .context("can't find the directory of `--socket`")?;
    let mut interrupts = Interrupts::listen()?;
    let server = Server::listen(gateway.dashboard_client(name)?, port, socket.as_deref())
        .await
        .map_err(|source| DashboardError::NotServed {
            name: name.to_owned(),
            source,
        })?;
    let port = server.port();
    let url = server.link();
    let end = match &socket {
        Some(path) => path.display().to_string(),
        None => format!("127.0.0.1:{port}"),
    };
    let ssh = ssh_command(port, &end);
    let record = ServedDashboard {
        name,
        url: &url,
        port,
        socket,
        ssh: &ssh,
    };
    printer.result(&record, || format!("{url}\n"))?;
    printer.note(&format!(
        "serving the dashboard of cluster {name} until Ctrl-C"
    ));
    printer.note("the link opens it once, in Chrome, Edge or Firefox");
    printer.note("to open it on another machine, first run this there:");
    printer.note(&format!("  {ssh}"));
    tokio::select! {
        ended = watch_cluster(&server, name, gateway, printer) => ended,
        signal = interrupts.next() => {
            printer.note(&format!("{}: the dashboard is no longer served", signal.word()));
            Err(Interrupted { signal, note: None }.into())
        }
        never = server.run() => match never {},
        never = renew_link(&server, printer) => match never {},
        never = open_browser(browser, &url, printer) => match never {},
    }
}

/// Prints another link whenever one was used.
async fn renew_link(server: &Server, printer: &Printer) -> Infallible {
    loop {
        server.link_used().await;
        printer.note("the link was used; this one is for another browser:");
        printer.note(&format!("  {}", server.link()));
    }
}

/// Opens the link in a browser, if there is one. The dashboard is served either way.
async fn open_browser(browser: Option<&Browser>, url: &str, printer: &Printer) -> Infallible {
    if let Some(browser) = browser {
        match browser.open_secretly(url).await {
            // The browser may take its time to read the page.
            Ok(_page) => std::future::pending().await,
            Err(error) => printer.warn(&format!("{}: open the link yourself", error.as_failure())),
        }
    }
    std::future::pending().await
}

/// Waits until the cluster has ended.
///
/// # Errors
/// The gateway refuses a request.
async fn watch_cluster(
    server: &Server,
    name: &str,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    let mut outage = OutageNotice::new(printer);
    loop {
        let requested = Instant::now();
        // A page that fails may mean that the cluster has ended.
        let _ = timeout_at(requested + PAUSE, server.request_failed()).await;
        sleep_until(requested + SHORTEST_PAUSE).await;
        let ending = match gateway.cluster(name).await {
            Ok(cluster) if cluster.status == Status::Running => {
                outage.responded();
                continue;
            }
            Ok(cluster) => format!("cluster {name} is {}", cluster.status),
            Err(gateway::Error::NoSuchCluster(_)) => format!("cluster {name} is gone"),
            Err(error) if error.is_temporary() => {
                outage.failed(&error);
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        printer.note(&format!("{ending}: its dashboard is no longer served"));
        server.set_ended(&ending);
        sleep(EPILOGUE).await;
        return Ok(());
    }
}
