//! Colours that are readable on dark and on light backgrounds: the terminal's own, foreground only.

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier, Style};

use crate::gateway::Status;

/// For labels, and for what is unknown or stale.
pub(super) const FAINT: Modifier = Modifier::DIM;

/// For titles and keys.
pub(super) const BOLD: Modifier = Modifier::BOLD;

/// For the selected row.
pub(super) const SELECTED: Modifier = Modifier::REVERSED;

/// The share of its memory limit from which a worker writes results to disk
/// (`distributed.worker.memory.target`).
const SPILLS: f64 = 0.6;

/// The share from which a worker accepts no more tasks (`distributed.worker.memory.pause`).
const PAUSES: f64 = 0.8;

/// For CPU and processing tasks.
pub(super) const CPU: Color = Color::Cyan;

/// For what is late.
pub(super) const STALE: Color = Color::Yellow;

/// For what the user should know before anything else.
pub(super) fn problem() -> Style {
    Style::new().fg(Color::Red).add_modifier(BOLD)
}

/// Returns the colour for the share of its limit that memory takes.
pub(super) fn memory(share: Option<f64>) -> Color {
    match share {
        Some(share) if share >= PAUSES => Color::Red,
        Some(share) if share >= SPILLS => Color::Yellow,
        _ => Color::Green,
    }
}

pub(super) fn status(status: Status) -> Style {
    match status {
        Status::Running => Color::Green.into(),
        Status::Pending | Status::Stopping => Color::Yellow.into(),
        Status::Failed => Color::Red.into(),
        Status::Stopped => FAINT.into(),
    }
}

/// Takes the colours away. Weight and brightness are left to tell things apart.
pub(super) fn remove_colours(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        cell.fg = Color::Reset;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_turns_yellow_where_workers_spill_and_red_where_they_pause() {
        for (share, colour) in [
            (None, Color::Green),
            (Some(0.59), Color::Green),
            (Some(0.6), Color::Yellow),
            (Some(0.79), Color::Yellow),
            (Some(0.8), Color::Red),
        ] {
            assert_eq!(memory(share), colour, "{share:?}");
        }
    }
}
