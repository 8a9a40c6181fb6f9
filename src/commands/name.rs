//! `dgw name`

use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use serde_json::json;

use crate::cli::complete;
use crate::error::Error;
use crate::gateway::{Cluster, ClusterPattern, Label, Listing, Status};
use crate::lifecycle::{self, Labels, find_one_of, lock_out_starts, resolve};
use crate::observed::ObservedCluster;
use crate::session::{Invocation, Session};

/// Give a cluster a name of your own
///
/// Every command takes the name in place of CLUSTER, `dgw list` shows it, and `dgw new --name` gives it
/// to a new cluster. A name begins with a letter and has at most 64 letters, digits, `-` and `_`, not
/// only the hexadecimal digits of the gateway's own names. A cluster has one name at a time. The name goes
/// when dgw shuts the cluster down; if it ends otherwise, another can get its name.
///
/// dgw stores the names for each gateway's address, in `$XDG_STATE_HOME/dgw` or ~/.local/state/dgw. The
/// gateway and other users do not see them.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw name 2224 era5
  dgw name era5 era5-monthly
  dgw name era5-monthly --forget")]
pub(crate) struct NameArgs {
    /// Cluster name, unique prefix of one, or dashboard URL
    #[arg(value_name = "CLUSTER", value_parser = ClusterPattern::parse)]
    #[arg(add = ArgValueCandidates::new(complete::clusters))]
    cluster: ClusterPattern,

    /// The cluster's new name
    #[arg(value_name = "NAME", value_parser = Label::parse)]
    #[arg(required_unless_present = "forget", conflicts_with = "forget")]
    name: Option<Label>,

    /// Forget the cluster's name
    #[arg(long)]
    forget: bool,
}

impl NameArgs {
    /// Names a cluster, or forgets its name.
    pub(super) async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
        let session = invocation.session()?;
        let cluster = self.rename(&session).await?;
        let label = self.name.as_ref().map(Label::as_str);
        session
            .printer
            .record(&json!({ "name": cluster, "label": label }))?;
        Ok(())
    }

    /// Changes the name, and returns the gateway's name of the cluster.
    async fn rename(&self, session: &Session) -> Result<String, lifecycle::Error> {
        let Session {
            gateway, printer, ..
        } = session;
        // Two runs at once would both find the name free.
        let _lock = lock_out_starts(session).await;
        let pattern = resolve(&self.cluster, gateway)?;
        let labels = Labels::read(gateway)?;
        let Some(name) = &self.name else {
            let cluster = if labels.of(pattern.as_str()).is_some() {
                // It may have ended long ago.
                pattern.as_str().to_owned()
            } else {
                lifecycle::find(gateway, Some(&pattern)).await?.name
            };
            let change = if labels.remove(&cluster, gateway)? {
                "no longer has"
            } else {
                "had not"
            };
            printer.note(&format!("cluster {cluster} {change} a name of yours"));
            return Ok(cluster);
        };
        let listing = gateway.clusters(&Status::ALL).await?;
        let Cluster {
            name: cluster,
            status,
            ..
        } = find_active(&pattern, &listing)
            .map_err(|error| error.with_labels(gateway))?
            .cluster;
        if !status.is_active() {
            return Err(lifecycle::Error::NotRunning {
                name: cluster,
                status,
            });
        }
        labels.check_free(name, Some(&cluster), &listing.clusters)?;
        labels.forget_ended(&listing.clusters, gateway);
        labels.give(name, &cluster, gateway)?;
        printer.note(&format!("cluster {cluster} is now named `{name}`"));
        Ok(cluster)
    }
}

/// Finds the cluster that `pattern` means: an ended one only if no active one matches.
fn find_active(
    pattern: &ClusterPattern,
    listing: &Listing,
) -> Result<ObservedCluster, lifecycle::Error> {
    let Listing { clusters, clock } = listing;
    let active = clusters.iter().filter(|cluster| cluster.status.is_active());
    let active = active.cloned().collect::<Vec<_>>();
    match find_one_of(pattern, &active, *clock) {
        Err(lifecycle::Error::NoMatch { .. }) => find_one_of(pattern, clusters, *clock),
        found => found,
    }
}
