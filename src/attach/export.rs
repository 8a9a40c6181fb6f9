//! `dgw connect --export` and `--unexport`: a connection that outlives the dgw that made it.
//!
//! A relay in the background, in a session of its own, holds the private directory. Its record is a
//! file there.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use tokio::time::{Instant, sleep};

use super::Error;
use super::connection::{ConnectionSetup, start_relay, unreachable};
use super::environment::{ClusterFiles, VARIABLES};
use super::export_record::{self, ExportRecord, PAUSE};
use super::relay::Relay;
use crate::config::{ConfigSelection, DEFAULT_GATEWAY, Environment, GATEWAY_VARIABLE};
use crate::error::Unexpected;
use crate::gateway::{self, Cluster, ClusterPattern, Gateway};
use crate::output::Printer;
use crate::private::{self, TempDir};
use crate::session::{Overrides, Session};
use crate::signals::Interrupts;

/// How long the relay may take to start: normally some milliseconds.
const START_LIMIT: Duration = Duration::from_secs(10);

/// The pause between checks that the cluster still exists: one small request.
const CHECK_PAUSE: Duration = Duration::from_secs(30);

/// The pause before a check after a lost connection.
const LOST_PAUSE: Duration = Duration::from_secs(5);

/// How long neither the gateway nor the scheduler may respond before the relay gives up.
const SILENCE_LIMIT: Duration = Duration::from_secs(600);

/// The record that is printed.
#[derive(Serialize)]
struct ExportedVariables<'a> {
    name: &'a str,
    directory: &'a Path,
    variables: BTreeMap<&'a str, String>,
}

/// Starts a relay for the running `cluster`, unless there is one, and prints the variables that
/// connect a shell to it.
///
/// # Errors
/// The scheduler can't be reached, the relay does not start, or stdout can't be written.
pub(crate) async fn export(
    cluster: &Cluster,
    setup: ConnectionSetup,
    launcher: &RelayLauncher,
    session: &Session,
) -> Result<(), Error> {
    if setup.directory.path().to_str().is_none() {
        return Err(private::Error::NoTempDir {
            place: setup.directory.path().to_owned(),
            source: io::Error::new(io::ErrorKind::InvalidInput, "its name is not UTF-8 text"),
        }
        .into());
    }
    let existing = export_record::all().into_iter().find(|(_, record)| {
        record.name == cluster.name && record.gateway == session.gateway.base_url()
    });
    let is_new = existing.is_none();
    let (directory, address) = match existing {
        Some((directory, record)) => (directory, record.address),
        None => launcher.start(cluster, setup, &session.gateway).await?,
    };
    let mut variables = ClusterFiles::within(&directory)
        .variables(cluster, address)
        .into_iter()
        .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
        .collect::<BTreeMap<_, _>>();
    // DGW_CLUSTER is a cluster of this gateway.
    if let Some(name) = gateway_variable(session) {
        variables.insert(GATEWAY_VARIABLE, name.to_owned());
    }
    let exported = ExportedVariables {
        name: &cluster.name,
        directory: &directory,
        variables,
    };
    let printed = session.printer.result(&exported, || {
        let mut lines = String::new();
        for (name, value) in &exported.variables {
            lines.extend(["export ", name, "=", &quote(value), "\n"]);
        }
        lines
    });
    if let Err(error) = printed {
        // Nobody knows of the relay, so nobody would end it.
        if is_new && let Some(record) = ExportRecord::read(&directory) {
            record.stop(&directory)?;
        }
        return Err(error.into());
    }
    session.printer.note(&format!(
        "cluster {} is connected until it ends or `dgw connect --unexport`; its certificate and \
         key are in `{}`",
        cluster.name,
        directory.display()
    ));
    Ok(())
}

/// Returns the value that `DGW_GATEWAY` must get for later commands to use the gateway of `session`.
fn gateway_variable(session: &Session) -> Option<&str> {
    let config = &session.overrides.config;
    config.variable(&Environment::from_process())
}

/// Starts the relay in the background as `dgw relay`, with the same configuration and address.
pub(crate) struct RelayLauncher {
    program: PathBuf,
    overrides: Overrides,
}

impl RelayLauncher {
    /// Finds the program that runs now.
    ///
    /// # Errors
    /// The system does not tell where it is.
    pub(crate) fn new(overrides: &Overrides) -> Result<Self, Error> {
        let program = std::env::current_exe().context("can't find the dgw program");
        Ok(Self {
            program: program.map_err(Unexpected::from)?,
            overrides: overrides.clone(),
        })
    }

    /// Starts the relay with the listening socket as its stdin.
    async fn start(
        &self,
        cluster: &Cluster,
        setup: ConnectionSetup,
        gateway: &Gateway,
    ) -> Result<(PathBuf, SocketAddr), Error> {
        let identity = setup.write_identity(cluster, gateway).await?;
        let ConnectionSetup {
            directory,
            listener,
        } = setup;
        let address = listener.local_addr().map_err(Error::NoPort)?;
        // Tried in the foreground, where an error can be printed.
        let trial = listener.try_clone().map_err(Error::NoPort)?;
        drop(start_relay(trial, gateway, &cluster.name, &identity).await?);

        let mut relay = Command::new(&self.program);
        match &self.overrides.config {
            ConfigSelection::Path(path) => relay.arg("--config").arg(path),
            ConfigSelection::Gateway(name) => relay.args(["--gateway", name.as_str()]),
            // DGW_GATEWAY may name another.
            ConfigSelection::Dask => relay.args(["--gateway", DEFAULT_GATEWAY]),
        };
        if let Some(address) = &self.overrides.address {
            relay.args(["--address", address]);
        }
        relay
            .args(["relay", &cluster.name])
            .arg(directory.path())
            .stdin(OwnedFd::from(listener))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let starting = StartingRelay {
            process: relay
                .spawn()
                .map_err(|error| Error::RelayNotStarted(error.to_string()))?,
            directory: Some(directory.hand_over()),
        };
        let path = starting.wait().await.map_err(Error::RelayNotStarted)?;
        Ok((path, address))
    }
}

