//! A cluster as the command line asks for it, new or there already: `dgw new` and `dgw run`.

use std::cmp::Reverse;

use serde_json::{Map, Value};

use super::account;
use super::condition::{self, WaitGoal};
use super::options::refused;
use super::scale;
use super::waiting::{self, Deadline};
use crate::cli::StartArgs;
use crate::config::Settings;
use crate::error::{DefaultFault, Error};
use crate::gateway::{
    self, Clamped, Cluster, Gateway, OptionField, Scaling, Status, parse_options,
};
use crate::output::{Printer, Progress};

/// The phase that a start begins with.
pub(super) const ASKING: &str = "asking the gateway for a cluster";

/// What is still to come before a start is asked for.
const NOTHING_STARTED: &str = "the gateway has not answered; nothing was started";

/// A start, its time limit running.
pub(super) struct Start<'a> {
    args: &'a StartArgs,
    /// So many workers are waited for.
    workers: Option<u32>,
    limit: Option<Deadline>,
    gateway: &'a Gateway,
}

async fn options(
    args: &StartArgs,
    settings: &Settings,
    gateway: &Gateway,
) -> Result<Map<String, Value>, Error> {
    refuse_endless_wait(args)?;
    if args.options.is_empty() {
        return Ok(Map::new());
    }
    let fields = gateway.options().await?;
    let typed = parse_options(&fields, &args.options)
        .map_err(|(key, fault)| Error::Option { key, fault })?;
    // Now that they are known anyway, what would be refused needn't be asked for.
    match faults(&fields, &typed, settings) {
        faults if faults.is_empty() => Ok(typed),
        faults => Err(Error::Defaults(faults)),
    }
}

/// The defaults that the gateway doesn't take, of those that the command line leaves.
fn faults(
    fields: &[OptionField],
    asked_for: &Map<String, Value>,
    settings: &Settings,
) -> Vec<DefaultFault> {
    let defaults = settings.cluster_options.iter();
    let defaults = defaults.filter(|(key, _)| !asked_for.contains_key(*key));
    let source = |key: &str| settings.option_sources.get(key).map(ToString::to_string);
    refused(fields, defaults, source)
}

/// Workers that nobody asks for don't come. A cluster that is reused may have them already.
fn refuse_endless_wait(args: &StartArgs) -> Result<(), Error> {
    let Some(wanted) = args.wait_workers.filter(|_| !args.reuse) else {
        return Ok(());
    };
    let (coming, which) = match (args.workers, args.adapt) {
        (Some(count), _) => (count, "are asked for"),
        // More come only once there is work, which nobody has sent yet.
        (None, Some((minimum, _))) => (minimum.unwrap_or(0), "come without work"),
        (None, None) => (0, "are asked for"),
    };
    if wanted <= coming {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "`--wait-workers {wanted}` waits for more workers than {which}, {coming}"
    )))
}

/// Why a cluster was not started: a default of the user's own that the gateway doesn't take, with
/// the place where that is set, if that is it. The command line's options it would have taken.
pub(super) async fn blamed(
    error: Error,
    asked_for: &Map<String, Value>,
    settings: &Settings,
    gateway: &Gateway,
) -> Error {
    let is_refused = matches!(error, Error::Gateway(gateway::Error::Rejected(_)));
    if !is_refused || settings.cluster_options.is_empty() {
        return error;
    }
    let Ok(fields) = gateway.options().await else {
        return error;
    };
    match faults(&fields, asked_for, settings) {
        faults if faults.is_empty() => error,
        faults => Error::Defaults(faults),
    }
}

async fn reusable(
    gateway: &Gateway,
    asked_for: &Map<String, Value>,
) -> Result<Option<Cluster>, Error> {
    let clusters = gateway.clusters(&Status::ACTIVE).await?.clusters;
    let fits = |cluster: &Cluster| {
        let has = |(key, value)| cluster.options.get(key) == Some(value);
        asked_for.iter().all(has)
    };
    let candidates = clusters.into_iter().filter(fits);
    Ok(candidates.min_by_key(|cluster| {
        let is_pending = cluster.status == Status::Pending;
        (is_pending, Reverse(cluster.start_time))
    }))
}

impl<'a> Start<'a> {
    /// Begins now, and waits for so many `workers` too.
    pub(super) fn new(args: &'a StartArgs, workers: Option<u32>, gateway: &'a Gateway) -> Self {
        Self {
            args,
            workers,
            limit: args.timeout.map(Deadline::of),
            gateway,
        }
    }

    pub(super) fn limit(&self) -> Option<Deadline> {
        self.limit
    }

    /// The options on the command line, typed by what the gateway offers; it is asked only if there
    /// are any.
    ///
    /// # Errors
    /// The gateway doesn't take them, or a default beside them; or its own.
    pub(super) async fn options(&self, settings: &Settings) -> Result<Map<String, Value>, Error> {
        let options = options(self.args, settings, self.gateway);
        waiting::within(self.limit, NOTHING_STARTED, options).await
    }

    /// An active cluster that has the options asked for: running before pending, younger before
    /// older.
    ///
    /// # Errors
    /// The gateway's own.
    pub(super) async fn reusable(
        &self,
        asked_for: &Map<String, Value>,
    ) -> Result<Option<Cluster>, Error> {
        let reusable = reusable(self.gateway, asked_for);
        waiting::within(self.limit, NOTHING_STARTED, reusable).await
    }

