//! The table of one cluster's workers.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Scrollbar, ScrollbarOrientation, ScrollbarState, StatefulWidget as _};
use unicode_width::UnicodeWidthStr as _;

use super::layout::put;
use super::table::{self, Column, Growth, Value, Width};
use crate::output::escaped;
use crate::scheduler::Worker;
use crate::top::measures::{elapsed, float};
use crate::top::model::{Model, WatchedCluster};
use crate::top::theme::{FAINT, STALE};

/// A row of the table.
struct WorkerLine<'a> {
    worker: &'a Worker,
    model: &'a Model,
    watched: &'a WatchedCluster,
}

/// Returns the titles of the columns.
pub(super) fn titles() -> Vec<&'static str> {
    columns(0, 0).iter().map(|column| column.title).collect()
}

/// Draws the visible workers, and returns how many rows there is room for.
pub(super) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    model: &Model,
    watched: &WatchedCluster,
) -> usize {
    let visible_rows = usize::from(area.height.saturating_sub(1));
    let report = watched.report();
    let workers = report.and_then(|report| report.worker_details.as_ref());
    let rows = workers.into_iter().flatten();
    let rows = rows
        .map(|worker| WorkerLine {
            worker,
            model,
            watched,
        })
        .collect::<Vec<_>>();
    if rows.is_empty() {
        let text = match report {
            Some(_) if watched.has_no_workers() => "no workers",
            Some(_) => "the workers are unknown",
            None => "no report on workers yet",
        };
        put(buffer, area, &Line::styled(text, FAINT));
        return visible_rows;
    }
    let longest = |width: fn(&WorkerLine<'_>) -> usize| {
        let longest = rows.iter().map(width).max();
        u16::try_from(longest.unwrap_or(0)).unwrap_or(u16::MAX)
    };
    let columns = columns(
        longest(|row| row.label().width()),
        longest(|row| row.worker.host.as_ref().map_or(0, |host| host.width())),
    );
    let sorted = table::sort(rows, &columns, model.order());
    let above = model.scroll(visible_rows);
    let place = Rect {
        width: area.width.saturating_sub(2),
        ..area
    };
    let shown = (&sorted[above..], None);
    table::draw(buffer, place, (&columns, model.order()), shown);
    if sorted.len() > visible_rows {
        draw_scrollbar(buffer, area, above, sorted.len() - visible_rows);
    }
    visible_rows
}

/// Draws how many rows are above, of those that have no room.
fn draw_scrollbar(buffer: &mut Buffer, area: Rect, above: usize, hidden: usize) {
    let below_titles = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1),
        ..area
    };
    let mut state = ScrollbarState::new(hidden + 1).position(above);
    Scrollbar::new(ScrollbarOrientation::VerticalRight)
        .begin_symbol(None)
        .end_symbol(None)
        .thumb_symbol("┃")
        .track_symbol(Some("│"))
        .track_style(FAINT)
        .render(below_titles.intersection(area), buffer, &mut state);
}

impl WorkerLine<'_> {
    /// Returns the name or else the address, after the status unless that is `running`.
    fn label(&self) -> String {
        let Worker {
            name,
            address,
            status,
            ..
        } = self.worker;
        let name = escaped(name.as_ref().unwrap_or(address));
        match status.as_deref() {
            None | Some("running") => name.into_owned(),
            Some(status) => format!("{} {name}", escaped(status)),
        }
    }

    /// Returns the share of its threads that the worker uses.
    fn cpu_share(&self) -> Option<f64> {
        let threads = self.worker.threads.filter(|threads| *threads > 0)?;
        Some(self.worker.cpu? / 100.0 / float(threads))
    }
}

/// Returns the columns; the arguments are the widths of the longest name and host.
fn columns<'a>(longest_name: u16, longest_host: u16) -> [Column<WorkerLine<'a>>; 7] {
    let [name, host] = [longest_name.min(45), longest_host.min(30)].map(Growth::UpTo);
    [
        Column::new("WORKER", Width(8, 10, name), 0, |row| {
            Value::Text(row.label())
        }),
        Column::new("HOST", Width(6, 12, host), 2, |row| {
            row.worker.host.clone().map_or(Value::Unknown, Value::Text)
        }),
        Column::number("THREADS", 7, 1, |row| Value::count(row.worker.threads)),
        Column::new("CPU", Width(8, 12, Growth::Shared), 0, |row| {
            row.cpu_share().map_or(Value::Unknown, Value::CpuShare)
        }),
        Column::new("MEMORY", Width(8, 12, Growth::Shared), 0, |row| {
            Value::Memory(row.worker.memory, row.worker.memory_limit)
        }),
        Column::number("TASKS", 6, 0, |row| Value::count(row.worker.tasks)),
        Column::number("SEEN", 5, 3, |row| {
            let Some(last_seen) = row.worker.last_seen else {
                return Value::Unknown;
            };
            let ago = elapsed(row.model.now_of(row.watched), last_seen);
            let value = Value::Time(ago);
            if row.model.is_stale(ago) {
                Value::Styled(STALE.into(), Box::new(value))
            } else {
                value
            }
        }),
    ]
}
