//! Tables that fit the screen.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::{Row, StatefulWidget as _, Table, TableState};

use super::bars::{gauge, memory_gauge};
use super::layout::cut;
use super::tasks::done_text;
use crate::duration;
use crate::gateway::Status;
use crate::output::{self, Fit, GAP, SortKey, sorted};
use crate::scheduler::Tasks;
use crate::top::measures::{float, share};
use crate::top::model::SortOrder;
use crate::top::theme::{self, BOLD, CPU, FAINT, SELECTED, STALE};

/// A column of a table of `R`s.
pub(super) struct Column<R> {
    pub(super) title: &'static str,
    /// The title where there is no room for the other.
    pub(super) narrow_title: &'static str,
    pub(super) width: Width,
    /// Where there is no room the highest ranks are dropped first. Columns of rank 0 become narrow
    /// before they are dropped.
    pub(super) rank: u8,
    /// True if values stand at the right of their cells.
    pub(super) is_number: bool,
    pub(super) value: fn(&R) -> Value,
}

/// The cells of a column: at least where there is no room, and normally; then what it does with
/// spare cells.
#[derive(Clone, Copy)]
pub(super) struct Width(pub(super) u16, pub(super) u16, pub(super) Growth);

/// What a column does with spare cells.
#[derive(Clone, Copy)]
pub(super) enum Growth {
    None,
    /// Takes them up to this width, before the columns that share them.
    UpTo(u16),
    Shared,
}

/// A value in a table, which decides how it is shown and sorted.
pub(super) enum Value {
    NotApplicable,
    Unknown,
    Text(String),
    /// The name of something that does not respond.
    SilentName(String),
    ClusterName(String),
    Status(Status),
    /// The status of a cluster whose scheduler does not respond.
    SilentStatus(Status),
    Count(u64),
    CpuShare(f64),
    /// Used memory and its limit.
    Memory(Option<u64>, Option<u64>),
    Tasks(Option<Tasks>),
    Time(Duration),
    /// An idle time of zero.
    Busy,
    /// A value that is late, or from a stale report.
    Styled(Style, Box<Value>),
}

impl<R> Column<R> {
    /// Creates a column of texts or bars, which begin at the left of their cells.
    pub(super) fn new(title: &'static str, width: Width, rank: u8, value: fn(&R) -> Value) -> Self {
        Self {
            title,
            narrow_title: title,
            width,
            rank,
            is_number: false,
            value,
        }
    }

    /// Creates a column of numbers of one width.
    pub(super) fn number(
        title: &'static str,
        width: u16,
        rank: u8,
        value: fn(&R) -> Value,
    ) -> Self {
        Self {
            is_number: true,
            ..Self::new(title, Width(width, width, Growth::None), rank, value)
        }
    }

    fn align<'a>(&self, line: Line<'a>) -> Line<'a> {
        if self.is_number {
            line.right_aligned()
        } else {
            line
        }
    }
}

impl Value {
    /// Creates a count, or an unknown one.
    pub(super) fn count(count: Option<u64>) -> Self {
        count.map_or(Self::Unknown, Self::Count)
    }

