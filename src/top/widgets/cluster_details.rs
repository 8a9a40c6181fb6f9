//! One cluster in full.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::bars::{PERCENT, gauge};
use super::chart::{CHARTS, Series, draw_charts, has_room};
use super::layout::{
    cut, put, put_at_ends, take_cells, take_last_lines, take_lines, without_margin,
};
use super::words::{counted, idle, number};
use super::{footer, tasks, worker_table};
use crate::count;
use crate::duration;
use crate::output::{packages_text, used_of};
use crate::top::measures::{cores_used, cpu_share, memory_share};
use crate::top::model::{Model, WatchedCluster};
use crate::top::theme::{self, BOLD, CPU, FAINT, STALE};

/// The height of the first screen with room for addresses and versions.
const FACTS_FROM: u16 = 22;

/// The cells of the longest label, and a gap.
const LABELS: u16 = 11;

/// The cells of the words behind a bar, with the gap before them.
const WORDS: u16 = 20;

/// Draws the cluster, and returns how many of its workers there is room for.
pub(super) fn draw(
    buffer: &mut Buffer,
    screen: Rect,
    model: &Model,
    watched: &WatchedCluster,
) -> usize {
    let mut area = without_margin(screen);
    take_last_lines(&mut area, footer::height(model, screen));
    let has_facts = screen.height >= FACTS_FROM;
    draw_head(buffer, take_lines(&mut area, 1), model, watched);
    if has_facts {
        for (label, text) in facts(watched) {
            let mut line = take_lines(&mut area, 1);
            draw_label(buffer, &mut line, label);
            put(buffer, line, &Line::raw(cut(&text, line.width)));
        }
        take_lines(&mut area, 1);
    }
    draw_meters(buffer, &mut area, watched, has_room(screen));
    if has_facts {
        let width = area.width.saturating_sub(LABELS);
        let mut legend = take_lines(&mut area, tasks::legend_height(width));
        take_cells(&mut legend, LABELS);
        let report = watched.report();
        let counts = report.and_then(|report| report.activity.tasks.as_ref());
        tasks::draw_legend(buffer, legend, counts);
        take_lines(&mut area, 1);
    }
    if has_room(screen) {
        let charts = take_lines(&mut area, CHARTS);
        draw_charts(buffer, charts, model, watched);
        take_lines(&mut area, 1);
    }
    worker_table::draw(buffer, area, model, watched)
}

/// Draws a label at the beginning of a line, and leaves the rest of the line.
fn draw_label(buffer: &mut Buffer, line: &mut Rect, label: &'static str) {
    let place = take_cells(line, LABELS);
    put(buffer, place, &Line::styled(label, FAINT));
}

fn draw_head(buffer: &mut Buffer, line: Rect, model: &Model, watched: &WatchedCluster) {
    let status = watched.cluster.status;
    // The status needs room, too.
    let room = usize::from(line.width.saturating_sub(18)).max(8);
    let name = model
        .heading(watched)
        .chars()
        .take(room)
        .collect::<String>();
    let status = if watched.is_silent(model) {
        Span::styled(format!("{status}?"), STALE)
    } else {
        Span::styled(status.as_str(), theme::status(status))
    };
    let left = Line::from(vec![
        Span::styled(name, BOLD),
        Span::raw("  "),
        status,
        Span::raw(format!("  {}", duration::short(watched.age(model)))),
    ]);
    let right = watched.report().map_or_else(String::new, |report| {
        let clients = counted(report.activity.clients, "client");
        format!(
            "{clients}, {}",
            idle(report.activity.idle, model.now_of(watched))
        )
    });
    put_at_ends(buffer, line, &left, &Line::raw(right));
}

/// Returns addresses and versions: what stays the same.
fn facts(watched: &WatchedCluster) -> [(&'static str, String); 3] {
    let cluster = &watched.cluster;
    let address = |address: &Option<String>| address.clone().unwrap_or_else(|| "-".to_owned());
    let versions = watched.report().and_then(|report| report.versions.as_ref());
    let versions = versions.map(|versions| packages_text(&versions.scheduler));
    [
        ("scheduler", address(&cluster.scheduler_address)),
        ("dashboard", address(&cluster.dashboard_link)),
        ("versions", versions.unwrap_or_else(|| "?".to_owned())),
    ]
}

/// Draws a line each for CPU, memory and tasks: a label, a bar, words, and a short history unless
/// there are charts. Without workers, CPU and memory have `-` in place of bar and words.
fn draw_meters(buffer: &mut Buffer, area: &mut Rect, watched: &WatchedCluster, has_charts: bool) {
    let report = watched.report();
    let activity = report.map(|report| &report.activity);
    let counts = activity.and_then(|activity| activity.tasks.as_ref());
    let cores = format!(
        "{} of {}",
        report
            .and_then(cores_used)
            .map_or_else(|| "?".to_owned(), |used| format!("{used:.1}")),
        count::of(
            number(activity.and_then(|activity| activity.threads)),
            "core"
        ),
    );
    let amounts = activity
        .and_then(|activity| used_of(activity.memory_used, activity.memory_limit))
        .unwrap_or_else(|| "?".to_owned());
    let memory = activity.and_then(memory_share);
    let (bar_width, words_width) = meter_widths(area.width.saturating_sub(LABELS));
    let or_none = |bar, words| {
        if watched.has_no_workers() {
            (Line::styled("-", FAINT), String::new())
        } else {
            (bar, words)
        }
    };
    let done = tasks::done_text(counts, 12);
    let tasks = if words_width > 0 {
        (tasks::bar(counts, bar_width), format!("{done} done"))
    } else {
        // There is room for a number besides the bar.
        let words = Span::raw(format!(" {done}"));
        let taken = u16::try_from(words.width()).unwrap_or(bar_width);
        let mut bar = tasks::bar(counts, bar_width.saturating_sub(taken));
        bar.push_span(words);
        (bar, String::new())
    };
    let cpu = gauge(report.and_then(cpu_share), bar_width, CPU);
    let memory = gauge(memory, bar_width, theme::memory(memory));
    let meters = [
        ("CPU", or_none(cpu, cores)),
        ("memory", or_none(memory, amounts)),
        ("tasks", tasks),
    ];
    let histories = Series::all(&watched.history);
    for ((label, (bar, words)), series) in meters.into_iter().zip(histories) {
        let mut line = take_lines(area, 1);
        draw_label(buffer, &mut line, label);
        put(buffer, take_cells(&mut line, bar_width), &bar);
        let mut place = take_cells(&mut line, words_width);
        take_cells(&mut place, 2);
        put(buffer, place, &Line::raw(words));
        take_cells(&mut line, 1);
        if words_width > 0 && !has_charts {
            series.draw(buffer, line);
        }
    }
}

/// Returns the widths of a bar and of the words behind it; no words where there is no room.
fn meter_widths(width: u16) -> (u16, u16) {
    let room = width.saturating_sub(PERCENT);
    if room < WORDS + 10 {
        return (width, 0);
    }
    (((room - WORDS) / 2).min(60) + PERCENT, WORDS)
}
