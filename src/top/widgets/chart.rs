//! Histories, newest at the right.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Color;
use ratatui::text::Line;
use ratatui::widgets::{RenderDirection, Sparkline, Widget as _};

use super::bars::part;
use super::layout::{put, put_at_ends, take_cells, take_lines};
use crate::duration;
use crate::top::history::History;
use crate::top::model::{Model, WatchedCluster};
use crate::top::theme::{self, CPU, FAINT};

/// A terminal's cell is this many steps high.
const STEPS: u16 = 8;

/// The lines of [`draw_charts`].
pub(super) const CHARTS: u16 = 6;

/// Returns true if the screen has room for charts of several lines besides everything else.
pub(super) fn has_room(screen: Rect) -> bool {
    screen.height >= 34 && screen.width >= 90
}

/// A history of shares, with its name and colour.
pub(super) struct Series {
    name: &'static str,
    shares: Vec<Option<f64>>,
    colour: Color,
}

impl Series {
    /// Returns the histories of CPU, memory and processing tasks.
    pub(super) fn all(history: &History) -> [Self; 3] {
        let [cpu, memory, processing] = history.shares();
        let last_memory = memory.iter().rev().flatten().next().copied();
        [
            ("CPU", cpu, CPU),
            ("memory", memory, theme::memory(last_memory)),
            ("processing", processing, CPU),
        ]
        .map(|(name, shares, colour)| Self {
            name,
            shares,
            colour,
        })
    }

    /// Draws the newest shares that have room, with a gap for each unknown one.
    pub(super) fn draw(&self, buffer: &mut Buffer, area: Rect) {
        let top = area.height.saturating_mul(STEPS);
        if top == 0 {
            return;
        }
        let newest = self.shares.iter().rev().take(usize::from(area.width));
        let bars = newest.map(|share| {
            // Zero is visible, to differ from a gap.
            share.map(|share| u64::from(part(share, top).max(1)))
        });
        Sparkline::default()
            .data(bars)
            .direction(RenderDirection::RightToLeft)
            .max(u64::from(top))
            .absent_value_symbol(" ")
            .style(self.colour)
            .render(area, buffer);
    }
}

/// Draws all histories side by side, several lines high.
pub(super) fn draw_charts(
    buffer: &mut Buffer,
    area: Rect,
    model: &Model,
    watched: &WatchedCluster,
) {
    let history = &watched.history;
    let most = history.most_processing();
    let most = most.map_or_else(String::new, |most| format!(", at most {most:.0}"));
    let span = format!(
        "last {}",
        duration::short(history.span(model.now_of(watched)))
    );
    let span = Line::styled(span, FAINT);
    for (mut place, series) in thirds(area, 3).into_iter().zip(Series::all(history)) {
        let title = match series.name {
            "processing" => format!("tasks processing{most}"),
            name => name.to_owned(),
        };
        let line = take_lines(&mut place, 1);
        put_at_ends(buffer, line, &Line::styled(title, FAINT), &span);
        series.draw(buffer, place);
    }
}

/// Draws all histories side by side on one line, each behind its name.
pub(super) fn draw_line(buffer: &mut Buffer, line: Rect, history: &History) {
    for (mut place, series) in thirds(line, 2).into_iter().zip(Series::all(history)) {
        let label = Line::styled(format!("{} ", series.name), FAINT);
        let width = u16::try_from(label.width()).unwrap_or(0);
        put(buffer, take_cells(&mut place, width), &label);
        series.draw(buffer, place);
    }
}

fn thirds(area: Rect, gap: u16) -> [Rect; 3] {
    area.layout(&Layout::horizontal([Constraint::Fill(1); 3]).spacing(gap))
}
