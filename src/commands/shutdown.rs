//! `dgw shutdown`

use super::counted;
use super::ending::{Asked, NOT_GONE, as_they_are, ask, print, see_them_gone};
use super::orphans::Orphans;
use super::selection::{self, one_of};
use crate::cli::ShutdownArgs;
use crate::error::Error;
use crate::gateway::{Cluster, Gateway, Listing, Status, TlsIdentities};
use crate::orphans::lock_clean_up;
use crate::output::{ClusterRow, Printer};
use crate::private::StateDir;

/// Shuts clusters down, waits until they are gone, and prints their names.
pub(super) async fn run(
    args: &ShutdownArgs,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    let is_clean_up = args.selectors.idle_for.is_some() && args.yes && !args.dry_run;
    if !is_clean_up {
        return unlocked(args, gateway, printer).await;
    }
    match lock_clean_up(&StateDir::of(gateway.base_url())?) {
        Ok(Some(_lock)) => unlocked(args, gateway, printer).await,
        Ok(None) => {
            printer.note("another clean-up is at work: nothing was done");
            print(&[], printer)
        }
        // It only saves work.
        Err(error) => {
            log::info!("{error}");
            unlocked(args, gateway, printer).await
        }
    }
}

async fn unlocked(args: &ShutdownArgs, gateway: &Gateway, printer: &Printer) -> Result<(), Error> {
    let mut orphans = Orphans::asked_for(&args.selectors, &args.probe, gateway)?;
    let (picked, misfit) = if args.clusters.is_empty() {
        (by_selectors(args, gateway, orphans.as_mut()).await?, Ok(()))
    } else {
        by_name(args, gateway, printer).await?
    };
    let done = end(picked, misfit, args, orphans.as_ref(), gateway, printer).await;
    // Of two failures the other one says more.
    match (done, orphans.map_or(Ok(()), Orphans::into_failure)) {
        (Ok(()), unwritten) => unwritten,
        (done, Ok(())) => done,
        (done, Err(unwritten)) => {
            Printer::print_error(&unwritten);
            done
        }
    }
}

/// Ends those picked. `misfit` is what there was to say of names that fit none.
async fn end(
    picked: Vec<ClusterRow>,
    misfit: Result<(), Error>,
    args: &ShutdownArgs,
    orphans: Option<&Orphans<'_>>,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    if picked.is_empty() {
        print(&[], printer)?;
        return misfit.inspect(|()| printer.note("no cluster to shut down"));
    }
    if args.dry_run {
        printer.note("dry run: nothing is shut down");
        print(&clusters(picked), printer)?;
        return misfit;
    }
    if args.clusters.is_empty() && !args.yes {
        let question = format!("shut down {}?", counted(picked.len()));
        if !Printer::confirm(&selection::lines(&picked), &question).await? {
            printer.note("nothing was shut down");
            return Ok(());
        }
    }
    let asked = ask(clusters(picked), orphans, gateway).await;
    for (name, reason) in &asked.spared {
        printer.note(&format!("cluster {name} is kept after all: {reason}"));
    }
    let seen = if args.no_wait {
        print(&as_they_are(&asked.agreed, gateway, printer).await, printer)
    } else {
        see_them_gone(&asked.agreed, args.timeout, gateway, printer).await
    };
    verdict(asked, seen, misfit)
}

/// The one exit code for all that went wrong.
fn verdict(asked: Asked, seen: Result<(), Error>, misfit: Result<(), Error>) -> Result<(), Error> {
    let Asked {
        agreed, refused, ..
    } = asked;
    match (refused.len(), seen) {
        (0, Ok(())) => misfit,
        (0, seen) => seen,
        // Of all that went wrong the refusals say most.
        (1, _) if agreed.is_empty() => {
            let only = refused.into_iter().map(|(_, error)| error).next();
            only.map_or(Ok(()), |error| Err(error.into()))
        }
        (_, seen) => {
            if let Err(error) = seen {
                Printer::print_error(&error);
            }
            let lines = refused
                .iter()
                .map(|(name, error)| format!("{name}: {error}"));
            Err(Error::Partly {
                of: agreed.len() + refused.len(),
                failed: lines.collect(),
            })
        }
    }
}

/// Those named, each in whatever status it is. Looked up in one list: the server answers alike
/// to names it knows and names it doesn't. A name that fits none, or several, is reported and
/// doesn't stop the rest.
async fn by_name(
    args: &ShutdownArgs,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(Vec<ClusterRow>, Result<(), Error>), Error> {
    let mut picked: Vec<ClusterRow> = Vec::new();
    let mut misfits = Vec::new();
    let Listing { clusters, clock } = gateway.clusters(&Status::ALL).await?;
    let (there, gone): (Vec<_>, Vec<_>) = clusters
        .into_iter()
        .partition(|cluster| NOT_GONE.contains(&cluster.status));
    for name in &args.clusters {
        match one_of(name, &there, clock) {
            Ok(row) => {
                let is_known = |other: &ClusterRow| other.cluster.name == row.cluster.name;
                if !picked.iter().any(is_known) {
                    picked.push(row);
                }
            }
            Err(error) => match one_of(name, &gone, clock) {
                // A name that was in use is no mistake: there's just nothing left to do.
                Ok(row) if matches!(error, Error::NoneFits { .. }) => {
                    let Cluster { name, status, .. } = row.cluster;
                    printer.note(&format!("cluster {name} is {status} already"));
                }
                _ => misfits.push((name, error)),
            },
        }
    }
    let is_left = |cluster: &Cluster| {
        args.dry_run || !picked.iter().any(|row| row.cluster.name == cluster.name)
    };
    let left = there.into_iter().filter(is_left).collect::<Vec<_>>();
    let mut misfit = Ok(());
    for (name, error) in misfits {
        let error = match error {
            // What there is to choose from is what will be there still.
            Error::NoneFits { .. } => {
                let clusters = left.clone();
                let rows = selection::aged(Listing { clusters, clock });
                selection::none_fits(name, rows.collect())
            }
            error => error,
        };
        if let Err(earlier) = std::mem::replace(&mut misfit, Err(error)) {
            Printer::print_error(&earlier);
        }
    }
    Ok((picked, misfit))
}

/// Those that every selector fits: active ones, unless others are named.
async fn by_selectors(
    args: &ShutdownArgs,
    gateway: &Gateway,
    orphans: Option<&mut Orphans<'_>>,
) -> Result<Vec<ClusterRow>, Error> {
    let selectors = &args.selectors;
    let statuses: &[Status] = if selectors.status.is_empty() {
        &Status::ACTIVE
    } else {
        &NOT_GONE
    };
    let (listing, identities) = if orphans.is_some() {
        gateway.clusters_with_identities(statuses).await?
    } else {
        (gateway.clusters(statuses).await?, TlsIdentities::new())
    };
    let clock = listing.clock;
    if clock.is_none() && selectors.older_than.is_some() {
        return Err(Error::NoClock);
    }
    let rows = selection::aged(listing);
    let rows = rows.filter(|row| selectors.fit(row)).collect();
    match orphans {
        Some(orphans) => orphans.pick(rows, &identities, clock, !args.dry_run).await,
        None => Ok(rows),
    }
}

fn clusters(rows: Vec<ClusterRow>) -> Vec<Cluster> {
    rows.into_iter().map(|row| row.cluster).collect()
}
