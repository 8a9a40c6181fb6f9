//! `dgw keep`

use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use crate::cli::{complete, value};
use crate::duration;
use crate::error::Error;
use crate::gateway::{Cluster, ClusterPattern, Gateway, Listing, Status};
use crate::lifecycle::{
    self, Labels, find_one_of, find_only, protection_status, resolve_all, resolve_or_default,
};
use crate::orphans::{ClockReading, Protection, Protections};
use crate::output::{Printer, ProtectedCluster, protected_schema};
use crate::private::StateDir;
use crate::session::{Invocation, Session};

/// Protect clusters from every shutdown that does not name them
///
/// `dgw shutdown` with selectors, as run by cron, leaves protected clusters alone. `dgw shutdown CLUSTER`
/// and --even-kept shut them down all the same. Without --for, a protection lasts until --forget; one
/// that exists already stays as it is. `dgw list -o wide` and `dgw show` show which clusters are
/// protected, too.
///
/// dgw stores the protections for each gateway's address, in `$XDG_STATE_HOME/dgw` or
/// ~/.local/state/dgw. A cron job with another `XDG_STATE_HOME`, or with another address of the
/// gateway, does not see them.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw keep
  dgw keep 2224 --for 1d12h
  dgw keep 2224 --forget
  dgw keep --list")]
pub(crate) struct KeepArgs {
    /// Cluster names, unique prefixes of them, names by `dgw name`, or dashboard URLs; default: the
    /// cluster in `DGW_CLUSTER`, or the only active one
    #[arg(value_name = "CLUSTER", value_parser = ClusterPattern::parse)]
    #[arg(add = ArgValueCandidates::new(complete::clusters))]
    clusters: Vec<ClusterPattern>,

    /// Protect for this time from now on, or `always`: until --forget
    #[arg(long, value_name = "DURATION", value_parser = ProtectionTime::parse)]
    #[arg(allow_hyphen_values = true)]
    r#for: Option<ProtectionTime>,

    /// End the protection
    #[arg(long, conflicts_with = "for")]
    forget: bool,

    /// List the protected clusters, and change nothing
    #[arg(long, conflicts_with_all = ["clusters", "for", "forget"])]
    list: bool,
}

/// How long to protect a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProtectionTime {
    Always,
    For(Duration),
}

impl ProtectionTime {
    /// Parses a duration, or `always`.
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "always" => Ok(Self::Always),
            text => value::limit(text).map(Self::For),
        }
    }

    fn span(self) -> Option<Duration> {
        match self {
            Self::Always => None,
            Self::For(span) => Some(span),
        }
    }
}

/// The protections of a gateway's clusters, and the clusters.
struct Kept {
    state: StateDir,
    protections: Protections,
    listing: Listing,
    active: Vec<Cluster>,
    now: ClockReading,
}

impl KeepArgs {
    /// Protects clusters, ends their protection, or lists those that are protected. A name that
    /// matches none, or several, does not stop the rest.
    pub(super) async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
        let session = invocation.session()?;
        let printer = &session.printer;
        printer.check_sorting(&protected_schema())?;
        let kept = Kept::read(&session).await?;
        if self.list {
            let rows = kept.rows();
            if rows.is_empty() {
                printer.note("no cluster is protected");
            }
            return Ok(printer.records(rows, &protected_schema())?);
        }
        if !self.forget {
            kept.forget_ended();
        }
        let (names, unmatched) = self.names(&kept, &session.gateway)?;
        let mut changed = Vec::new();
        for name in names {
            let protection = if self.forget {
                kept.forget(&name, printer)?;
                None
            } else {
                Some(kept.protect(&name, self.r#for, &session)?)
            };
            let status = kept.status(&name);
            changed.push(ProtectedCluster::new(
                name,
                status,
                protection_status(protection),
            ));
        }
        printer.record(&changed)?;
        Ok(unmatched?)
    }

    /// Returns the names of the clusters that are meant, and the last error about a pattern; prints
    /// the others.
    ///
    /// # Errors
    /// No cluster is named, and there is none or more than one.
    fn names(
        &self,
        kept: &Kept,
        gateway: &Gateway,
    ) -> Result<(Vec<String>, Result<(), lifecycle::Error>), Error> {
        if self.clusters.is_empty() {
            let name = if let Some(pattern) = resolve_or_default(None, gateway)? {
                self.name(&pattern, kept)
                    .map_err(|error| error.with_labels(gateway))?
            } else {
                find_only(&kept.active, kept.listing.clock)
                    .map_err(|error| error.with_labels(gateway))?
                    .cluster
                    .name
            };
            return Ok((vec![name], Ok(())));
        }
        let (mut names, mut unmatched) = (Vec::new(), Ok(()));
        for pattern in resolve_all(&self.clusters, gateway)? {
            match self.name(&pattern, kept) {
                Ok(name) => names.push(name),
                Err(error) => {
                    let error = error.with_labels(gateway);
                    if let Err(earlier) = std::mem::replace(&mut unmatched, Err(error)) {
                        Printer::print_error(&earlier);
                    }
                }
            }
        }
        Ok((names, unmatched))
    }

    /// Returns the name of the cluster that `pattern` means.
    fn name(&self, pattern: &ClusterPattern, kept: &Kept) -> Result<String, lifecycle::Error> {
        if self.forget {
            return find_protected(pattern, &kept.protections, &kept.listing);
        }
        find_one_of(pattern, &kept.active, kept.listing.clock)
            .map(|row| row.cluster.name)
            .map_err(|error| or_ended(error, pattern, &kept.listing))
    }
}

impl Kept {
    async fn read(session: &Session) -> Result<Self, Error> {
        let gateway = &session.gateway;
        let state = StateDir::of(gateway.base_url())?;
        let listing = gateway.clusters(&Status::ALL).await?;
        let is_active = |cluster: &&Cluster| cluster.status.is_active();
        Ok(Self {
            protections: Protections::read(&state)?,
            state,
            active: listing.clusters.iter().filter(is_active).cloned().collect(),
            now: ClockReading::now(listing.clock),
            listing,
        })
    }

