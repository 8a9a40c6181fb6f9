//! `dgw list`

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use crate::cli::{ProbeArgs, SelectorArgs, complete, value};
use crate::error::Error;
use crate::gateway::{Cluster, ClusterPattern, Gateway, Listing, Status, TlsIdentities};
use crate::lifecycle::{
    self, NOT_ENDED, OrphanSearch, OutageNotice, Reasons, Recording, Selectors,
};
use crate::observed::{ObservedCluster, ProtectionStatus};
use crate::output::{Format, Printer, RowSchema, cluster_schema, wide_cluster_schema};
use crate::session::{Invocation, Session};

/// List your clusters
///
/// Without arguments, lists the active clusters: pending and running. On a narrow terminal, or where
/// COLUMNS is set, the table omits columns that do not fit, dashboards first, and dgw says which. Pipes
/// and files always get the same columns, with a word in each. LABEL, the name that `dgw name` gave, is
/// shown on a terminal if any cluster has one; records always have it.
///
/// With -o wide, dgw asks all running clusters at the same time what they are doing. DONE/TASKS shows
/// how many tasks are done, and how many the scheduler knows (`--sort-by tasks` sorts by those to be
/// done); CLIENTS, how many clients are connected; IDLE, how long nothing has been running or queued, or `-` while something is; KEEP,
/// how long `dgw keep` protects the cluster (on a terminal, only if it protects any). `?` means
/// unknown.
#[derive(Debug, Args)]
#[command(
    visible_alias = "ls",
    after_long_help = "\
Examples:
  dgw list
  dgw list -o wide --sort-by idle
  dgw list -o csv --sort-by -start_time
  dgw list --all --older-than 1d
  dgw list -o json | jq -r '.[].dashboard_link'"
)]
pub(crate) struct ListArgs {
    /// Only these clusters: names, unique prefixes of them, names by `dgw name`, or dashboard URLs
    #[arg(value_name = "CLUSTER", value_parser = ClusterPattern::parse)]
    #[arg(add = ArgValueCandidates::new(complete::clusters))]
    clusters: Vec<ClusterPattern>,

    /// All clusters that the gateway still knows, also those that have ended
    #[arg(long)]
    all: bool,

    /// Repeat the list, every two seconds or at this interval
    ///
    /// On a terminal each list replaces the previous one, and its last line says how many clusters do
    /// not fit.
    #[arg(short, long, value_name = "DURATION", num_args = 0..=1)]
    #[arg(default_missing_value = "2s", value_parser = value::pace)]
    watch: Option<Duration>,

    /// Ask running clusters what they are doing, as -o wide does, in any format
    #[arg(long)]
    wide: bool,

    #[command(flatten)]
    probe: ProbeArgs,

    #[command(flatten)]
    selectors: SelectorArgs,
}

