//! `dgw doctor`

mod cluster;
mod configuration;
mod error;
mod network;
mod server;

use std::time::Duration;

use clap::Args;

use self::error::DoctorError;
use crate::config::{self, Inspection, Settings};
use crate::error::Error;
use crate::gateway::{Gateway, ServerInfo, Status, reach};
use crate::output::{Check, CheckState, Printer};
use crate::session::{Invocation, Overrides};

/// The longest time to connect, as for every request.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Diagnose the connection and explain how to fix it
///
/// Checks every step from your configuration to a response of the gateway and of a running cluster:
/// ✓ means that it works, ✗ that it does not, followed by a hint, and – that it could not be checked
/// or does not apply. dgw starts nothing and changes nothing, and shows secrets as `set`.
///
/// The exit code is that of the first ✗: another command would end with the same code.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw doctor
  dgw doctor --address https://gateway.example.org
  dgw doctor -o json | jq '.[] | select(.state == \"failed\")'")]
pub(crate) struct DoctorArgs {}

impl DoctorArgs {
    /// Checks every step from the configuration to a cluster's response.
    pub(super) async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
        let Invocation {
            environment,
            overrides,
            printer,
        } = invocation;
        let found = config::inspect(environment, &overrides.config, overrides.address.as_deref());
        let mut report = DoctorReport {
            printer,
            checks: Vec::new(),
        };
        report.add(configuration::files(&found))?;
        report.add(configuration::values(&found))?;
        report.add(configuration::address(&found, overrides.address.is_some()))?;
        let server = check_network(&found, overrides, &mut report).await?;
        check_gateway(&found, server.as_ref(), overrides, &mut report).await?;
        report.finish()
    }
}

/// Checks the way to the gateway, and which server responds.
async fn check_network(
    found: &Inspection,
    overrides: &Overrides,
    report: &mut DoctorReport<'_>,
) -> Result<Option<ServerInfo>, Error> {
    let Ok(address) = &found.address else {
        for name in ["dns", "tcp", "tls", "proxy", "version"] {
            report.add(Check::skipped(
                name,
                "not checked: there is no valid address",
            ))?;
        }
        return Ok(None);
    };
    let timeout = overrides.request_timeout;
    let anonymous = Gateway::anonymous(address, &found.http_proxy, timeout)?
        .with_address_setting(overrides.address_setting());
    // Requested once, for several checks.
    let server = anonymous.server_info().await;
    let route = network::Route {
        address,
        setting: overrides.address_setting(),
        proxy: reach::http_proxy_for(address, &found.http_proxy),
        server: &server,
        limit: CONNECT_TIMEOUT.min(timeout),
    };
    network::check(&route, report).await?;
    let (check, server) = server::version(server, &anonymous).await;
    report.add(check)?;
    Ok(server)
}

/// Checks what needs credentials.
async fn check_gateway(
    found: &Inspection,
    server: Option<&ServerInfo>,
    overrides: &Overrides,
    report: &mut DoctorReport<'_>,
) -> Result<(), Error> {
    match (&found.settings, server) {
        (Ok(settings), Some(server)) => {
            check_with_credentials(settings, server, overrides, report).await
        }
        (settings, _) => {
            let reason = if settings.is_err() {
                "not checked: fix the configuration first"
            } else {
                "not checked: no gateway responds"
            };
            report.add(Check::skipped("authentication", reason))?;
            report.add(Check::skipped("options", reason))?;
            report.add(server::clock(server))?;
            report.add(Check::skipped("scheduler", reason))?;
            report.add(Check::skipped("packages", reason))?;
            report.add(Check::skipped("dashboards", reason))
        }
    }
}

async fn check_with_credentials(
    settings: &Settings,
    server: &ServerInfo,
    overrides: &Overrides,
    report: &mut DoctorReport<'_>,
) -> Result<(), Error> {
    let timeout = overrides.request_timeout;
    let gateway =
        Gateway::new(settings, timeout)?.with_address_setting(overrides.address_setting());
    let (check, listing) = server::authentication(settings, &gateway, timeout).await;
    report.add(check)?;
    report.add(match listing {
        Some(_) => server::options(settings, &gateway).await,
        None => Check::skipped("options", "not checked: authentication failed"),
    })?;
    report.add(server::clock(Some(server)))?;
    let why_not_running = match listing {
        Some(_) => "no cluster is running",
        None => "authentication failed",
    };
    let running = listing.and_then(|(listing, mut identities)| {
        let mut clusters = listing.clusters.into_iter();
        let cluster = clusters.find(|cluster| cluster.status == Status::Running)?;
        let identity = identities.remove(&cluster.name);
        Some((cluster, identity))
    });
    let access = cluster::ClusterAccess {
        settings,
        gateway: &gateway,
        running: running.as_ref(),
        why_not_running,
        limit: CONNECT_TIMEOUT.min(timeout),
    };
    let scheduler = access.check_scheduler().await;
    let is_reached = scheduler.state != CheckState::Failed;
    report.add(scheduler)?;
    report.add(if is_reached || running.is_none() {
        access.check_packages().await
    } else {
        Check::skipped("packages", "not checked: the scheduler can't be reached")
    })?;
    report.add(access.check_dashboards().await)
}

/// The checks so far.
struct DoctorReport<'a> {
    printer: &'a Printer,
    checks: Vec<Check>,
}

impl DoctorReport<'_> {
    fn add(&mut self, check: Check) -> Result<(), Error> {
        self.printer.check(&check)?;
        self.checks.push(check);
        Ok(())
    }

    fn finish(self) -> Result<(), Error> {
        self.printer.all_checks(&self.checks)?;
        let failed = self
            .checks
            .iter()
            .filter(|check| check.state == CheckState::Failed)
            .collect::<Vec<_>>();
        match failed.first() {
            None => Ok(()),
            Some(first) => Err(DoctorError::ChecksFailed {
                exit_code: first.exit_code,
                failed: failed.iter().map(|check| check.name).collect(),
                total: self.checks.len(),
            }
            .into()),
        }
    }
}
