//! All clusters, one on each line, and a summary of the selected one.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Rect};
use ratatui::text::{Line, Span};

use super::chart::{self, CHARTS, draw_charts, draw_line};
use super::cluster_table::{columns, rows};
use super::layout::{cut, put, put_at_ends, take_last_lines, take_lines, without_margin};
use super::words::{counted, idle};
use super::{footer, table, tasks};
use crate::gateway::Status;
use crate::output::{escaped, options_text, used_of};
use crate::scheduler::Activity;
use crate::top::model::{Model, WatchedCluster};
use crate::top::theme::{self, BOLD, FAINT, STALE};

/// The height of the first screen with room for the summary.
const SUMMARY_FROM: u16 = 18;

/// The lines of the summary without the legend of its tasks and its history.
const SUMMARY: u16 = 4;

const NO_CLUSTERS: &str = "no active clusters: `dgw new` starts one";

/// Draws the clusters, and returns how many rows there is room for.
pub(super) fn draw(buffer: &mut Buffer, screen: Rect, model: &Model) -> usize {
    let mut area = without_margin(screen);
    take_last_lines(&mut area, footer::height(model, screen));
    draw_totals(buffer, take_lines(&mut area, 1), model);
    let rows = rows(model);
    let mut summary_height = 0;
    if screen.height >= SUMMARY_FROM {
        take_lines(&mut area, 1);
        let charts = if chart::has_room(screen) {
            CHARTS + 1
        } else {
            1
        };
        summary_height = SUMMARY + tasks::legend_height(area.width) + charts;
    }
    if rows.is_empty() {
        let width = Constraint::Length(u16::try_from(NO_CLUSTERS.len()).unwrap_or(0));
        let line = area.centered(width, Constraint::Length(1));
        put(buffer, line, &Line::styled(NO_CLUSTERS, FAINT));
        return 0;
    }
    let table_height = area.height.saturating_sub(summary_height);
    let place = take_lines(&mut area, table_height);
    let visible_rows = usize::from(place.height.saturating_sub(1));
    let selected = rows
        .iter()
        .position(|row| Some(&row.watched.key) == model.selected_key())
        .unwrap_or(0);
    // The selected row is in the middle, if there are enough rows around it.
    let above = selected
        .saturating_sub(visible_rows / 2)
        .min(rows.len().saturating_sub(visible_rows));
    let columns = columns(&rows, model.settings().names_gateways);
    let shown = (&rows[above..], selected.checked_sub(above));
    table::draw(buffer, place, (&columns, model.order()), shown);
    draw_summary(buffer, area, model, rows[selected].watched);
    visible_rows
}

fn draw_totals(buffer: &mut Buffer, line: Rect, model: &Model) {
    let count = |number: usize, noun| counted(u64::try_from(number).ok(), noun);
    let (gateways, address) = match model.gateways() {
        [gateway] if !model.settings().names_gateways => (String::new(), gateway.address()),
        gateways => (format!("{}, ", count(gateways.len(), "gateway")), ""),
    };
    let totals = format!(
        "  {gateways}{}, {}, {}",
        count(model.clusters().len(), "cluster"),
        total(model, "worker", |activity| activity.workers),
        total(model, "core", |activity| activity.threads)
    );
    let left = Line::from(vec![
        Span::styled("dgw top", BOLD),
        Span::raw(cut(&totals, line.width.saturating_sub(7))),
    ]);
    put_at_ends(buffer, line, &left, &Line::styled(escaped(address), FAINT));
}

/// Returns what all running clusters have together, as `11+ workers` where some is unknown.
fn total(model: &Model, noun: &str, count: fn(&Activity) -> Option<u64>) -> String {
    let all = model.clusters().iter();
    let counts = all
        .filter(|watched| watched.cluster.status == Status::Running)
        .map(|watched| watched.report().and_then(|report| count(&report.activity)))
        .collect::<Vec<_>>();
    let known = counts.iter().flatten().copied();
    let sum = known.clone().fold(0, u64::saturating_add);
    match known.count() {
        all if all == counts.len() => counted(Some(sum), noun),
        0 => counted(None, noun),
        _ => format!("{sum}+ {noun}s"),
    }
}

/// Draws what the table has no room for.
fn draw_summary(buffer: &mut Buffer, mut area: Rect, model: &Model, watched: &WatchedCluster) {
    take_lines(&mut area, 1);
    let line = take_lines(&mut area, 1);
    let name = Line::styled(escaped(&model.heading(watched)).into_owned(), BOLD);
    let taken = u16::try_from(name.width() + 2).unwrap_or(u16::MAX);
    let options = options_text(&watched.cluster.options);
    let options = cut(&options, line.width.saturating_sub(taken));
    put_at_ends(buffer, line, &name, &Line::styled(options, FAINT));
    put(buffer, take_lines(&mut area, 1), &state(model, watched));
    let report = watched.report();
    let counts = report.and_then(|report| report.activity.tasks.as_ref());
    let line = take_lines(&mut area, 1);
    put(buffer, line, &tasks::bar(counts, line.width));
    let legend = take_lines(&mut area, tasks::legend_height(line.width));
    tasks::draw_legend(buffer, legend, counts);
    if area.height > CHARTS {
        take_lines(&mut area, 1);
        draw_charts(buffer, area, model, watched);
    } else {
        draw_line(buffer, take_lines(&mut area, 1), &watched.history);
    }
}

/// Describes in words how the cluster is, and what may have no column.
fn state(model: &Model, watched: &WatchedCluster) -> Line<'static> {
    let status = watched.cluster.status;
    if let Some(end) = watched.end(model) {
        return Line::styled(escaped(&end).into_owned(), theme::status(status));
    }
    if watched.is_silent(model)
        && let Some(problem) = watched.scheduler_problem(model)
    {
        return Line::styled(escaped(&problem).into_owned(), STALE);
    }
    let Some(report) = watched.report() else {
        let text = match status {
            Status::Pending => "the gateway is starting it",
            _ => "no report yet",
        };
        return Line::styled(text, FAINT);
    };
    let activity = &report.activity;
    let memory = used_of(activity.memory_used, activity.memory_limit);
    let facts = [
        counted(activity.workers, "worker"),
        counted(activity.threads, "core"),
        format!("memory {}", memory.unwrap_or_else(|| "?".to_owned())),
        counted(activity.clients, "client"),
        idle(activity.idle, model.now_of(watched)),
    ];
    Line::raw(facts.join(", "))
}