    /// Returns the status of a cluster, if the gateway lists it.
    fn status(&self, name: &str) -> Option<Status> {
        let mut clusters = self.listing.clusters.iter();
        let cluster = clusters.find(|cluster| cluster.name == name)?;
        Some(cluster.status)
    }

    /// Returns the protected clusters that have not ended.
    fn rows(&self) -> Vec<ProtectedCluster> {
        let row = |name: &str| {
            let protection = self.protections.of(name, &self.now)?;
            let status = self.status(name);
            (!status.is_some_and(has_ended)).then(|| {
                ProtectedCluster::new(name.to_owned(), status, protection_status(Some(protection)))
            })
        };
        self.protections.names().filter_map(row).collect()
    }

    /// Protects a cluster. Without a time, a protection that it has already stays as it is: looking
    /// at it must not prolong it.
    fn protect(
        &self,
        name: &str,
        time: Option<ProtectionTime>,
        session: &Session,
    ) -> Result<Protection, Error> {
        let Session {
            gateway, printer, ..
        } = session;
        let existing = self.protections.of(name, &self.now);
        if let (Some(existing), None) = (existing, time) {
            let until = until(existing);
            printer.note(&format!(
                "cluster {name} is already protected {until}; `--for` or `--forget` changes that"
            ));
            return Ok(existing);
        }
        let span = time.and_then(ProtectionTime::span);
        let protection = Protection::lasting(span, &self.now);
        Protections::add(&self.state, name, &protection)?;
        let until = span.map_or_else(
            || until(protection),
            |span| format!("for {}", duration::short(span)),
        );
        printer.note(&format!(
            "cluster {name} is protected {until}; `dgw shutdown {}` still shuts it down",
            Labels::word_for(name, gateway)
        ));
        Ok(protection)
    }

    /// Ends the protection of a cluster.
    fn forget(&self, name: &str, printer: &Printer) -> Result<(), Error> {
        let was_protected = Protections::remove(&self.state, name)?;
        let change = if was_protected {
            "is no longer"
        } else {
            "was not"
        };
        printer.note(&format!("cluster {name} {change} protected"));
        Ok(())
    }

    /// Removes the protections of clusters that have ended, as far as the gateway still lists them:
    /// one that it does not list may exist all the same.
    fn forget_ended(&self) {
        let names = self.protections.names();
        for name in names.filter(|name| self.status(name).is_some_and(has_ended)) {
            if let Err(error) = Protections::remove(&self.state, name) {
                log::info!("{error}");
            }
        }
    }
}

fn has_ended(status: Status) -> bool {
    matches!(status, Status::Stopped | Status::Failed)
}

/// Returns the end of a protection within a sentence.
fn until(protection: Protection) -> String {
    match protection.until {
        None => "until `dgw keep --forget`".to_owned(),
        Some(time) => format!("until {time:.0}"),
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
        _ => Err(lifecycle::Error::SeveralProtected {
            pattern: pattern.to_string(),
            names: matching,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protects_for_a_time_or_always() {
        let hour = Duration::from_secs(3_600);
        assert_eq!(ProtectionTime::parse("1h"), Ok(ProtectionTime::For(hour)));
        assert_eq!(ProtectionTime::parse("always"), Ok(ProtectionTime::Always));
        assert_eq!(ProtectionTime::For(hour).span(), Some(hour));
        assert_eq!(ProtectionTime::Always.span(), None);
        for text in ["", "0s", "-1h", "forever", "ALWAYS"] {
            assert!(ProtectionTime::parse(text).is_err(), "{text}");
        }
    }
}
