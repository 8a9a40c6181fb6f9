//! `dgw list`

use std::collections::BTreeSet;

use super::orphans::Orphans;
use super::probing::probed;
use super::{protection, selection};
use crate::cli::ListArgs;
use crate::cli::value::ClusterName;
use crate::error::Error;
use crate::gateway::{Cluster, Gateway, Listing, Status, TlsIdentities};
use crate::output::{
    ClusterRow, Format, Printer, ProtectionStatus, RowSchema, cluster_shape, wide_cluster_shape,
};

/// Lists one's clusters, once or until interrupted.
pub(super) async fn run(
    args: &ListArgs,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    printer.check_sorting(&shape(args, printer, true))?;
    let Some(pause) = args.watch else {
        return once(args, gateway, printer).await;
    };
    let series = printer.in_series();
    let mut is_away = false;
    loop {
        match once(args, gateway, &series).await {
            // It may be back the next time.
            Err(Error::Gateway(error)) if error.is_temporary() => {
                if !std::mem::replace(&mut is_away, true) {
                    Printer::print_error(&Error::from(error));
                }
            }
            done => {
                done?;
                if std::mem::take(&mut is_away) {
                    printer.note("the gateway answers again");
                }
            }
        }
        tokio::time::sleep(pause).await;
    }
}

fn is_wide(args: &ListArgs, printer: &Printer) -> bool {
    args.wide || printer.format() == Format::Wide
}

fn shape(args: &ListArgs, printer: &Printer, has_keep: bool) -> RowSchema<ClusterRow> {
    if is_wide(args, printer) {
        wide_cluster_shape(has_keep)
    } else {
        cluster_shape()
    }
}

async fn once(args: &ListArgs, gateway: &Gateway, printer: &Printer) -> Result<(), Error> {
    let selectors = &args.selectors;
    // Who names a cluster means it in whatever status.
    let statuses = match (
        args.all,
        args.clusters.as_slice(),
        selectors.status.as_slice(),
    ) {
        (_, [], named @ [_, ..]) => named,
        (true, ..) | (false, [_, ..], [_, ..]) => &Status::ALL,
        (false, _, []) => &Status::ACTIVE,
    };
    let is_wide = is_wide(args, printer);
    let orphans = Orphans::asked_for(selectors, &args.probe, gateway)?;
    let with_identities = is_wide || orphans.is_some();
    let (mut listing, mut identities) = listed(statuses, with_identities, gateway).await?;
    let fits = |name: &ClusterName, cluster: &Cluster| name.fits(&cluster.name);
    let misfit = |listing: &Listing| {
        let is_there = |name: &&ClusterName| listing.clusters.iter().any(|row| fits(name, row));
        let mut names = args.clusters.iter();
        names.find(|name| !is_there(name)).cloned()
    };
    let active = listing.clusters.iter().map(|cluster| cluster.name.clone());
    let active = active.collect::<BTreeSet<_>>();
    if misfit(&listing).is_some() && statuses != Status::ALL {
        (listing, identities) = listed(&Status::ALL, with_identities, gateway).await?;
    }
    let misfit = misfit(&listing);
    let clock = listing.clock;
    let mut rows = selection::aged(listing).collect::<Vec<_>>();
    if let Some(name) = misfit {
        return Err(selection::none_fits(&name, rows));
    }
    // Ended clusters are meant by those names alone that fit no active one.
    let is_named = |row: &ClusterRow| {
        args.clusters.iter().any(|name| {
            let among_active = active.iter().any(|active| name.fits(active));
            fits(name, &row.cluster) && (!among_active || active.contains(&row.cluster.name))
        })
    };
    rows.retain(|row| (args.clusters.is_empty() || is_named(row)) && selectors.fit(row));
    if let Some(mut orphans) = orphans {
        // Who only looks leaves nothing behind.
        rows = orphans.pick(rows, &identities, clock, false).await?;
    }
    let is_empty = rows.is_empty();
    if is_wide {
        rows = probed(rows, &identities, gateway, &args.probe, printer).await;
        protection::mark(&mut rows, gateway, printer);
    } else {
        for row in &mut rows {
            row.activity = None;
        }
    }
    let is_kept = |row: &ClusterRow| {
        row.protection
            .is_some_and(|kept| kept != ProtectionStatus::None)
    };
    // Whoever counts columns must find the same ones each time.
    let is_constant = !Printer::is_for_terminal() || printer.sorts_by("keep");
    let has_keep = is_constant || rows.iter().any(is_kept);
    printer.records(rows, &shape(args, printer, has_keep))?;
    if is_empty {
        printer.note(if args.all || !selectors.is_empty() {
            "no cluster fits"
        } else {
            "no active clusters"
        });
    }
    Ok(())
}

/// One's clusters in any of `statuses`, with the identities of those that run if they are needed.
async fn listed(
    statuses: &[Status],
    with_identities: bool,
    gateway: &Gateway,
) -> Result<(Listing, TlsIdentities), Error> {
    if with_identities {
        return Ok(gateway.clusters_with_identities(statuses).await?);
    }
    Ok((gateway.clusters(statuses).await?, TlsIdentities::new()))
}
