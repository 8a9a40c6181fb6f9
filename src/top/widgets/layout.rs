//! Lines, and texts on them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::output::{escaped, shortened};

/// Splits so many lines from the top of an area.
pub(super) fn take_lines(area: &mut Rect, height: u16) -> Rect {
    let height = height.min(area.height);
    let taken = Rect { height, ..*area };
    area.y += height;
    area.height -= height;
    taken
}

/// Splits so many lines from the bottom of an area.
pub(super) fn take_last_lines(area: &mut Rect, height: u16) -> Rect {
    let height = height.min(area.height);
    area.height -= height;
    Rect {
        y: area.bottom(),
        height,
        ..*area
    }
}

/// Splits so many cells from the left of a line.
pub(super) fn take_cells(line: &mut Rect, width: u16) -> Rect {
    let width = width.min(line.width);
    let taken = Rect { width, ..*line };
    line.x += width;
    line.width -= width;
    taken
}

/// Returns the area without the screen's margin at its left and right.
pub(super) fn without_margin(area: Rect) -> Rect {
    Rect {
        x: area.x + area.width.min(1),
        width: area.width.saturating_sub(2),
        ..area
    }
}

/// Draws text at the beginning of a line.
pub(super) fn put(buffer: &mut Buffer, line: Rect, text: &Line<'_>) {
    if !line.is_empty() {
        buffer.set_line(line.x, line.y, text, line.width);
    }
}

/// Draws texts at both ends of a line; the right one only where there is room for both.
pub(super) fn put_at_ends(buffer: &mut Buffer, line: Rect, left: &Line<'_>, right: &Line<'_>) {
    put(buffer, line, left);
    let width = |text: &Line<'_>| u16::try_from(text.width()).unwrap_or(u16::MAX);
    let (first, second) = (width(left), width(right));
    if !line.is_empty() && first.saturating_add(second).saturating_add(1) <= line.width {
        buffer.set_line(line.right() - second, line.y, right, second);
    }
}

/// Escapes a server's text, and cuts it to so many cells.
pub(super) fn cut(text: &str, width: u16) -> String {
    shortened(&escaped(text), width.into())
}
