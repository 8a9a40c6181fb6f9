//! `dgw shutdown`

mod all_gateways;

use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use crate::cli::{ProbeArgs, SelectorArgs, complete, value};
use crate::count;
use crate::error::Error;
use crate::gateway::{Cluster, ClusterPattern, Listing, Status, TlsIdentities};
use crate::lifecycle::{
    self, LastCheck, NOT_ENDED, OrphanSearch, Reasons, Recording, ShutdownRequests, candidates,
    current_records, find_one_of, mark_labels, no_match, print_shut_down, request_shutdown, rows,
    separate_protected, wait_until_gone,
};
use crate::observed::ObservedCluster;
use crate::orphans::lock_clean_up;
use crate::output::{self, Printer};
use crate::private::StateDir;
use crate::session::{Invocation, Session};

const MORE: &str = "\
Examples:
  dgw shutdown 2224
  dgw shutdown --all
  dgw shutdown --older-than 1d --yes
  dgw shutdown --idle-for 2h --dry-run --explain
  dgw shutdown --idle-for 2h --all-gateways --yes

Idle clusters:
  --idle-for D selects running clusters without clients, tasks or results in
  memory, all for D without a break. Unknown counts as in use, and dgw checks
  each cluster again before its shutdown. A Python session without a Client is
  not visible. See dgw-idle(7).

Cron:
  */30 * * * * dgw shutdown --idle-for 2h --yes -q";

/// Shut clusters down, wait until they are gone, and print their names
///
/// Name the clusters, or select them. A selection leaves out clusters that `dgw keep` protects, unless
/// --even-kept is given. Before it shuts down a selection, dgw asks on a terminal; elsewhere it
/// requires --yes. dgw shuts down exactly what it lists, except for clusters that are in use or
/// protected at the last moment. If one shutdown fails, dgw continues with the rest.
#[derive(Debug, Args)]
#[command(visible_alias = "stop", after_long_help = MORE)]
#[command(
    override_usage = "dgw shutdown [OPTIONS] <CLUSTER>...\n       dgw shutdown [OPTIONS] <SELECTORS>"
)]
#[command(group = clap::ArgGroup::new("which").args(["clusters", "all", "status", "older_than", "idle_for"]).multiple(true).required(true))]
pub(crate) struct ShutdownArgs {
    /// Cluster names, unique prefixes of them, names by `dgw name`, or dashboard URLs
    #[arg(value_name = "CLUSTER", value_parser = ClusterPattern::parse)]
    #[arg(conflicts_with_all = ["all", "status", "older_than", "idle_for"])]
    #[arg(add = ArgValueCandidates::new(complete::clusters))]
    clusters: Vec<ClusterPattern>,

    /// Every active cluster of yours
    #[arg(long)]
    all: bool,

    /// Include clusters that `dgw keep` protects
    #[arg(long, conflicts_with = "clusters")]
    even_kept: bool,

    /// With --idle-for: on all your gateways, asked at the same time
    ///
    /// A gateway that does not respond hides no other. The exit code is 8 then.
    #[arg(long, requires = "idle_for")]
    all_gateways: bool,

    /// Print what would be shut down, and change nothing
    #[arg(long)]
    dry_run: bool,

    /// Do not ask for confirmation
    #[arg(short, long)]
    yes: bool,

    /// Do not wait until the clusters are gone
    #[arg(long)]
    no_wait: bool,

    /// Stop waiting after this time; the gateway continues to shut down
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = value::limit)]
    timeout: Duration,

    #[command(flatten)]
    selectors: SelectorArgs,

    #[command(flatten)]
    probe: ProbeArgs,
}

/// The clusters to shut down, and the error for a name that matches none.
type Selection = (Vec<ObservedCluster>, Result<(), lifecycle::Error>);

