//! A cluster connected to this machine, for programs that know nothing of gateways.

use std::convert::Infallible;
use std::ffi::OsString;
use std::net::TcpListener;
use std::time::Duration;

use tokio::time::sleep;

use super::Error;
use super::environment::ClusterFiles;
use super::relay::Relay;
use crate::gateway::{self, Cluster, Gateway, TlsIdentity};
use crate::lifecycle::running_identity;
use crate::output::Printer;
use crate::private::{self, TempDir};
use crate::scheduler::SchedulerError;

/// The pause between requests about a cluster that lost its connection: when its scheduler has died,
/// the gateway takes a while to notice.
const PAUSE: Duration = Duration::from_secs(5);

/// The directory and the port of a connection, acquired before any request to the gateway.
pub(crate) struct ConnectionSetup {
    pub(super) directory: TempDir,
    pub(super) listener: TcpListener,
}

/// A connected cluster, until it is dropped.
pub(crate) struct Connection {
    name: String,
    relay: Relay,
    /// The environment variables that a program needs.
    pub(super) variables: Vec<(&'static str, OsString)>,
    _directory: TempDir,
}

impl ConnectionSetup {
    /// Acquires a private directory and a port.
    ///
    /// # Errors
    /// This machine has none.
    pub(crate) fn acquire() -> Result<Self, Error> {
        Ok(Self {
            directory: TempDir::create(|error| Printer::print_error(error))?,
            listener: Relay::listen().map_err(Error::NoPort)?,
        })
    }

    /// Connects the running `cluster`.
    ///
    /// # Errors
    /// The cluster is no longer running, its scheduler can't be reached, or the directory can't be
    /// written.
    pub(crate) async fn connect(
        self,
        cluster: &Cluster,
        gateway: &Gateway,
    ) -> Result<Connection, Error> {
        let identity = self.write_identity(cluster, gateway).await?;
        let relay = start_relay(self.listener, gateway, &cluster.name, &identity).await?;
        let files = ClusterFiles::within(self.directory.path());
        Ok(Connection {
            name: cluster.name.clone(),
            variables: files.variables(cluster, relay.address()),
            relay,
            _directory: self.directory,
        })
    }

    /// Writes the cluster's certificate and key into the directory.
    ///
    /// # Errors
    /// The cluster is no longer running, or the directory can't be written.
    pub(super) async fn write_identity(
        &self,
        cluster: &Cluster,
        gateway: &Gateway,
    ) -> Result<TlsIdentity, Error> {
        let identity = running_identity(gateway, &cluster.name)
            .await?
            .ok_or_else(|| unreachable(&cluster.name, SchedulerError::NoCertificate))?;
        ClusterFiles::within(self.directory.path())
            .write(&identity)
            .map_err(|source| private::Error::NoTempDir {
                place: self.directory.path().to_owned(),
                source,
            })?;
        Ok(identity)
    }
}

/// Starts a relay to the scheduler of the cluster `name`, and checks that it can be reached.
///
/// # Errors
/// The scheduler can't be reached, or the identity can't be used.
pub(super) async fn start_relay(
    listener: TcpListener,
    gateway: &Gateway,
    name: &str,
    identity: &TlsIdentity,
) -> Result<Relay, Error> {
    let relay = Relay::start(listener, gateway.scheduler_proxy(), name, identity)
        .map_err(|error| unreachable(name, error))?;
    relay
        .check_scheduler()
        .await
        .map_err(|error| unreachable(name, error))?;
    Ok(relay)
}

/// Creates the error that the scheduler of the cluster `name` can't be reached.
pub(super) fn unreachable(name: &str, source: SchedulerError) -> Error {
    Error::SchedulerUnreachable {
        name: name.to_owned(),
        source,
    }
}

impl Connection {
    /// Warns when the cluster ends while the program runs, which only sees that it does not respond.
    pub(super) async fn watch(&self, gateway: &Gateway) -> Infallible {
        let name = &self.name;
        loop {
            self.relay.lost_connection().await;
            let status = match gateway.cluster(name).await {
                Ok(cluster) if cluster.status.is_active() => None,
                Ok(cluster) => Some(cluster.status.as_str()),
                Err(gateway::Error::NoSuchCluster(_)) => Some("gone"),
                Err(_) => None,
            };
            if let Some(status) = status {
                Printer::warn_always(&format!(
                    "cluster {name} is {status}, but COMMAND is still running"
                ));
                return std::future::pending().await;
            }
            sleep(PAUSE).await;
        }
    }
}
