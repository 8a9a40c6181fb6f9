//! A cluster connected to this machine, for programs that know nothing of gateways.

use std::convert::Infallible;
use std::ffi::OsString;
use std::net::TcpListener;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::Error;
use super::environment::ClusterFiles;
use super::relay::Relay;
use super::usage_meter::UsageMeter;
use super::worker_watch::wait_until_starved;
use crate::gateway::{self, Cluster, Gateway, Status, TlsIdentity};
use crate::job::{self, Job, Slurm};
use crate::lifecycle::{
    Labels, explain_missing_workers, lacks_workers, request_hint, running_identity,
};
use crate::output::Printer;
use crate::private::{self, TempDir};
use crate::scheduler::SchedulerError;
use crate::session::Session;

/// The pause between requests about a cluster that lost its connection: when its scheduler has died,
/// the gateway takes a while to notice.
const PAUSE: Duration = Duration::from_secs(5);

/// How long to ask for the cluster's state after the program has ended: a cluster may have to be shut
/// down before a batch job is killed.
const END_CHECK_LIMIT: Duration = Duration::from_secs(5);

/// The time limit of requests to the scheduler about its workers: COMMAND works without them.
const SCHEDULER_LIMIT: Duration = Duration::from_secs(5);

/// The directory and the port of a connection, acquired before any request to the gateway.
pub(crate) struct ConnectionSetup {
    pub(super) directory: TempDir,
    pub(super) listener: TcpListener,
}

/// A connected cluster, until it is dropped.
pub(crate) struct Connection {
    name: String,
    relay: Relay,
    identity: TlsIdentity,
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
            identity,
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

/// How a cluster ended while a program was connected to it.
#[derive(Debug)]
pub(crate) struct ClusterEnd {
    pub(crate) name: String,
    /// What the gateway and Slurm report, in words.
    pub(crate) cause: String,
    /// True if the program lost a connection to the scheduler, or could not connect.
    pub(crate) was_noticed: bool,
}

impl Connection {
    /// Warns if the cluster has no workers, and nobody has requested any. An unknown number is none
    /// to warn about.
    pub(crate) async fn warn_without_workers(&self, session: &Session) {
        let schedulers = session.schedulers(SCHEDULER_LIMIT);
        if lacks_workers(&self.name, &self.identity, &schedulers).await {
            let hint = request_hint(&Labels::word_for(&self.name, &session.gateway));
            session.printer.warn(&format!(
                "cluster {} has no workers, and none are requested: COMMAND's tasks will wait; {hint}",
                self.name
            ));
        }
    }

    /// Finds out whether the cluster has ended, after the program has. An unknown state is no end.
    async fn end(&self, gateway: &Gateway) -> Option<ClusterEnd> {
        let record = timeout(END_CHECK_LIMIT, gateway.cluster(&self.name));
        let cause = match record.await.ok()? {
            Err(gateway::Error::NoSuchCluster(_)) => "the gateway no longer knows it".to_owned(),
            Err(_) => return None,
            Ok(Cluster { status, .. }) => match status {
                Status::Stopping | Status::Stopped => format!("the gateway reports {status}"),
                Status::Failed => match self.ended_job().await {
                    Some(job) => format!("the gateway reports {status}; {}", job.text()),
                    None => format!("the gateway reports {status}"),
                },
                // The gateway takes half a minute to notice that a job has ended.
                Status::Pending | Status::Running if self.relay.has_lost_connection() => {
                    self.ended_job().await?.text()
                }
                Status::Pending | Status::Running => return None,
            },
        };
        Some(ClusterEnd {
            name: self.name.clone(),
            cause,
            was_noticed: self.relay.has_lost_connection(),
        })
    }

    /// Returns the scheduler's job, if this machine's Slurm says that it has ended.
    async fn ended_job(&self) -> Option<Job> {
        let slurm = Slurm::find(job::variables())?;
        slurm.ended_job(&self.name).await.ok()?
    }

    /// Warns when the cluster ends while the program runs, and when its tasks wait for workers.
    /// Meanwhile measures what it uses, if there is a `meter`.
    pub(super) async fn watch(&self, session: &Session, meter: Option<&UsageMeter>) -> Infallible {
        let schedulers = session.schedulers(SCHEDULER_LIMIT);
        let measuring = Box::pin(async {
            if let Some(meter) = meter {
                meter.sample(&schedulers, &self.name, &self.identity).await;
            }
        });
        let (never, (), ()) = tokio::join!(
            self.watch_for_end(&session.gateway),
            self.watch_for_workers(session),
            measuring
        );
        never
    }

    /// Finds out whether the cluster has ended, after the program has ended with `status`. Meanwhile
    /// reports what it used, if there is a `meter`.
    pub(super) async fn end_and_report(
        &self,
        session: &Session,
        meter: Option<&UsageMeter>,
        status: u8,
    ) -> Option<ClusterEnd> {
        let schedulers = session.schedulers(SCHEDULER_LIMIT);
        let reporting = Box::pin(async {
            if let Some(meter) = meter {
                let report = meter.report(
                    &schedulers,
                    &self.name,
                    &self.identity,
                    status,
                    &session.printer,
                );
                report.await;
            }
        });
        let (end, ()) = tokio::join!(self.end(&session.gateway), reporting);
        end
    }

    /// Warns once if the program's tasks wait for workers that do not arrive. Connects as no client,
    /// which would keep the cluster in use.
    async fn watch_for_workers(&self, session: &Session) {
        let schedulers = session.schedulers(SCHEDULER_LIMIT);
        let activity = async || {
            let activity = schedulers.activity(&self.name, Some(&self.identity));
            activity.await.unwrap_or_default()
        };
        if wait_until_starved(|| self.relay.is_in_use(), activity).await {
            let reason = explain_missing_workers(&self.name, &self.identity, &schedulers).await;
            session
                .printer
                .warn(&format!("COMMAND's tasks still wait for workers: {reason}"));
        }
    }

    /// Warns when the cluster ends while the program runs, which only sees that it does not respond.
    async fn watch_for_end(&self, gateway: &Gateway) -> Infallible {
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
