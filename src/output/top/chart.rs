//! Short histories, newest at the right.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{RenderDirection, Sparkline, SparklineBar, Widget as _};

use super::bar::part;
use super::look::Look;
use super::model::Shares;
use super::{both, take};
use crate::duration;

/// Cells of a terminal are this many steps high.
const STEPS: u16 = 8;

/// Lines of charts with their titles.
pub(super) const CHARTS: u16 = 6;

/// Whether a screen is so high and so wide that charts of several lines leave room for the rest.
pub(super) fn has_room(screen: Rect) -> bool {
    screen.height >= 34 && screen.width >= 90
}

/// All histories side by side, several lines high.
pub(super) fn histories(buffer: &mut Buffer, area: Rect, shares: &Shares, look: Look) {
    const GAP: u16 = 3;
    let width = area.width.saturating_sub(2 * GAP) / 3;
    let peak = shares.peak;
    let peak = peak.map_or_else(String::new, |peak| format!(", at most {peak}"));
    let all = [
        ("CPU".to_owned(), &shares.cpu, look.cpu()),
        (
            "memory".to_owned(),
            &shares.memory,
            look.memory(shares.last_memory()),
        ),
        (
            format!("tasks processing{peak}"),
            &shares.processing,
            look.cpu(),
        ),
    ];
    for (nth, (title, shown, style)) in (0_u16..).zip(all) {
        let place = Rect {
            x: area.x + nth * (width + GAP),
            width,
            ..area
        };
        let mut left = place.intersection(area);
        let line = take(&mut left, 1);
        let span = format!("last {}", duration::short(shares.span));
        let (title, span) = (
            Line::styled(title, look.faint()),
            Line::styled(span, look.faint()),
        );
        both(buffer, line, &title, &span);
        chart(buffer, left, shown, style);
    }
}

/// Shares of the most there can be, oldest first; a gap where one is unknown. What is known is
/// never invisible, nothing neither.
pub(super) fn chart(buffer: &mut Buffer, area: Rect, shares: &[Option<f64>], style: Style) {
    let top = area.height.saturating_mul(STEPS);
    if top == 0 {
        return;
    }
    let shown = shares.iter().rev().take(usize::from(area.width));
    let bars = shown.map(|share| {
        let height = share.map(|share| u64::from(part(share, top).max(1)));
        SparklineBar::from(height)
    });
    Sparkline::default()
        .data(bars.collect::<Vec<_>>())
        .direction(RenderDirection::RightToLeft)
        .max(u64::from(top))
        .absent_value_symbol(" ")
        .style(style)
        .render(area, buffer);
}
