//! `dgw new`

use clap::Args;
use serde::Serialize;

use crate::cli::StartArgs;
use crate::error::Error;
use crate::gateway::Cluster;
use crate::lifecycle::{Grant, LabelledCluster, Labels, Start, StartRequest, retry_while_unknown};
use crate::output::{self, Format, Printer};
use crate::session::{Invocation, Session};
use crate::signals::{Interrupts, ignore_user_signals};

/// Start a cluster, wait until it is running, and print its name
///
/// dgw either prints the name of a running cluster or leaves nothing behind: after an interrupt, a
/// timeout or a failed start it shuts down what it started.
///
/// If a start is slow or fails, dgw shows what it can find out. If `squeue` is on the PATH, dgw shows
/// whether the scheduler's job waits in Slurm's queue, and why. If the gateway's jobs write logs to
/// ~/.dask-gateway/NAME/, dgw shows the end of the scheduler's log. The gateway removes that directory
/// when a start fails, so dgw keeps copies in ~/.local/state/dgw/logs/NAME/, for the last 20 clusters.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw new -s worker_cores=2 --workers 8
  name=$(dgw new --adapt 0..20 --timeout 10m)
  dgw new --reuse --name era5")]
pub(crate) struct NewArgs {
    #[command(flatten)]
    start: StartArgs,

    /// Print the name immediately and let the cluster start
    #[arg(long, conflicts_with_all = ["workers", "adapt", "wait_workers", "timeout"])]
    no_wait: bool,
}

impl NewArgs {
    /// Starts a cluster, waits until it is running, and prints its name.
    pub(super) async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
        let session = invocation.session_with_defaults()?;
        let request = StartRequest {
            waits: !self.no_wait,
            ..self.start.request()
        };
        let start = Start::prepare(request, &session).await?;
        if let Some(cluster) = start.reusable().await? {
            // It existed before, so nothing shuts it down.
            let (cluster, grant) = start.reuse(cluster).await?;
            print(&cluster, grant.as_ref(), &session)?;
            start.report_workers(grant.as_ref());
            return Ok(());
        }
        ignore_user_signals()?;
        let mut interrupts = Interrupts::listen()?;
        let (owned, mut progress) = start.create(&mut interrupts).await?;
        let (owned, grant) = owned
            .run_or_shut_down(&session, &mut interrupts, async |owned| {
                let name = &owned.name;
                if self.no_wait {
                    drop(progress);
                    start.allow_reuse(name).await;
                    print_new_name(name, &session).await?;
                    return Ok::<_, Error>(None);
                }
                let (cluster, grant) = start.wait_until_ready(owned, &mut progress).await?;
                progress.finish(&format!("cluster {name} is running"));
                print(&cluster, grant.as_ref(), &session).map_err(output::Error::lost_name)?;
                Ok(grant)
            })
            .await?;
        Printer::repeat_name_on_stderr(&owned.name);
        start.report_workers(grant.as_ref());
        if grant.is_none() {
            let time = if self.no_wait {
                " once it is running"
            } else {
                ""
            };
            session.printer.advise(&format!(
                "the cluster has no workers yet: `dgw scale {} 4` requests some{time}",
                Labels::word_for(&owned.name, &session.gateway)
            ));
        }
        Ok(())
    }
}

/// The record of the new cluster, and whether it has the requested workers.
#[derive(Serialize)]
struct NewCluster<'a> {
    #[serde(flatten)]
    cluster: LabelledCluster<'a>,
    /// The gateway's explanation, if it granted fewer workers.
    clamped: Option<&'a str>,
}

/// Prints a cluster that was not waited for. Its name needs no request; a record does.
async fn print_new_name(name: &str, session: &Session) -> Result<(), Error> {
    let result = match session.printer.format() {
        Format::Table | Format::Wide | Format::Name => session
            .printer
            .result(&serde_json::json!({ "name": name }), || format!("{name}\n")),
        _ => {
            let cluster = retry_while_unknown(async || session.gateway.cluster(name).await).await?;
            print(&cluster, None, session)
        }
    };
    Ok(result.map_err(output::Error::lost_name)?)
}

fn print(cluster: &Cluster, grant: Option<&Grant>, session: &Session) -> Result<(), output::Error> {
    let record = NewCluster {
        cluster: LabelledCluster::new(cluster, &session.gateway),
        clamped: grant.and_then(Grant::clamped),
    };
    session
        .printer
        .result(&record, || format!("{}\n", cluster.name))
}
