//! Tables for people, fitted to the terminal, and for programs that read columns of words.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::fmt::Write as _;
use std::iter;

use anstyle::{AnsiColor, Style};
use serde_json::Value;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::escape;

/// How a column gives way where the table is wider than the terminal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fit {
    /// The columns of the highest rank give way first, of these the last one.
    pub(crate) rank: u8,
    /// The least width that is of use.
    pub(crate) least: u16,
    /// True if the column is left out where there is no room for the least width.
    pub(crate) is_optional: bool,
}

/// Shown whole, for as long as there is any room for it.
pub(super) const KEEP: Fit = Fit {
    rank: 0,
    least: u16::MAX,
    is_optional: false,
};

/// Shortened when all others are.
pub(super) const SHORTEN_LAST: Fit = Fit {
    rank: 1,
    least: SHORTEST,
    is_optional: false,
};

/// Shortened to the room that is left, with an ellipsis.
pub(super) const SHORTEN: Fit = Fit {
    rank: 3,
    least: SHORTEST,
    is_optional: true,
};

/// Left out: half of it would be of no use.
pub(super) const OMIT: Fit = Fit {
    rank: 4,
    least: u16::MAX,
    is_optional: true,
};

/// A cell of a table: its text, not yet escaped, and the value that rows are sorted by.
pub(crate) struct Cell<'a> {
    text: Cow<'a, str>,
    /// `None` if it is the text.
    key: Option<Value>,
    style: Style,
}

impl<'a> Cell<'a> {
    pub(super) fn new(text: impl Into<Cow<'a, str>>, key: impl Into<Value>) -> Self {
        Self {
            key: Some(key.into()),
            ..Self::text(text)
        }
    }

    /// A cell that is sorted by its text.
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Self {
            text: text.into(),
            key: None,
            style: Style::new(),
        }
    }

    /// Returns the value that its row is sorted by.
    pub(super) fn into_key(self) -> Value {
        self.key.unwrap_or_else(|| self.text.into())
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

    pub(super) fn coloured(self, colour: AnsiColor) -> Self {
        Self {
            style: colour.on_default(),
            ..self
        }
    }
}

/// A column of a table of `T`s.
pub(crate) struct Column<T> {
    pub(super) title: &'static str,
    fit: Fit,
    pub(super) cell: fn(&T) -> Cell<'_>,
}

impl<T> Column<T> {
    pub(super) fn new(title: &'static str, fit: Fit, cell: fn(&T) -> Cell<'_>) -> Self {
        Self { title, fit, cell }
    }
}

/// The cells between two columns.
pub(crate) const GAP: u16 = 2;

/// A column that is shortened further than this is of no use.
const SHORTEST: u16 = 8;

/// How a table is laid out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Layout {
    /// The columns of the terminal; `None` for no limit.
    pub(super) width: Option<usize>,
    pub(super) has_colour: bool,
    /// True if a person reads it. Programs find one word in each cell but the last one of a line,
    /// which may have spaces.
    pub(super) is_for_terminal: bool,
}

/// A table as text.
pub(super) struct Table {
    pub(super) text: String,
    /// The titles of the columns that have no room.
    pub(super) omitted: Vec<&'static str>,
}

/// The table with escaped cells.
pub(super) fn render<T>(rows: &[T], columns: &[Column<T>], header: bool, layout: Layout) -> Table {
    let title = |column: &Column<T>| ShownCell::new(column.title.into(), Style::new().bold());
    let last = columns.len().saturating_sub(1);
    let titles = header.then(|| columns.iter().map(title).collect());
    let cells = rows.iter().map(|row| {
        columns
            .iter()
            .enumerate()
            .map(|(at, column)| {
                let Cell { text, style, .. } = (column.cell)(row);
                ShownCell::new(layout.escaped(text, at == last), style)
            })
            .collect()
    });
    let lines = titles.into_iter().chain(cells).collect::<Vec<Vec<_>>>();
    let sizes = columns.iter().enumerate().map(|(at, column)| {
        let natural = lines.iter().map(|line| line[at].width).max();
        let natural = u16::try_from(natural.unwrap_or(0)).unwrap_or(u16::MAX);
        (column.fit, natural)
    });
    let widths = fit(
        &sizes.collect::<Vec<_>>(),
        layout.width.unwrap_or(usize::MAX),
    );
    let mut text = String::new();
    for line in lines {
        for (cell, width) in line.into_iter().zip(&widths) {
            let Some(width) = width else { continue };
            let ShownCell {
                text: shown,
                width: taken,
                style,
            } = cell.shortened(usize::from(*width));
            if layout.has_colour {
                let _ = write!(text, "{style}{shown}{style:#}");
            } else {
                text.push_str(&shown);
            }
            let gap = usize::from(*width) + usize::from(GAP) - taken;
            text.extend(iter::repeat_n(' ', gap));
        }
        text.truncate(text.trim_end_matches(' ').len());
        text.push('\n');
    }
    let omitted = columns.iter().zip(&widths);
    let omitted = omitted.filter(|(_, width)| width.is_none());
    Table {
        text,
        omitted: omitted.map(|(column, _)| column.title).collect(),
    }
}

/// What a cell shows, escaped.
struct ShownCell<'a> {
    text: Cow<'a, str>,
    width: usize,
    style: Style,
}

