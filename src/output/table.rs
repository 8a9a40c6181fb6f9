//! Tables for people, fitted to the terminal.
//!
//! comfy-table measures, cuts, colours and aligns the cells. It has no order in which columns give
//! way, so [`fit`] decides each column's width.

use comfy_table::{Attribute, Cell, Color, ColumnConstraint, Row, Table, Width};
use serde_json::Value;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::escape;

/// How a column gives way where the table is wider than the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// Shown whole, for as long as there is any room for it.
    Keep,
    /// Shortened to the room that is left, with an ellipsis.
    Shorten,
    /// Left out: half of it would be of no use.
    Drop,
    /// Shortened when all others are, the first such column first.
    ShortenLast,
}

/// A column of a table of `T`s.
pub(crate) struct Column<T> {
    pub(super) title: &'static str,
    fit: Fit,
    text: fn(&T) -> String,
    colour: Option<fn(&T) -> Color>,
    /// The value that rows are sorted by.
    pub(super) key: fn(&T) -> Value,
}

impl<T> Column<T> {
    pub(super) fn new(
        title: &'static str,
        fit: Fit,
        text: fn(&T) -> String,
        key: fn(&T) -> Value,
    ) -> Self {
        Self {
            title,
            fit,
            text,
            colour: None,
            key,
        }
    }

    pub(super) fn with_colour(self, colour: fn(&T) -> Color) -> Self {
        Self {
            colour: Some(colour),
            ..self
        }
    }

    fn cell(&self, row: &T) -> Cell {
        let cell = Cell::new(escape::text(&(self.text)(row)));
        match self.colour {
            Some(colour) => cell.fg(colour(row)),
            None => cell,
        }
    }
}

/// Between columns.
const GAP: u16 = 2;

/// A column that is shortened further than this is of no use.
const SHORTEST: u16 = 8;

/// The table as text, with escaped cells; `width` is the terminal's, `None` for no limit.
pub(super) fn render<T>(
    rows: &[T],
    columns: &[Column<T>],
    header: bool,
    width: Option<usize>,
    colour: bool,
) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_truncation_indicator("…");
    // No cell holds it, so that none is broken at its spaces before it is cut.
    table.set_delimiter('\0');
    table.style_text_only();
    if colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    let row = |cells: Vec<Cell>| {
        let mut row = Row::from(cells);
        row.max_height(1);
        row
    };
    if header {
        let title = |column: &Column<T>| Cell::new(column.title).add_attribute(Attribute::Bold);
        table.set_header(row(columns.iter().map(title).collect()));
    }
    let cells = |item| columns.iter().map(|column| column.cell(item)).collect();
    table.add_rows(rows.iter().map(|item| row(cells(item))));
    let fits = columns.iter().map(|column| column.fit).collect::<Vec<_>>();
    let widths = fit(&fits, table.column_max_content_widths(), width);
    for (column, width) in table.column_iter_mut().zip(widths) {
        column.set_padding((0, GAP));
        column.set_constraint(width.map_or(ColumnConstraint::Hidden, |width| {
            ColumnConstraint::Absolute(Width::Fixed(width.saturating_add(GAP)))
        }));
    }
    let lines = table.lines().map(|line| format!("{}\n", line.trim_end()));
    lines.collect()
}

