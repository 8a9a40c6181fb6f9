//! `dgw shutdown`

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use tokio::time::{Instant, sleep_until};

use super::interrupt::Interrupts;
use super::selection::{self, one_that_fits};
use crate::cli::ShutdownArgs;
use crate::error::Error;
use crate::gateway::{self, Cluster, Gateway, Listing, Status};
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
    let (picked, misfit) = if args.clusters.is_empty() {
        (by_selectors(args, gateway).await?, Ok(()))
    } else {
        by_name(args, gateway, printer).await?
    };
    if picked.is_empty() {
        print(&[], printer)?;
        return misfit.inspect(|()| printer.say("no cluster to shut down"));
    }
    if args.dry_run {
        printer.say("dry run: nothing is shut down");
        print(&clusters(picked), printer)?;
        return misfit;
    }
    if args.clusters.is_empty() && !args.yes {
        let question = format!("shut down {}?", counted(picked.len()));
        if !Printer::confirm(&selection::lines(&picked), &question).await? {
            printer.say("nothing was shut down");
            return Ok(());
        }
    }
    let (asked, failures) = ask(clusters(picked), gateway).await;
    let seen = if args.no_wait {
        print(&asked, printer)
    } else {
        see_them_gone(&asked, args.timeout, gateway, printer).await
    };
    match (failures.len(), seen) {
        (0, Ok(())) => misfit,
        (0, seen) => seen,
        // Of all that went wrong the refusals say most, and there is one exit code.
        (1, _) if asked.is_empty() => {
            let only = failures.into_iter().map(|(_, error)| error).next();
            only.map_or(Ok(()), |error| Err(error.into()))
        }
        (_, seen) => {
            if let Err(error) = seen {
                Printer::failure(&error);
            }
            let lines = failures
                .iter()
                .map(|(name, error)| format!("{name}: {error}"));
            Err(Error::Partly {
                of: asked.len() + failures.len(),
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
) -> Result<(Vec<Aged>, Result<(), Error>), Error> {
    let mut picked: Vec<Aged> = Vec::new();
    let mut misfit = Ok(());
    let Listing { clusters, clock } = gateway.clusters(&Status::ALL).await?;
    let (there, gone): (Vec<_>, Vec<_>) = clusters
        .into_iter()
        .partition(|cluster| NOT_GONE.contains(&cluster.status));
    let rows = |clusters: &[Cluster]| {
        let clusters = clusters.to_vec();
        selection::aged(Listing { clusters, clock }).collect::<Vec<_>>()
    };
    for name in &args.clusters {
        match one_that_fits(name, rows(&there)) {
            Ok(row) => {
                let is_known = |other: &Aged| other.cluster.name == row.cluster.name;
                if !picked.iter().any(is_known) {
                    picked.push(row);
                }
            }
            Err(error) => match one_that_fits(name, rows(&gone)) {
                // A name that was in use is no mistake: there's just nothing left to do.
                Ok(row) if matches!(error, Error::NoneFits { .. }) => {
                    let Cluster { name, status, .. } = row.cluster;
                    printer.say(&format!("cluster {name} is {status} already"));
                }
                _ => {
                    if let Err(earlier) = std::mem::replace(&mut misfit, Err(error)) {
                        Printer::failure(&earlier);
                    }
                }
            },
        }
    }
    Ok((picked, misfit))
}

/// Those that every selector fits: active ones, unless others are named.
async fn by_selectors(args: &ShutdownArgs, gateway: &Gateway) -> Result<Vec<Aged>, Error> {
    let selectors = &args.selectors;
    let statuses: &[Status] = if selectors.status.is_empty() {
        &Status::ACTIVE
    } else {
        &NOT_GONE
    };
    let listing = gateway.clusters(statuses).await?;
    if listing.clock.is_none() && selectors.older_than.is_some() {
        return Err(Error::NoClock);
    }
    let rows = selection::aged(listing);
    Ok(rows.filter(|row| selectors.fit(row)).collect())
}

/// Asks for the end of each. Returns those for which the gateway agreed, and why it didn't for
/// the others: a failure doesn't stop the rest.
async fn ask(
    clusters: Vec<Cluster>,
    gateway: &Gateway,
) -> (Vec<Cluster>, Vec<(String, gateway::Error)>) {
    let asking = clusters.into_iter().map(async |cluster| {
        let answer = gateway.delete(&cluster.name).await;
        (cluster, answer)
    });
    let answers = stream::iter(asking).buffered(AT_ONCE).collect::<Vec<_>>();
    let (mut agreed, mut refused) = (Vec::new(), Vec::new());
    for (cluster, answer) in answers.await {
        match answer {
            Ok(()) => agreed.push(cluster),
            Err(error) => refused.push((cluster.name, error)),
        }
    }
    (agreed, refused)
}

/// Prints each name as its cluster goes; other formats get all of them at the end. Looks by list,
/// ever more seldom: one request for however many.
async fn see_them_gone(
    asked: &[Cluster],
    limit: Duration,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    let mut interrupts = Interrupts::listen()?;
    let streams = matches!(
        printer.format(),
        Format::Table | Format::Wide | Format::Name
    );
    let mut left = asked.to_vec();
    let mut gone = Vec::new();
    let of = counted(asked.len());
    let mut progress =
        (!asked.is_empty()).then(|| printer.progress(&format!("shutting down {of}")));
    let deadline = Instant::now() + limit;
    let mut pause = FIRST_PAUSE;
    let mut outcome = Ok(());
    while !left.is_empty() {
        let look = async {
            sleep_until(deadline.min(Instant::now() + pause)).await;
            gateway.clusters(&NOT_GONE).await
        };
        let looked = tokio::select! {
            looked = look => looked,
            signal = interrupts.next() => {
                let note = "the gateway goes on with what it was asked".to_owned();
                outcome = Err(Error::Interrupted { signal, note });
                break;
            }
        };
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        let still = match looked {
            Ok(listing) => listing.clusters,
            Err(error) => {
                outcome = Err(error.into());
                break;
            }
        };
        let (there, went): (Vec<_>, Vec<_>) = left
            .into_iter()
            .partition(|cluster| still.iter().any(|other| other.name == cluster.name));
        left = there;
        if let Some(progress) = &mut progress
            && !went.is_empty()
        {
            if streams {
                progress.around(|| print(&went, printer))?;
            }
            if !left.is_empty() {
                progress.phase(&format!("{} of {of} gone", asked.len() - left.len()));
            }
        }
        gone.extend(went);
        if Instant::now() >= deadline && !left.is_empty() {
            outcome = Err(Error::TimedOut {
                what: format!("{} of {of} not gone yet", left.len()),
                limit,
            });
            break;
        }
    }
    match progress {
        Some(progress) if left.is_empty() => progress.finish(&format!("{of} shut down")),
        progress => drop(progress),
    }
    if !left.is_empty() {
        let names = left.iter().map(|cluster| cluster.name.as_str());
        let names = names.collect::<Vec<_>>().join(" ");
        Printer::alarm(&format!("asked to end, but not seen to be gone: {names}"));
    }
    if !streams {
        print(&as_they_ended(gone, gateway).await, printer)?;
    }
    outcome
}

/// The records of clusters that are gone, as far as the gateway still tells: it keeps them for a
/// day.
async fn as_they_ended(gone: Vec<Cluster>, gateway: &Gateway) -> Vec<Cluster> {
    let ended = gateway.clusters(&[Status::Stopped, Status::Failed]).await;
    let mut ended = ended.map(|listing| listing.clusters).unwrap_or_default();
    let last = |cluster: Cluster| {
        let at = ended.iter().position(|other| other.name == cluster.name);
        at.map_or(cluster, |at| ended.swap_remove(at))
    };
    gone.into_iter().map(last).collect()
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
