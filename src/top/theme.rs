//! Colours that are readable on dark and on light backgrounds: the terminal's own, foreground only.

use ratatui::style::{Color, Modifier, Style};

use crate::gateway::Status;

/// The colours. Without them, weight and brightness are left to tell things apart.
#[derive(Clone, Copy)]
pub(super) struct Theme {
    pub(super) has_colour: bool,
}

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

impl Theme {
    pub(super) fn colour(self, colour: Color) -> Style {
        if self.has_colour {
            Style::new().fg(colour)
        } else {
            Style::new()
        }
    }

    pub(super) fn problem(self) -> Style {
        self.colour(Color::Red).add_modifier(BOLD)
    }

    pub(super) fn stale(self) -> Style {
        self.colour(Color::Yellow)
    }

    pub(super) fn cpu(self) -> Style {
        self.colour(Color::Cyan)
    }

    pub(super) fn memory(self, share: Option<f64>) -> Style {
        self.colour(match share {
            Some(share) if share >= PAUSES => Color::Red,
            Some(share) if share >= SPILLS => Color::Yellow,
            _ => Color::Green,
        })
    }

    pub(super) fn status(self, status: Status) -> Style {
        match status {
            Status::Running => self.colour(Color::Green),
            Status::Pending | Status::Stopping => self.colour(Color::Yellow),
            Status::Failed => self.colour(Color::Red),
            Status::Stopped => FAINT.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_turns_yellow_where_workers_spill_and_red_where_they_pause() {
        let theme = Theme { has_colour: true };
        for (share, colour) in [
            (None, Color::Green),
            (Some(0.59), Color::Green),
            (Some(0.6), Color::Yellow),
            (Some(0.79), Color::Yellow),
            (Some(0.8), Color::Red),
        ] {
            assert_eq!(theme.memory(share).fg, Some(colour), "{share:?}");
        }
    }
}
