//! `top`'s screen, drawn from a model of what is known.

mod bar;
mod chart;
mod cluster;
mod clusters;
mod column;
mod gauge;
mod list;
mod look;
mod model;
mod screen;
mod tasks;
mod workers;

use std::time::Duration;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Stylize as _;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph, Widget as _};

pub(crate) use list::sorted as sorted_clusters;
pub(crate) use model::{Sorting, View, Watched};
pub(crate) use screen::{Screen, events};

use super::{escape, table};
use crate::duration;
use look::Look;

/// The titles of the columns that one may sort by: the clusters' or, with one in full, its
/// workers'.
pub(crate) fn titles(is_one: bool) -> Vec<&'static str> {
    if is_one {
        workers::titles()
    } else {
        list::titles()
    }
}

/// Draws all there is to see, and returns how many rows of the table are in sight.
pub(crate) fn draw(frame: &mut Frame<'_>, view: &View) -> usize {
    let look = Look {
        has_colour: view.has_colour,
    };
    let area = frame.area();
    let buffer = frame.buffer_mut();
    let rows = match view.open() {
        Some(watched) => cluster::draw(buffer, area, view, watched, look),
        None => list::draw(buffer, area, view, look),
    };
    foot(buffer, area, view, look);
    if view.has_help {
        help(buffer, area, look);
    }
    rows
}

/// The last line: what is wrong, if anything is, or else the keys.
fn foot(buffer: &mut Buffer, area: Rect, view: &View, look: Look) {
    let line = Rect {
        y: area.bottom().saturating_sub(1),
        height: area.height.min(1),
        ..area
    };
    if let Some(trouble) = trouble(view) {
        if !line.is_empty() {
            let text = format!(" {}", cut(&trouble, line.width.saturating_sub(2)));
            buffer.set_stringn(line.x, line.y, text, line.width.into(), look.warn_always());
        }
        return;
    }
    let (keys, by): (&[_], _) = if view.open().is_some() {
        let keys = &[("Esc", "back"), ("s", "sort"), ("?", "keys"), ("q", "quit")];
        (keys, view.workers_by)
    } else {
        let keys = &[("↵", "open"), ("s", "sort"), ("?", "keys"), ("q", "quit")];
        (keys, view.clusters_by)
    };
    let mut spans = vec![Span::raw(" ")];
    for (key, does) in keys {
        spans.push(Span::raw(*key).bold());
        spans.push(Span::styled(format!(" {does}  "), look.faint()));
    }
    let titles = titles(view.open().is_some());
    let by = format!(
        "by {}{}, every {} ",
        titles.get(by.column).unwrap_or(&"").to_lowercase(),
        if by.is_reversed { ", reversed" } else { "" },
        duration::short(view.every)
    );
    let by = Line::styled(by, look.faint());
    both(buffer, line, &Line::from(spans), &by);
}

/// What the person should know before anything else.
fn trouble(view: &View) -> Option<String> {
    if let Some(trouble) = &view.trouble {
        let silence = duration::short(model::since(view.now, view.heard));
        return Some(format!("nothing new for {silence}: {trouble}"));
    }
    let watched = view.open()?;
    let name = &watched.cluster.name;
    if watched.is_forgotten {
        return Some(format!("the gateway no longer knows cluster {name}"));
    }
    if let Some(end) = watched.end(view.now) {
        return Some(end);
    }
    let fault = watched.fault.as_ref()?;
    match &watched.told {
        Some(told) if view.is_stale(told) => Some(format!(
            "the scheduler told this {} ago; since then: {fault}",
            duration::short(view.age_of(told))
        )),
        Some(_) => None,
        None => Some(format!("the scheduler tells nothing: {fault}")),
    }
}

const KEYS: [(&str, &str); 8] = [
    ("↑ ↓  k j", "a row up, down"),
    ("PgUp PgDn", "a screen up, down"),
    ("Home End  g G", "the first, the last"),
    ("↵", "the cluster in full"),
    ("Esc  ←", "back to all clusters"),
    ("s S  > <", "sort by the next column, the one before"),
    ("r", "sort the other way round"),
    ("q  Ctrl-C", "quit"),
];

fn help(buffer: &mut Buffer, area: Rect, look: Look) {
    let lines = KEYS.map(|(key, does)| {
        Line::from(vec![
            Span::raw(format!(" {key:<15}")).bold(),
            Span::styled(format!("{does} "), look.plain()),
        ])
    });
    let size = |cells: usize| u16::try_from(cells).unwrap_or(u16::MAX);
    let width = size(lines.iter().map(Line::width).max().unwrap_or(0) + 2).min(area.width);
    let height = size(lines.len() + 2).min(area.height);
    let middle = Rect {
        x: area.x + (area.width - width) / 2,
        y: area.y + (area.height - height) / 2,
        width,
        height,
    };
    Clear.render(middle, buffer);
    Paragraph::new(lines.to_vec())
        .block(Block::bordered().title(" keys ").border_style(look.faint()))
        .render(middle, buffer);
}

/// Two texts on one line, at its two ends; the second only where there is room for both.
fn both(buffer: &mut Buffer, area: Rect, left: &Line<'_>, right: &Line<'_>) {
    if area.is_empty() {
        return;
    }
    let width = |line: &Line<'_>| u16::try_from(line.width()).unwrap_or(u16::MAX);
    let (first, second) = (width(left), width(right));
    buffer.set_line(area.x, area.y, left, area.width);
    if first.saturating_add(second).saturating_add(1) <= area.width {
        buffer.set_line(area.right() - second, area.y, right, second);
    }
}

/// So many lines from the top of what is left.
fn take(left: &mut Rect, height: u16) -> Rect {
    let height = height.min(left.height);
    let taken = Rect { height, ..*left };
    left.y += height;
    left.height -= height;
    taken
}

/// What a server sent, fit to be seen, in so many cells.
fn cut(text: &str, width: u16) -> String {
    table::shortened(&escape::text(text), width.into())
}

/// A span of time that isn't known at all, or how long it is.
fn span(duration: Option<Duration>) -> String {
    duration.map_or_else(|| "?".to_owned(), duration::short)
}

#[cfg(test)]
mod tests;
