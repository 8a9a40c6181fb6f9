//! `dgw wait`

use std::time::Duration;

use tokio::time::sleep;

use super::condition::{self, Goal};
use super::waiting::{self, Limit};
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
    let limit = args.timeout.map(Limit::of);
    let found = args.target.find(gateway).await?;
    let name = found.name.clone();
    let mut progress = printer.progress(&format!("waiting for cluster {name}"));
    let goal = match args.condition {
        Condition::Stopped => {
            let what = format!("cluster {name} has not ended");
            let end = until_ended(found, gateway, &mut progress);
            let ended = waiting::within(limit, &what, end).await?;
            progress.finish(&format!("cluster {name} is {}", ended.status));
            return printer.result(&ended, String::new);
        }
        Condition::Running => None,
        Condition::Workers(count) => Some(Goal::AtLeast(count)),
        Condition::Idle => Some(Goal::Idle),
    };
    let cluster = if found.status == Status::Running {
        found
    } else {
        waiting::until_running(gateway, &name, false, limit, &mut progress).await?
    };
    if let Some(goal) = goal {
        let identity = condition::still_running(gateway, &name).await?;
        let schedulers = super::schedulers(gateway, &args.probe);
        let ways = (gateway, &schedulers);
        condition::until(goal, &name, identity, ways, limit, &mut progress).await?;
    }
    progress.finish(&format!("cluster {name} is {}", args.condition));
    printer.result(&cluster, String::new)
}

async fn until_ended(
    mut cluster: Cluster,
    gateway: &Gateway,
    progress: &mut Progress,
) -> Result<Cluster, Error> {
    while !matches!(cluster.status, Status::Stopped | Status::Failed) {
        progress.phase(&format!("cluster {} is {}", cluster.name, cluster.status));
        sleep(PAUSE).await;
        match gateway.cluster(&cluster.name).await {
            Ok(now) => cluster = now,
            // The gateway keeps what has ended for a day, and forgets it when it is restarted.
            Err(gateway::Error::NoSuchCluster(_)) => cluster.status = Status::Stopped,
            Err(error) if error.may_pass() => progress.phase("the gateway does not answer"),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(cluster)
}
