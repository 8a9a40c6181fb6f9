//! The last lines of the screen, and the list of keys.

use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Widget as _};

use super::layout::{cut, put, put_at_ends, take_last_lines};
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

/// Returns the number of lines that [`draw`] takes.
pub(super) fn height(model: &Model, screen: Rect) -> u16 {
    let problems = u16::try_from(problems(model, screen).len()).unwrap_or(0);
    problems.saturating_add(1).min(screen.height)
}

/// Returns the problems in as many lines as may be taken from the screen. The last one has those for
/// which there is no line.
fn problems(model: &Model, screen: Rect) -> Vec<String> {
    let mut problems = model.problems();
    let lines = usize::from(screen.height / 5).max(1);
    if problems.len() > lines {
        let rest = problems.split_off(lines - 1);
        problems.push(rest.join("; "));
    }
    problems
}

/// Draws the problems, and below them the most important keys.
pub(super) fn draw(buffer: &mut Buffer, mut area: Rect, model: &Model, sorted_by: &str) {
    let (problems, height) = (problems(model, area), height(model, area));
    let mut place = take_last_lines(&mut area, height);
    let line = take_last_lines(&mut place, 1);
    for (line, problem) in place.rows().zip(problems) {
        let text = format!(" {}", cut(&problem, line.width.saturating_sub(2)));
        put(buffer, line, &Line::styled(text, theme::problem()));
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
