//! The workers of one cluster, a line each.

use std::cmp::Ordering;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use unicode_width::UnicodeWidthStr as _;

use super::bar::{float, share};
use super::column::{self, Column, Width, largest_first};
use super::gauge::{self, gauge};
use super::look::Look;
use super::model::{View, since};
use super::span;
use crate::gateway::Status;
use crate::output::escape;
use crate::scheduler::{SchedulerReport, Worker};

/// A worker, as it was told of.
struct Row<'a> {
    worker: &'a Worker,
    view: &'a View,
}

pub(super) fn titles() -> Vec<&'static str> {
    columns().iter().map(|column| column.title).collect()
}

/// Draws those that are in sight, and returns how many that may be.
pub(super) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    view: &View,
    report: Option<&SchedulerReport>,
    look: Look,
) -> usize {
    let workers = report.and_then(|report| report.worker_details.as_ref());
    let row = |worker| Row { worker, view };
    let mut rows = workers
        .into_iter()
        .flatten()
        .map(row)
        .collect::<Vec<Row<'_>>>();
    let mut columns = columns();
    column::sort(&mut rows, &columns, view.workers_by);
    let longest = rows.iter().map(|row| row.label().width()).max();
    columns[0].width.2 = u16::try_from(longest.unwrap_or(0).clamp(8, 45)).unwrap_or(45);
    let in_sight = usize::from(area.height.saturating_sub(1));
    if rows.is_empty() {
        if area.height > 0 {
            let text = match report {
                Some(report) if report.activity.workers == Some(0) => "no workers",
                Some(_) => "its workers aren't known",
                None => "nothing is known of its workers yet",
            };
            let width = area.width.into();
            buffer.set_stringn(area.x, area.y, text, width, look.faint());
        }
        return in_sight;
    }
    let above = view.scroll.min(rows.len().saturating_sub(in_sight));
    let table = Rect {
        width: area.width.saturating_sub(2),
        ..area
    };
    column::draw(
        buffer,
        table,
        (&columns, view.workers_by),
        (&rows[above..], None),
        look,
    );
    thumb(buffer, area, (above, in_sight, rows.len()), look);
    in_sight
}

/// Where in a long table one is, at its right.
fn thumb(
    buffer: &mut Buffer,
    area: Rect,
    (above, in_sight, all): (usize, usize, usize),
    look: Look,
) {
    if in_sight == 0 || all <= in_sight || area.width == 0 {
        return;
    }
    let height = (in_sight * in_sight / all).max(1);
    let start = above * (in_sight - height) / (all - in_sight);
    for nth in 0..in_sight {
        let (glyph, style) = if (start..start + height).contains(&nth) {
            ("┃", look.plain())
        } else {
            ("│", look.faint())
        };
        let y = area.y + 1 + u16::try_from(nth).unwrap_or(0);
        buffer.set_stringn(area.right() - 1, y, glyph, 1, style);
    }
}

impl Row<'_> {
    fn name(&self) -> &str {
        self.worker.name.as_ref().unwrap_or(&self.worker.address)
    }

    /// The name, after the status where that is a special one.
    fn label(&self) -> String {
        let name = escape::text(self.name());
        match self.worker.status.as_deref() {
            None | Some("running") => name.into_owned(),
            Some(status) => format!("{} {name}", escape::text(status)),
        }
    }

    fn memory(&self) -> Option<f64> {
        share(self.worker.memory, self.worker.memory_limit)
    }

    /// Of all its threads.
    fn cpu(&self) -> Option<f64> {
        let threads = self.worker.threads.filter(|threads| *threads > 0)?;
        Some(self.worker.cpu? / 100.0 / float(threads))
    }
}

fn columns<'a>() -> [Column<Row<'a>>; 7] {
    [
        Column {
            title: "WORKER",
            width: Width(8, 10, 10),
            rank: 0,
            is_number: false,
            cell: |row, _, _| Line::raw(row.label()),
            order: |a, b| a.name().cmp(b.name()),
        },
        Column {
            title: "HOST",
            width: Width(6, 12, 30),
            rank: 2,
            is_number: false,
            cell: |row, _, _| {
                let host = row.worker.host.as_deref().unwrap_or("?");
                Line::raw(escape::text(host).into_owned())
            },
            order: |a, b| a.worker.host.cmp(&b.worker.host),
        },
        number(
            "THREADS",
            (7, 1),
            |row, look, _| count(row.worker.threads, look),
            |a, b| largest_first(a.worker.threads, b.worker.threads),
        ),
        Column {
            title: "CPU",
            width: Width(4, 12, 30),
            rank: 0,
            is_number: false,
            cell: |row, look, width| {
                let share = row.cpu();
                share.map_or_else(
                    || Line::styled("?", look.faint()),
                    |_| gauge(share, width, look.cpu(), look),
                )
            },
            order: |a, b| largest_first(a.cpu(), b.cpu()),
        },
        Column {
            title: "MEMORY",
            width: Width(6, 12, 44),
            rank: 0,
            is_number: false,
            cell: |row, look, width| {
                let (used, limit) = (row.worker.memory, row.worker.memory_limit);
                gauge::memory(used, limit, width, look)
                    .unwrap_or_else(|| Line::styled("?", look.faint()))
            },
            order: |a, b| largest_first(a.memory(), b.memory()),
        },
        number(
            "TASKS",
            (6, 0),
            |row, look, _| count(row.worker.tasks, look),
            |a, b| largest_first(a.worker.tasks, b.worker.tasks),
        ),
        Column {
            title: "SEEN",
            width: Width(4, 5, 6),
            rank: 3,
            is_number: true,
            cell: |row, look, _| {
                let seen = row.worker.last_seen;
                let ago = seen.map(|time| since(row.view.now, time));
                let style = if ago.is_some_and(|ago| ago > row.view.fresh) {
                    look.status(Status::Pending)
                } else {
                    look.plain()
                };
                Line::styled(span(ago), style)
            },
            order: |a, b| -> Ordering { a.worker.last_seen.cmp(&b.worker.last_seen) },
        },
    ]
}

/// A column of numbers of one width.
fn number<'a>(
    title: &'static str,
    (width, rank): (u16, u8),
    cell: fn(&Row<'a>, Look, u16) -> Line<'static>,
    order: fn(&Row<'a>, &Row<'a>) -> Ordering,
) -> Column<Row<'a>> {
    Column {
        title,
        width: Width(width, width, width),
        rank,
        is_number: true,
        cell,
        order,
    }
}

fn count(number: Option<u64>, look: Look) -> Line<'static> {
    number.map_or_else(
        || Line::styled("?", look.faint()),
        |number| Line::raw(number.to_string()),
    )
}
