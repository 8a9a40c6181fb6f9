//! All clusters, one a line, and the chosen one in brief.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::chart::{CHARTS, chart, has_room, histories};
use super::clusters::{Row, columns};
use super::column;
use super::look::Look;
use super::model::{Shares, View, since};
use super::{both, cut, take, tasks};
use crate::duration;
use crate::gateway::Status;
use crate::output::clusters::options;
use crate::output::{escape, quantity};
use crate::scheduler::{Activity, Idle};

/// What is on no screen before there are so many lines.
const BRIEF_FROM: u16 = 18;

/// The brief of the chosen cluster, without the legend of its tasks and its history.
const BRIEF: u16 = 4;

/// Draws them, and returns how many are in sight.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, view: &View, look: Look) -> usize {
    let inner = Rect {
        x: area.x + area.width.min(1),
        width: area.width.saturating_sub(2),
        ..area
    };
    head(buffer, inner, view, look);
    let gap = u16::from(area.height >= BRIEF_FROM);
    let brief = if area.height >= BRIEF_FROM && !view.clusters.is_empty() {
        let charts = if has_room(area) { CHARTS + 1 } else { 1 };
        BRIEF + tasks::legend_height(inner.width) + charts
    } else {
        0
    };
    let table = Rect {
        y: inner.y + 1 + gap,
        height: inner.height.saturating_sub(2 + gap + brief),
        ..inner
    }
    .intersection(area);
    let rows = rows(view);
    if rows.is_empty() {
        let text = "no active clusters: `dgw new` starts one";
        let line = Rect {
            y: table.y + table.height / 2,
            ..table
        };
        if table.height > 0 {
            let x = line.x + line.width.saturating_sub(40) / 2;
            let room = line.right().saturating_sub(x);
            buffer.set_stringn(x, line.y, text, room.into(), look.faint());
        }
        return 0;
    }
    let chosen = chosen(&rows, view);
    let in_sight = usize::from(table.height.saturating_sub(1));
    // As little above as brings the chosen one to the middle.
    let above = chosen
        .saturating_sub(in_sight / 2)
        .min(rows.len().saturating_sub(in_sight));
    let mut columns = columns();
    let longest = rows.iter().map(|row| row.watched.cluster.name.len()).max();
    columns[0].width.2 = u16::try_from(longest.unwrap_or(0)).unwrap_or(u16::MAX);
    column::draw(
        buffer,
        table,
        (&columns, view.clusters_by),
        (&rows[above..], chosen.checked_sub(above)),
        look,
    );
    if brief > 0 {
        let area = Rect {
            y: table.bottom(),
            height: brief,
            ..inner
        };
        draw_brief(buffer, area.intersection(inner), &rows[chosen], look);
    }
    in_sight
}

pub(super) fn titles() -> Vec<&'static str> {
    columns().iter().map(|column| column.title).collect()
}

/// The names of all clusters, in the order in which they are shown.
pub(crate) fn sorted(view: &View) -> Vec<&str> {
    let rows = rows(view).into_iter();
    rows.map(|row| row.watched.cluster.name.as_str()).collect()
}

fn rows(view: &View) -> Vec<Row<'_>> {
    let row = |watched| Row { watched, view };
    let mut rows = view.clusters.iter().map(row).collect::<Vec<_>>();
    column::sort(&mut rows, &columns(), view.clusters_by);
    rows
}

