//! Reports on a running cluster: its activity, its workers, the versions of its packages.

use std::collections::BTreeMap;

use serde_json::json;

use super::client::Schedulers;
use super::error::SchedulerError;
use super::limits::{COUNTS_LIMIT, SIZE_LIMIT};
use super::model::{Activity, PackageVersions, SchedulerReport, Versions};
use super::{comm, http, wire};
use crate::gateway::TlsIdentity;

/// How much to ask a scheduler for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportDetail {
    /// Activity and workers.
    Numbers,
    /// The versions of the scheduler's packages too.
    Everything,
}

impl Schedulers {
    /// Checks that the scheduler of `cluster` responds through the gateway's scheduler proxy,
    /// without HTTP as a fallback.
    ///
    /// # Errors
    /// Fails if it does not respond in time, or not as a scheduler does.
    pub(crate) async fn check_by_proxy(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
    ) -> Result<(), SchedulerError> {
        let operation = comm::operation("identity");
        let request = self.ask_one(cluster, identity, &operation);
        self.in_time(request).await.map(drop)
    }

    /// Fetches the activity of `cluster` from its scheduler.
    ///
    /// # Errors
    /// Fails if the scheduler does not respond in time, or the response can't be read.
    pub(crate) async fn activity(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
    ) -> Result<Activity, SchedulerError> {
        let report = self.report(cluster, identity, ReportDetail::Numbers);
        Ok(report.await?.activity)
    }

    /// Fetches everything about `cluster`, including the versions of its workers' packages.
    ///
    /// # Errors
    /// Fails like [`Self::activity`]. Workers that do not respond in time only leave out their
    /// versions.
    pub(crate) async fn full_report(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
    ) -> Result<SchedulerReport, SchedulerError> {
        let (report, worker_versions) = tokio::join!(
            self.report(cluster, identity, ReportDetail::Everything),
            self.worker_versions(cluster, identity)
        );
        report.map(|mut report| {
            if let Some(versions) = &mut report.versions {
                versions.workers = worker_versions;
            }
            report
        })
    }

    /// Fetches what the scheduler of `cluster` knows without asking its workers: cheap enough to
    /// be repeated every few seconds.
    ///
    /// # Errors
    /// Fails like [`Self::activity`].
    pub(crate) async fn report(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
        detail: ReportDetail,
    ) -> Result<SchedulerReport, SchedulerError> {
        let by_comm = self.report_by_comm(cluster, identity, detail);
        let by_http = self.report_by_http(cluster);
        self.by_comm_or_http(cluster, by_comm, by_http).await
    }

    async fn report_by_comm(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
        detail: ReportDetail,
    ) -> Result<SchedulerReport, SchedulerError> {
        let mut operations = vec![
            comm::operation("identity"),
            comm::operation("check_idle"),
            comm::dump_state(),
        ];
        if detail == ReportDetail::Everything {
            operations.push(comm::operation("versions"));
        }
        let responses = self.ask(cluster, identity, &operations).await?;
        let [identity, idle_since, state, versions @ ..] = &responses[..] else {
            return Err(SchedulerError::Malformed("it is missing"));
        };
        // Without this one, the peer is no scheduler of a known kind. Failures of the others leave
        // their part unknown.
        let (mut activity, worker_details) =
            identity.read::<wire::Identity>()?.activity_and_workers();
        if let Ok(state) = state.read::<wire::State>() {
            state.complete(&mut activity);
            if let Ok(idle_since) = idle_since.read() {
                activity.idle = state.idle(idle_since);
            }
        }
        Ok(SchedulerReport {
            activity,
            worker_details,
            versions: versions
                .first()
                .and_then(|response| response.read::<wire::VersionsResponse>().ok())
                .map(|versions| Versions {
                    scheduler: versions.packages(),
                    workers: None,
                }),
        })
    }

    /// Fetches the versions of each worker's packages; `None` unless all workers respond in time.
    /// The scheduler waits for workers that are gone, so this takes a connection of its own.
    async fn worker_versions(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
    ) -> Option<BTreeMap<String, PackageVersions>> {
        let operation = json!({
            "op": "broadcast", "reply": true, "msg": {"op": "versions"}, "on_error": "ignore",
        });
        let request = self.ask_one(cluster, identity, &operation);
        let response = self.in_time(request).await.ok()?;
        let workers = response
            .read::<BTreeMap<String, wire::VersionsResponse>>()
            .ok()?;
        Some(
            workers
                .into_iter()
                .map(|(address, versions)| (address, versions.packages()))
                .collect(),
        )
    }

    async fn report_by_http(&self, cluster: &str) -> Result<SchedulerReport, SchedulerError> {
        let [identity, counts] =
            ["json/identity.json", "json/counts.json"].map(|page| self.url(cluster, page));
        let (workers, tasks) = tokio::join!(
            http::get::<wire::Identity>(&self.http, &identity, SIZE_LIMIT),
            http::get::<wire::Counts>(&self.http, &counts, COUNTS_LIMIT),
        );
        let (mut activity, worker_details) = workers?.activity_and_workers();
        activity.tasks = tasks.ok().map(|counts| counts.tasks());
        Ok(SchedulerReport {
            activity,
            worker_details,
            versions: None,
        })
    }
}
