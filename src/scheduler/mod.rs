//! What a running cluster itself tells, which the gateway doesn't know. Nothing here prints.
//!
//! There are two ways to a scheduler. Its own protocol, over the gateway's TLS proxy, comes first:
//! one connection and one exchange answer everything, from one moment, clients and idle time among
//! it, and it works where the dashboard is absent or stands behind a login. The HTTP routes come
//! second, for where that port is closed or an HTTP proxy is the only way out: they cost two
//! requests, know neither clients nor idle time, can't always tell queued tasks from held results,
//! and `counts.json` makes the scheduler walk through every task, where `dump_state` walks through
//! the groups of tasks (33 ms for a thousand).

mod comm;
mod credentials;
mod error;
mod evidence;
mod frame;
mod http;
mod logs;
mod model;
mod relay;
mod tls;
mod wire;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::time::timeout_at;

pub(crate) use credentials::{Credentials, VARIABLES};
pub(crate) use error::SchedulerError;
pub(crate) use logs::{FetchedLog, LogEntry, LogPosition, LogRange};
pub(crate) use model::{
    Activity, ClientHistory, Idle, PackageVersions, SchedulerReport, Tasks, Versions, Worker,
};
pub(crate) use relay::Relay;

use crate::gateway::TlsIdentity;

/// What a cluster's name is made of; everything else is encoded and can't leave its part of the path.
const NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// Everything in a scheduler's state but the clients' names and the tasks' numbers. Names that it
/// doesn't know do no harm: all of this would be a kilobyte for each task.
const LEFT_OUT: [&str; 26] = [
    // of the scheduler
    "events",
    "extensions",
    "log",
    "memory",
    "tasks",
    "transition_log",
    "versions",
    "workers",
    // of a client
    "wants_what",
    // of a group of tasks
    "all_durations",
    "dependencies",
    "dependents",
    "done",
    "duration",
    "groups",
    "last_worker",
    "last_worker_priority",
    "last_worker_tasks_left",
    "name",
    "nbytes_total",
    "prefix",
    "span",
    "span_id",
    "start",
    "stop",
    "types",
];

/// The way to the schedulers behind a gateway.
#[derive(Debug)]
pub(crate) struct Schedulers {
    http: reqwest::Client,
    base: String,
    proxy: String,
    patience: Duration,
}

/// What to find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportDetail {
    /// What it is doing, and each worker.
    Numbers,
    /// What the scheduler runs on too.
    Everything,
}

impl Schedulers {
    /// By an HTTP client that holds no credentials, the gateway's address, and the `host:port` of
    /// its scheduler proxy. `patience` is how long any one scheduler may take.
    pub(crate) fn new(
        http: reqwest::Client,
        base: String,
        proxy: String,
        patience: Duration,
    ) -> Self {
        Self {
            http,
            base,
            proxy,
            patience,
        }
    }

    /// Finds out whether the scheduler of `cluster` answers by the gateway's scheduler proxy, and by
    /// nothing else.
    ///
    /// # Errors
    /// It doesn't.
    pub(crate) async fn answers_by_proxy(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
    ) -> Result<(), SchedulerError> {
        let operations = [op("identity")];
        let asking = self.ask(cluster, identity, &operations);
        let asked = tokio::time::timeout(self.patience, asking).await;
        asked
            .unwrap_or(Err(SchedulerError::Late(self.patience)))
            .map(|_| ())
    }

    /// What the scheduler of `cluster` is doing, in numbers.
    ///
    /// # Errors
    /// It didn't answer in time, or not in a way that could be understood.
    pub(crate) async fn activity(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
    ) -> Result<Activity, SchedulerError> {
        let report = self.look(cluster, identity, ReportDetail::Numbers).await?;
        Ok(report.activity)
    }

    /// The same, with each worker and what all of them run on.
    ///
    /// # Errors
    /// As above.
    pub(crate) async fn report(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
    ) -> Result<SchedulerReport, SchedulerError> {
        let looking = self.look(cluster, identity, ReportDetail::Everything);
        let (report, workers) = tokio::join!(looking, self.worker_versions(cluster, identity));
        let mut report = report?;
        if let Some(versions) = &mut report.versions {
            versions.workers = workers;
        }
        Ok(report)
    }

    /// What the scheduler of `cluster` tells by itself, without asking its workers anything: cheap
    /// enough to be asked again and again.
    ///
    /// # Errors
    /// As above.
    pub(crate) async fn look(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
        depth: ReportDetail,
    ) -> Result<SchedulerReport, SchedulerError> {
        let by_comm = async { self.by_comm(cluster, identity, depth).await };
        self.either(cluster, by_comm, self.by_http(cluster)).await
    }

