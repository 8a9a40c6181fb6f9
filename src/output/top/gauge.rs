//! Bars with their numbers, in a table's cell.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::bar::{bar, percent, share};
use super::look::Look;
use crate::output::quantity;

/// ` 100%`
const PERCENT: u16 = 5;

/// `  123.9/1023.9 GiB`
const AMOUNTS: u16 = 18;

/// Fewer cells of a bar say nothing.
const SHORTEST: u16 = 3;

/// A bar and its number, or the number alone.
pub(super) fn gauge(share: Option<f64>, width: u16, style: Style, look: Look) -> Line<'static> {
    let percent = percent(share);
    if width < PERCENT + SHORTEST {
        return Line::styled(percent, style);
    }
    let [heavy, rest] = bar(share, width - PERCENT, style, look);
    Line::from(vec![heavy, rest, Span::raw(format!(" {percent}"))])
}

/// The same of memory, with used and limit where there is room.
pub(super) fn memory(
    used: Option<u64>,
    limit: Option<u64>,
    width: u16,
    look: Look,
) -> Option<Line<'static>> {
    let amounts = quantity::used_of(used, limit)?;
    let share = share(used, limit);
    let style = look.memory(share);
    if width < AMOUNTS + PERCENT + SHORTEST {
        // Without a limit there is no share, but there is an amount.
        return Some(match share {
            Some(_) => gauge(share, width, style, look),
            None => Line::raw(amounts),
        });
    }
    let mut line = gauge(share, width - AMOUNTS, style, look);
    let room = usize::from(AMOUNTS - 2);
    line.push_span(Span::raw(format!("  {amounts:<room$}")));
    Some(line)
}
