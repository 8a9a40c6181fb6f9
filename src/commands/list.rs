//! `dgw list`

use super::selection;
use crate::cli::ListArgs;
use crate::cli::value::ClusterName;
use crate::error::Error;
use crate::gateway::{Gateway, Status};
use crate::output::{Aged, Printer, cluster_columns};

/// Lists one's clusters, once or until interrupted.
pub(super) async fn run(
    args: &ListArgs,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    printer.sort_column(&cluster_columns())?;
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
    let listing = gateway.clusters(statuses).await?;
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
    printer.records(rows, &cluster_columns())?;
    if is_empty {
        printer.say(if args.all || !selectors.is_empty() {
            "no cluster fits"
        } else {
            "no active clusters"
        });
    }
    Ok(())
}
