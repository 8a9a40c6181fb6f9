//! The columns of the table of all clusters.

use std::cmp::Ordering;

use jiff::Timestamp;
use ratatui::text::Line;

use super::column::{Column, Width, largest_first};
use super::gauge::{gauge, memory};
use super::look::Look;
use super::model::{View, Watched, cpu_share, memory_share, since};
use super::tasks;
use crate::duration;
use crate::gateway::Status;
use crate::scheduler::{Idle, SchedulerReport};

/// A line of the table.
pub(super) struct Row<'a> {
    pub(super) watched: &'a Watched,
    pub(super) view: &'a View,
}

/// All columns, the name first.
pub(super) fn columns<'a>() -> Vec<Column<Row<'a>>> {
    let all = of_gateway().into_iter();
    all.chain(of_workers()).chain(of_scheduler()).collect()
}

/// What the gateway tells.
fn of_gateway<'a>() -> [Column<Row<'a>>; 3] {
    [
        Column {
            title: "NAME",
            width: Width(7, 8, 8),
            rank: 0,
            is_number: false,
            cell: |row, _, width| Line::raw(short(&row.watched.cluster.name, width).to_owned()),
            order: |a, b| a.watched.cluster.name.cmp(&b.watched.cluster.name),
        },
        Column {
            title: "STATUS",
            width: Width(8, 8, 8),
            rank: 0,
            is_number: false,
            cell: |row, look, _| status(row, look),
            order: |a, b| a.watched.cluster.status.cmp(&b.watched.cluster.status),
        },
        Column {
            rank: 3,
            ..number(
                "AGE",
                6,
                |row, look, _| {
                    Line::styled(duration::short(row.watched.age(row.view.now)), look.plain())
                },
                |a, b| {
                    let start = |row: &Row<'_>| row.watched.cluster.start_time;
                    start(a).cmp(&start(b))
                },
            )
        },
    ]
}

/// What the scheduler tells of all workers together.
fn of_workers<'a>() -> [Column<Row<'a>>; 4] {
    [
        Column {
            rank: 2,
            ..number(
                "WORKERS",
                7,
                |row, look, _| {
                    row.told(look, |report| {
                        Some(Line::raw(report.activity.workers?.to_string()))
                    })
                },
                |a, b| a.largest(b, |report| report.activity.workers),
            )
        },
        Column {
            rank: 6,
            ..number(
                "CORES",
                5,
                |row, look, _| {
                    row.told(look, |report| {
                        Some(Line::raw(report.activity.threads?.to_string()))
                    })
                },
                |a, b| a.largest(b, |report| report.activity.threads),
            )
        },
        Column {
            title: "CPU",
            width: Width(4, 10, 30),
            rank: 0,
            is_number: false,
            cell: |row, look, width| {
                row.told_of_workers(look, |report| {
                    let share = cpu_share(report)?;
                    Some(gauge(Some(share), width, look.cpu(), look))
                })
            },
            order: |a, b| a.largest(b, cpu_share),
        },
        Column {
            title: "MEMORY",
            width: Width(6, 10, 46),
            rank: 0,
            is_number: false,
            cell: |row, look, width| {
                row.told_of_workers(look, |report| {
                    let told = &report.activity;
                    memory(told.memory_used, told.memory_limit, width, look)
                })
            },
            order: |a, b| a.largest(b, |report| memory_share(&report.activity)),
        },
    ]
}

/// What it tells of its work.
fn of_scheduler<'a>() -> [Column<Row<'a>>; 3] {
    [
        Column {
            rank: 0,
            width: Width(5, 9, 13),
            ..number(
                "TASKS",
                9,
                |row, look, width| {
                    row.told(look, |report| {
                        let tasks = report.activity.tasks.as_ref();
                        Some(Line::raw(tasks::brief(tasks, width.into())?))
                    })
                },
                |a, b| a.largest(b, |report| report.activity.tasks.as_ref()?.unfinished()),
            )
        },
        Column {
            rank: 7,
            ..number(
                "CLIENTS",
                7,
                |row, look, _| {
                    row.told(look, |report| {
                        Some(Line::raw(report.activity.clients?.to_string()))
                    })
                },
                |a, b| a.largest(b, |report| report.activity.clients),
            )
        },
        Column {
            rank: 4,
            ..number(
                "IDLE",
                6,
                |row, look, _| {
                    row.told(look, |report| {
                        Some(Line::raw(idle(row.view.now, report.activity.idle)?))
                    })
                },
                |a, b| {
                    let since = |row: &Row<'_>| match row.watched.report()?.activity.idle {
                        Idle::Unknown => None,
                        Idle::Busy => Some(Timestamp::MAX),
                        Idle::Since(time) => Some(time),
                    };
                    match (since(a), since(b)) {
                        (Some(a), Some(b)) => a.cmp(&b),
                        (a, b) => largest_first(a, b),
                    }
                },
            )
        },
    ]
}

/// A column of numbers of one width.
fn number<'a>(
    title: &'static str,
    width: u16,
    cell: fn(&Row<'a>, Look, u16) -> Line<'static>,
    order: fn(&Row<'a>, &Row<'a>) -> Ordering,
) -> Column<Row<'a>> {
    Column {
        title,
        width: Width(width, width, width),
        rank: 0,
        is_number: true,
        cell,
        order,
    }
}

impl Row<'_> {
    /// What the cluster tells: `?` where that isn't known, `-` where there's nothing to tell,
    /// faint where it is old.
    fn told(
        &self,
        look: Look,
        show: impl FnOnce(&SchedulerReport) -> Option<Line<'static>>,
    ) -> Line<'static> {
        if self.watched.cluster.status != Status::Running {
            return Line::styled("-", look.faint());
        }
        let shown = self.watched.report().and_then(show);
        let line = shown.unwrap_or_else(|| Line::styled("?", look.faint()));
        if self.watched.is_silent(self.view) {
            line.patch_style(look.faint())
        } else {
            line
        }
    }

    /// The same, where no workers are nothing to tell of.
    fn told_of_workers(
        &self,
        look: Look,
        show: impl FnOnce(&SchedulerReport) -> Option<Line<'static>>,
    ) -> Line<'static> {
        self.told(look, |report| {
            if report.activity.workers == Some(0) {
                return Some(Line::styled("-", look.faint()));
            }
            show(report)
        })
    }

    fn largest<T: PartialOrd>(
        &self,
        other: &Self,
        pick: impl Fn(&SchedulerReport) -> Option<T>,
    ) -> Ordering {
        let picked = |row: &Self| row.watched.report().and_then(&pick);
        largest_first(picked(self), picked(other))
    }
}

/// The part of a name that tells clusters apart, cut where dgw still takes it for the cluster.
fn short(name: &str, width: u16) -> &str {
    let width = usize::from(width);
    if name.len() <= width {
        return name;
    }
    let own = name.rsplit('.').next().unwrap_or(name);
    own.get(..width).unwrap_or(own)
}

/// As the gateway spells it; with a question mark where the scheduler doesn't answer.
fn status(row: &Row<'_>, look: Look) -> Line<'static> {
    let status = row.watched.cluster.status;
    if row.watched.is_silent(row.view) {
        return Line::styled(format!("{status}?"), look.status(Status::Pending));
    }
    Line::styled(status.as_str(), look.status(status))
}

/// For how long nothing has been running, `-` while something is.
fn idle(now: Timestamp, idle: Idle) -> Option<String> {
    match idle {
        Idle::Unknown => None,
        Idle::Busy => Some("-".to_owned()),
        Idle::Since(time) => Some(duration::short(since(now, time))),
    }
}
