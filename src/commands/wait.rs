//! `dgw wait`

use std::time::Duration;

use tokio::time::sleep;

use super::condition::{self, WaitGoal};
use super::waiting::{self, Deadline, OutageTolerance};
use crate::cli::WaitArgs;
use crate::cli::value::Condition;
use crate::error::Error;
use crate::gateway::{self, Cluster, Gateway, Status};
use crate::output::{Printer, Progress};

/// Between looks whether a cluster has ended: the server can't be asked to tell.
const PAUSE: Duration = Duration::from_secs(2);

/// Waits until a cluster is as asked for.
pub(super) async fn run(
    args: &WaitArgs,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    let limit = args.timeout.map(Deadline::of);
    let silent = "the gateway has not answered";
    let found = waiting::within(limit, silent, args.target.find(gateway)).await?;
    let name = found.name.clone();
    let mut progress = printer.progress(&format!("waiting for cluster {name}"));
    let goal = match args.condition {
        Condition::Stopped => {
            let what = format!("cluster {name} has not ended");
            let outage = OutageTolerance::borne_until(limit);
            let end = until_ended(found, gateway, outage, &mut progress);
            let ended = waiting::within(limit, &what, end).await?;
            progress.finish(&format!("cluster {name} is {}", ended.status));
            return Ok(printer.result(&ended, String::new)?);
        }
        Condition::Running => None,
        Condition::Workers(count) => Some(WaitGoal::AtLeast(count)),
        Condition::Idle => Some(WaitGoal::Idle),
    };
    let cluster = if found.status == Status::Running {
        found
    } else {
        waiting::until_running(gateway, &name, false, limit, &mut progress).await?
    };
    if let Some(goal) = goal {
        let schedulers = super::schedulers(gateway, &args.probe);
        let ways = (gateway, &schedulers);
        condition::until(goal, &name, ways, limit, &mut progress).await?;
    }
    progress.finish(&format!("cluster {name} is {}", args.condition));
    Ok(printer.result(&cluster, String::new)?)
}

async fn until_ended(
    mut cluster: Cluster,
    gateway: &Gateway,
    mut outage: OutageTolerance,
    progress: &mut Progress,
) -> Result<Cluster, Error> {
    let name = cluster.name.clone();
    while !matches!(cluster.status, Status::Stopped | Status::Failed) {
        progress.phase(&format!("cluster {name} is {}", cluster.status));
        sleep(PAUSE).await;
        // Until there is an answer, nobody knows its status.
        cluster = loop {
            match gateway.cluster(&name).await {
                Ok(now) => break now,
                // The gateway keeps what has ended for a day, and forgets it when it is restarted.
                Err(gateway::Error::NoSuchCluster(_)) => {
                    cluster.status = Status::Stopped;
                    break cluster;
                }
                Err(error) => outage.bear(error)?,
            }
            progress.phase("the gateway does not answer");
            sleep(PAUSE).await;
        };
        outage.is_over();
    }
    Ok(cluster)
}
