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
use crate::output::{
    self, Format, Printer, RowSchema, cluster_schema, wide_cluster_schema, with_gateway,
};
use crate::session::{
    GatewayResults, GatewaysFailed, Invocation, NamedSession, Session, on_each_gateway,
};

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
  dgw list --all-gateways
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

    /// The clusters of all your gateways, asked at the same time, with a column GATEWAY
    ///
    /// A gateway that does not respond hides no other. The exit code is 8 then.
    #[arg(long, conflicts_with = "clusters")]
    all_gateways: bool,

    #[command(flatten)]
    probe: ProbeArgs,

    #[command(flatten)]
    selectors: SelectorArgs,
}

impl ListArgs {
    /// Lists clusters, once or until interrupted.
    pub(super) async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
        invocation
            .printer
            .check_sorting(&self.schema(&invocation.printer, true, true))?;
        if self.all_gateways {
            return self.run_on_all_gateways(invocation).await;
        }
        let session = invocation.session()?;
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

    /// Lists the clusters of all gateways, once or until interrupted.
    async fn run_on_all_gateways(&self, invocation: &Invocation) -> Result<(), Error> {
        let gateways = invocation.sessions_of_all_gateways()?;
        let names = || gateways.iter().map(|named| named.name.clone());
        let Some(pause) = self.watch else {
            let results = self.list_all(&gateways, &invocation.printer).await?;
            return Ok(GatewaysFailed::check(names().zip(results))?);
        };
        let printer = invocation.printer.in_series();
        let mut outages = names()
            .map(|name| (name, OutageNotice::new(&printer)))
            .collect::<Vec<_>>();
        loop {
            let results = self.list_all(&gateways, &printer).await?;
            for ((name, outage), result) in outages.iter_mut().zip(results) {
                let failure = result.map_err(|error| format!("gateway `{name}`: {error}"));
                match failure {
                    Ok(()) => outage.responded(),
                    // Each list erases what was printed below the one before.
                    Err(failure) if Printer::is_for_terminal() => Printer::warn_always(&failure),
                    Err(failure) => outage.failed(&failure),
                }
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Lists the clusters of all `gateways` at once. Returns which of them failed.
    ///
    /// # Errors
    /// stdout can't be written.
    async fn list_all(
        &self,
        gateways: &[NamedSession],
        printer: &Printer,
    ) -> Result<GatewayResults<()>, Error> {
        let found = on_each_gateway(gateways, async |named, session| {
            let mut rows = Box::pin(self.rows(session)).await?;
            for row in &mut rows {
                row.gateway = Some(named.name.clone());
            }
            Ok(rows)
        });
        let (mut all, mut results) = (Vec::new(), Vec::new());
        for found in found.await {
            results.push(found.map(|rows| all.extend(rows)));
        }
        self.print(all, printer)?;
        Ok(results)
    }

    fn is_wide(&self, printer: &Printer) -> bool {
        self.wide || printer.format() == Format::Wide
    }

    fn schema(
        &self,
        printer: &Printer,
        has_label: bool,
        has_keep: bool,
    ) -> RowSchema<ObservedCluster> {
        let schema = if self.is_wide(printer) {
            wide_cluster_schema(has_label, has_keep)
        } else {
            cluster_schema(has_label)
        };
        if self.all_gateways {
            with_gateway(schema)
        } else {
            schema
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
        let rows = self.rows(session).await?;
        Ok(self.print(rows, &session.printer)?)
    }

    /// Finds the clusters to list.
    async fn rows(&self, session: &Session) -> Result<Vec<ObservedCluster>, lifecycle::Error> {
        let is_wide = self.is_wide(&session.printer);
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
        if is_wide {
            rows = lifecycle::probe(rows, &identities, session, self.probe.probe_timeout).await;
            lifecycle::mark_protection(&mut rows, session);
        } else {
            for row in &mut rows {
                row.activity = None;
            }
        }
        Ok(rows)
    }

    fn print(&self, rows: Vec<ObservedCluster>, printer: &Printer) -> Result<(), output::Error> {
        let is_empty = rows.is_empty();
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
        printer.records(rows, &self.schema(printer, has_label, has_keep))?;
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
            let rows = lifecycle::rows(listing).collect();
            return Err(lifecycle::no_match(pattern, rows).with_labels(gateway));
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
