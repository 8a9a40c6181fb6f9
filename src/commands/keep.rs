//! `dgw keep`

use serde::Serialize;

use super::protection;
use super::selection::one_of;
use crate::age;
use crate::cli::KeepArgs;
use crate::cli::value::ClusterName;
use crate::error::Error;
use crate::gateway::{Cluster, Gateway, Listing, Status};
use crate::orphans::{ClockReading, Protection, Protections};
use crate::output::{Printer, ProtectionStatus};
use crate::private::StateDir;

/// What became of a cluster.
#[derive(Debug, Serialize)]
struct Kept {
    name: String,
    #[serde(flatten)]
    protection: ProtectionStatus,
}

/// `error`, or that the cluster which `name` fits has ended.
fn or_ended(error: Error, name: &ClusterName, listing: &Listing) -> Error {
    match one_of(name, &listing.clusters, listing.clock) {
        Ok(row) if matches!(error, Error::NoneFits { .. }) => {
            let Cluster { name, status, .. } = row.cluster;
            Error::NotRunning { name, status }
        }
        _ => error,
    }
}

/// Protects clusters from clean-up, or no longer. A name that fits none, or several, is reported and
/// doesn't stop the rest.
pub(super) async fn run(
    args: &KeepArgs,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    let store = StateDir::of(gateway.base_url())?;
    let listing = gateway.clusters(&Status::ALL).await?;
    let now = ClockReading::now(listing.clock);
    let keep = Protection::lasting(args.r#for, &now);
    let keeps = Protections::read(&store)?;
    if !args.forget {
        tidy(&store, &keeps, &listing);
    }
    let active = listing.clusters.iter();
    let active = active.filter(|cluster| cluster.status.is_active()).cloned();
    let active = active.collect::<Vec<_>>();
    let (mut done, mut misfit) = (Vec::new(), Ok(()));
    for name in &args.clusters {
        let found = if args.forget {
            protected(name, &keeps, &listing)
        } else {
            let found = one_of(name, &active, listing.clock).map(|row| row.cluster.name);
            found.map_err(|error| or_ended(error, name, &listing))
        };
        let name = match found {
            Ok(name) => name,
            Err(error) => {
                if let Err(earlier) = std::mem::replace(&mut misfit, Err(error)) {
                    Printer::print_error(&earlier);
                }
                continue;
            }
        };
        let protection = if args.forget {
            let is_changed = Protections::remove(&store, &name)?;
            printer.note(&format!(
                "cluster {name} {} protected",
                if is_changed {
                    "is no longer"
                } else {
                    "was not"
                }
            ));
            None
        } else {
            Protections::add(&store, &name, &keep)?;
            let span = args.r#for.map(age::short);
            let span = span.map_or_else(
                || "until `dgw keep --forget`".to_owned(),
                |span| format!("for {span}"),
            );
            printer.note(&format!("cluster {name} is protected from clean-up {span}"));
            Some(keep)
        };
        done.push(Kept {
            name,
            protection: protection::of(protection),
        });
    }
    printer.result(&done, String::new)?;
    misfit
}

/// The protected cluster that is meant, or else any that the gateway knows. Those that it has
/// forgotten can be meant too.
fn protected(name: &ClusterName, keeps: &Protections, listing: &Listing) -> Result<String, Error> {
    let fitting = keeps.names().filter(|other| name.fits(other));
    let fitting = fitting.map(str::to_owned).collect::<Vec<_>>();
    match &fitting[..] {
        [] => one_of(name, &listing.clusters, listing.clock).map(|row| row.cluster.name),
        [one] => Ok(one.clone()),
        _ if fitting.iter().any(|other| other == name.as_str()) => Ok(name.as_str().to_owned()),
        _ => Err(Error::SeveralFit {
            pattern: name.as_str().to_owned(),
            fitting,
        }),
    }
}

/// Forgets the protections of clusters that have ended, as far as the gateway still says so: one
/// that it doesn't list may be there all the same.
fn tidy(store: &StateDir, keeps: &Protections, listing: &Listing) {
    let ended = listing
        .clusters
        .iter()
        .filter(|cluster| matches!(cluster.status, Status::Stopped | Status::Failed));
    let ended = ended.filter(|cluster| keeps.names().any(|name| name == cluster.name));
    for cluster in ended {
        if let Err(error) = Protections::remove(store, &cluster.name) {
            log::info!("{error}");
        }
    }
}