impl ShutdownArgs {
    /// Shuts clusters down, waits until they are gone, and prints their names.
    pub(super) async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
        if !self.is_named() && !self.yes && !self.dry_run && !Printer::can_confirm() {
            return Err(output::Error::NeedsYes.into());
        }
        let rule = self.selectors.orphan_rule();
        if let Some(rule) = rule.filter(|_| self.all_gateways) {
            return self.run_on_all_gateways(rule, invocation).await;
        }
        let session = invocation.session()?;
        if rule.is_none() || !self.yes || self.dry_run {
            return self.run_unlocked(&session).await;
        }
        match lock_clean_up(&StateDir::of(session.gateway.base_url())?) {
            Ok(Some(_lock)) => self.run_unlocked(&session).await,
            Ok(None) => {
                let message = "another clean-up is running: nothing was done";
                session.printer.note(message);
                Ok(print_shut_down(&[], &session.printer)?)
            }
            // The lock only saves work.
            Err(error) => {
                log::info!("{error}");
                self.run_unlocked(&session).await
            }
        }
    }

    /// Returns true if the clusters are named rather than selected.
    fn is_named(&self) -> bool {
        !self.clusters.is_empty()
    }

    async fn run_unlocked(&self, session: &Session) -> Result<(), Error> {
        let mut clean_up = self
            .selectors
            .orphan_rule()
            .map(|rule| {
                let reasons = self.selectors.reasons();
                OrphanSearch::new(rule, reasons, self.probe.probe_timeout, session)
            })
            .transpose()?;
        let (rows, unmatched) = if self.is_named() {
            self.named(session).await?
        } else {
            (self.selected(session, clean_up.as_mut()).await?, Ok(()))
        };
        let done = self
            .shut_down(rows, unmatched, clean_up.as_ref(), session)
            .await;
        // Of two failures the other one says more.
        match (done, clean_up.map_or(Ok(()), OrphanSearch::finish)) {
            (Ok(()), unwritten) => Ok(unwritten?),
            (done, Ok(())) => done,
            (done, Err(unwritten)) => {
                Printer::print_error(&unwritten);
                done
            }
        }
    }

    /// Shuts the clusters down. `unmatched` is the error for names that match none.
    async fn shut_down(
        &self,
        mut rows: Vec<ObservedCluster>,
        unmatched: Result<(), lifecycle::Error>,
        clean_up: Option<&OrphanSearch<'_>>,
        session: &Session,
    ) -> Result<(), Error> {
        let printer = &session.printer;
        if rows.is_empty() {
            print_shut_down(&[], printer)?;
            return Ok(unmatched.inspect(|()| printer.note("no cluster to shut down"))?);
        }
        if self.dry_run {
            printer.note("dry run: nothing is shut down");
            print_shut_down(&clusters(rows), printer)?;
            return Ok(unmatched?);
        }
        if !self.is_named() && !self.yes {
            mark_labels(&mut rows, session);
            if !is_confirmed(&candidates(&rows), printer).await? {
                return Ok(());
            }
        }
        let requests = self.request(rows, clean_up, session).await;
        let (records, waited) = self.wait(&requests, session).await;
        let waited = print_shut_down(&records, printer).and(waited);
        Ok(combine(requests, waited, unmatched)?)
    }

    /// Requests the shutdown of the clusters, except for those that may not be shut down any more.
    async fn request(
        &self,
        rows: Vec<ObservedCluster>,
        clean_up: Option<&OrphanSearch<'_>>,
        session: &Session,
    ) -> ShutdownRequests {
        let check = LastCheck {
            orphan_of: clean_up,
            is_unprotected: self.spares_protected(),
        };
        let requests = request_shutdown(clusters(rows), check, &session.gateway).await;
        for (name, reason) in &requests.spared {
            session.printer.note(&format!(
                "cluster {name} is left running after all: {reason}"
            ));
        }
        requests
    }

    /// Waits until the clusters are gone, if it is to. Returns what is left to print of them.
    async fn wait(
        &self,
        requests: &ShutdownRequests,
        session: &Session,
    ) -> (Vec<Cluster>, Result<(), lifecycle::Error>) {
        if self.no_wait {
            return (current_records(&requests.accepted, session).await, Ok(()));
        }
        wait_until_gone(&requests.accepted, self.timeout, session).await
    }

    /// Finds the named clusters, in any status, in one list: the server returns the same for names
    /// that it knows and names that it does not. A name that matches none, or several, does not stop
    /// the rest.
    async fn named(&self, session: &Session) -> Result<Selection, Error> {
        let mut selected: Vec<ObservedCluster> = Vec::new();
        let mut errors = Vec::new();
        let Listing { clusters, clock } = session.gateway.clusters(&Status::ALL).await?;
        let (current, ended): (Vec<_>, Vec<_>) = clusters
            .into_iter()
            .partition(|cluster| NOT_ENDED.contains(&cluster.status));
        let is_selected = |selected: &[ObservedCluster], name: &str| {
            selected.iter().any(|row| row.cluster.name == name)
        };
        let patterns = lifecycle::resolve_all(&self.clusters, &session.gateway)?;
        for pattern in &patterns {
            match find_one_of(pattern, &current, clock) {
                Ok(row) if is_selected(&selected, &row.cluster.name) => {}
                Ok(row) => selected.push(row),
                Err(error) => match find_one_of(pattern, &ended, clock) {
                    // A name that was in use is no mistake: there is just nothing left to do.
                    Ok(row) if matches!(error, lifecycle::Error::NoMatch { .. }) => {
                        let Cluster { name, status, .. } = row.cluster;
                        let message = format!("cluster {name} is already {status}");
                        session.printer.note(&message);
                    }
                    _ => errors.push((pattern, error)),
                },
            }
        }
        let remaining = current
            .into_iter()
            .filter(|cluster| self.dry_run || !is_selected(&selected, &cluster.name))
            .collect::<Vec<_>>();
        let mut unmatched = Ok(());
        for (pattern, error) in errors {
            let error = match error {
                // Offers the clusters that will still be there.
                lifecycle::Error::NoMatch { .. } => {
                    let clusters = remaining.clone();
                    no_match(pattern, rows(Listing { clusters, clock }).collect())
                }
                error => error,
            }
            .with_labels(&session.gateway);
            if let Err(earlier) = std::mem::replace(&mut unmatched, Err(error)) {
                Printer::print_error(&earlier);
            }
        }
        Ok((selected, unmatched))
    }

    /// Returns true if clusters that `dgw keep` protects are left out.
    fn spares_protected(&self) -> bool {
        !self.is_named() && !self.even_kept
    }

    /// Finds the clusters that every selector matches: active ones, unless other statuses are given,
    /// without those that `dgw keep` protects.
    async fn selected(
        &self,
        session: &Session,
        clean_up: Option<&mut OrphanSearch<'_>>,
    ) -> Result<Vec<ObservedCluster>, lifecycle::Error> {
        let gateway = &session.gateway;
        let selectors = self.selectors.selectors();
        let statuses: &[Status] = if selectors.statuses.is_empty() {
            &Status::ACTIVE
        } else {
            &NOT_ENDED
        };
        let (listing, identities) = if clean_up.is_some() {
            gateway.clusters_with_identities(statuses).await?
        } else {
            (gateway.clusters(statuses).await?, TlsIdentities::new())
        };
        let clock = listing.clock;
        if clock.is_none() && selectors.older_than.is_some() {
            return Err(lifecycle::Error::NoClock);
        }
        let mut rows = rows(listing)
            .filter(|row| selectors.matches(row))
            .collect::<Vec<_>>();
        if self.spares_protected() {
            let (others, protected) = separate_protected(rows, gateway, clock, selectors.reasons)?;
            // `--explain` has named each already.
            if selectors.reasons == Reasons::Log {
                note_protected(&protected, &session.printer);
            }
            rows = others;
        }
        let recording = if self.dry_run {
            Recording::ReadOnly
        } else {
            Recording::Write
        };
        match clean_up {
            Some(clean_up) => Ok(clean_up
                .find_orphans(rows, &identities, clock, recording)
                .await),
            None => Ok(rows),
        }
    }
}