    /// Asks by one way, then by the other: at once where the first fails, after half of the time
    /// where it is silent. Where both fail, the first one's fault tells more.
    async fn either<T>(
        &self,
        cluster: &str,
        by_comm: impl Future<Output = Result<T, SchedulerError>>,
        by_http: impl Future<Output = Result<T, SchedulerError>>,
    ) -> Result<T, SchedulerError> {
        let started = tokio::time::Instant::now();
        let told = |told: &Result<T, SchedulerError>| {
            if let Err(fault) = told {
                log::info!("scheduler of {cluster}: {fault}");
            }
        };
        let mut by_comm = std::pin::pin!(by_comm.inspect(told));
        let mut by_http = std::pin::pin!(by_http.inspect(told));
        let both = async {
            let first = match timeout_at(started + self.patience / 2, &mut by_comm).await {
                Ok(Ok(told)) => return Ok(told),
                Ok(Err(fault)) => Some(fault),
                Err(_) => None,
            };
            if let Some(fault) = first {
                return by_http.await.map_err(|_| fault);
            }
            tokio::select! {
                biased;
                told = &mut by_comm => match told {
                    Ok(told) => Ok(told),
                    Err(fault) => by_http.await.map_err(|_| fault),
                },
                told = &mut by_http => match told {
                    Ok(told) => Ok(told),
                    Err(_) => by_comm.await,
                },
            }
        };
        timeout_at(started + self.patience, both)
            .await
            .unwrap_or(Err(SchedulerError::Late(self.patience)))
    }

    async fn by_comm(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
        depth: ReportDetail,
    ) -> Result<SchedulerReport, SchedulerError> {
        let mut operations = vec![
            op("identity"),
            op("check_idle"),
            json!({"op": "dump_state", "reply": true, "exclude": LEFT_OUT}),
        ];
        if depth == ReportDetail::Everything {
            operations.push(op("versions"));
        }
        let answers = self.ask(cluster, identity, &operations).await?;
        let mut answers = answers.iter();
        let mut next = || {
            answers
                .next()
                .ok_or(SchedulerError::Garbled("it is missing"))
        };
        // Not even this one: then it's no scheduler that speaks like those that are known.
        let (mut activity, worker_details) = next()?.read::<wire::Identity>()?.tell();
        let since = next()?.read::<Option<f64>>();
        // A failure leaves unknown what only this one could have told.
        if let Ok(state) = next()?.read::<wire::State>() {
            activity.clients = state.clients();
            activity.outsiders = state.outsiders(activity.workers);
            activity.tasks = state.tasks();
            activity.idle = since.map_or(Idle::Unknown, |since| state.idle(since));
        }
        let versions = next().and_then(comm::Answer::read::<wire::Versions>).ok();
        Ok(SchedulerReport {
            activity,
            worker_details,
            versions: versions.map(|versions| Versions {
                scheduler: versions.packages(),
                workers: None,
            }),
        })
    }

    /// What each worker runs on, if all of them answer in time. The scheduler asks them one and
    /// all, and waits for those that are gone: a connection of its own doesn't hold up the rest.
    async fn worker_versions(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
    ) -> Option<BTreeMap<String, PackageVersions>> {
        let question = json!({
            "op": "broadcast", "reply": true, "msg": {"op": "versions"}, "on_error": "ignore",
        });
        let asking = self.ask(cluster, identity, std::slice::from_ref(&question));
        let answers = tokio::time::timeout(self.patience, asking)
            .await
            .ok()?
            .ok()?;
        let workers = answers.first()?.read::<BTreeMap<String, wire::Versions>>();
        let workers = workers.ok()?.into_iter();
        Some(
            workers
                .map(|(address, versions)| (address, versions.packages()))
                .collect(),
        )
    }

    async fn ask(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
        operations: &[Value],
    ) -> Result<Vec<comm::Answer>, SchedulerError> {
        let started = Instant::now();
        let identity = identity.ok_or(SchedulerError::Unidentified)?;
        let mut stream = tls::connect(&self.proxy, cluster, identity).await?;
        let answers = comm::ask(&mut stream, operations).await?;
        log::info!(
            "asked the scheduler of {cluster}: answers: {}, {} bytes, {:.0?}",
            answers.len(),
            answers.iter().map(comm::Answer::len).sum::<usize>(),
            started.elapsed()
        );
        Ok(answers)
    }

    async fn by_http(&self, cluster: &str) -> Result<SchedulerReport, SchedulerError> {
        let routes =
            ["identity", "counts"].map(|file| self.route(cluster, &["json", file], "json"));
        let (identity, counts) = tokio::join!(
            http::get::<wire::Identity>(&self.http, &routes[0]),
            http::get::<wire::Counts>(&self.http, &routes[1]),
        );
        let (mut activity, worker_details) = identity?.tell();
        activity.tasks = counts.ok().map(|counts| counts.tasks());
        Ok(SchedulerReport {
            activity,
            worker_details,
            versions: None,
        })
    }

    /// The URL of a scheduler's file, by way of the gateway.
    fn route(&self, cluster: &str, path: &[&str], kind: &str) -> String {
        format!("{}.{kind}", self.page(cluster, path))
    }

    /// The URL of a scheduler's page, by way of the gateway.
    fn page(&self, cluster: &str, path: &[&str]) -> String {
        let parts = [&["clusters", cluster], path].concat();
        let parts = parts
            .into_iter()
            .map(|part| utf8_percent_encode(part, NAME));
        let parts = parts.map(|part| part.to_string()).collect::<Vec<_>>();
        format!("{}/{}", self.base, parts.join("/"))
    }
}

fn op(name: &str) -> Value {
    json!({"op": name, "reply": true})
}