/// Returns each column's width, `None` for one that is left out. Columns that may be dropped go
/// first, the last of them first, then the one that may be shortened gives way. Where even that
/// isn't enough, the last ones go, whatever they are: lines that the terminal breaks can't be read.
fn fit(fits: &[Fit], natural: Vec<u16>, width: Option<usize>) -> Vec<Option<u16>> {
    let mut widths = natural.into_iter().map(Some).collect::<Vec<_>>();
    let Some(width) = width else {
        return widths;
    };
    let excess = |widths: &[Option<u16>]| {
        let shown = widths.iter().flatten();
        let total = shown.map(|width| usize::from(width.saturating_add(GAP)));
        let excess = total
            .sum::<usize>()
            .saturating_sub(width + usize::from(GAP));
        u16::try_from(excess).unwrap_or(u16::MAX)
    };
    let having = |wanted: Fit| (0..fits.len()).filter(move |at| fits[*at] == wanted);
    let drops = having(Fit::Drop).rev().map(|at| (at, u16::MAX));
    let shortens = having(Fit::Shorten).rev().map(|at| (at, SHORTEST));
    for (at, least) in drops.chain(shortens) {
        let excess = excess(&widths);
        if excess > 0 {
            widths[at] = widths[at]
                .map(|natural| natural.saturating_sub(excess))
                .filter(|left| *left >= least);
        }
    }
    for at in having(Fit::ShortenLast) {
        let excess = excess(&widths);
        widths[at] = widths[at].map(|natural| {
            let left = natural.saturating_sub(excess);
            left.max(SHORTEST.min(natural))
        });
    }
    for at in (1..widths.len()).rev() {
        if excess(&widths) > 0 {
            widths[at] = None;
        }
    }
    let excess = excess(&widths);
    if let Some(Some(first)) = widths.first_mut() {
        *first = first.saturating_sub(excess);
    }
    widths
}

/// Returns `text` cut to at most `width` columns of the terminal, with an ellipsis if it is cut.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let mut kept = text
        .chars()
        .take_while(|c| {
            let needed = c.width().unwrap_or(0);
            let fits = needed <= left;
            left = left.saturating_sub(needed);
            fits
        })
        .collect::<String>();
    kept.push('…');
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns() -> [Column<[&'static str; 3]>; 3] {
        let key = |_: &[&'static str; 3]| Value::Null;
        [
            Column::new("NAME", Fit::Keep, |row| row[0].to_owned(), key)
                .with_colour(|_| Color::Green),
            Column::new("OPTIONS", Fit::Shorten, |row| row[1].to_owned(), key),
            Column::new("DASHBOARD", Fit::Drop, |row| row[2].to_owned(), key),
        ]
    }

    const ROWS: [[&str; 3]; 2] = [
        ["a1", "cores=2 memory=4", "http://gateway/a1"],
        ["b\x1b", "世界世界世界", ""],
    ];

    fn rendered(header: bool, width: Option<usize>) -> String {
        render(&ROWS, &columns(), header, width, false)
    }

    #[test]
    fn shows_everything_where_there_is_room() {
        let expected = "\
NAME   OPTIONS           DASHBOARD
a1     cores=2 memory=4  http://gateway/a1
b\\x1b  世界世界世界
";
        assert_eq!(rendered(true, None), expected);
        assert_eq!(rendered(true, Some(42)), expected);
    }

    #[test]
    fn drops_links_then_shortens_options_then_drops_them() {
        assert_eq!(
            rendered(true, Some(41)).lines().next(),
            Some("NAME   OPTIONS")
        );
        assert_eq!(
            rendered(false, Some(18)),
            "a1     cores=2 me…\nb\\x1b  世界世界世…\n"
        );
        assert_eq!(rendered(true, Some(12)), "NAME\na1\nb\\x1b\n");
        assert_eq!(rendered(true, Some(4)), "NAME\na1\nb\\x…\n");
    }

    #[test]
    fn fits_every_width() {
        for width in 1..60 {
            for line in rendered(true, Some(width)).lines() {
                assert!(line.width() <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn has_colour_only_if_asked_for() {
        assert!(!rendered(true, None).contains('\x1b'));
        assert!(render(&ROWS, &columns(), true, None, true).contains("\x1b["));
    }

    proptest::proptest! {
        #[test]
        fn any_text_fits_every_width(
            text in crate::strange::text(), other in crate::strange::text(), width in 1_usize..90,
        ) {
            let strange: [&'static str; 3] = [
                Box::leak(text.into_boxed_str()),
                Box::leak(other.into_boxed_str()),
                "x",
            ];
            let table = render(&[strange, ROWS[0]], &columns(), true, Some(width), false);
            proptest::prop_assert_eq!(table.lines().count(), 3, "{:?}", table);
            for line in table.lines() {
                proptest::prop_assert!(line.width() <= width, "{width}: {line:?}");
                proptest::prop_assert!(!line.chars().any(char::is_control), "{line:?}");
            }
        }
    }
}