/// A relay that may not be ready yet. Dropped before that, also by an interrupt, it ends, and its
/// directory is removed.
struct StartingRelay {
    process: Child,
    /// `None` once the relay is ready.
    directory: Option<PathBuf>,
}

impl StartingRelay {
    /// Waits until the relay's record is in its directory, and returns the directory.
    async fn wait(mut self) -> Result<PathBuf, String> {
        let deadline = Instant::now() + START_LIMIT;
        loop {
            let is_ready = |directory: &mut PathBuf| ExportRecord::read(directory).is_some();
            if let Some(directory) = self.directory.take_if(is_ready) {
                return Ok(directory);
            }
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(status.to_string());
            }
            if Instant::now() > deadline {
                return Err("it took too long".to_owned());
            }
            sleep(PAUSE).await;
        }
    }
}

impl Drop for StartingRelay {
    fn drop(&mut self) {
        if let Some(directory) = self.directory.take() {
            let _ = self.process.kill();
            let _ = self.process.wait();
            // Nobody else has taken it over, so it is removed when dropped.
            let _ = TempDir::adopt(directory, |error| Printer::print_error(error));
        }
    }
}

/// Ends the exported connection that is meant, and prints what unsets its variables. Sends nothing
/// to the gateway.
///
/// # Errors
/// No connection matches, several are exported, or its relay does not end.
pub(crate) fn unexport(pattern: Option<&ClusterPattern>, printer: &Printer) -> Result<(), Error> {
    let mut names = VARIABLES.to_vec();
    if let Some((directory, record)) = export_record::select(pattern)? {
        record.stop(&directory)?;
        if record.selects_gateway {
            names.push(GATEWAY_VARIABLE);
        }
        printer.note(&format!("cluster {} is no longer connected", record.name));
    } else {
        printer.note("nothing is exported any more: this only unsets the variables");
    }
    let unset = serde_json::json!({ "unset": names });
    Ok(printer.result(&unset, || format!("unset {}\n", names.join(" ")))?)
}

/// Serves an exported connection, with the listening socket as stdin, until the cluster ends or a
/// signal arrives.
///
/// # Errors
/// The directory, the socket or the certificate can't be used.
pub(crate) async fn serve_export(
    name: &str,
    directory: &Path,
    session: &Session,
) -> Result<(), Error> {
    let gateway = &session.gateway;
    let mut interrupts = Interrupts::listen()?;
    let directory = TempDir::adopt(directory.to_owned(), |error| Printer::print_error(error))?;
    // Detaches from the terminal and the working directory of the dgw that started it.
    let _ = rustix::process::setsid();
    let _ = std::env::set_current_dir("/");
    let socket = std::io::stdin().as_fd().try_clone_to_owned();
    let listener = TcpListener::from(socket.map_err(Error::NoPort)?);
    let identity = ClusterFiles::within(directory.path())
        .read()
        .context("can't read the cluster's certificate")
        .map_err(Unexpected::from)?;
    let relay = Relay::start(listener, gateway.scheduler_proxy(), name, &identity)
        .map_err(|error| unreachable(name, error))?;
    let record = ExportRecord {
        name: name.to_owned(),
        gateway: gateway.base_url().to_owned(),
        address: relay.address(),
        pid: rustix::process::getpid().as_raw_nonzero().get(),
        selects_gateway: gateway_variable(session).is_some(),
    };
    record
        .write(directory.path())
        .context("can't write into the private directory")
        .map_err(Unexpected::from)?;
    tokio::select! {
        _ = interrupts.next() => {}
        () = until_useless(name, &relay, directory.path(), gateway) => {}
    }
    Ok(())
}

/// Returns when nobody can use the relay any more: the cluster has ended, or nothing was heard of
/// it for long, or the directory is gone, as at the end of the user's last login session.
async fn until_useless(name: &str, relay: &Relay, directory: &Path, gateway: &Gateway) {
    let mut last_sign = Instant::now();
    while last_sign.elapsed() < SILENCE_LIMIT && directory.exists() {
        tokio::select! {
            () = sleep(CHECK_PAUSE) => {}
            () = relay.lost_connection() => sleep(LOST_PAUSE).await,
        }
        let is_alive = match gateway.cluster(name).await {
            Ok(cluster) if cluster.status.is_active() => true,
            Ok(_) | Err(gateway::Error::NoSuchCluster(_)) => return,
            // A token that has expired does not end the cluster.
            Err(_) => relay.check_scheduler().await.is_ok(),
        };
        if is_alive {
            last_sign = Instant::now();
        }
    }
}

/// Returns code that fails with `status` where a shell evaluates it, in every shell: with nothing to
/// evaluate, `eval` would succeed, and a script go on without a cluster.
pub(crate) fn failing_code(status: u8) -> String {
    format!("sh -c 'exit {status}'\n")
}

/// Quotes `value` as one word for every shell of the Bourne family.
fn quote(value: &str) -> String {
    format!("'{}'", value.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_a_value_as_one_word() {
        assert_eq!(quote("/tmp/a b"), "'/tmp/a b'");
        assert_eq!(quote("it's $(x)"), r"'it'\''s $(x)'");
    }
}
