//! What the gateway answers: its version, who one is, its options, its clock.

use std::time::Duration;

use jiff::Timestamp;

use super::super::options::refused;
use crate::age;
use crate::config::{Credentials, Inspection, Settings};
use crate::error::Error;
use crate::gateway::{self, AuthFailure, Gateway, Listing, ServerInfo, Status, TlsIdentities};
use crate::output::{Check, escaped};

/// Certificates, tokens and the ages of clusters bear with this much.
const CLOCKS_MAY_DIFFER: Duration = Duration::from_secs(60);

/// Which server it is, and what it says of itself.
pub(super) async fn version(
    greeting: Result<ServerInfo, gateway::Error>,
    stranger: &Gateway,
) -> (Check, Option<ServerInfo>) {
    const NAME: &str = "version";
    let greeting = match greeting {
        Ok(greeting) => greeting,
        Err(gateway::Error::Unreachable { .. }) => {
            return (Check::skipped(NAME, "the gateway can't be reached"), None);
        }
        Err(gateway::Error::Authentication(trouble))
            if matches!(*trouble, AuthFailure::ProxyRefused) =>
        {
            return (
                Check::skipped(NAME, "the HTTP proxy lets nobody through"),
                None,
            );
        }
        Err(error) => {
            let error = super::super::or_elsewhere(error, stranger).await;
            let step = Check::failed(NAME, &error);
            return match error {
                // There may be credentials already, which are good or will be asked for again.
                Error::Elsewhere { address, .. } => {
                    let mend = format!(
                        "a gateway answers at `{address}`: `dgw login --address {address} --force`"
                    );
                    (step.with_hint(mend), None)
                }
                _ => (step, None),
            };
        }
    };
    let step = match stranger.health().await {
        Ok(status) if status == "pass" => {
            let version = escaped(&greeting.version);
            Check::ok(NAME, format!("dask-gateway-server {version}"))
        }
        Ok(status) => {
            let url = format!("{}/api/health", stranger.base_url());
            Check::failed(NAME, &Error::Ailing { url, status })
        }
        Err(error) => Check::failed(NAME, &Error::from(error)),
    };
    (step, Some(greeting))
}

/// Whether the gateway lets one in, and as whom; with one's active clusters.
pub(super) async fn authentication(
    settings: &Settings,
    gateway: &Gateway,
    limit: Duration,
) -> (Check, Option<(Listing, TlsIdentities)>) {
    const NAME: &str = "authentication";
    let listing = match gateway.clusters_with_identities(&Status::ACTIVE).await {
        Ok(listing) => listing,
        Err(error) => {
            let error = gateway.told_apart(error).await;
            return (Check::failed(NAME, &Error::from(error)), None);
        }
    };
    let who = match &settings.credentials {
        Credentials::Basic { username, .. } => {
            format!("the gateway takes you, by your password, for `{username}`")
        }
        Credentials::JupyterHub { token } => match gateway.hub_user(token).await {
            Some(user) => format!(
                "the gateway takes your token, which is `{}`'s",
                escaped(&user)
            ),
            None => "the gateway takes your token, and doesn't tell whose it is".to_owned(),
        },
        Credentials::Kerberos => match gateway::principal(limit).await {
            Some(principal) => {
                format!("the gateway takes your Kerberos ticket, which is `{principal}`'s")
            }
            None => "the gateway takes your Kerberos ticket".to_owned(),
        },
    };
    let active = match listing.0.clusters.len() {
        0 => "you have no active clusters".to_owned(),
        1 => "you have 1 active cluster".to_owned(),
        count => format!("you have {count} active clusters"),
    };
    (Check::ok(NAME, format!("{who}; {active}")), Some(listing))
}

/// What can be chosen for a new cluster, and whether one's own defaults are among it.
pub(super) async fn options(found: &Inspection, gateway: &Gateway) -> Check {
    const NAME: &str = "options";
    let fields = match gateway.options().await {
        Ok(fields) => fields,
        Err(error) => return Check::failed(NAME, &Error::from(error)),
    };
    let defaults = found.cluster_options();
    let source = |key: &str| {
        let source = found.source_of(&format!("gateway.cluster.options.{key}"));
        source.map(ToString::to_string)
    };
    let faults = refused(&fields, &defaults, source);
    if !faults.is_empty() {
        return Check::failed(NAME, &Error::Defaults(faults)).with_hint(
            "set it right there, or take it away: `dgw options` shows what this gateway offers"
                .to_owned(),
        );
    }
    if fields.is_empty() {
        return Check::ok(NAME, "the gateway offers none");
    }
    let names = fields.iter().map(|field| escaped(&field.name));
    Check::ok(NAME, names.collect::<Vec<_>>().join(", "))
}

/// How far apart the clocks are.
pub(super) fn clock(greeting: Option<&ServerInfo>) -> Check {
    const NAME: &str = "clock";
    let Some(greeting) = greeting else {
        return Check::skipped(NAME, "there is no gateway to ask");
    };
    let (Some(theirs), ours) = (greeting.clock, greeting.received) else {
        return Check::skipped(NAME, "the gateway tells no time");
    };
    difference(NAME, theirs, ours)
}

fn difference(name: &'static str, theirs: Timestamp, ours: Timestamp) -> Check {
    let apart = theirs.duration_since(ours).unsigned_abs();
    if apart > CLOCKS_MAY_DIFFER {
        Check::failed(name, &Error::Clocks(apart))
    } else if apart.as_secs() < 2 {
        // The gateway tells whole seconds.
        Check::ok(name, "this machine and the gateway agree")
    } else {
        let apart = age::short(apart);
        Check::ok(
            name,
            format!("this machine and the gateway differ by {apart}"),
        )
    }
}
