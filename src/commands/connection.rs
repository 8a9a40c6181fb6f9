//! A cluster brought within reach of programs that know nothing of gateways.

use std::convert::Infallible;
use std::ffi::OsString;
use std::net::TcpListener;
use std::time::Duration;

use tokio::time::sleep;

use super::condition;
use super::private_folder::PrivateFolder;
use crate::error::Error;
use crate::gateway::{self, Cluster, Gateway, TlsIdentity};
use crate::output::Printer;
use crate::scheduler::{Credentials, Relay, SchedulerError};

/// Between questions after the cluster: when its scheduler has died, the gateway takes a while to
/// notice.
const PAUSE: Duration = Duration::from_secs(5);

/// What a connection needs of this machine, had before anything is asked of the gateway.
pub(super) struct Way {
    pub(super) folder: PrivateFolder,
    pub(super) listener: TcpListener,
}

/// A cluster within reach, for as long as this isn't dropped.
pub(super) struct Connection {
    name: String,
    relay: Relay,
    /// What a program needs to have set.
    pub(super) variables: Vec<(&'static str, OsString)>,
    _folder: PrivateFolder,
}

impl Way {
    /// A private folder and a port.
    ///
    /// # Errors
    /// This machine has none.
    pub(super) fn make() -> Result<Self, Error> {
        Ok(Self {
            folder: PrivateFolder::create()?,
            listener: Relay::listen().map_err(Error::NoPort)?,
        })
    }

    /// Connects the running `cluster`.
    ///
    /// # Errors
    /// It doesn't run any more, its scheduler can't be reached, or the folder can't be written.
    pub(super) async fn lead_to(
        self,
        cluster: &Cluster,
        gateway: &Gateway,
    ) -> Result<Connection, Error> {
        let identity = self.provide(cluster, gateway).await?;
        let name = cluster.name.clone();
        let relay = Relay::start(self.listener, gateway.scheduler_proxy(), &name, &identity)
            .map_err(|fault| unreached(cluster, &fault))?;
        relay
            .reach()
            .await
            .map_err(|fault| unreached(cluster, &fault))?;
        let credentials = Credentials::within(self.folder.path());
        Ok(Connection {
            name,
            variables: credentials.variables(cluster, relay.address()),
            relay,
            _folder: self.folder,
        })
    }

    /// Puts the cluster's certificate and key into the folder.
    ///
    /// # Errors
    /// It doesn't run any more, or the folder can't be written.
    pub(super) async fn provide(
        &self,
        cluster: &Cluster,
        gateway: &Gateway,
    ) -> Result<TlsIdentity, Error> {
        let identity = condition::still_running(gateway, &cluster.name)
            .await?
            .ok_or_else(|| unreached(cluster, &SchedulerError::Unidentified))?;
        Credentials::within(self.folder.path())
            .write(&identity)
            .map_err(|source| Error::NoPrivateFolder {
                place: self.folder.path().to_owned(),
                source,
            })?;
        Ok(identity)
    }
}

impl Connection {
    /// Says so when the cluster ends meanwhile: programs only see that it doesn't answer.
    pub(super) async fn watch(&self, gateway: &Gateway) -> Infallible {
        let name = &self.name;
        loop {
            self.relay.loss().await;
            let became = match gateway.cluster(name).await {
                Ok(cluster) if cluster.status.is_active() => None,
                Ok(cluster) => Some(cluster.status.as_str()),
                Err(gateway::Error::NoSuchCluster(_)) => Some("gone"),
                Err(_) => None,
            };
            if let Some(became) = became {
                Printer::warn_always(&format!(
                    "cluster {name} is {became}, and COMMAND still runs"
                ));
                return std::future::pending().await;
            }
            sleep(PAUSE).await;
        }
    }
}

pub(super) fn unreached(cluster: &Cluster, fault: &SchedulerError) -> Error {
    Error::NotReached {
        name: cluster.name.clone(),
        fault: fault.to_string(),
    }
}
