//! The last line of the screen, and the list of keys.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Widget as _};

use super::layout::{cut, put, put_at_ends};
use crate::duration;
use crate::output::name_of;
use crate::top::model::Model;
use crate::top::theme::{self, BOLD, FAINT};

const KEYS: [(&str, &str); 8] = [
    ("↑ ↓  k j", "previous, next row"),
    ("PgUp PgDn", "previous, next page"),
    ("Home End  g G", "first, last row"),
    ("↵", "open the cluster"),
    ("Esc  ←", "back to all clusters"),
    ("s S  > <", "sort by the next, previous column"),
    ("r", "reverse the order"),
    ("q  Ctrl-C", "quit"),
];

/// Draws the problem, if there is one, or else the most important keys.
pub(super) fn draw(buffer: &mut Buffer, area: Rect, model: &Model, sorted_by: &str) {
    let Some(line) = area.rows().next_back() else {
        return;
    };
    if let Some(problem) = model.problem() {
        let text = format!(" {}", cut(&problem, line.width.saturating_sub(2)));
        put(buffer, line, &Line::styled(text, theme::problem()));
        return;
    }
    let first = if model.opened().is_some() {
        ("Esc", "back")
    } else {
        ("↵", "open")
    };
    let keys = [first, ("s", "sort"), ("?", "keys"), ("q", "quit")];
    let spans = keys.into_iter().flat_map(|(key, meaning)| {
        [
            Span::styled(format!(" {key}"), BOLD),
            Span::styled(format!(" {meaning} "), FAINT),
        ]
    });
    let order = format!(
        "by {}{}, every {} ",
        name_of(sorted_by),
        if model.order().is_reversed {
            ", reversed"
        } else {
            ""
        },
        duration::short(model.settings().interval)
    );
    let order = Line::styled(order, FAINT);
    put_at_ends(buffer, line, &spans.collect(), &order);
}

/// Draws the list of keys over everything else.
pub(super) fn draw_help(buffer: &mut Buffer, area: Rect) {
    let lines = KEYS.map(|(key, meaning)| {
        Line::from(vec![
            Span::styled(format!(" {key:<15}"), BOLD),
            Span::raw(format!("{meaning} ")),
        ])
    });
    let with_border = |cells: usize| Constraint::Length(u16::try_from(cells + 2).unwrap_or(0));
    let width = lines.iter().map(Line::width).max().unwrap_or(0);
    let popup = area.centered(with_border(width), with_border(lines.len()));
    Clear.render(popup, buffer);
    Paragraph::new(lines.to_vec())
        .block(Block::bordered().title(" keys ").border_style(FAINT))
        .render(popup, buffer);
}
