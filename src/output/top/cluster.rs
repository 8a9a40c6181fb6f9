//! One cluster in full.

use std::cmp::Ordering;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr as _;

use super::bar::{bar, float, percent, share};
use super::chart::{CHARTS, chart, has_room, histories};
use super::column::{self, Column, Width, largest_first};
use super::gauge::{self, gauge};
use super::look::Look;
use super::model::{Shares, View, Watched, cpu_share, cpu_used, memory_share, since};
use super::{both, cut, span, take, tasks};
use crate::age;
use crate::gateway::Status;
use crate::output::{escape, quantity};
use crate::scheduler::{Idle, Report, Worker};

/// So high a screen has room for addresses and the like.
const FACTS_FROM: u16 = 22;

/// The longest of the labels, and a gap.
const LABELS: u16 = 11;

/// A worker, as it was told of.
struct Row<'a> {
    worker: &'a Worker,
    view: &'a View,
}

/// Draws it, and returns how many of its workers are in sight.
pub(super) fn draw(
    buffer: &mut Buffer,
    area: Rect,
    view: &View,
    watched: &Watched,
    look: Look,
) -> usize {
    let mut left = Rect {
        x: area.x + area.width.min(1),
        width: area.width.saturating_sub(2),
        height: area.height.saturating_sub(1),
        ..area
    };
    let has_facts = area.height >= FACTS_FROM;
    let has_charts = has_room(area);
    head(buffer, take(&mut left, 1), view, watched, look);
    if has_facts {
        for (label, text) in facts(watched) {
            labelled(
                buffer,
                take(&mut left, 1),
                label,
                &Line::raw(cut(&text, left.width.saturating_sub(LABELS))),
                look,
            );
        }
        take(&mut left, 1);
    }
    let shares = watched.shares(view.now);
    let inline = (!has_charts).then_some(&shares);
    let report = watched.report();
    cpu(buffer, take(&mut left, 1), (report, inline), look);
    memory(buffer, take(&mut left, 1), (report, inline), look);
    let told = report.and_then(|report| report.activity.tasks.as_ref());
    all_tasks(buffer, take(&mut left, 1), (report, inline), look);
    if has_facts {
        let width = left.width.saturating_sub(LABELS);
        let legend = take(&mut left, tasks::legend_height(width));
        let indent = LABELS.min(legend.width);
        let legend = Rect {
            x: legend.x + indent,
            width: legend.width - indent,
            ..legend
        };
        tasks::legend(buffer, legend, told, look);
        take(&mut left, 1);
    }
    if has_charts {
        histories(buffer, take(&mut left, CHARTS), &shares, look);
        take(&mut left, 1);
    }
    workers(buffer, left, view, report, look)
}

pub(super) fn titles() -> Vec<&'static str> {
    columns().iter().map(|column| column.title).collect()
}

fn labelled(buffer: &mut Buffer, line: Rect, label: &str, value: &Line<'_>, look: Look) {
    if line.is_empty() {
        return;
    }
    buffer.set_stringn(line.x, line.y, label, line.width.into(), look.faint());
    let indent = LABELS.min(line.width);
    buffer.set_line(line.x + indent, line.y, value, line.width - indent);
}

fn head(buffer: &mut Buffer, line: Rect, view: &View, watched: &Watched, look: Look) {
    let cluster = &watched.cluster;
    // Its status has to have room.
    let room = usize::from(line.width.saturating_sub(18)).max(8);
    let name = match cluster.name.char_indices().nth(room) {
        Some((end, _)) => &cluster.name[..end],
        None => &cluster.name,
    };
    let status = match cluster.status {
        status if watched.is_silent(view) => {
            Span::styled(format!("{status}?"), look.status(Status::Pending))
        }
        status => Span::styled(status.as_str(), look.status(status)),
    };
    let left = Line::from(vec![
        Span::styled(name.to_owned(), look.title()),
        Span::raw("  "),
        status,
        Span::raw(format!("  {}", age::short(watched.age(view.now)))),
    ]);
    let right = watched.report().map_or_else(String::new, |report| {
        let clients = match report.activity.clients {
            None => "? clients".to_owned(),
            Some(1) => "1 client".to_owned(),
            Some(count) => format!("{count} clients"),
        };
        let idle = match report.activity.idle {
            Idle::Unknown => "idle ?".to_owned(),
            Idle::Busy => "busy".to_owned(),
            Idle::Since(time) => format!("idle {}", age::short(since(view.now, time))),
        };
        format!("{clients}, {idle}")
    });
    both(buffer, line, &left, &Line::raw(right));
}