impl<'a> ShownCell<'a> {
    fn new(text: Cow<'a, str>, style: Style) -> Self {
        let width = width(&text);
        Self { text, width, style }
    }

    fn shortened(self, width: usize) -> Self {
        if self.width <= width {
            return self;
        }
        Self::new(shortened(&self.text, width).into(), self.style)
    }
}

/// Returns the columns that `text` takes, which has no control characters.
fn width(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.width()
    }
}

impl Layout {
    /// Returns what a cell shows for `text`.
    fn escaped(self, text: Cow<'_, str>, is_last: bool) -> Cow<'_, str> {
        match escape::cell(text) {
            text if text.is_empty() => "-".into(),
            text if self.is_for_terminal || is_last => text,
            text if text.contains(char::is_whitespace) => {
                text.replace(char::is_whitespace, "\\x20").into()
            }
            text => text,
        }
    }
}

/// Returns each column's width, given its [`Fit`] and its natural width; `None` for one that is left
/// out. Where it isn't enough that columns give way by rank, the last ones go, whatever they are:
/// lines that the terminal breaks can't be read.
pub(crate) fn fit(columns: &[(Fit, u16)], width: usize) -> Vec<Option<u16>> {
    let mut by_rank = (0..columns.len()).rev().collect::<Vec<_>>();
    by_rank.sort_by_key(|at| Reverse(columns[*at].0.rank));
    let steps = by_rank.into_iter().map(|at| (at, columns[at].0));
    let others = (1..columns.len()).rev().map(|at| (at, OMIT));
    let first = (0, Fit { least: 0, ..OMIT });
    let mut widths = columns
        .iter()
        .map(|(_, natural)| Some(*natural))
        .collect::<Vec<_>>();
    for (at, fit) in steps.chain(others).chain([first]) {
        let shown = widths.iter().flatten().map(|width| usize::from(*width));
        let gaps = usize::from(GAP) * shown.clone().count().saturating_sub(1);
        let excess = (shown.sum::<usize>() + gaps).saturating_sub(width);
        if excess == 0 {
            break;
        }
        let excess = u16::try_from(excess).unwrap_or(u16::MAX);
        widths[at] = widths[at].and_then(|natural| match natural.saturating_sub(excess) {
            left if left >= fit.least => Some(left),
            _ if fit.is_optional => None,
            _ => Some(fit.least.min(natural)),
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
            Column::new("NAME", KEEP, |row| {
                Cell::text(row[0]).coloured(AnsiColor::Green)
            }),
            Column::new("OPTIONS", SHORTEN, |row| Cell::text(row[1])),
            Column::new("DASHBOARD", OMIT, |row| Cell::text(row[2])),
        ]
    }

    const ROWS: [[&str; 3]; 2] = [
        ["a1", "cores=2 memory=4", "http://gateway/a1"],
        ["b\x1b", "世界世界世界", ""],
    ];

    const ON_TERMINAL: Layout = Layout {
        width: None,
        has_colour: false,
        is_for_terminal: true,
    };

    fn table(header: bool, width: Option<usize>) -> Table {
        let layout = Layout {
            width,
            ..ON_TERMINAL
        };
        render(&ROWS, &columns(), header, layout)
    }

    fn rendered(header: bool, width: Option<usize>) -> String {
        table(header, width).text
    }

    #[test]
    fn shows_everything_where_there_is_room() {
        let expected = "\
NAME   OPTIONS           DASHBOARD
a1     cores=2 memory=4  http://gateway/a1
b\\x1b  世界世界世界      -
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
    fn tells_which_columns_have_no_room() {
        let omitted = |width| table(true, width).omitted;
        assert_eq!(omitted(Some(42)), [""; 0]);
        assert_eq!(omitted(Some(41)), ["DASHBOARD"]);
        assert_eq!(omitted(Some(12)), ["OPTIONS", "DASHBOARD"]);
    }

    #[test]
    fn columns_give_way_in_their_order() {
        let early = Fit {
            rank: 2,
            ..SHORTEN_LAST
        };
        let columns = [
            (early, 20),
            (KEEP, 5),
            (SHORTEN_LAST, 10),
            (SHORTEN, 20),
            (OMIT, 6),
            (OMIT, 6),
        ];
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
            assert_eq!(fit(&columns, width), widths, "{width}");
        }
        let short = [(SHORTEN_LAST, 4), (KEEP, 5)];
        assert_eq!(fit(&short, 9), [Some(4), None]);
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
        let coloured = Layout {
            has_colour: true,
            ..ON_TERMINAL
        };
        let table = render(&ROWS, &columns(), true, coloured);
        assert!(table.text.contains("\x1b["));
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
            let rows = [strange, ROWS[0]];
            let layout = Layout { width: Some(width), ..ON_TERMINAL };
            let table = render(&rows, &columns(), true, layout).text;
            proptest::prop_assert_eq!(table.lines().count(), 3, "{:?}", table);
            for line in table.lines() {
                proptest::prop_assert!(line.width() <= width, "{width}: {line:?}");
                proptest::prop_assert!(!line.chars().any(char::is_control), "{line:?}");
            }
            // A program finds a word in each column.
            for line in render(&rows, &columns(), true, Layout::default()).text.lines() {
                proptest::prop_assert_eq!(line.split_whitespace().count(), 3, "{:?}", line);
            }
        }
    }
}
