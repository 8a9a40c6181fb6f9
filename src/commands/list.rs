//! `dgw list`

use futures_util::stream::{self, StreamExt as _};

use super::selection;
use crate::cli::ListArgs;
use crate::cli::value::ClusterName;
use crate::error::Error;
use crate::gateway::{Gateway, Identities, Status};
use crate::output::{Aged, Column, Format, Printer, cluster_columns, wide_cluster_columns};
use crate::scheduler::Schedulers;

/// So many schedulers are asked at a time: many enough that one that is silent holds up none, and
/// few enough for the proxy that all of them are behind.
const AT_ONCE: usize = 16;

/// Lists one's clusters, once or until interrupted.
pub(super) async fn run(
    args: &ListArgs,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    printer.sort_column(&columns(args, printer))?;
    let Some(pause) = args.watch else {
        return once(args, gateway, printer).await;
    };
    let printer = printer.in_series();
    loop {
        match once(args, gateway, &printer).await {
            // It may be back the next time.
            Err(Error::Gateway(error)) if error.may_pass() => Printer::failure(&error.into()),
            done => done?,
        }
        tokio::time::sleep(pause).await;
    }
}

fn is_wide(args: &ListArgs, printer: &Printer) -> bool {
    args.wide || printer.format() == Format::Wide
}

fn columns(args: &ListArgs, printer: &Printer) -> Vec<Column<Aged>> {
    if is_wide(args, printer) {
        wide_cluster_columns()
    } else {
        cluster_columns()
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
    let (listing, identities) = if is_wide {
        gateway.clusters_with_identities(statuses).await?
    } else {
        (gateway.clusters(statuses).await?, Identities::new())
    };
    let mut rows = selection::aged(listing).collect::<Vec<_>>();
    let fits = |name: &ClusterName, row: &Aged| name.fits(&row.cluster.name);
    for name in &args.clusters {
        if !rows.iter().any(|row| fits(name, row)) {
            return Err(selection::none_fits(name, rows));
        }
    }
    rows.retain(|row| {
        let is_named = args.clusters.iter().any(|name| fits(name, row));
        (args.clusters.is_empty() || is_named) && selectors.fit(row)
    });
    let is_empty = rows.is_empty();
    if is_wide {
        let schedulers = super::schedulers(gateway, &args.probe);
        rows = probed(rows, &identities, &schedulers).await;
    }
    printer.records(rows, &columns(args, printer))?;
    if is_empty {
        printer.say(if args.all || !selectors.is_empty() {
            "no cluster fits"
        } else {
            "no active clusters"
        });
    }
    Ok(())
}

/// The rows, those of running clusters with what these tell within their time.
async fn probed(rows: Vec<Aged>, identities: &Identities, schedulers: &Schedulers) -> Vec<Aged> {
    let probing = rows.into_iter().map(async |mut row| {
        let name = &row.cluster.name;
        let told = if row.cluster.status == Status::Running {
            schedulers.activity(name, identities.get(name)).await.ok()
        } else {
            None
        };
        row.activity = Some(told.unwrap_or_default());
        row
    });
    stream::iter(probing).buffered(AT_ONCE).collect().await
}
