//! Tasks by state: one bar of all of them, and what its parts are.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};

use super::bar;
use super::look::Look;
use crate::scheduler::Tasks;

/// How a state is drawn: apart without colour too.
fn brush(state: &str, look: Look) -> (&'static str, Style) {
    match state {
        "in memory" => ("█", look.colour(Color::Green)),
        "processing" => ("▓", look.colour(Color::Cyan)),
        "queued" => ("▒", look.colour(Color::Yellow)),
        "waiting" => ("░", look.plain()),
        "unrunnable" => ("!", look.colour(Color::Magenta)),
        "erred" => ("×", look.colour(Color::Red)),
        _ => ("·", look.faint()),
    }
}

/// From what is done to what is yet to be.
const ORDER: [&str; 7] = [
    "in memory",
    "erred",
    "processing",
    "queued",
    "waiting",
    "unrunnable",
    "released",
];

/// One bar of all tasks, `width` cells long.
pub(super) fn stacked(tasks: Option<&Tasks>, width: u16, look: Look) -> Line<'static> {
    let parts = tasks.map(|tasks| parts(tasks, width)).unwrap_or_default();
    let drawn = parts.iter().map(|(_, cells)| cells).sum::<u16>();
    let mut spans = parts
        .into_iter()
        .map(|(state, cells)| {
            let (glyph, style) = brush(state, look);
            Span::styled(glyph.repeat(usize::from(cells)), style)
        })
        .collect::<Vec<_>>();
    let rest = usize::from(width.saturating_sub(drawn));
    spans.push(Span::styled("─".repeat(rest), look.faint()));
    Line::from(spans)
}

/// How many cells each state gets: its share of all, and at least one where it has tasks.
fn parts(tasks: &Tasks, width: u16) -> Vec<(&'static str, u16)> {
    let states = tasks.by_state();
    let number = |wanted: &str| {
        let found = states.iter().find(|(state, _)| *state == wanted);
        found.and_then(|(_, number)| *number).unwrap_or(0)
    };
    let all = ORDER.iter().map(|state| bar::float(number(state)));
    let all = all.sum::<f64>();
    if all <= 0.0 {
        return Vec::new();
    }
    let (mut before, mut drawn) = (0.0, 0);
    let mut parts = Vec::new();
    for (at, state) in ORDER.into_iter().enumerate() {
        let own = number(state);
        before += bar::float(own);
        // Ends are rounded, not lengths: so they add up.
        let end = bar::part(before / all, width);
        let to_come = ORDER[at + 1..].iter().filter(|state| number(state) > 0);
        let to_come = u16::try_from(to_come.count()).unwrap_or(0);
        let room = (width - drawn).saturating_sub(to_come);
        let least = u16::from(own > 0).min(width - drawn);
        let cells = end.saturating_sub(drawn).min(room).max(least);
        drawn += cells;
        parts.push((state, cells));
    }
    parts
}

/// Cells of the longest state's name, and of the numbers that stay in place.
const NAME: usize = "processing".len();
const NUMBER: usize = 6;
/// With what it is drawn as, and a gap behind.
const CELL: u16 = 2 + 11 + 6 + 3;

/// How many lines [`legend`] takes in `width` cells.
pub(super) fn legend_height(width: u16) -> u16 {
    let states = 7_u16;
    states.div_ceil((width / CELL).clamp(1, states))
}

/// Each state with its number, in places that stay the same.
pub(super) fn legend(buffer: &mut Buffer, area: Rect, tasks: Option<&Tasks>, look: Look) {
    let unknown = Tasks::default();
    let states = tasks.unwrap_or(&unknown).by_state();
    let columns = usize::from((area.width / CELL).clamp(1, 7));
    for (at, (state, number)) in states.into_iter().enumerate() {
        let (Ok(row), Ok(column)) = (u16::try_from(at / columns), u16::try_from(at % columns))
        else {
            continue;
        };
        if row >= area.height {
            return;
        }
        let (glyph, style) = brush(state, look);
        let text = number.map_or_else(|| "?".to_owned(), |number| number.to_string());
        let value = if number.is_some_and(|number| number > 0) {
            look.plain()
        } else {
            look.faint()
        };
        let line = Line::from(vec![
            Span::styled(glyph, style),
            Span::styled(format!(" {state:<NAME$} "), look.faint()),
            Span::styled(format!("{text:>NUMBER$}"), value),
        ]);
        let x = area.x + column * CELL;
        buffer.set_line(x, area.y + row, &line, area.right().saturating_sub(x));
    }
}

/// `120/400`: those still to be done, of all; or only the first of these where there's no room.
pub(super) fn brief(tasks: Option<&Tasks>, width: usize) -> Option<String> {
    let tasks = tasks?;
    let (unfinished, total) = (tasks.unfinished(), tasks.total);
    unfinished.or(total)?;
    let text = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), |n| n.to_string());
    let whole = format!("{}/{}", text(unfinished), text(total));
    Some(if whole.len() <= width {
        whole
    } else {
        text(unfinished)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_state_with_tasks_is_left_out_and_the_bar_is_never_too_long() {
        let tasks = |processing, memory, erred| Tasks {
            processing: Some(processing),
            memory: Some(memory),
            erred: Some(erred),
            ..Tasks::default()
        };
        let look = Look { has_colour: false };
        for (tasks, text) in [
            (tasks(5, 5, 0), "█████▓▓▓▓▓"),
            (tasks(1, 1_000_000, 1), "████████×▓"),
            (tasks(1_000_000, 1, 1), "█×▓▓▓▓▓▓▓▓"),
            (tasks(0, 0, 0), "──────────"),
            (tasks(u64::MAX, u64::MAX, u64::MAX), "███××××▓▓▓"),
        ] {
            assert_eq!(stacked(Some(&tasks), 10, look).to_string(), text);
        }
        assert_eq!(stacked(None, 3, look).to_string(), "───");
    }
}
