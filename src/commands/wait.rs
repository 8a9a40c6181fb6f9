//! `dgw wait`

use std::fmt;
use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use crate::cli::{ProbeArgs, TargetArgs, complete, value};
use crate::count;
use crate::error::Error;
use crate::gateway::Status;
use crate::lifecycle::{self, Deadline, LabelledCluster, WaitGoal};
use crate::session::{Invocation, Session};
use crate::signals::Interrupts;
use crate::workers;

/// Wait until a cluster is running, has ended, has its workers, or is idle
///
/// For scripts: the exit code is the result. dgw prints nothing on stdout, except the cluster's record
/// with -o json, jsonl, yaml, csv or name. Idle means that no task is running, queued or without a
/// suitable worker; clients and results do not count. While the state is unknown, dgw keeps waiting.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw wait 2224 --for workers=8 --timeout 10m
  dgw wait 2224 --for idle && dgw shutdown 2224")]
pub(crate) struct WaitArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Condition to wait for: running, stopped, workers=N (or more), or idle
    #[arg(long = "for", value_name = "CONDITION", value_parser = Condition::parse)]
    #[arg(add = ArgValueCompleter::new(complete::conditions))]
    condition: Condition,

    /// Give up after this time
    #[arg(long, value_name = "DURATION", value_parser = value::limit)]
    timeout: Option<Duration>,

    #[command(flatten)]
    probe: ProbeArgs,
}

/// The condition to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Condition {
    Running,
    Stopped,
    Workers(u32),
    Idle,
}

impl Condition {
    /// Parses `running`, `stopped`, `workers=N` or `idle`.
    fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some(("workers", count)) => workers::parse_number(count).map(Self::Workers),
            None if text == "running" => Ok(Self::Running),
            None if text == "stopped" => Ok(Self::Stopped),
            None if text == "idle" => Ok(Self::Idle),
            _ => Err("must be running, stopped, workers=N or idle".to_owned()),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running => f.write_str("running"),
            Self::Stopped => f.write_str("stopped"),
            Self::Workers(number) => {
                write!(f, "running with {}", count::of(number, "worker"))
            }
            Self::Idle => f.write_str("idle"),
        }
    }
}

impl WaitArgs {
    /// Waits until the condition holds.
    pub(super) async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
        let session = invocation.session()?;
        let work = self.wait(&session);
        let note = "the cluster is left as it is";
        Interrupts::listen()?.run(note, work).await
    }

    async fn wait(&self, session: &Session) -> Result<(), Error> {
        let gateway = &session.gateway;
        let printer = &session.printer;
        let deadline = self.timeout.map(Deadline::after);
        let find = lifecycle::find(gateway, self.target.cluster.as_ref());
        let found =
            lifecycle::with_deadline(deadline, "the gateway has not responded", find).await?;
        let name = found.name.clone();
        let mut progress = printer.progress(&format!("waiting for cluster {name}"));
        let goal = match self.condition {
            Condition::Stopped => {
                let pending = format!("cluster {name} has not ended");
                let end = lifecycle::wait_until_ended(gateway, found, deadline, &mut progress);
                let ended = lifecycle::with_deadline(deadline, &pending, end).await?;
                progress.finish(&format!("cluster {name} is {}", ended.status));
                return Ok(printer.record(&LabelledCluster::new(&ended, gateway))?);
            }
            Condition::Running => None,
            Condition::Workers(count) => Some(WaitGoal::AtLeast(count)),
            Condition::Idle => Some(WaitGoal::Idle),
        };
        let cluster = if found.status == Status::Running {
            found
        } else {
            lifecycle::wait_until_running(gateway, &name, false, deadline, &mut progress).await?
        };
        if let Some(goal) = goal {
            let timeout = self.probe.probe_timeout;
            lifecycle::wait_for_goal(goal, &name, session, timeout, deadline, &mut progress)
                .await?;
        }
        progress.finish(&format!("cluster {name} is {}", self.condition));
        Ok(printer.record(&LabelledCluster::new(&cluster, gateway))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_conditions() {
        assert_eq!(Condition::parse("running"), Ok(Condition::Running));
        assert_eq!(Condition::parse("stopped"), Ok(Condition::Stopped));
        assert_eq!(Condition::parse("idle"), Ok(Condition::Idle));
        assert_eq!(Condition::parse("workers=8"), Ok(Condition::Workers(8)));
        for text in ["", "workers", "workers=", "workers=-1", "idle=1", "RUNNING"] {
            assert!(Condition::parse(text).is_err(), "{text}");
        }
    }
}