    /// Waits until the new cluster `name` runs, scales it, and waits for its workers; where the
    /// gateway clamped the request, for those that it granted.
    ///
    /// # Errors
    /// It doesn't run in time, or at all.
    pub(super) async fn ready(
        &self,
        name: &str,
        progress: &mut Progress,
    ) -> Result<(Cluster, Option<Clamped>), Error> {
        let cluster =
            waiting::until_running(self.gateway, name, true, self.limit, progress).await?;
        let clamped = self.set_workers(name).await?;
        self.wait_for_workers(name, clamped.as_ref(), progress)
            .await?;
        Ok((cluster, clamped))
    }

    /// The same for a cluster that was there before; `is_waited_for` is whether it must run.
    ///
    /// # Errors
    /// As above.
    pub(super) async fn ready_again(
        &self,
        cluster: Cluster,
        is_waited_for: bool,
        printer: &Printer,
    ) -> Result<(Cluster, Option<Clamped>), Error> {
        let name = cluster.name.clone();
        printer.note(&format!("using cluster {name}, which was there already"));
        let cluster = if cluster.status == Status::Running || !is_waited_for {
            cluster
        } else {
            let mut progress = printer.progress(&account::pending(&name));
            let limit = self.limit;
            let running = waiting::until_running(self.gateway, &name, false, limit, &mut progress);
            let cluster = running.await?;
            progress.finish(&format!("cluster {name} runs"));
            cluster
        };
        let clamped = self.raise_workers(&name, printer).await?;
        if self.workers.is_some() {
            let mut progress = printer.progress(&format!("cluster {name} runs"));
            self.wait_for_workers(&name, clamped.as_ref(), &mut progress)
                .await?;
        }
        Ok((cluster, clamped))
    }

    /// Adaptive scaling goes off with a fixed number, and on with a range.
    fn scaling(&self) -> Option<Scaling> {
        match (self.args.workers, self.args.adapt) {
            (Some(count), _) => Some(Scaling::Fixed(count)),
            (None, Some((minimum, maximum))) => Some(Scaling::Adaptive { minimum, maximum }),
            (None, None) => None,
        }
    }

    async fn set_workers(&self, name: &str) -> Result<Option<Clamped>, Error> {
        match self.scaling() {
            Some(scaling) => self.scale(name, scaling).await,
            None => Ok(None),
        }
    }

    /// Asks for more workers where a cluster that was there before has fewer, and says so. Its work
    /// may be somebody else's: none are taken from it. The gateway tells nobody what it was asked
    /// before, so those count that are there.
    async fn raise_workers(&self, name: &str, printer: &Printer) -> Result<Option<Clamped>, Error> {
        let Some(scaling) = self.scaling() else {
            return Ok(None);
        };
        let what = format!("cluster {name} has not told its number of workers");
        let there = waiting::within(self.limit, &what, self.workers_of(name)).await?;
        match scaling {
            Scaling::Fixed(count) if there >= u64::from(count) => return Ok(None),
            Scaling::Adaptive {
                maximum: Some(maximum),
                ..
            } if there > u64::from(maximum) => {
                printer.note(&format!(
                    "cluster {name} has {there} workers, more than {maximum}: its scaling stays as \
                     it is"
                ));
                return Ok(None);
            }
            _ => {}
        }
        let clamped = self.scale(name, scaling).await?;
        let granted = clamped
            .as_ref()
            .map_or(Some(scaling), |clamped| clamped.granted);
        match granted {
            Some(Scaling::Fixed(count)) => printer.note(&format!(
                "cluster {name} is scaled from {there} to {}, adaptive scaling is off",
                scale::counted(count)
            )),
            Some(range) => printer.note(&scale::done(name, range)),
            None => {}
        }
        Ok(clamped)
    }

    /// How many workers the running cluster `name` has. Where its scheduler doesn't tell, the
    /// gateway had better not be asked to scale it either.
    async fn workers_of(&self, name: &str) -> Result<u64, Error> {
        let identity = condition::still_running(self.gateway, name).await?;
        let schedulers = super::schedulers(self.gateway, &self.args.probe);
        let unknown = |fault: String| Error::NotReached {
            name: name.to_owned(),
            fault,
        };
        let activity = schedulers.activity(name, identity.as_ref()).await;
        let activity = activity.map_err(|fault| unknown(fault.to_string()))?;
        let workers = activity.workers;
        workers.ok_or_else(|| unknown("it does not tell its number of workers".to_owned()))
    }

    async fn scale(&self, name: &str, scaling: Scaling) -> Result<Option<Clamped>, Error> {
        let what = format!("cluster {name} has not been told its number of workers");
        let scaling = scale::scale(self.gateway, name, scaling);
        waiting::within(self.limit, &what, scaling).await
    }

    async fn wait_for_workers(
        &self,
        name: &str,
        clamped: Option<&Clamped>,
        progress: &mut Progress,
    ) -> Result<(), Error> {
        let Some(count) = self.awaited(clamped) else {
            return Ok(());
        };
        let schedulers = super::schedulers(self.gateway, &self.args.probe);
        let ways = (self.gateway, &schedulers);
        let goal = WaitGoal::AtLeast(count);
        let waited = condition::until(goal, name, ways, self.limit, progress).await;
        waited.inspect_err(|_| {
            if let Some(clamped) = clamped {
                let less = scale::less_done(name, clamped);
                progress.around(|| Printer::print_error(&less));
            }
        })
    }

    /// So many workers are worth waiting for: more than the gateway grants might never come.
    fn awaited(&self, clamped: Option<&Clamped>) -> Option<u32> {
        let granted = match clamped {
            None => u32::MAX,
            Some(clamped) => clamped.workers()?,
        };
        let awaited = self.workers?.min(granted);
        (awaited > 0).then_some(awaited)
    }
}
