//! `dgw events`

use std::ops::ControlFlow;
use std::time::Duration;

use clap::Args;

use super::follow::{check_format, follow};
use crate::cli::{ProbeArgs, TargetArgs};
use crate::error::{Error, ExitCode, Failure};
use crate::gateway::TlsIdentity;
use crate::lifecycle::{self, Timeline};
use crate::scheduler::{SET_PROXY, SchedulerError};
use crate::session::{Invocation, Session};

/// The pause between requests for new events, each of which returns all of them.
const PAUSE: Duration = Duration::from_secs(2);

/// Print what happened to a running cluster: workers, clients, graphs, errors
///
/// Prints a line for each event, oldest first: the scheduler's start, requests to scale, workers and
/// clients that joined or left, graphs that were submitted, and the warnings and errors in the
/// scheduler's log. `worker-lost` is a worker that ended without a request of the scheduler: with the
/// tasks lost with it, the reason that it gave, and the end of its log where jobs log into
/// `~/.dask-gateway`. Where Slurm's `squeue` is on the PATH, ends of the cluster's jobs are shown too,
/// with exit codes if `sacct` has them. Times are in UTC, by the clock of the scheduler, which keeps
/// its last 1000 events and 10000 log entries in memory.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw events --since 1h
  dgw events -o jsonl | jq -r 'select(.event == \"worker-lost\").name'
  dgw events -f")]
pub(crate) struct EventsArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Continue with new events until the cluster ends
    #[arg(short, long)]
    follow: bool,

    /// Only events younger than this
    #[arg(long, value_name = "DURATION", value_parser = crate::duration::parse)]
    #[arg(allow_hyphen_values = true)]
    since: Option<Duration>,

    #[command(flatten)]
    probe: ProbeArgs,
}

/// Events that can't be read.
#[derive(Debug, thiserror::Error)]
#[error("can't read the events of cluster `{name}`: {source}")]
struct EventsError {
    name: String,
    source: SchedulerError,
}

impl Failure for EventsError {
    fn exit_code(&self) -> ExitCode {
        self.source.exit_code()
    }

    fn hint(&self) -> Option<String> {
        Some(match &self.source {
            source if source.is_of_proxy() => {
                format!("events come through the gateway's scheduler proxy: {SET_PROXY}")
            }
            SchedulerError::TooLarge | SchedulerError::Malformed(_) => {
                "`dgw logs` shows the scheduler's log".to_owned()
            }
            _ => "set a longer `--probe-timeout`, and check `gateway.proxy-address`".to_owned(),
        })
    }
}

impl EventsArgs {
    /// Prints what happened to a running cluster, and follows it if asked to.
    pub(super) async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
        let session = invocation.session()?;
        if self.follow {
            check_format(session.printer.format())?;
        }
        let pattern = self.target.cluster.as_ref();
        let (row, identity) = lifecycle::find_with_identity(&session.gateway, pattern).await?;
        let name = &row.cluster.name;
        lifecycle::require_running(&row.cluster)?;
        let schedulers = session.schedulers(self.probe.probe_timeout);
        let mut timeline = Timeline::new(&schedulers, name);
        let events = Box::pin(timeline.read(identity.as_ref())).await;
        let mut events = events.map_err(|source| failure(name, source))?;
        if let Some(since) = self.since {
            events.retain(|event| row.since(event.time) <= since);
        }
        session.printer.events(&events)?;
        let mut warned = false;
        warn_once(&mut timeline, &mut warned, &session);
        if self.follow {
            return Box::pin(print_new(timeline, warned, identity, name, &session)).await;
        }
        Ok(())
    }
}

/// Prints new events, until the cluster ends.
async fn print_new(
    mut timeline: Timeline<'_>,
    mut warned: bool,
    identity: Option<TlsIdentity>,
    name: &str,
    session: &Session,
) -> Result<(), Error> {
    let read = async |identity: Option<&TlsIdentity>| {
        let events = match timeline.read(identity).await {
            Ok(events) => events,
            Err(error) => return Ok(Err(error)),
        };
        session.printer.events(&events)?;
        warn_once(&mut timeline, &mut warned, session);
        Ok(Ok(ControlFlow::Continue(())))
    };
    follow(PAUSE, identity, name, session, read, |error| {
        failure(name, error)
    })
    .await
}

/// Says what is missing, until it is there again.
fn warn_once(timeline: &mut Timeline<'_>, warned: &mut bool, session: &Session) {
    let fault = timeline.take_fault();
    if let Some(fault) = fault.as_ref().filter(|_| !*warned) {
        session.printer.warn(&fault.to_string());
    }
    *warned = fault.is_some();
}

fn failure(name: &str, source: SchedulerError) -> EventsError {
    let name = name.to_owned();
    EventsError { name, source }
}
