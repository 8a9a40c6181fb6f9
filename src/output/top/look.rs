//! Colours that are readable on dark and on light: the terminal's own, of the foreground alone.

use ratatui::style::{Color, Modifier, Style};

use crate::gateway::Status;

/// How things look. Without colour, weight and brightness are left to tell things apart.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub(super) has_colour: bool,
}

/// From this share of its limit on a worker begins to write its results to disk, and from the
/// second on it takes no more tasks (`distributed.worker.memory`, `target` and `pause`).
const SPILLS: f64 = 0.6;
const PAUSES: f64 = 0.8;

impl Look {
    pub(super) fn colour(self, colour: Color) -> Style {
        if self.has_colour {
            Style::new().fg(colour)
        } else {
            Style::new()
        }
    }

    #[expect(clippy::unused_self, reason = "one way to ask for any style")]
    pub(super) fn plain(self) -> Style {
        Style::new()
    }

    /// What stands behind the rest: labels, what is unknown, what is old.
    #[expect(clippy::unused_self, reason = "one way to ask for any style")]
    pub(super) fn faint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    #[expect(clippy::unused_self, reason = "one way to ask for any style")]
    pub(super) fn title(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    #[expect(clippy::unused_self, reason = "one way to ask for any style")]
    pub(super) fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    pub(super) fn warn_always(self) -> Style {
        self.colour(Color::Red).add_modifier(Modifier::BOLD)
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
            Status::Stopped => self.faint(),
        }
    }
}
