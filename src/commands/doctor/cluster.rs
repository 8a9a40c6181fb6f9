//! The ways to a cluster: the scheduler proxy and the dashboards.

use std::time::Duration;

use super::error::DoctorError;
use crate::config::Settings;
use crate::error::ExitCode;
use crate::gateway::{Cluster, Gateway, TlsIdentity};
use crate::output::Check;
use crate::packages::{self, LocalPackages};
use crate::scheduler::{self, ProxyKind, Schedulers};

/// The gateway, with a running cluster to try if there is one.
pub(super) struct ClusterAccess<'a> {
    pub(super) settings: &'a Settings,
    pub(super) gateway: &'a Gateway,
    /// A running cluster, with the TLS identity of its clients.
    pub(super) running: Option<&'a (Cluster, Option<TlsIdentity>)>,
    /// Why there is none.
    pub(super) why_not_running: &'static str,
    pub(super) limit: Duration,
}

impl ClusterAccess<'_> {
    /// Checks that schedulers can be reached, as Python's clients reach them.
    pub(super) async fn check_scheduler(&self) -> Check {
        const NAME: &str = "scheduler";
        let proxy = &self.settings.scheduler_proxy;
        let kind = match scheduler::probe_proxy(proxy, self.limit).await {
            Ok(kind) => kind,
            Err(error) => return Check::failed(NAME, &error),
        };
        let Some((cluster, identity)) = self.running else {
            return match kind {
                ProxyKind::Gateways => Check::ok(
                    NAME,
                    format!(
                        "`{proxy}` responds as a scheduler proxy does; no scheduler was reached \
                         through it: {}",
                        self.why_not_running
                    ),
                ),
                ProxyKind::Other => Check::skipped(
                    NAME,
                    format!(
                        "`{proxy}` speaks TLS; without a running cluster dgw can't check that it \
                         leads to schedulers"
                    ),
                ),
            };
        };
        let name = &cluster.name;
        let schedulers = Schedulers::behind(self.gateway, self.limit);
        match schedulers.check_by_proxy(name, identity.as_ref()).await {
            Ok(()) => Check::ok(
                NAME,
                format!("`{proxy}` leads to the scheduler of cluster {name}"),
            ),
            Err(source) => {
                let name = name.clone();
                Check::failed(NAME, &DoctorError::Scheduler { name, source })
            }
        }
    }

    /// Checks that the packages here, of the scheduler and of the workers fit together.
    pub(super) async fn check_packages(&self) -> Check {
        const NAME: &str = "packages";
        let Some((cluster, identity)) = self.running else {
            return Check::skipped(NAME, format!("not checked: {}", self.why_not_running));
        };
        let here = LocalPackages::find(self.settings).await;
        let schedulers = Schedulers::behind(self.gateway, self.limit);
        let (identity, local) = (identity.as_ref(), here.as_ref().ok());
        let comparison = packages::compare(&schedulers, &cluster.name, identity, local).await;
        let comparison = match comparison {
            Ok(comparison) => comparison,
            Err(error) => return Check::skipped(NAME, format!("not checked: {error}")),
        };
        let breaking = packages::breaking(&comparison.rows);
        let fault = comparison.fault.map(|fault| fault.to_string());
        let details = |first: String| {
            let lines = [Some(first), fault, here.err()].into_iter().flatten();
            lines.collect::<Vec<_>>().join("\n")
        };
        if breaking.is_empty() {
            let places = comparison.places;
            return Check::ok(
                NAME,
                details(format!("nothing breaks work between {places}")),
            );
        }
        let packages = breaking.join(", ");
        let first = format!("{packages} differ between {}", comparison.places);
        let hint = "`dgw packages` shows the versions: use the same in all places";
        Check::faulty(NAME, details(first), hint, ExitCode::Other)
    }

    /// Checks that dashboards can be reached, from this machine at least.
    pub(super) async fn check_dashboards(&self) -> Check {
        const NAME: &str = "dashboards";
        let public = &self.settings.public_address;
        if public.starts_with('/') {
            let detail = format!("not checked: links are paths on your hub (`{public}`)");
            return Check::skipped(NAME, detail);
        }
        let link = self
            .running
            .and_then(|(cluster, _)| cluster.dashboard_link.as_ref());
        let url = link.map_or_else(|| format!("{public}/clusters/"), Clone::clone);
        let failed = |url: String, response: String| {
            Check::failed(NAME, &DoctorError::Dashboards { url, response })
        };
        match (self.gateway.page(&url, self.limit).await, link) {
            (Ok(page), _) if page.is_login => Check::ok(
                NAME,
                format!("`{url}` responds with a login page: log in there with your browser"),
            ),
            (Ok(page), Some(_)) if page.status < 400 => {
                Check::ok(NAME, format!("`{url}` responds"))
            }
            (Ok(page), Some(_)) => failed(url, format!("status {}", page.status)),
            (Ok(_), None) => Check::skipped(
                NAME,
                format!(
                    "`{public}` responds; without a running cluster dgw can't check that it has \
                     dashboards"
                ),
            ),
            (Err(response), _) => failed(url, response),
        }
    }
}