impl ListArgs {
    /// Lists clusters, once or until interrupted.
    pub(super) async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
        let session = invocation.session()?;
        session
            .printer
            .check_sorting(&self.schema(&session, true, true))?;
        let Some(pause) = self.watch else {
            return Ok(self.list(&session).await?);
        };
        let session = session.in_series();
        let mut outage = OutageNotice::new(&session.printer);
        loop {
            match self.list(&session).await {
                // The gateway may be back the next time.
                Err(lifecycle::Error::Gateway(error)) if error.is_temporary() => {
                    outage.failed(&error);
                }
                done => {
                    done?;
                    outage.responded();
                }
            }
            tokio::time::sleep(pause).await;
        }
    }

    fn is_wide(&self, session: &Session) -> bool {
        self.wide || session.printer.format() == Format::Wide
    }

    fn schema(
        &self,
        session: &Session,
        has_label: bool,
        has_keep: bool,
    ) -> RowSchema<ObservedCluster> {
        if self.is_wide(session) {
            wide_cluster_schema(has_label, has_keep)
        } else {
            cluster_schema(has_label)
        }
    }

    /// Returns the statuses to ask for. A named cluster is meant in any status.
    fn statuses(&self) -> Vec<Status> {
        let Selectors {
            statuses: mut selected,
            reasons,
            ..
        } = self.selectors.selectors();
        // The reason for which a cluster is left out may be its status.
        if reasons == Reasons::Print && !selected.is_empty() {
            selected.extend(NOT_ENDED);
        }
        match (self.clusters.is_empty(), selected.is_empty()) {
            (true, false) => selected,
            (false, false) => Status::ALL.to_vec(),
            _ if self.all => Status::ALL.to_vec(),
            _ => Status::ACTIVE.to_vec(),
        }
    }

    async fn list(&self, session: &Session) -> Result<(), lifecycle::Error> {
        let printer = &session.printer;
        let is_wide = self.is_wide(session);
        let mut clean_up = self
            .selectors
            .orphan_rule()
            .map(|rule| {
                let reasons = self.selectors.reasons();
                OrphanSearch::new(rule, reasons, self.probe.probe_timeout, session)
            })
            .transpose()?;
        let needs_identities = is_wide || clean_up.is_some();
        let (listing, identities) = self.fetch(needs_identities, &session.gateway).await?;
        let clock = listing.clock;
        let selectors = self.selectors.selectors();
        let mut rows = lifecycle::rows(listing)
            .filter(|row| selectors.matches(row))
            .collect::<Vec<_>>();
        if let Some(clean_up) = &mut clean_up {
            (rows, _) =
                lifecycle::separate_protected(rows, &session.gateway, clock, selectors.reasons)?;
            // Listing leaves no records.
            rows = clean_up
                .find_orphans(rows, &identities, clock, Recording::ReadOnly)
                .await;
        }
        lifecycle::mark_labels(&mut rows, session);
        let is_empty = rows.is_empty();
        if is_wide {
            rows = lifecycle::probe(rows, &identities, session, self.probe.probe_timeout).await;
            lifecycle::mark_protection(&mut rows, session);
        } else {
            for row in &mut rows {
                row.activity = None;
            }
        }
        let is_protected = |row: &ObservedCluster| {
            row.protection
                .is_some_and(|protection| protection != ProtectionStatus::None)
        };
        // Scripts that count columns must find the same ones each time.
        let has_keep = !Printer::is_for_terminal()
            || printer.sorts_by("keep")
            || rows.iter().any(is_protected);
        // In scripts NAME is the first column, whether or not a cluster has a label.
        let has_label = printer.sorts_by("label")
            || Printer::is_for_terminal() && rows.iter().any(|row| row.label.is_some());
        printer.records(rows, &self.schema(session, has_label, has_keep))?;
        if is_empty {
            printer.note(if self.all || !self.selectors.is_empty() {
                "no cluster matches"
            } else {
                "no active clusters"
            });
        }
        Ok(())
    }

    /// Fetches the clusters that the names and statuses select. Asks for ended clusters only if a
    /// name matches no other.
    async fn fetch(
        &self,
        needs_identities: bool,
        gateway: &Gateway,
    ) -> Result<(Listing, TlsIdentities), lifecycle::Error> {
        let clusters = &lifecycle::resolve_all(&self.clusters, gateway)?;
        let statuses = self.statuses();
        let (mut listing, mut identities) = fetch(&statuses, needs_identities, gateway).await?;
        if self.clusters.is_empty() {
            return Ok((listing, identities));
        }
        let first = listing
            .clusters
            .iter()
            .map(|cluster| cluster.name.clone())
            .collect::<BTreeSet<_>>();
        if first_unmatched(clusters, &listing).is_some() && statuses != Status::ALL {
            (listing, identities) = fetch(&Status::ALL, needs_identities, gateway).await?;
        }
        if let Some(pattern) = first_unmatched(clusters, &listing) {
            return Err(lifecycle::no_match(
                pattern,
                lifecycle::rows(listing).collect(),
            ));
        }
        // A pattern means ended clusters only if it matches no active one.
        let is_named = |cluster: &Cluster| {
            clusters.iter().any(|pattern| {
                let matches_first = first.iter().any(|name| pattern.matches(name));
                pattern.matches(&cluster.name) && (!matches_first || first.contains(&cluster.name))
            })
        };
        listing.clusters.retain(is_named);
        Ok((listing, identities))
    }
}

/// Returns the first pattern that matches no cluster.
fn first_unmatched<'a>(
    patterns: &'a [ClusterPattern],
    listing: &Listing,
) -> Option<&'a ClusterPattern> {
    patterns.iter().find(|pattern| {
        !listing
            .clusters
            .iter()
            .any(|cluster| pattern.matches(&cluster.name))
    })
}

/// Fetches the clusters with these statuses, with the TLS identities of running ones if needed.
async fn fetch(
    statuses: &[Status],
    needs_identities: bool,
    gateway: &Gateway,
) -> Result<(Listing, TlsIdentities), lifecycle::Error> {
    if needs_identities {
        return Ok(gateway.clusters_with_identities(statuses).await?);
    }
    Ok((gateway.clusters(statuses).await?, TlsIdentities::new()))
}