/// Addresses and versions: what stays as it is.
fn facts(watched: &Watched) -> Vec<(&'static str, String)> {
    let cluster = &watched.cluster;
    let unknown = || "-".to_owned();
    let versions = watched.report().and_then(|report| report.versions.as_ref());
    let versions = versions.map(|versions| {
        let each = versions.scheduler.each();
        let each = each.map(|(name, version)| format!("{name} {}", version.unwrap_or("?")));
        each.join(", ")
    });
    let address = |address: &Option<String>| address.clone().unwrap_or_else(unknown);
    vec![
        ("scheduler", address(&cluster.scheduler_address)),
        ("dashboard", address(&cluster.dashboard_link)),
        ("versions", versions.unwrap_or_else(|| "?".to_owned())),
    ]
}

/// A label, a bar, its number, words, and, where there is room, a short history.
fn meter(
    buffer: &mut Buffer,
    line: Rect,
    (label, words): (&str, &str),
    (share, style): (Option<f64>, Style),
    history: Option<&[Option<f64>]>,
    look: Look,
) {
    let (bar_width, words_width) = meter_widths(line.width);
    let [heavy, rest] = bar(share, bar_width, style, look);
    let value = Line::from(vec![heavy, rest, Span::raw(format!(" {}", percent(share)))]);
    labelled(buffer, line, label, &value, look);
    let taken = LABELS + bar_width + 5;
    aside(buffer, line, (taken, words, words_width), history, style);
}

/// How wide a meter's bar is, and its words, in a line so wide.
fn meter_widths(width: u16) -> (u16, u16) {
    const WORDS: u16 = 20;
    let room = width.saturating_sub(LABELS + 5);
    if room < WORDS + 10 {
        return (room, 0);
    }
    (((room - WORDS) / 2).min(60), WORDS)
}

/// The words behind a bar, and the history behind these.
fn aside(
    buffer: &mut Buffer,
    line: Rect,
    (taken, words, width): (u16, &str, u16),
    history: Option<&[Option<f64>]>,
    style: Style,
) {
    if width == 0 || line.is_empty() {
        return;
    }
    let x = line.x + taken + 2;
    let room = width.saturating_sub(2);
    buffer.set_stringn(x, line.y, words, room.into(), Style::new());
    let x = x + room + 1;
    let place = Rect {
        x,
        width: line.right().saturating_sub(x),
        ..line
    };
    if let Some(history) = history {
        chart(buffer, place.intersection(line), history, style);
    }
}

fn cpu(
    buffer: &mut Buffer,
    line: Rect,
    (report, shares): (Option<&Report>, Option<&Shares>),
    look: Look,
) {
    let used = report.and_then(cpu_used);
    let threads = report.and_then(|report| report.activity.threads);
    let words = format!(
        "{} of {} cores",
        used.map_or_else(|| "?".to_owned(), |used| format!("{used:.1}")),
        threads.map_or_else(|| "?".to_owned(), |threads| threads.to_string()),
    );
    let share = report.and_then(cpu_share);
    let history = shares.map(|shares| shares.cpu.as_slice());
    meter(
        buffer,
        line,
        ("CPU", &words),
        (share, look.cpu()),
        history,
        look,
    );
}

fn memory(
    buffer: &mut Buffer,
    line: Rect,
    (report, shares): (Option<&Report>, Option<&Shares>),
    look: Look,
) {
    let words = report.and_then(|report| {
        quantity::used_of(report.activity.memory_used, report.activity.memory_limit)
    });
    let words = words.unwrap_or_else(|| "?".to_owned());
    let share = report.and_then(|report| memory_share(&report.activity));
    let history = shares.map(|shares| shares.memory.as_slice());
    let style = look.memory(share);
    meter(
        buffer,
        line,
        ("memory", &words),
        (share, style),
        history,
        look,
    );
}

fn all_tasks(
    buffer: &mut Buffer,
    line: Rect,
    (report, shares): (Option<&Report>, Option<&Shares>),
    look: Look,
) {
    let told = report.and_then(|report| report.activity.tasks.as_ref());
    let (bar_width, words_width) = meter_widths(line.width);
    // There is no number right behind this bar: a meter's place for it is its own.
    let bar_width = bar_width + 5;
    let words = tasks::brief(told, 12).unwrap_or_else(|| "?".to_owned());
    if words_width == 0 {
        // The words are all there is room for besides a bar.
        let words = format!(" {words}");
        let wide = u16::try_from(words.len()).unwrap_or(bar_width);
        let mut value = tasks::stacked(told, bar_width.saturating_sub(wide), look);
        value.push_span(Span::raw(words));
        labelled(buffer, line, "tasks", &value, look);
        return;
    }
    let value = tasks::stacked(told, bar_width, look);
    labelled(buffer, line, "tasks", &value, look);
    let words = format!("{words} to do");
    let history = shares.map(|shares| shares.processing.as_slice());
    let place = (LABELS + bar_width, words.as_str(), words_width);
    aside(buffer, line, place, history, look.cpu());
}

fn workers(
    buffer: &mut Buffer,
    area: Rect,
    view: &View,
    report: Option<&Report>,
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
