//! Tasks by state: a bar of all of them, and its legend.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::Widget as _;

use super::bars::part;
use super::words::number;
use crate::output::done_of_all;
use crate::scheduler::Tasks;
use crate::top::measures::float;
use crate::top::theme::FAINT;

/// Returns the glyph and the colour of a state; the glyph tells states apart without colour.
fn mark(state: &str) -> (&'static str, Style) {
    match state {
        "in memory" => ("█", Color::Green.into()),
        "processing" => ("▓", Color::Cyan.into()),
        "queued" => ("▒", Color::Yellow.into()),
        "waiting" => ("░", Style::new()),
        "unrunnable" => ("!", Color::Magenta.into()),
        "erred" => ("×", Color::Red.into()),
        _ => ("·", FAINT.into()),
    }
}

/// The places in [`Tasks::by_state`] of the states from done to not yet begun.
const ORDER: [usize; 7] = [4, 5, 0, 1, 2, 3, 6];

/// Returns a bar of all tasks, `width` cells long.
pub(super) fn bar(tasks: Option<&Tasks>, width: u16) -> Line<'static> {
    let parts = tasks.map(|tasks| parts(tasks, width)).unwrap_or_default();
    let drawn = parts.iter().map(|(_, cells)| cells).sum::<u16>();
    let rest = usize::from(width.saturating_sub(drawn));
    let spans = parts.into_iter().map(|(state, cells)| {
        let (glyph, style) = mark(state);
        Span::styled(glyph.repeat(usize::from(cells)), style)
    });
    let rest = Span::styled("─".repeat(rest), FAINT);
    spans.chain([rest]).collect()
}

/// Returns how many cells each state has: its share of all tasks, and at least one where it has any.
fn parts(tasks: &Tasks, width: u16) -> Vec<(&'static str, u16)> {
    let by_state = tasks.by_state();
    let states = ORDER.map(|place| (by_state[place].0, by_state[place].1.unwrap_or(0)));
    let total = states.iter().map(|(_, count)| float(*count)).sum::<f64>();
    if total <= 0.0 {
        return Vec::new();
    }
    let (mut before, mut drawn) = (0.0, 0);
    let mut parts = Vec::new();
    for (at, (state, own)) in states.into_iter().enumerate() {
        before += float(own);
        // Ends are rounded, not lengths: so they add up.
        let end = part(before / total, width);
        let to_come = states[at + 1..].iter().filter(|(_, count)| *count > 0);
        let to_come = u16::try_from(to_come.count()).unwrap_or(0);
        let room = (width - drawn).saturating_sub(to_come);
        let least = u16::from(own > 0).min(width - drawn);
        let cells = end.saturating_sub(drawn).min(room).max(least);
        drawn += cells;
        parts.push((state, cells));
    }
    parts
}

/// The number of states.
const STATES: u16 = 7;

/// The cells of a state in the legend, with a gap behind.
const CELL: u16 = 22;

/// Returns how many lines the legend needs in `width` cells.
pub(super) fn legend_height(width: u16) -> u16 {
    STATES.div_ceil((width / CELL).clamp(1, STATES))
}

/// Draws each state with its number, in places that stay the same.
pub(super) fn draw_legend(buffer: &mut Buffer, area: Rect, tasks: Option<&Tasks>) {
    let unknown = Tasks::default();
    let columns = usize::from((area.width / CELL).clamp(1, STATES));
    let spans = |&(state, count): &(&str, Option<u64>)| {
        let (glyph, style) = mark(state);
        let emphasis = match count {
            Some(1..) => Style::new(),
            _ => FAINT.into(),
        };
        [
            Span::styled(glyph, style),
            Span::styled(format!(" {state:<10} "), FAINT),
            Span::styled(format!("{:>6}   ", number(count)), emphasis),
        ]
    };
    let states = tasks.unwrap_or(&unknown).by_state();
    let lines = states.chunks(columns);
    let lines = lines.map(|states| states.iter().flat_map(spans).collect::<Line<'_>>());
    Text::from(lines.collect::<Vec<_>>()).render(area, buffer);
}

/// Returns `280/400`, the tasks that are done and all of them, or their share if there is no room.
pub(super) fn done_text(tasks: Option<&Tasks>, width: usize) -> String {
    let counts = tasks.and_then(done_of_all);
    let counts = counts.filter(|text| text.len() <= width);
    counts
        .or_else(|| done_percent(tasks?))
        .unwrap_or_else(|| "?".to_owned())
}

/// Returns `70%`, rounded down: only what is finished is 100 percent.
fn done_percent(tasks: &Tasks) -> Option<String> {
    let total = tasks.total.filter(|total| *total > 0)?;
    let percent = u128::from(tasks.done()?) * 100 / u128::from(total);
    Some(format!("{percent}%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bar_shows_every_state_with_tasks_and_has_its_width() {
        let tasks = |processing, memory, erred| Tasks {
            processing: Some(processing),
            memory: Some(memory),
            erred: Some(erred),
            ..Tasks::default()
        };
        for (tasks, text) in [
            (tasks(5, 5, 0), "█████▓▓▓▓▓"),
            (tasks(1, 1_000_000, 1), "████████×▓"),
            (tasks(1_000_000, 1, 1), "█×▓▓▓▓▓▓▓▓"),
            (tasks(0, 0, 0), "──────────"),
            (tasks(u64::MAX, u64::MAX, u64::MAX), "███××××▓▓▓"),
        ] {
            assert_eq!(bar(Some(&tasks), 10).to_string(), text);
        }
        assert_eq!(bar(None, 3).to_string(), "───");
    }

    #[test]
    fn counts_that_have_no_room_become_a_share() {
        let tasks = |total, processing| Tasks {
            total,
            processing,
            queued: Some(0),
            waiting: Some(0),
            unrunnable: Some(0),
            ..Tasks::default()
        };
        for (total, unfinished, width, text) in [
            (Some(400), Some(120), 7, "280/400"),
            (Some(400), Some(120), 6, "70%"),
            (Some(1_000_000), Some(1), 10, "99%"),
            (Some(1_000_000), Some(0), 10, "100%"),
            (Some(0), Some(0), 5, "0/0"),
            (Some(400), None, 7, "?/400"),
            (Some(400), None, 4, "?"),
            (None, Some(120), 7, "?"),
        ] {
            let tasks = tasks(total, unfinished);
            assert_eq!(done_text(Some(&tasks), width), text);
        }
        assert_eq!(done_text(None, 7), "?");
    }

    #[test]
    fn legend_is_as_high_as_the_width_requires() {
        for (width, height) in [(0, 7), (43, 7), (44, 4), (66, 3), (154, 1), (300, 1)] {
            assert_eq!(legend_height(width), height, "{width}");
        }
    }
}