/// Says which clusters are left out because `dgw keep` protects them, and how to include them.
fn note_protected(protected: &[ObservedCluster], printer: &Printer) {
    if protected.is_empty() {
        return;
    }
    let count = count::of(protected.len(), "cluster");
    let names = protected
        .iter()
        .map(|row| row.cluster.name.as_str())
        .collect::<Vec<_>>()
        .join(" ");
    printer.note(&format!(
        "left out {count} that `dgw keep` protects: {names} (`--even-kept` includes them)"
    ));
}

/// Asks whether to shut these clusters down.
async fn is_confirmed(candidates: &[String], printer: &Printer) -> Result<bool, output::Error> {
    let question = format!("shut down {}?", count::of(candidates.len(), "cluster"));
    let is_confirmed = Printer::confirm(candidates, &question).await?;
    if !is_confirmed {
        printer.note("nothing was shut down");
    }
    Ok(is_confirmed)
}

/// Combines all failures into the one that ends the command; prints the others.
fn combine(
    requests: ShutdownRequests,
    waited: Result<(), lifecycle::Error>,
    unmatched: Result<(), lifecycle::Error>,
) -> Result<(), lifecycle::Error> {
    let ShutdownRequests {
        accepted,
        mut failed,
        ..
    } = requests;
    match (failed.len(), waited) {
        (0, Ok(())) => unmatched,
        (0, waited) => waited,
        (1, _) if accepted.is_empty() => Err(failed.remove(0).1),
        (_, waited) => {
            if let Err(error) = waited {
                Printer::print_error(&error);
            }
            Err(lifecycle::Error::Partly {
                total: accepted.len() + failed.len(),
                failed: failed
                    .iter()
                    .map(|(name, error)| format!("{name}: {error}"))
                    .collect(),
            })
        }
    }
}

fn clusters(rows: Vec<ObservedCluster>) -> Vec<Cluster> {
    rows.into_iter().map(|row| row.cluster).collect()
}
