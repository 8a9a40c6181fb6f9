//! What a run used, added up from samples of its cluster.
//!
//! Core-hours are the workers' threads, integrated over the time that COMMAND ran: linearly between two
//! samples, and constant before the first and after the last one. CPU use is the workers' CPU time as
//! part of these. Time without samples for more than [`LONGEST_GAP`] is left out.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::output::used_of;
use crate::scheduler::{EventTotals, SchedulerReport};
use crate::{count, duration};

/// The longest time between two samples that they stand for.
const LONGEST_GAP: Duration = Duration::from_secs(120);

/// Limits on what a scheduler can claim: larger numbers count as unknown.
const MOST_WORKERS: u32 = 1_000_000;
const MOST_THREADS: u32 = 100_000_000;
const MOST_MEMORY: u64 = 1 << 60;
const MOST_CPU: f64 = 10_000_000.0;

/// A cluster at one moment; `None` is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sample {
    workers: Option<u32>,
    threads: Option<u32>,
    /// Cores that the workers keep busy.
    busy_cores: Option<f64>,
    /// Bytes, of all workers together, like the limit.
    memory: Option<u64>,
    memory_limit: Option<u64>,
    failed_tasks: Option<u64>,
}

impl From<&SchedulerReport> for Sample {
    fn from(report: &SchedulerReport) -> Self {
        let activity = &report.activity;
        let up_to = |number: Option<u64>, limit: u32| {
            let number = u32::try_from(number?).ok()?;
            (number <= limit).then_some(number)
        };
        let memory = |size: Option<u64>| size.filter(|size| *size <= MOST_MEMORY);
        let busy_cores = report.worker_details.as_ref().and_then(|workers| {
            let mut percents = workers.iter().map(|worker| worker.cpu);
            let percent = percents.try_fold(0.0, |sum, cpu| {
                let cpu = cpu?;
                (0.0..=MOST_CPU).contains(&cpu).then_some(sum + cpu)
            });
            percent.map(|percent: f64| percent / 100.0)
        });
        Self {
            workers: up_to(activity.workers, MOST_WORKERS),
            threads: up_to(activity.threads, MOST_THREADS),
            busy_cores,
            memory: memory(activity.memory_used),
            memory_limit: memory(activity.memory_limit),
            failed_tasks: activity.tasks.as_ref().and_then(|tasks| tasks.erred),
        }
    }
}

/// Adds up samples.
#[derive(Debug, Default)]
pub(super) struct Usage {
    samples: u64,
    last: Option<(Duration, Sample)>,
    sums: Sums,
    most_workers: Option<u32>,
    most_threads: Option<u32>,
    /// The most memory, and its limit at that moment.
    most_memory: Option<(u64, Option<u64>)>,
    failed_tasks: Option<u64>,
}

/// Integrals over time.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    /// The time in which the number of threads is known.
    covered: Duration,
    core_seconds: f64,
    /// Those in which the CPU use is known too, and how many of them were busy.
    measured_core_seconds: f64,
    busy_core_seconds: f64,
}

impl Sums {
    /// Adds an interval of the length `time` between two samples.
    fn add(&mut self, time: Duration, from: Sample, to: Sample) {
        let (Some(first), Some(second)) = (from.threads, to.threads) else {
            return;
        };
        if time > LONGEST_GAP {
            return;
        }
        let seconds = time.as_secs_f64();
        let core_seconds = f64::midpoint(first.into(), second.into()) * seconds;
        self.covered += time;
        self.core_seconds += core_seconds;
        if let (Some(first), Some(second)) = (from.busy_cores, to.busy_cores) {
            self.measured_core_seconds += core_seconds;
            self.busy_core_seconds += f64::midpoint(first, second) * seconds;
        }
    }
}

impl Usage {
    /// Returns true if there is no sample yet.
    pub(super) fn is_empty(&self) -> bool {
        self.samples == 0
    }

    /// Adds a sample that was taken at `time` after the start of COMMAND.
    pub(super) fn add(&mut self, time: Duration, sample: Sample) {
        let (before, from) = self.last.unwrap_or((Duration::ZERO, sample));
        self.sums.add(time.saturating_sub(before), from, sample);
        self.last = Some((time, sample));
        self.samples += 1;
        self.most_workers = self.most_workers.max(sample.workers);
        self.most_threads = self.most_threads.max(sample.threads);
        if let Some(memory) = sample.memory
            && self.most_memory.is_none_or(|(most, _)| memory > most)
        {
            self.most_memory = Some((memory, sample.memory_limit));
        }
        self.failed_tasks = self.failed_tasks.max(sample.failed_tasks);
    }

