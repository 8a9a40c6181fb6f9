//! One cluster in full.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::bar::{bar, percent};
use super::chart::{CHARTS, chart, has_room, histories};
use super::look::Look;
use super::model::{Shares, View, Watched, cpu_share, cpu_used, memory_share, since};
use super::{both, cut, take, tasks, workers};
use crate::duration;
use crate::gateway::Status;
use crate::output::quantity;
use crate::scheduler::{Idle, SchedulerReport};

/// So high a screen has room for addresses and the like.
const FACTS_FROM: u16 = 22;

/// The longest of the labels, and a gap.
const LABELS: u16 = 11;

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
    workers::draw(buffer, left, view, report, look)
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
        Span::raw(format!("  {}", duration::short(watched.age(view.now)))),
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
            Idle::Since(time) => format!("idle {}", duration::short(since(view.now, time))),
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

/// Whether no worker is there, so that there is no share of anything.
fn is_void(report: Option<&SchedulerReport>) -> bool {
    report.is_some_and(|report| report.activity.workers == Some(0))
}

/// A label, a bar, its number, words, and, where there is room, a short history; `-` in the place of
/// bar and words where there is nothing that could be used.
fn meter(
    buffer: &mut Buffer,
    line: Rect,
    (label, words): (&str, &str),
    (share, style): (Option<f64>, Style),
    history: Option<&[Option<f64>]>,
    (is_void, look): (bool, Look),
) {
    let (bar_width, words_width) = meter_widths(line.width);
    if is_void {
        labelled(buffer, line, label, &Line::styled("-", look.faint()), look);
        note_always(
            buffer,
            line,
            (LABELS + bar_width + 5, "", words_width),
            history,
            style,
        );
        return;
    }
    let [heavy, rest] = bar(share, bar_width, style, look);
    let value = Line::from(vec![heavy, rest, Span::raw(format!(" {}", percent(share)))]);
    labelled(buffer, line, label, &value, look);
    let taken = LABELS + bar_width + 5;
    note_always(buffer, line, (taken, words, words_width), history, style);
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
fn note_always(
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
    (report, shares): (Option<&SchedulerReport>, Option<&Shares>),
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
        (is_void(report), look),
    );
}

fn memory(
    buffer: &mut Buffer,
    line: Rect,
    (report, shares): (Option<&SchedulerReport>, Option<&Shares>),
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
        (is_void(report), look),
    );
}

fn all_tasks(
    buffer: &mut Buffer,
    line: Rect,
    (report, shares): (Option<&SchedulerReport>, Option<&Shares>),
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
    note_always(buffer, line, place, history, look.cpu());
}