    fn line(&self, width: u16) -> Line<'static> {
        match self {
            Self::NotApplicable => Line::styled("-", FAINT),
            Self::Unknown => Line::styled("?", FAINT),
            Self::Text(text) => Line::raw(cut(text, width)),
            Self::SilentName(name) => {
                let name = cut(name, width.saturating_sub(1));
                Line::styled(format!("{name}?"), STALE)
            }
            Self::ClusterName(name) => Line::raw(cut(short_name(name, width), width)),
            Self::Status(status) => Line::styled(status.as_str(), theme::status(*status)),
            Self::SilentStatus(status) => Line::styled(format!("{status}?"), STALE),
            Self::Count(count) => Line::raw(count.to_string()),
            Self::CpuShare(share) => gauge(Some(*share), width, CPU),
            Self::Memory(used, limit) => {
                memory_gauge(*used, *limit, width).unwrap_or_else(|| Self::Unknown.line(width))
            }
            Self::Tasks(tasks) => Line::raw(done_text(tasks.as_ref(), width.into())),
            Self::Time(time) => Line::raw(duration::short(*time)),
            Self::Busy => Line::raw("-"),
            Self::Styled(style, value) => value.line(width).patch_style(*style),
        }
    }

    fn size(&self) -> Option<f64> {
        match self {
            Self::Count(count) => Some(float(*count)),
            Self::CpuShare(share) => Some(*share),
            Self::Memory(used, limit) => share(*used, *limit),
            Self::Tasks(tasks) => tasks.as_ref()?.unfinished().map(float),
            Self::Time(time) => Some(time.as_secs_f64()),
            Self::Busy => Some(0.0),
            Self::Styled(_, value) => value.size(),
            _ => None,
        }
    }

    /// Returns what to sort by: texts from A on, numbers from the largest down.
    fn key(&self) -> SortKey {
        match self {
            Self::Text(text) | Self::SilentName(text) | Self::ClusterName(text) => {
                SortKey::Text(text.clone())
            }
            Self::Status(status) | Self::SilentStatus(status) => {
                SortKey::Number(f64::from(*status as u8))
            }
            value => value
                .size()
                .map_or(SortKey::Missing, |size| SortKey::Number(-size)),
        }
    }
}

/// Sorts rows; equal ones keep their order.
pub(super) fn sort<R>(rows: Vec<R>, columns: &[Column<R>], order: SortOrder) -> Vec<R> {
    match columns.get(order.column) {
        Some(column) => sorted(rows, |row| (column.value)(row).key(), order.is_reversed),
        None => rows,
    }
}

/// Draws a line of titles, and as many rows as there is room for.
pub(super) fn draw<R>(
    buffer: &mut Buffer,
    area: Rect,
    (columns, order): (&[Column<R>], SortOrder),
    (rows, selected): (&[R], Option<usize>),
) {
    let fitted = fit(columns, area.width);
    let titles = fitted.iter().map(|&(at, width)| {
        let column = &columns[at];
        let has_room = column.title.len() <= usize::from(width);
        let title = Line::raw(if has_room {
            column.title
        } else {
            column.narrow_title
        });
        column.align(if at == order.column {
            title.style(Modifier::UNDERLINED)
        } else {
            title
        })
    });
    let cells = |row| {
        fitted.iter().map(move |&(at, width)| {
            let line = (columns[at].value)(row).line(width);
            columns[at].align(line)
        })
    };
    let visible = rows.iter().take(usize::from(area.height));
    Table::new(
        visible.map(|row| Row::new(cells(row))),
        fitted.iter().map(|&(_, width)| width),
    )
    .header(Row::new(titles).style(BOLD))
    .column_spacing(GAP)
    .row_highlight_style(SELECTED)
    .render(area, buffer, &mut TableState::new().with_selected(selected));
}

/// Returns the columns that have room in `width` cells, and the width of each.
fn fit<R>(columns: &[Column<R>], width: u16) -> Vec<(usize, u16)> {
    let sizes = columns.iter().map(|column| {
        let Width(narrow, normal, _) = column.width;
        let is_optional = column.rank > 0;
        let fit = Fit {
            rank: column.rank,
            least: if is_optional { normal } else { narrow },
            is_optional,
        };
        (fit, normal)
    });
    let fitted = output::fit(&sizes.collect::<Vec<_>>(), width.into());
    let shown = (0..)
        .zip(fitted)
        .filter_map(|(at, width)| Some((at, width?)));
    let shown = shown.collect::<Vec<_>>();
    let needed = shown.iter().map(|(_, width)| width + GAP).sum::<u16>();
    let mut spare = (width + GAP).saturating_sub(needed);
    let constraints = shown.iter().map(|&(at, width)| match columns[at].width.2 {
        Growth::None => Constraint::Length(width),
        Growth::Shared => Constraint::Min(width),
        Growth::UpTo(most) => {
            let taken = spare.min(most.saturating_sub(width));
            spare -= taken;
            Constraint::Length(width + taken)
        }
    });
    let layout = Layout::horizontal(constraints.collect::<Vec<_>>()).spacing(GAP);
    let cells = layout.split(Rect::new(0, 0, width, 1));
    let widths = cells.iter().map(|cell| cell.width);
    shown.iter().map(|(at, _)| *at).zip(widths).collect()
}