    /// Returns what `run` used, with the `totals` of its events if they are known.
    pub(super) fn record<'a>(&self, run: Run<'a>, totals: Option<EventTotals>) -> UsageRecord<'a> {
        let mut sums = self.sums;
        if let Some((time, sample)) = self.last {
            sums.add(run.time.saturating_sub(time), sample, sample);
        }
        let is_measured = sums.measured_core_seconds > 0.0;
        UsageRecord {
            name: run.cluster,
            start_time: run.start_time,
            seconds: run.time.as_secs_f64(),
            exit_status: run.exit_status,
            samples: self.samples,
            sampled_seconds: sums.covered.as_secs_f64(),
            core_hours: (!sums.covered.is_zero()).then_some(sums.core_seconds / 3600.0),
            cpu_percent: is_measured
                .then(|| 100.0 * sums.busy_core_seconds / sums.measured_core_seconds),
            workers_max: self.most_workers,
            threads_max: self.most_threads,
            memory_max: self.most_memory.map(|(used, _)| used),
            memory_limit: self.most_memory.and_then(|(_, limit)| limit),
            graphs: totals.and_then(|totals| totals.graphs),
            tasks_submitted: totals.and_then(|totals| totals.tasks),
            tasks_failed: self.failed_tasks.filter(|count| *count > 0),
            workers_lost: totals.and_then(|totals| totals.lost_workers),
            events_complete: totals.map(|totals| totals.is_complete),
        }
    }
}

/// A COMMAND that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run<'a> {
    pub(super) cluster: &'a str,
    pub(super) start_time: Timestamp,
    /// How long it ran.
    pub(super) time: Duration,
    pub(super) exit_status: u8,
}

/// What a run used; `None` is unknown.
#[derive(Debug, Serialize)]
pub(super) struct UsageRecord<'a> {
    name: &'a str,
    start_time: Timestamp,
    seconds: f64,
    exit_status: u8,
    samples: u64,
    /// The part of `seconds` that `core_hours` are of.
    sampled_seconds: f64,
    core_hours: Option<f64>,
    cpu_percent: Option<f64>,
    workers_max: Option<u32>,
    threads_max: Option<u32>,
    memory_max: Option<u64>,
    memory_limit: Option<u64>,
    graphs: Option<u64>,
    tasks_submitted: Option<u64>,
    /// The most that one sample found: there may have been more.
    tasks_failed: Option<u64>,
    workers_lost: Option<u64>,
    /// False if `graphs`, `tasks_submitted` and `workers_lost` may be too small.
    events_complete: Option<bool>,
}

impl UsageRecord<'_> {
    /// Returns what is known, in one line.
    pub(super) fn text(&self) -> String {
        let time = duration::short(Duration::from_secs_f64(self.seconds));
        let mut text = match self.core_hours_text() {
            Some(hours) => format!("used {hours} core-hours in {time}"),
            None => format!("COMMAND ended after {time}"),
        };
        if self.samples > 0 {
            text.push_str(" (sampled)");
        }
        let known = self.details();
        if !known.is_empty() {
            text.push_str(": ");
            text.push_str(&known.join(", "));
        }
        text
    }

    fn core_hours_text(&self) -> Option<String> {
        let hours = self.core_hours?;
        let digits = if hours < 100.0 { 2 } else { 0 };
        match (hours >= 0.01, self.sampled_seconds < self.seconds) {
            (true, false) => Some(format!("{hours:.digits$}")),
            (true, true) => Some(format!("at least {hours:.digits$}")),
            (false, false) if hours > 0.0 => Some("less than 0.01".to_owned()),
            (false, false) => Some("0".to_owned()),
            (false, true) => None,
        }
    }

    fn details(&self) -> Vec<String> {
        let at_least = match self.events_complete {
            Some(false) => "at least ",
            _ => "",
        };
        let workers = self.workers_max.map(|most| match most {
            0 => "no workers".to_owned(),
            most => format!("{} at most", count::of(most, "worker")),
        });
        let cpu = self
            .cpu_percent
            .map(|percent| format!("CPU {percent:.0} %"));
        let memory = self.memory_max.filter(|most| *most > 0);
        let memory = memory.and_then(|most| used_of(Some(most), self.memory_limit));
        let graphs = self.graphs.map(|graphs| {
            let graphs = count::of(graphs, "graph");
            match self.tasks_submitted {
                Some(tasks) => format!("{at_least}{} in {graphs}", count::of(tasks, "task")),
                None => format!("{at_least}{graphs}"),
            }
        });
        let failed = self
            .tasks_failed
            .map(|failed| format!("at least {} failed", count::of(failed, "task")));
        let lost = self.workers_lost.filter(|lost| *lost > 0);
        let lost = lost.map(|lost| format!("{at_least}{} lost", count::of(lost, "worker")));
        let memory = memory.map(|memory| format!("memory up to {memory}"));
        [workers, cpu, memory, graphs, failed, lost]
            .into_iter()
            .flatten()
            .collect()
    }
}

#[cfg(test)]
mod tests;
