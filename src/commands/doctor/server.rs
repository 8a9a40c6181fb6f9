//! The gateway's own responses: its version, your user, its options, its clock.

use std::time::Duration;

use jiff::Timestamp;

use super::error::DoctorError;
use crate::config::{Credentials, Settings};
use crate::count;
use crate::duration;
use crate::gateway::{self, AuthFailure, Gateway, Listing, ServerInfo, Status, TlsIdentities};
use crate::lifecycle::{self, refused_defaults};
use crate::output::{Check, escaped};

/// The difference that certificates, tokens and the ages of clusters tolerate.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);

/// Checks which server responds, and its health.
pub(super) async fn version(
    server: Result<ServerInfo, gateway::Error>,
    anonymous: &Gateway,
) -> (Check, Option<ServerInfo>) {
    const NAME: &str = "version";
    let server = match server {
        Ok(server) => server,
        Err(gateway::Error::Unreachable { .. }) => {
            return (Check::skipped(NAME, "the gateway can't be reached"), None);
        }
        Err(gateway::Error::Authentication(failure))
            if matches!(*failure, AuthFailure::ProxyRefused) =>
        {
            let reason = "the HTTP proxy does not forward the request";
            return (Check::skipped(NAME, reason), None);
        }
        Err(error) => return (Check::failed(NAME, &error), None),
    };
    let check = match anonymous.health().await {
        Ok(status) if status == "pass" => {
            let version = escaped(&server.version);
            Check::ok(NAME, format!("dask-gateway-server {version}"))
        }
        Ok(status) => {
            let url = format!("{}/api/health", anonymous.base_url());
            Check::failed(NAME, &DoctorError::Unhealthy { url, status })
        }
        Err(error) => Check::failed(NAME, &error),
    };
    (check, Some(server))
}

/// Checks that the gateway accepts the credentials, and for which user; returns the user's active
/// clusters.
pub(super) async fn authentication(
    settings: &Settings,
    gateway: &Gateway,
    timeout: Duration,
) -> (Check, Option<(Listing, TlsIdentities)>) {
    const NAME: &str = "authentication";
    let listing = match gateway.clusters_with_identities(&Status::ACTIVE).await {
        Ok(listing) => listing,
        Err(error) => return (Check::failed(NAME, &error), None),
    };
    let user = match &settings.credentials {
        Credentials::Basic { username, .. } => {
            format!("the gateway accepts your password, for `{username}`")
        }
        Credentials::JupyterHub { token } => match gateway.hub_user(token).await {
            Some(user) => format!("the gateway accepts your token, for `{}`", escaped(&user)),
            None => "the gateway accepts your token, and does not say for which user".to_owned(),
        },
        Credentials::Kerberos => match gateway::principal(timeout).await {
            Some(principal) => {
                format!("the gateway accepts your Kerberos ticket, for `{principal}`")
            }
            None => "the gateway accepts your Kerberos ticket".to_owned(),
        },
        Credentials::Withheld { .. } => {
            "the gateway requires none; the configured credentials are for another address"
                .to_owned()
        }
    };
    let active = match listing.0.clusters.len() {
        0 => "you have no active clusters".to_owned(),
        number => format!("you have {}", count::of(number, "active cluster")),
    };
    (Check::ok(NAME, format!("{user}; {active}")), Some(listing))
}

/// Checks that the gateway offers options, and accepts the user's defaults.
pub(super) async fn options(settings: &Settings, gateway: &Gateway) -> Check {
    const NAME: &str = "options";
    let fields = match gateway.options().await {
        Ok(fields) => fields,
        Err(error) => return Check::failed(NAME, &error),
    };
    let source = |key: &str| settings.option_sources.get(key).map(ToString::to_string);
    let faults = refused_defaults(&fields, &settings.cluster_options, source);
    if !faults.is_empty() {
        return Check::failed(NAME, &lifecycle::Error::Defaults(faults)).with_hint(
            "correct or remove the value there; `dgw options` shows what this gateway offers",
        );
    }
    if fields.is_empty() {
        return Check::ok(NAME, "the gateway offers none");
    }
    let names = fields.iter().map(|field| escaped(&field.name));
    Check::ok(NAME, names.collect::<Vec<_>>().join(", "))
}

/// Checks that the clocks of this machine and the gateway agree.
pub(super) fn clock(server: Option<&ServerInfo>) -> Check {
    const NAME: &str = "clock";
    let Some(server) = server else {
        return Check::skipped(NAME, "not checked: no gateway responds");
    };
    let Some(clock) = server.clock else {
        return Check::skipped(NAME, "the gateway's responses have no Date header");
    };
    compare_clocks(NAME, clock, server.received)
}

fn compare_clocks(name: &'static str, gateway: Timestamp, here: Timestamp) -> Check {
    let difference = gateway.duration_since(here).unsigned_abs();
    if difference > CLOCK_TOLERANCE {
        Check::failed(name, &DoctorError::ClocksDiffer(difference))
    } else if difference.as_secs() < 2 {
        // The gateway's clock is read to the second.
        Check::ok(name, "this machine and the gateway agree")
    } else {
        let difference = duration::short(difference);
        Check::ok(
            name,
            format!("this machine and the gateway differ by {difference}"),
        )
    }
}
