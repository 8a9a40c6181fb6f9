//! `dgw logs`

use std::collections::HashMap;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, sleep};

use super::condition;
use crate::cli::LogsArgs;
use crate::cli::value::Tail;
use crate::error::Error;
use crate::gateway::{self, Gateway, Status, TlsIdentity};
use crate::output::{Format, LogLine, Printer};
use crate::scheduler::{FetchedLog, LogPosition, LogRange, SchedulerError, Schedulers};

/// Between looks for what is new: the scheduler can't be asked to tell.
const PAUSE: Duration = Duration::from_secs(1);

/// Without `--tail` and `--since`: what a person reads, in place of ten thousand from each.
const LIMIT: usize = 200;

/// Each worker costs a connection to the scheduler, which answers them in turn.
const AT_ONCE: usize = 16;

/// A worker that can't be reached costs the scheduler 30 s, and a line in its log.
const RESPITE: Duration = Duration::from_secs(30);

/// Prints what a running cluster has logged, and goes on with it if asked to.
pub(super) async fn run(
    args: &LogsArgs,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    if args.follow && matches!(printer.format(), Format::Json | Format::Yaml | Format::Csv) {
        let message = "a document has an end, and `--follow` has none: use `-o jsonl`";
        return Err(Error::Usage(message.to_owned()));
    }
    let (aged, identity) = args.target.find_with_identity(gateway).await?;
    let name = &aged.cluster.name;
    if aged.cluster.status != Status::Running {
        return Err(Error::NotRunning {
            name: name.clone(),
            status: aged.cluster.status,
        });
    }
    let since = args
        .since
        .map(|since| seconds(aged.now) - since.as_secs_f64());
    let schedulers = super::patient_schedulers(gateway, args.probe_timeout);
    let mut reader = Reader {
        schedulers: &schedulers,
        cluster: name,
        which: which(args, &schedulers, name, identity.as_ref()).await?,
        workers: None,
        limit: match (args.tail, since) {
            (Some(Tail::Last(count)), _) => Some(count),
            (None, None) => Some(LIMIT),
            (Some(Tail::All), _) | (None, Some(_)) => None,
        },
        since,
        positions: HashMap::new(),
        silent: HashMap::new(),
        is_cut: false,
    };
    let lines = reader.read(identity.as_ref()).await;
    let lines = lines.map_err(|fault| no_logs(name, &fault))?;
    printer.log(&lines, args.all_workers)?;
    if reader.workers == Some(0) {
        printer.note(&format!("cluster {name} has no workers"));
    }
    if reader.is_cut && args.tail.is_none() {
        printer.note(&format!(
            "the last {LIMIT} entries: `--tail all` prints those before them too"
        ));
    }
    if args.follow {
        follow(reader, identity, args.all_workers, (gateway, printer)).await
    } else {
        Ok(())
    }
}

/// Prints what comes, until the cluster ends.
async fn follow(
    mut reader: Reader<'_>,
    mut identity: Option<TlsIdentity>,
    has_names: bool,
    (gateway, printer): (&Gateway, &Printer),
) -> Result<(), Error> {
    // From now on everything counts, of workers too that come later.
    reader.limit = None;
    let name = reader.cluster;
    let mut is_away = false;
    let mut took = Duration::ZERO;
    loop {
        sleep(PAUSE.max(took)).await;
        let asked = Instant::now();
        let read = reader.read(identity.as_ref()).await;
        took = asked.elapsed();
        let fault = match read {
            Ok(lines) => {
                printer.log(&lines, has_names)?;
                is_away = false;
                continue;
            }
            Err(SchedulerError::WorkerGone) => {
                printer.note(&format!("the worker is gone from cluster {name}"));
                return Ok(());
            }
            Err(fault) => fault,
        };
        // It may have ended, or been restarted with another certificate.
        match condition::still_running(gateway, name).await {
            Ok(now) => identity = now,
            Err(Error::NotRunning { status, .. }) => {
                printer.note(&format!("cluster {name} is {status}"));
                return Ok(());
            }
            Err(Error::Gateway(gateway::Error::NoSuchCluster(_))) => {
                printer.note(&format!("cluster {name} is gone"));
                return Ok(());
            }
            Err(Error::Gateway(error)) if error.is_temporary() => {}
            Err(error) => return Err(error),
        }
        if !is_away {
            printer.warn(&format!("{}; trying again", no_logs(name, &fault)));
            is_away = true;
        }
    }
}

