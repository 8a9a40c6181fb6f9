//! `dgw keep`

use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use serde::Serialize;

use crate::cli::{complete, value};
use crate::duration;
use crate::error::Error;
use crate::gateway::{Cluster, ClusterPattern, Listing, Status};
use crate::lifecycle::{self, find_one_of, protection_status};
use crate::observed::ProtectionStatus;
use crate::orphans::{ClockReading, Protection, Protections};
use crate::output::Printer;
use crate::private::StateDir;
use crate::session::{Invocation, Session};

/// Protect clusters from clean-up by --idle-for
///
/// `dgw shutdown --idle-for`, as run by cron, leaves protected clusters alone. Other shutdowns, by
/// name or with only --all, --status or --older-than, shut down protected clusters too.
/// `dgw list -o wide` shows which clusters are protected.
///
/// dgw stores the protections for each gateway's address, in `$XDG_STATE_HOME/dgw` or
/// ~/.local/state/dgw. A cron job with another `XDG_STATE_HOME`, or with another address of the
/// gateway, does not see them.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw keep 2224
  dgw keep 2224 --for 1d12h
  dgw keep 2224 --forget")]
pub(crate) struct KeepArgs {
    /// Cluster names, unique prefixes of them, or dashboard URLs
    #[arg(value_name = "CLUSTER", required = true, value_parser = ClusterPattern::parse)]
    #[arg(add = ArgValueCandidates::new(complete::clusters))]
    clusters: Vec<ClusterPattern>,

    /// Protect for this time; default: until --forget
    #[arg(long, value_name = "DURATION", value_parser = value::limit)]
    #[arg(allow_hyphen_values = true)]
    r#for: Option<Duration>,

    /// End the protection
    #[arg(long, conflicts_with = "for")]
    forget: bool,
}

/// The record of a protected cluster.
#[derive(Debug, Serialize)]
struct Kept {
    name: String,
    #[serde(flatten)]
    protection: ProtectionStatus,
}

impl KeepArgs {
    /// Protects clusters from clean-up, or ends their protection. A name that matches none, or
    /// several, does not stop the rest.
    pub(super) async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
        let Session {
            gateway, printer, ..
        } = invocation.session()?;
        let state = StateDir::of(gateway.base_url())?;
        let listing = gateway.clusters(&Status::ALL).await?;
        let now = ClockReading::now(listing.clock);
        let protection = Protection::lasting(self.r#for, &now);
        let protections = Protections::read(&state)?;
        if !self.forget {
            forget_ended(&state, &protections, &listing);
        }
        let active = listing
            .clusters
            .iter()
            .filter(|cluster| cluster.status.is_active())
            .cloned()
            .collect::<Vec<_>>();
        let (mut kept, mut unmatched) = (Vec::new(), Ok(()));
        for pattern in &self.clusters {
            let found = if self.forget {
                find_protected(pattern, &protections, &listing)
            } else {
                find_one_of(pattern, &active, listing.clock)
                    .map(|row| row.cluster.name)
                    .map_err(|error| or_ended(error, pattern, &listing))
            };
            let name = match found {
                Ok(name) => name,
                Err(error) => {
                    if let Err(earlier) = std::mem::replace(&mut unmatched, Err(error)) {
                        Printer::print_error(&earlier);
                    }
                    continue;
                }
            };
            let current = if self.forget {
                let was_protected = Protections::remove(&state, &name)?;
                let change = if was_protected {
                    "is no longer"
                } else {
                    "was not"
                };
                printer.note(&format!("cluster {name} {change} protected"));
                None
            } else {
                Protections::add(&state, &name, &protection)?;
                let until = self.r#for.map_or_else(
                    || "until `dgw keep --forget`".to_owned(),
                    |span| format!("for {}", duration::short(span)),
                );
                printer.note(&format!(
                    "cluster {name} is protected from clean-up {until}"
                ));
                Some(protection)
            };
            kept.push(Kept {
                name,
                protection: protection_status(current),
            });
        }
        printer.record(&kept)?;
        Ok(unmatched?)
    }
}

/// Replaces `error` by the error that the cluster has ended, if that is the cause.
fn or_ended(
    error: lifecycle::Error,
    pattern: &ClusterPattern,
    listing: &Listing,
) -> lifecycle::Error {
    match find_one_of(pattern, &listing.clusters, listing.clock) {
        Ok(row) if matches!(error, lifecycle::Error::NoMatch { .. }) => {
            let Cluster { name, status, .. } = row.cluster;
            lifecycle::Error::NotRunning { name, status }
        }
        _ => error,
    }
}

/// Finds the protected cluster that `pattern` names, even one that the gateway has forgotten; or any
/// cluster that the gateway knows.
fn find_protected(
    pattern: &ClusterPattern,
    protections: &Protections,
    listing: &Listing,
) -> Result<String, lifecycle::Error> {
    let matching = protections
        .names()
        .filter(|name| pattern.matches(name))
        .map(str::to_owned)
        .collect::<Vec<_>>();
    match &matching[..] {
        [] => find_one_of(pattern, &listing.clusters, listing.clock).map(|row| row.cluster.name),
        [one] => Ok(one.clone()),
        _ if matching.iter().any(|name| name == pattern.as_str()) => {
            Ok(pattern.as_str().to_owned())
        }
        _ => Err(lifecycle::Error::SeveralMatch {
            pattern: pattern.as_str().to_owned(),
            matching,
        }),
    }
}

/// Removes the protections of clusters that have ended, as far as the gateway still lists them: one
/// that it does not list may exist all the same.
fn forget_ended(state: &StateDir, protections: &Protections, listing: &Listing) {
    let has_ended = |cluster: &&Cluster| matches!(cluster.status, Status::Stopped | Status::Failed);
    let is_protected = |cluster: &&Cluster| protections.names().any(|name| name == cluster.name);
    for cluster in listing
        .clusters
        .iter()
        .filter(has_ended)
        .filter(is_protected)
    {
        if let Err(error) = Protections::remove(state, &cluster.name) {
            log::info!("{error}");
        }
    }
}
