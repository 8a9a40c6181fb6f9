//! Columns that fit the screen.

use std::cmp::Ordering;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;
use ratatui::text::Line;

use super::look::Look;
use super::model::Sorting;

/// A column of a table of `R`s.
pub(super) struct Column<R> {
    pub(super) title: &'static str,
    pub(super) width: Width,
    /// Where there is no room the highest go first; those of rank 0 become narrow before they go.
    pub(super) rank: u8,
    /// At the right end of its cell.
    pub(super) is_number: bool,
    /// For a cell so wide. What it holds is fit to be seen.
    pub(super) cell: fn(&R, Look, u16) -> Line<'static>,
    /// The order in which people look for things: names from A on, numbers from the largest down.
    pub(super) order: fn(&R, &R) -> Ordering,
}

/// How wide a column may be: at the least, well, and at the most.
#[derive(Clone, Copy)]
pub(super) struct Width(pub(super) u16, pub(super) u16, pub(super) u16);

/// Between columns.
const GAP: u16 = 2;

/// Which columns are shown, and how wide, in `width` cells.
pub(super) fn fit<R>(columns: &[Column<R>], width: u16) -> Vec<(usize, u16)> {
    let mut shown = (0..columns.len()).collect::<Vec<_>>();
    let total = |shown: &[usize], of: fn(Width) -> u16| {
        let widths = shown.iter().map(|at| of(columns[*at].width)).sum::<u16>();
        widths + GAP * u16::try_from(shown.len().saturating_sub(1)).unwrap_or(0)
    };
    while total(&shown, |width| width.1) > width {
        let highest = shown.iter().map(|at| columns[*at].rank).max().unwrap_or(0);
        if highest == 0 {
            break;
        }
        let last = shown.iter().rposition(|at| columns[*at].rank == highest);
        shown.remove(last.unwrap_or(0));
    }
    while shown.len() > 1 && total(&shown, |width| width.0) > width {
        shown.pop();
    }
    let mut widths = shown
        .iter()
        .map(|at| columns[*at].width.0)
        .collect::<Vec<_>>();
    let mut spare = width.saturating_sub(total(&shown, |width| width.0));
    // First all are well, then the first has all it can use, then the others share the rest.
    let targets: [fn(usize, Width) -> u16; 3] = [
        |_, width| width.1,
        |at, width| if at == 0 { width.2 } else { 0 },
        |_, width| width.2,
    ];
    for target in targets {
        loop {
            let wanting = (0..shown.len()).filter(|nth| {
                let at = shown[*nth];
                widths[*nth] < target(at, columns[at].width)
            });
            let wanting = wanting.collect::<Vec<_>>();
            if wanting.is_empty() || spare == 0 {
                break;
            }
            for nth in wanting.into_iter().take(usize::from(spare)) {
                widths[nth] += 1;
                spare -= 1;
            }
        }
    }
    shown.into_iter().zip(widths).collect()
}

/// The rows in the order asked for; equal ones stay as they are.
pub(super) fn sort<R>(rows: &mut [R], columns: &[Column<R>], by: Sorting) {
    if let Some(column) = columns.get(by.column) {
        rows.sort_by(|a, b| {
            let order = (column.order)(a, b);
            if by.is_reversed {
                order.reverse()
            } else {
                order
            }
        });
    }
}

/// The order of what may be unknown, which comes last: the largest first.
pub(super) fn largest_first<T: PartialOrd>(a: Option<T>, b: Option<T>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => b.partial_cmp(&a).unwrap_or(Ordering::Equal),
        (a, b) => a.is_none().cmp(&b.is_none()),
    }
}

/// A table in `area`: a line of titles and as many `rows` as there is room for, one of them chosen.
pub(super) fn draw<R>(
    buffer: &mut Buffer,
    area: Rect,
    (columns, by): (&[Column<R>], Sorting),
    (rows, chosen): (&[R], Option<usize>),
    look: Look,
) {
    let fitted = fit(columns, area.width);
    let mut lines = area.rows();
    let Some(titles) = lines.next() else {
        return;
    };
    for (place, at) in places(titles, &fitted) {
        let column = &columns[at];
        let style = if at == by.column {
            look.title().add_modifier(Modifier::UNDERLINED)
        } else {
            look.title()
        };
        put(
            buffer,
            place,
            &Line::styled(column.title, style),
            column.is_number,
        );
    }
    for (nth, (row, line)) in rows.iter().zip(lines).enumerate() {
        for (place, at) in places(line, &fitted) {
            let column = &columns[at];
            let cell = (column.cell)(row, look, place.width);
            put(buffer, place, &cell, column.is_number);
        }
        if chosen == Some(nth) {
            buffer.set_style(line, look.chosen());
        }
    }
}

fn places(line: Rect, fitted: &[(usize, u16)]) -> impl Iterator<Item = (Rect, usize)> {
    fitted.iter().scan(line.x, move |x, (at, width)| {
        let place = Rect {
            x: *x,
            width: *width,
            ..line
        };
        *x += width + GAP;
        Some((place.intersection(line), *at))
    })
}

fn put(buffer: &mut Buffer, place: Rect, text: &Line<'_>, is_number: bool) {
    if place.is_empty() {
        return;
    }
    let width = u16::try_from(text.width()).unwrap_or(u16::MAX);
    let indent = if is_number {
        place.width.saturating_sub(width)
    } else {
        0
    };
    buffer.set_line(place.x + indent, place.y, text, place.width - indent);
    // Names that are cut show it.
    if width > place.width {
        let last = buffer.cell_mut((place.right() - 1, place.y));
        if let Some(last) = last {
            last.set_symbol("…");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(width: Width, rank: u8) -> Column<()> {
        Column {
            title: "",
            width,
            rank,
            is_number: false,
            cell: |(), _, _| Line::default(),
            order: |(), ()| Ordering::Equal,
        }
    }

    #[test]
    fn the_highest_rank_goes_first_and_what_is_left_fills_the_width() {
        let columns = [
            column(Width(4, 8, 20), 0),
            column(Width(6, 6, 6), 2),
            column(Width(4, 10, 12), 0),
            column(Width(5, 5, 5), 1),
        ];
        for (width, fitted) in [
            (200, vec![(0, 20), (1, 6), (2, 12), (3, 5)]),
            (40, vec![(0, 13), (1, 6), (2, 10), (3, 5)]),
            (35, vec![(0, 8), (1, 6), (2, 10), (3, 5)]),
            (34, vec![(0, 15), (2, 10), (3, 5)]),
            (25, vec![(0, 13), (2, 10)]),
            (12, vec![(0, 5), (2, 5)]),
            (9, vec![(0, 9)]),
            (1, vec![(0, 4)]),
        ] {
            assert_eq!(fit(&columns, width), fitted, "{width}");
        }
    }
}
