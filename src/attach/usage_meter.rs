//! Measures what a run uses, by questions to its scheduler.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::time::Duration;

use anyhow::Context as _;
use jiff::Timestamp;
use tokio::time::{Instant, sleep, timeout};

use super::usage::{Run, Sample, Usage};
use super::usage_file::UsageFile;
use crate::gateway::TlsIdentity;
use crate::output::Printer;
use crate::scheduler::{EventReader, EventTotals, ReportDetail, Schedulers};

/// The pauses between samples: the scheduler has others to serve.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The longest pause after the scheduler has not responded.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A pause is at least this many times as long as the response before took.
const SHARE: u32 = 20;

/// How long to ask for the events at the end: the cluster is still to be shut down.
const EVENTS_LIMIT: Duration = Duration::from_secs(2);

/// Measures what a COMMAND uses.
pub(crate) struct UsageMeter {
    file: Option<UsageFile>,
    start: Instant,
    start_time: Timestamp,
    usage: RefCell<Usage>,
    events: Cell<Events>,
}

/// The events that count.
#[derive(Clone, Copy)]
enum Events {
    All,
    After(Timestamp),
    /// It is unknown which.
    Unknown,
}

impl UsageMeter {
    /// Starts to measure. The events of a cluster that existed before count from now on.
    pub(crate) fn start(file: Option<UsageFile>, is_new_cluster: bool) -> Self {
        let events = if is_new_cluster {
            Events::All
        } else {
            Events::Unknown
        };
        Self {
            file,
            start: Instant::now(),
            start_time: Timestamp::now(),
            usage: RefCell::default(),
            events: Cell::new(events),
        }
    }

    /// Takes samples of `cluster`, until it is dropped.
    pub(super) async fn sample(
        &self,
        schedulers: &Schedulers,
        cluster: &str,
        identity: &TlsIdentity,
    ) -> Infallible {
        if matches!(self.events.get(), Events::Unknown) {
            let reader = EventReader::new(schedulers, cluster);
            if let Ok(latest) = reader.latest(Some(identity)).await {
                self.events.set(latest.map_or(Events::All, Events::After));
            }
        }
        let mut pause = FIRST_PAUSE;
        let mut shortest = Duration::ZERO;
        loop {
            sleep(pause.max(shortest)).await;
            let asked = Instant::now();
            let report = schedulers.report(cluster, Some(identity), ReportDetail::Numbers);
            pause = if let Ok(report) = report.await {
                let mut usage = self.usage.borrow_mut();
                usage.add(self.start.elapsed(), Sample::from(&report));
                (pause * 3 / 2).min(LONGEST_PAUSE)
            } else {
                (pause * 2).min(LONGEST_WAIT)
            };
            shortest = asked.elapsed() * SHARE;
        }
    }

    /// Prints and writes what COMMAND used, which has just ended. A file that can't be written is
    /// only worth a warning: the exit code is COMMAND's.
    pub(super) async fn report(
        &self,
        schedulers: &Schedulers,
        cluster: &str,
        identity: &TlsIdentity,
        exit_status: u8,
        printer: &Printer,
    ) {
        let run = Run {
            cluster,
            start_time: self.start_time,
            time: self.start.elapsed(),
            exit_status,
        };
        let totals = self.totals(schedulers, cluster, identity).await;
        let record = self.usage.borrow().record(run, totals);
        printer.note(&record.text());
        let Some(file) = &self.file else {
            return;
        };
        let written = serde_json::to_vec_pretty(&record)
            .context("can't render the result")
            .and_then(|mut bytes| {
                bytes.push(b'\n');
                Ok(file.write(&bytes)?)
            });
        if let Err(error) = written {
            Printer::warn_always(&error.to_string());
        }
    }

    /// Adds up the events; `None` if they are unknown. A COMMAND that was too short for a sample is
    /// not worth a question.
    async fn totals(
        &self,
        schedulers: &Schedulers,
        cluster: &str,
        identity: &TlsIdentity,
    ) -> Option<EventTotals> {
        if self.usage.borrow().is_empty() {
            return None;
        }
        let since = match self.events.get() {
            Events::All => None,
            Events::After(time) => Some(time),
            Events::Unknown => return None,
        };
        let mut reader = EventReader::new(schedulers, cluster);
        let totals = timeout(EVENTS_LIMIT, reader.totals(Some(identity), since));
        totals.await.ok()?.ok()
    }
}