/// Returns the part of a name that tells clusters apart, cut where dgw still accepts it as the
/// cluster's name.
fn short_name(name: &str, width: u16) -> &str {
    let width = usize::from(width);
    // The user's own name precedes it.
    if name.len() <= width || name.contains(' ') {
        return name;
    }
    let own = name.rsplit('.').next().unwrap_or(name);
    own.get(..width).unwrap_or(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(narrow: u16, normal: u16, growth: Growth, rank: u8) -> Column<()> {
        Column::new("", Width(narrow, normal, growth), rank, |()| Value::Unknown)
    }

    #[test]
    fn drops_the_highest_rank_first_and_fills_the_width() {
        let columns = [
            column(4, 8, Growth::UpTo(20), 0),
            column(6, 6, Growth::None, 2),
            column(4, 10, Growth::Shared, 0),
            column(5, 5, Growth::None, 1),
        ];
        for (width, fitted) in [
            (60, vec![(0, 20), (1, 6), (2, 23), (3, 5)]),
            (40, vec![(0, 13), (1, 6), (2, 10), (3, 5)]),
            (35, vec![(0, 8), (1, 6), (2, 10), (3, 5)]),
            (34, vec![(0, 15), (2, 10), (3, 5)]),
            (26, vec![(0, 14), (2, 10)]),
            (12, vec![(0, 6), (2, 4)]),
            (9, vec![(0, 9)]),
            (1, vec![(0, 1)]),
        ] {
            assert_eq!(fit(&columns, width), fitted, "{width}");
        }
    }

    #[test]
    fn texts_ascend_numbers_descend_and_the_unknown_is_last() {
        let text = |text: &str| Value::Text(text.to_owned());
        let memory = |used| Value::Memory(Some(used), Some(8));
        let [short, long] = [8, 9].map(Duration::from_secs);
        for (first, second) in [
            (text("a"), text("b")),
            (text("b"), Value::Unknown),
            (Value::Count(2), Value::Count(1)),
            (Value::Count(0), Value::NotApplicable),
            (
                Value::CpuShare(0.5),
                Value::Styled(FAINT.into(), Box::new(Value::CpuShare(0.4))),
            ),
            (memory(4), memory(3)),
            (Value::Time(long), Value::Time(short)),
            (Value::Time(short), Value::Busy),
            (
                Value::SilentStatus(Status::Pending),
                Value::Status(Status::Running),
            ),
            (Value::Busy, Value::Unknown),
        ] {
            assert!(first.key() < second.key());
        }
    }

    #[test]
    fn reversed_rows_keep_the_order_of_equal_ones() {
        let columns = [Column::number("N", 3, 0, |row: &(u64, char)| {
            Value::Count(row.0)
        })];
        let rows = vec![(1, 'a'), (2, 'b'), (1, 'c')];
        let sorted = |is_reversed| {
            let order = SortOrder {
                column: 0,
                is_reversed,
            };
            sort(rows.clone(), &columns, order)
        };
        assert_eq!(sorted(false), [(2, 'b'), (1, 'a'), (1, 'c')]);
        assert_eq!(sorted(true), [(1, 'a'), (1, 'c'), (2, 'b')]);
    }

    #[test]
    fn short_names_are_the_beginning_of_the_last_part() {
        assert_eq!(short_name("ns.abcdef", 9), "ns.abcdef");
        assert_eq!(short_name("ns.abcdef", 8), "abcdef");
        assert_eq!(short_name("ns.abcdef", 4), "abcd");
        assert_eq!(short_name("era5 ns.abcdef", 8), "era5 ns.abcdef");
    }
}
