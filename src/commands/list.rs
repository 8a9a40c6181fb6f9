//! `dgw list`

use crate::cli::ListArgs;
use crate::error::Error;
use crate::gateway::{Gateway, Status};
use crate::output::{Printer, cluster_columns};

/// Lists one's clusters, once or until interrupted.
pub(super) async fn run(
    args: &ListArgs,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    let Some(pause) = args.watch else {
        return once(args, gateway, printer).await;
    };
    let printer = printer.in_series();
    loop {
        match once(args, gateway, &printer).await {
            // It may be back the next time.
            Err(error @ Error::Gateway(_)) if error.may_pass() => Printer::failure(&error),
            done => done?,
        }
        tokio::time::sleep(pause).await;
    }
}

async fn once(args: &ListArgs, gateway: &Gateway, printer: &Printer) -> Result<(), Error> {
    let statuses = match (args.all, args.selectors.status.as_slice()) {
        (_, named @ [_, ..]) => named,
        (true, []) => &Status::ALL,
        (false, []) => &Status::ACTIVE,
    };
    let listing = gateway.clusters(statuses).await?;
    let mut rows = args.selectors.pick(listing);
    if let Some(unknown) = args
        .clusters
        .iter()
        .find(|name| !rows.iter().any(|row| name.fits(&row.cluster.name)))
    {
        return Err(Error::NoneFits {
            pattern: unknown.as_str().to_owned(),
            there: super::selection::lines(&rows),
        });
    }
    rows.retain(|row| {
        let named = args.clusters.iter();
        args.clusters.is_empty() || named.clone().any(|name| name.fits(&row.cluster.name))
    });
    let is_empty = rows.is_empty();
    printer.records(rows, &cluster_columns())?;
    if is_empty {
        printer.say(if args.all || !args.selectors.is_empty() {
            "no cluster fits"
        } else {
            "no active clusters"
        });
    }
    Ok(())
}
