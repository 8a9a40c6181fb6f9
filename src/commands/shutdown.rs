//! `dgw shutdown`

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use tokio::time::{Instant, sleep};

use super::selection::{self, one_that_fits};
use crate::cli::ShutdownArgs;
use crate::error::Error;
use crate::gateway::{Cluster, Gateway, Listing, Status};
use crate::output::{Aged, Format, Printer};

/// Requests in flight. More gain nothing: the gateway itself stops twenty clusters at a time.
const AT_ONCE: usize = 16;

/// Between looks at what is left, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Whatever isn't gone yet. Kubernetes never shows STOPPING, other back ends do.
const NOT_GONE: [Status; 3] = [Status::Pending, Status::Running, Status::Stopping];

/// Shuts clusters down, waits until they are gone, and prints their names.
pub(super) async fn run(
    args: &ShutdownArgs,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    let picked = if args.clusters.is_empty() {
        by_selectors(args, gateway).await?
    } else {
        by_name(args, gateway, printer).await?
    };
    if picked.is_empty() {
        printer.say("no cluster to shut down");
        return print(&[], printer);
    }
    if args.dry_run {
        return print(&clusters(picked), printer);
    }
    if args.clusters.is_empty() && !args.yes {
        let question = format!("shut down {}?", counted(picked.len()));
        if !Printer::confirm(&selection::lines(&picked), &question)? {
            printer.say("nothing was shut down");
            return Ok(());
        }
    }
    let picked = clusters(picked);
    let of = picked.len();
    let asked = ask(picked, gateway, printer).await;
    let failed = of - asked.len();
    if args.no_wait {
        print(&asked, printer)?;
    } else {
        see_them_gone(asked, args.timeout, gateway, printer).await?;
    }
    match failed {
        0 => Ok(()),
        failed => Err(Error::Partly { failed, of }),
    }
}

/// Those named, each in whatever status it is. Looked up in one list: the server answers alike
/// to names it knows and names it doesn't.
async fn by_name(
    args: &ShutdownArgs,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<Vec<Aged>, Error> {
    let mut picked: Vec<Aged> = Vec::new();
    let Listing { clusters, now } = gateway.clusters(&Status::ALL).await?;
    let (there, gone): (Vec<_>, Vec<_>) = clusters
        .into_iter()
        .partition(|cluster| NOT_GONE.contains(&cluster.status));
    let rows = |clusters: &[Cluster]| {
        let clusters = clusters.to_vec();
        selection::aged(Listing { clusters, now }).collect::<Vec<_>>()
    };
    for name in &args.clusters {
        let row = match one_that_fits(name, rows(&there)) {
            Err(none @ Error::NoneFits { .. }) => {
                // A name that was in use is no mistake: there's just nothing left to do.
                let Ok(row) = one_that_fits(name, rows(&gone)) else {
                    return Err(none);
                };
                let Cluster { name, status, .. } = row.cluster;
                printer.say(&format!("cluster {name} is {status} already"));
                continue;
            }
            found => found?,
        };
        if !picked
            .iter()
            .any(|other| other.cluster.name == row.cluster.name)
        {
            picked.push(row);
        }
    }
    Ok(picked)
}

/// The active ones that every selector fits.
async fn by_selectors(args: &ShutdownArgs, gateway: &Gateway) -> Result<Vec<Aged>, Error> {
    let listing = gateway.clusters(&Status::ACTIVE).await?;
    Ok(args.selectors.pick(listing))
}

/// Asks for the end of each, and returns those for which the gateway agreed. A failure is told
/// and doesn't stop the rest.
async fn ask(clusters: Vec<Cluster>, gateway: &Gateway, printer: &Printer) -> Vec<Cluster> {
    let asking = clusters.into_iter().map(async |cluster| {
        let answer = gateway.delete(&cluster.name).await;
        (cluster, answer)
    });
    let answers = stream::iter(asking).buffered(AT_ONCE).collect::<Vec<_>>();
    let mut agreed = Vec::new();
    for (cluster, answer) in answers.await {
        match answer {
            Ok(()) => agreed.push(cluster),
            Err(error) => printer.warn(&format!("cluster {}: {error}", cluster.name)),
        }
    }
    agreed
}

/// Prints each name as its cluster goes; other formats get all of them at the end. Looks by list,
/// ever more seldom: one request for however many.
async fn see_them_gone(
    mut left: Vec<Cluster>,
    limit: Duration,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    let streams = matches!(
        printer.format(),
        Format::Table | Format::Wide | Format::Name
    );
    let of = left.len();
    let mut gone = Vec::new();
    let mut progress = printer.progress(&format!("shutting down {}", counted(of)));
    let deadline = Instant::now() + limit;
    let mut pause = FIRST_PAUSE;
    while !left.is_empty() {
        if Instant::now() + pause > deadline {
            break;
        }
        sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        let still = gateway.clusters(&NOT_GONE).await?.clusters;
        let (there, went): (Vec<_>, Vec<_>) = left
            .into_iter()
            .partition(|cluster| still.iter().any(|other| other.name == cluster.name));
        left = there;
        if streams {
            print(&went, printer)?;
        }
        if !went.is_empty() && !left.is_empty() {
            progress.phase(&format!("{} of {} gone", of - left.len(), counted(of)));
        }
        gone.extend(went);
    }
    if !streams {
        print(&gone, printer)?;
    }
    if left.is_empty() {
        progress.finish(&format!("{} shut down", counted(of)));
        return Ok(());
    }
    drop(progress);
    Err(Error::TimedOut {
        what: format!("{} of {} not gone yet", left.len(), counted(of)),
        limit,
    })
}

fn print(clusters: &[Cluster], printer: &Printer) -> Result<(), Error> {
    printer.result(&clusters, || {
        let names = clusters.iter().map(|cluster| format!("{}\n", cluster.name));
        names.collect()
    })
}

fn clusters(rows: Vec<Aged>) -> Vec<Cluster> {
    rows.into_iter().map(|row| row.cluster).collect()
}

fn counted(clusters: usize) -> String {
    match clusters {
        1 => "1 cluster".to_owned(),
        several => format!("{several} clusters"),
    }
}
