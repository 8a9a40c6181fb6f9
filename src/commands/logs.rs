//! `dgw logs`

mod error;
mod reader;

use std::ops::ControlFlow;
use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use self::error::unreachable;
use self::reader::{LogReader, LogSource};
use super::follow::{check_format, follow};
use crate::cli::{TargetArgs, complete, value};
use crate::error::Error;
use crate::gateway::TlsIdentity;
use crate::lifecycle;
use crate::scheduler::SchedulerError;
use crate::session::{Invocation, Session};

/// The pause between requests for new entries: the scheduler can't be asked to report them.
const PAUSE: Duration = Duration::from_secs(1);

/// The number of entries without `--tail` and `--since`: as many as a person reads, instead of ten
/// thousand from each process.
const DEFAULT_LIMIT: usize = 200;

/// Print the log of a running cluster's scheduler, or of its workers
///
/// Prints a line for each entry, oldest first, with its time, level, logger and message. Further lines
/// of an entry, such as a traceback, are indented. Times are in UTC, by the clock of the process that
/// logged. Each process holds its last 10000 entries in memory; they are lost when it ends.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw logs --since 10m
  dgw logs 2224 --all-workers --tail all | grep -A 20 ERROR
  dgw logs -f -o jsonl | jq -r 'select(.level == \"WARNING\").text'")]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Log of one worker: its name, a unique prefix of it, or its address
    #[arg(long, value_name = "WORKER")]
    #[arg(add = ArgValueCandidates::new(complete::workers))]
    worker: Option<String>,

    /// Logs of all workers; each line begins with the worker's name
    #[arg(long, conflicts_with = "worker")]
    all_workers: bool,

    /// Continue with new entries until the cluster ends
    ///
    /// dgw asks for new entries every second, or less often if asking many workers takes longer.
    #[arg(short, long)]
    follow: bool,

    /// Only the last N entries of each log, or all
    ///
    /// The default is 200; with --since, all.
    #[arg(long, value_name = "N", value_parser = value::tail, allow_hyphen_values = true)]
    tail: Option<value::Tail>,

    /// Only entries younger than this
    #[arg(long, value_name = "DURATION", value_parser = crate::duration::parse)]
    #[arg(allow_hyphen_values = true)]
    since: Option<Duration>,

    /// Time limit for each log
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = value::limit)]
    probe_timeout: Duration,
}

impl LogsArgs {
    /// Prints what a running cluster has logged, and follows it if asked to.
    pub(super) async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
        let session = invocation.session()?;
        let printer = &session.printer;
        if self.follow {
            check_format(printer.format())?;
        }
        let pattern = self.target.cluster.as_ref();
        let (row, identity) = lifecycle::find_with_identity(&session.gateway, pattern).await?;
        let name = &row.cluster.name;
        lifecycle::require_running(&row.cluster)?;
        let schedulers = session.schedulers(self.probe_timeout);
        let source = match &self.worker {
            Some(pattern) => {
                LogSource::find_worker(pattern, &schedulers, name, identity.as_ref()).await?
            }
            None if self.all_workers => LogSource::AllWorkers,
            None => LogSource::Scheduler,
        };
        let since = self
            .since
            .map(|since| seconds(row.now) - since.as_secs_f64());
        let limit = match (self.tail, since) {
            (Some(value::Tail::Last(count)), _) => Some(count),
            (None, None) => Some(DEFAULT_LIMIT),
            (Some(value::Tail::All), _) | (None, Some(_)) => None,
        };
        let mut reader = LogReader::new(&schedulers, name, source, limit, since);
        let lines = reader
            .read(identity.as_ref())
            .await
            .map_err(|error| unreachable(name, error))?;
        printer.log(&lines, self.all_workers)?;
        if reader.has_no_workers() {
            printer.note(&format!("cluster {name} has no workers"));
        }
        if reader.is_cut() && self.tail.is_none() {
            printer.note(&format!(
                "the last {DEFAULT_LIMIT} entries; `--tail all` prints earlier ones too"
            ));
        }
        if self.follow {
            reader.remove_limit();
            self.follow(reader, identity, name, &session).await
        } else {
            Ok(())
        }
    }

    /// Prints new entries, until the cluster ends.
    async fn follow(
        &self,
        mut reader: LogReader<'_>,
        identity: Option<TlsIdentity>,
        name: &str,
        session: &Session,
    ) -> Result<(), Error> {
        let printer = &session.printer;
        let read = async |identity: Option<&TlsIdentity>| match reader.read(identity).await {
            Ok(lines) => {
                printer.log(&lines, self.all_workers)?;
                Ok(Ok(ControlFlow::Continue(())))
            }
            Err(SchedulerError::WorkerGone) => {
                printer.note(&format!("the worker has left cluster {name}"));
                Ok(Ok(ControlFlow::Break(())))
            }
            Err(error) => Ok(Err(error)),
        };
        follow(PAUSE, identity, name, session, read, |error| {
            unreachable(name, error)
        })
        .await
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact for 285,000 years")]
fn seconds(time: jiff::Timestamp) -> f64 {
    time.as_millisecond() as f64 / 1000.0
}
