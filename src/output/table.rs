//! Tables for people, fitted to the terminal.
//!
//! comfy-table measures, cuts, colours and aligns the cells. It has no order in which columns give
//! way, so [`fit`] decides each column's width.

use comfy_table::{Attribute, Color, ColumnConstraint, Row, Table, Width};
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
    Omit,
    /// Shortened when all others are, the first such column first.
    ShortenLast,
}

/// A cell of a table: its text, not yet escaped, and the value that rows are sorted by.
pub(crate) struct Cell {
    text: String,
    pub(super) key: Value,
    colour: Option<Color>,
}

impl Cell {
    pub(super) fn new(text: impl Into<String>, key: impl Into<Value>) -> Self {
        Self {
            text: text.into(),
            key: key.into(),
            colour: None,
        }
    }

    /// A cell that is sorted by its text.
    pub(super) fn text(text: &str) -> Self {
        Self::new(text, text)
    }

    /// A cell for an unknown value, which is sorted last.
    pub(super) fn unknown() -> Self {
        Self::new("?", Value::Null)
    }

    /// A cell that is sorted by its number, if it is known.
    pub(super) fn number(number: Option<u64>) -> Self {
        number.map_or_else(Self::unknown, |number| {
            Self::new(number.to_string(), number)
        })
    }

    pub(super) fn coloured(self, colour: Color) -> Self {
        Self {
            colour: Some(colour),
            ..self
        }
    }

    fn escaped(&self) -> comfy_table::Cell {
        let cell = comfy_table::Cell::new(escape::text(&self.text));
        match self.colour {
            Some(colour) => cell.fg(colour),
            None => cell,
        }
    }
}

/// A column of a table of `T`s.
pub(crate) struct Column<T> {
    pub(super) title: &'static str,
    fit: Fit,
    pub(super) cell: fn(&T) -> Cell,
}

impl<T> Column<T> {
    pub(super) fn new(title: &'static str, fit: Fit, cell: fn(&T) -> Cell) -> Self {
        Self { title, fit, cell }
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
    let row = |cells: Vec<comfy_table::Cell>| {
        let mut row = Row::from(cells);
        row.max_height(1);
        row
    };
    if header {
        let bold = |column: &Column<T>| {
            comfy_table::Cell::new(column.title).add_attribute(Attribute::Bold)
        };
        table.set_header(row(columns.iter().map(bold).collect()));
    }
    table.add_rows(rows.iter().map(|item| {
        let cells = columns.iter().map(|column| (column.cell)(item).escaped());
        row(cells.collect())
    }));
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

/// Returns each column's width, `None` for one that is left out. Columns that may be left out go first,
/// the last of them first, then those that may be shortened give way. Where even that isn't enough,
/// the last ones go, whatever they are: lines that the terminal breaks can't be read.
fn fit(fits: &[Fit], natural: Vec<u16>, width: Option<usize>) -> Vec<Option<u16>> {
    let mut widths = natural.into_iter().map(Some).collect::<Vec<_>>();
    let Some(width) = width else {
        return widths;
    };
    // Each step is a column, its least width, and what it gets instead of even less.
    let having = |wanted: Fit| (0..fits.len()).filter(move |at| fits[*at] == wanted);
    let omit = |at| (at, u16::MAX, None);
    let steps = having(Fit::Omit)
        .rev()
        .map(omit)
        .chain(having(Fit::Shorten).rev().map(|at| (at, SHORTEST, None)))
        .chain(having(Fit::ShortenLast).map(|at| (at, SHORTEST, Some(SHORTEST))))
        .chain((1..fits.len()).rev().map(omit))
        .chain([(0, 0, None)]);
    for (at, least, instead) in steps {
        let shown = widths.iter().flatten().map(|width| usize::from(*width));
        let gaps = usize::from(GAP) * shown.clone().count().saturating_sub(1);
        let excess = (shown.sum::<usize>() + gaps).saturating_sub(width);
        if excess == 0 {
            break;
        }
        let excess = u16::try_from(excess).unwrap_or(u16::MAX);
        widths[at] = widths[at].and_then(|natural| match natural.saturating_sub(excess) {
            left if left >= least => Some(left),
            _ => instead.map(|instead: u16| instead.min(natural)),
        });
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
        [
            Column::new("NAME", Fit::Keep, |row| {
                Cell::text(row[0]).coloured(Color::Green)
            }),
            Column::new("OPTIONS", Fit::Shorten, |row| Cell::text(row[1])),
            Column::new("DASHBOARD", Fit::Omit, |row| Cell::text(row[2])),
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
    fn columns_give_way_in_their_order() {
        use Fit::{Keep, Omit, Shorten, ShortenLast};
        let fits = [ShortenLast, Keep, ShortenLast, Shorten, Omit, Omit];
        let natural = vec![20, 5, 10, 20, 6, 6];
        for (width, widths) in [
            (
                77,
                [Some(20), Some(5), Some(10), Some(20), Some(6), Some(6)],
            ),
            (76, [Some(20), Some(5), Some(10), Some(20), Some(6), None]),
            (68, [Some(20), Some(5), Some(10), Some(20), None, None]),
            (49, [Some(20), Some(5), Some(10), Some(8), None, None]),
            (48, [Some(20), Some(5), Some(10), None, None, None]),
            (38, [Some(19), Some(5), Some(10), None, None, None]),
            (26, [Some(8), Some(5), Some(9), None, None, None]),
            (24, [Some(8), Some(5), None, None, None, None]),
            (14, [Some(8), None, None, None, None, None]),
            (3, [Some(3), None, None, None, None, None]),
        ] {
            assert_eq!(fit(&fits, natural.clone(), Some(width)), widths, "{width}");
        }
        assert!(fit(&fits, natural, None).iter().all(Option::is_some));
        assert_eq!(
            fit(&[ShortenLast, Keep], vec![4, 5], Some(9)),
            [Some(4), None]
        );
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
            text in crate::hostile::text(), other in crate::hostile::text(), width in 1_usize..90,
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