/// Which row is the chosen one; the first where that is none.
fn chosen(rows: &[Row<'_>], view: &View) -> usize {
    let name = view.chosen.as_ref();
    let is_chosen = |row: &Row<'_>| Some(&row.watched.cluster.name) == name;
    rows.iter().position(is_chosen).unwrap_or(0)
}

fn head(buffer: &mut Buffer, area: Rect, view: &View, look: Look) {
    let clusters = match view.clusters.len() {
        1 => "1 cluster".to_owned(),
        count => format!("{count} clusters"),
    };
    let workers = sum(view, "worker", |activity| activity.workers);
    let cores = sum(view, "core", |activity| activity.threads);
    let sums = format!("  {clusters}, {workers}, {cores}");
    let room = area.width.saturating_sub(7);
    let left = Line::from(vec![
        Span::styled("dgw top", look.title()),
        Span::raw(cut(&sums, room)),
    ]);
    let address = escape::text(&view.address).into_owned();
    both(buffer, area, &left, &Line::styled(address, look.faint()));
}

/// What all running clusters have together: `11+ workers` where some don't tell.
fn sum(view: &View, what: &str, pick: fn(&Activity) -> Option<u64>) -> String {
    let all = view.clusters.iter();
    let running = all.filter(|watched| watched.cluster.status == Status::Running);
    let told = running.map(|watched| watched.report().and_then(|report| pick(&report.activity)));
    let told = told.collect::<Vec<_>>();
    let known = told.iter().flatten().copied();
    let sum = known.fold(0, u64::saturating_add);
    let unknown = told.iter().filter(|number| number.is_none()).count();
    let number = match unknown {
        0 => sum.to_string(),
        count if count == told.len() => "?".to_owned(),
        _ => format!("{sum}+"),
    };
    let plural = if number == "1" { "" } else { "s" };
    format!("{number} {what}{plural}")
}

/// The chosen cluster in brief: what the table has no room for.
fn draw_brief(buffer: &mut Buffer, area: Rect, row: &Row<'_>, look: Look) {
    let mut left = area;
    let watched = row.watched;
    take(&mut left, 1);
    let line = take(&mut left, 1);
    let name = Line::styled(watched.cluster.name.clone(), look.title());
    let taken = u16::try_from(name.width() + 2).unwrap_or(u16::MAX);
    let options = cut(
        &options(&watched.cluster.options),
        line.width.saturating_sub(taken),
    );
    both(buffer, line, &name, &Line::styled(options, look.faint()));
    let line = take(&mut left, 1);
    both(buffer, line, &facts(row, look), &Line::default());
    let report = watched.report();
    let told = report.and_then(|report| report.activity.tasks.as_ref());
    let line = take(&mut left, 1);
    let bar = tasks::stacked(told, line.width, look);
    both(buffer, line, &bar, &Line::default());
    let legend = take(&mut left, tasks::legend_height(area.width));
    tasks::legend(buffer, legend, told, look);
    let shares = watched.shares(row.view.now);
    if left.height > CHARTS {
        take(&mut left, 1);
        histories(buffer, left, &shares, look);
    } else {
        line_of_histories(buffer, take(&mut left, 1), &shares, look);
    }
}

/// Histories side by side, each behind its name.
fn line_of_histories(buffer: &mut Buffer, line: Rect, shares: &Shares, look: Look) {
    const GAP: u16 = 2;
    let third = line.width.saturating_sub(2 * GAP) / 3;
    let all = [
        ("CPU ", &shares.cpu, look.cpu()),
        ("memory ", &shares.memory, look.memory(shares.last_memory())),
        ("processing ", &shares.processing, look.cpu()),
    ];
    for (nth, (label, shown, style)) in (0_u16..).zip(all) {
        let place = Rect {
            x: line.x + nth * (third + GAP),
            width: third,
            ..line
        };
        let taken = u16::try_from(label.len()).unwrap_or(0).min(place.width);
        both(
            buffer,
            place,
            &Line::styled(label, look.faint()),
            &Line::default(),
        );
        let rest = Rect {
            x: place.x + taken,
            width: place.width - taken,
            ..place
        };
        chart(buffer, rest, shown, style);
    }
}

/// In words, what of the chosen cluster may have no column.
fn facts(row: &Row<'_>, look: Look) -> Line<'static> {
    let watched = row.watched;
    if let Some(end) = watched.end(row.view.now) {
        return Line::styled(end, look.status(watched.cluster.status));
    }
    if watched.is_silent(row.view) {
        let fault = watched.fault.as_deref().unwrap_or_default();
        let age = watched.told.as_ref().map(|told| {
            let age = duration::short(row.view.age_of(told));
            format!(" told this {age} ago; since then:")
        });
        let age = age.unwrap_or_else(|| " tells nothing:".to_owned());
        let text = format!("its scheduler{age} {}", escape::text(fault));
        return Line::styled(text, look.status(Status::Pending));
    }
    let Some(report) = watched.report() else {
        let text = match watched.cluster.status {
            Status::Pending => "the gateway is starting it",
            _ => "not asked yet",
        };
        return Line::styled(text, look.faint());
    };
    let told = &report.activity;
    let count = |number: Option<u64>, what: &str| {
        let plural = if number == Some(1) { "" } else { "s" };
        let number = number.map_or_else(|| "?".to_owned(), |number| number.to_string());
        format!("{number} {what}{plural}")
    };
    let memory = quantity::used_of(told.memory_used, told.memory_limit);
    let idle = match told.idle {
        Idle::Unknown => "idle ?".to_owned(),
        Idle::Busy => "busy".to_owned(),
        Idle::Since(time) => format!("idle for {}", duration::short(since(row.view.now, time))),
    };
    let facts = [
        count(told.workers, "worker"),
        count(told.threads, "core"),
        format!("memory {}", memory.unwrap_or_else(|| "?".to_owned())),
        count(told.clients, "client"),
        idle,
    ];
    Line::raw(facts.join(", "))
}
