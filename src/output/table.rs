//! Tables for people, fitted to the terminal they are in.

use std::cmp::Ordering;

use comfy_table::{Attribute, Color, ContentArrangement, Table};
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::escape;

/// What becomes of a column where the table is wider than the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// Shown whole, for as long as it has room at all.
    Keep,
    /// Shortened to what is left, with an ellipsis.
    Shorten,
    /// Left out: half of it would be of no use.
    Drop,
    /// Shortened when all others are, the first such column first.
    Yield,
}

/// A cell's text, unescaped, and its colour.
pub(crate) struct Cell {
    text: String,
    colour: Option<Color>,
}

impl Cell {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            colour: None,
        }
    }

    pub(super) fn coloured(text: impl Into<String>, colour: Color) -> Self {
        Self {
            text: text.into(),
            colour: Some(colour),
        }
    }
}

/// A column of a table of `T`s.
pub(crate) struct Column<T> {
    pub(super) title: &'static str,
    pub(super) fit: Fit,
    pub(super) cell: fn(&T) -> Cell,
    pub(super) order: fn(&T, &T) -> Ordering,
}

/// Between columns.
const GAP: usize = 2;

/// Narrower than this, a shortened column says nothing.
const SHORTEST: usize = 8;

/// The table as text; `width` is the terminal's, `None` for no limit.
pub(super) fn render<T>(
    rows: &[T],
    columns: &[Column<T>],
    header: bool,
    width: Option<usize>,
    colour: bool,
) -> String {
    let cells = rows
        .iter()
        .map(|row| columns.iter().map(|column| shown(column, row)).collect())
        .collect::<Vec<Vec<_>>>();
    let natural = (0..columns.len())
        .map(|at| {
            let title = if header { columns[at].title.len() } else { 0 };
            let widest = cells.iter().map(|row| row[at].text.width()).max();
            title.max(widest.unwrap_or(0))
        })
        .collect();
    let widths = fit(columns, natural, width);
    let visible = (0..columns.len())
        .filter_map(|at| Some((at, widths[at]?)))
        .collect::<Vec<_>>();

    let mut table = Table::new();
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.load_style(comfy_table::presets::NOTHING);
    if colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    if header {
        let title = |&(at, width): &(usize, _)| {
            let title = shortened(columns[at].title, width);
            comfy_table::Cell::new(title).add_attribute(Attribute::Bold)
        };
        table.set_header(visible.iter().map(title));
    }
    for row in &cells {
        table.add_row(visible.iter().map(|&(at, width)| {
            let Cell { text, colour } = &row[at];
            let cell = comfy_table::Cell::new(shortened(text, width));
            match colour {
                Some(colour) => cell.fg(*colour),
                None => cell,
            }
        }));
    }
    let last = table.column_count().saturating_sub(1);
    for column in table.column_iter_mut() {
        let gap = if column.index == last { 0 } else { GAP };
        column.set_padding((0, u16::try_from(gap).unwrap_or(0)));
    }
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A row's cell, fit to be seen.
fn shown<T>(column: &Column<T>, row: &T) -> Cell {
    let cell = (column.cell)(row);
    Cell {
        text: escape::text(&cell.text).into_owned(),
        ..cell
    }
}

/// Each column's width, `None` for one that is left out: whole columns that may be dropped go
/// first, the last of them first, then the one that may be shortened gives way. Where even that isn't
/// enough, the last ones go, whatever they are: lines that the terminal breaks can't be read.
fn fit<T>(columns: &[Column<T>], natural: Vec<usize>, width: Option<usize>) -> Vec<Option<usize>> {
    let mut widths = natural.into_iter().map(Some).collect::<Vec<_>>();
    let Some(width) = width else {
        return widths;
    };
    let total = |widths: &[Option<usize>]| {
        let shown = widths.iter().flatten();
        shown.clone().sum::<usize>() + GAP * shown.count().saturating_sub(1)
    };
    for at in (0..columns.len()).rev() {
        let excess = total(&widths).saturating_sub(width);
        if excess > 0 && columns[at].fit == Fit::Drop {
            widths[at] = None;
        }
    }
    for at in (0..columns.len()).rev() {
        let excess = total(&widths).saturating_sub(width);
        if excess > 0 && columns[at].fit == Fit::Shorten {
            widths[at] = widths[at]
                .map(|natural| natural.saturating_sub(excess))
                .filter(|left| *left >= SHORTEST);
        }
    }
    for at in 0..columns.len() {
        let excess = total(&widths).saturating_sub(width);
        if excess > 0 && columns[at].fit == Fit::Yield {
            let shortened =
                |natural: usize| natural.saturating_sub(excess).max(SHORTEST.min(natural));
            widths[at] = widths[at].map(shortened);
        }
    }
    for at in (1..columns.len()).rev() {
        if total(&widths) > width {
            widths[at] = None;
        }
    }
    if let Some(Some(first)) = widths.first_mut() {
        *first = width.min(*first);
    }
    widths
}

/// `text` in at most `width` columns of the terminal.
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

    fn column(
        title: &'static str,
        fit: Fit,
        cell: fn(&[&'static str; 3]) -> Cell,
    ) -> Column<[&'static str; 3]> {
        Column {
            title,
            fit,
            cell,
            order: Ord::cmp,
        }
    }

    fn columns() -> [Column<[&'static str; 3]>; 3] {
        [
            column("NAME", Fit::Keep, |row| {
                Cell::coloured(row[0], Color::Green)
            }),
            column("OPTIONS", Fit::Shorten, |row| Cell::plain(row[1])),
            column("DASHBOARD", Fit::Drop, |row| Cell::plain(row[2])),
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
    fn all_is_shown_where_there_is_room() {
        let expected = "\
NAME   OPTIONS           DASHBOARD
a1     cores=2 memory=4  http://gateway/a1
b\\x1b  世界世界世界
";
        assert_eq!(rendered(true, None), expected);
        assert_eq!(rendered(true, Some(42)), expected);
    }

    #[test]
    fn links_go_first_then_options_shrink_then_they_go_too() {
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
    fn no_line_is_wider_than_the_terminal() {
        for width in 1..60 {
            for line in rendered(true, Some(width)).lines() {
                assert!(line.width() <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn colour_is_there_only_when_asked_for() {
        assert!(!rendered(true, None).contains('\x1b'));
        assert!(render(&ROWS, &columns(), true, None, true).contains("\x1b["));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_a_line_wider_than_the_terminal(
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