fn no_logs(name: &str, fault: &SchedulerError) -> Error {
    Error::NoLogs {
        name: name.to_owned(),
        fault: fault.to_string(),
        by_time: false,
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact for 285,000 years")]
fn seconds(time: jiff::Timestamp) -> f64 {
    time.as_millisecond() as f64 / 1000.0
}

/// Whose log.
#[derive(Debug)]
enum Which {
    Scheduler,
    /// The worker at this address.
    Worker(String),
    AllWorkers,
}

async fn which(
    args: &LogsArgs,
    schedulers: &Schedulers,
    name: &str,
    identity: Option<&TlsIdentity>,
) -> Result<Which, Error> {
    let Some(pattern) = &args.worker else {
        let all = args.all_workers;
        return Ok(if all {
            Which::AllWorkers
        } else {
            Which::Scheduler
        });
    };
    let workers = schedulers.workers(name, identity).await;
    let workers = workers.map_err(|fault| no_logs(name, &fault))?;
    match fitting(pattern, &workers).as_slice() {
        [(address, _)] => Ok(Which::Worker(address.clone())),
        [] => Err(Error::NoWorkerFits {
            name: name.to_owned(),
            pattern: pattern.clone(),
            there: workers.iter().map(line).collect(),
        }),
        several => Err(Error::SeveralWorkersFit {
            name: name.to_owned(),
            pattern: pattern.clone(),
            fitting: several.iter().copied().map(line).collect(),
        }),
    }
}

fn line((address, name): &(String, String)) -> String {
    format!("{name} at {address}")
}

/// The workers that `pattern` may mean: the one of that name or address, however many others begin
/// with it, or those whose name begins with it.
fn fitting<'a>(pattern: &str, workers: &'a [(String, String)]) -> Vec<&'a (String, String)> {
    let is_it = |(address, name): &&(String, String)| {
        let bare = address.split_once("://").map_or("", |(_, bare)| bare);
        [name, address, bare].contains(&pattern)
    };
    if let Some(exact) = workers.iter().find(is_it) {
        return vec![exact];
    }
    let begins = workers.iter().filter(|(_, name)| name.starts_with(pattern));
    begins.collect()
}

/// Reads logs on, from where it has come to in each.
struct Reader<'a> {
    schedulers: &'a Schedulers,
    cluster: &'a str,
    which: Which,
    /// How many there are, where all are asked.
    workers: Option<usize>,
    /// What a log that wasn't read yet is begun with.
    limit: Option<usize>,
    since: Option<f64>,
    /// By the workers' addresses; the scheduler's by none.
    positions: HashMap<String, LogPosition>,
    /// Workers that didn't answer, and when they were asked.
    silent: HashMap<String, Instant>,
    /// Whether the limit has left out anything.
    is_cut: bool,
}

impl Reader<'_> {
    /// What is new, oldest first.
    async fn read(
        &mut self,
        identity: Option<&TlsIdentity>,
    ) -> Result<Vec<LogLine>, SchedulerError> {
        let workers = match &self.which {
            Which::Scheduler => {
                let (schedulers, part) = (self.schedulers, self.part(""));
                let log = schedulers.log(self.cluster, identity, None, part).await?;
                return Ok(self.take("", "scheduler", log));
            }
            Which::Worker(address) => {
                let mut workers = self.schedulers.workers(self.cluster, identity).await?;
                workers.retain(|(there, _)| there == address);
                if workers.is_empty() {
                    return Err(SchedulerError::WorkerGone);
                }
                workers
            }
            Which::AllWorkers => {
                let workers = self.schedulers.workers(self.cluster, identity).await?;
                self.workers = Some(workers.len());
                workers
            }
        };
        self.silent.retain(|_, asked| asked.elapsed() < RESPITE);
        let workers = workers.into_iter();
        let workers = workers.filter(|(address, _)| !self.silent.contains_key(address));
        let asking = workers.map(|(address, name)| {
            let part = self.part(&address);
            let (schedulers, cluster) = (self.schedulers, self.cluster);
            async move {
                let log = schedulers
                    .log(cluster, identity, Some(&address), part)
                    .await;
                (address, name, log)
            }
        });
        let asking = asking.collect::<Vec<_>>();
        let logs = stream::iter(asking)
            .buffered(AT_ONCE)
            .collect::<Vec<_>>()
            .await;
        let mut lines = Vec::new();
        for (address, name, log) in logs {
            match log {
                Ok(log) => lines.extend(self.take(&address, &name, log)),
                Err(fault) if matches!(self.which, Which::Worker(_)) => return Err(fault),
                Err(fault) => {
                    Printer::warn_always(&format!("the log of worker {name} is missing: {fault}"));
                    self.silent.insert(address, Instant::now());
                }
            }
        }
        lines.sort_by(|a, b| a.entry.order(&b.entry));
        Ok(lines)
    }

    /// What to ask for: one more than is wanted tells whether there is more.
    fn part(&self, log: &str) -> LogRange {
        let limit = self.limit.map(|limit| limit.saturating_add(1));
        self.positions
            .get(log)
            .map_or_else(|| LogRange::new(limit, self.since), LogPosition::next_range)
    }

    /// What is new in the log of `key`.
    fn take(&mut self, key: &str, name: &str, log: FetchedLog) -> Vec<LogLine> {
        let fresh = if let Some(position) = self.positions.get_mut(key) {
            position.take_new(log)
        } else {
            let (position, fresh, is_cut) = LogPosition::begin(log, self.limit, self.since);
            self.positions.insert(key.to_owned(), position);
            self.is_cut |= is_cut;
            fresh
        };
        let logged = fresh.into_iter().map(|entry| LogLine {
            name: name.to_owned(),
            entry,
        });
        logged.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_is_meant_by_name_prefix_or_address() {
        let workers = [
            ("tls://h:1", "ab12"),
            ("tls://h:12", "ab34"),
            ("tls://h:3", "ab"),
        ]
        .map(|(address, name)| (address.to_owned(), name.to_owned()));
        let found = |pattern: &str| {
            let fitting = fitting(pattern, &workers);
            fitting
                .into_iter()
                .map(|(_, name)| name.as_str())
                .collect::<Vec<_>>()
        };
        assert_eq!(found("ab1"), ["ab12"]);
        assert_eq!(found("ab"), ["ab"]);
        assert_eq!(found("a").len(), 3);
        assert_eq!(found("tls://h:1"), ["ab12"]);
        assert_eq!(found("h:12"), ["ab34"]);
        assert!(found("tls://h").is_empty() && found("x").is_empty());
    }
}
