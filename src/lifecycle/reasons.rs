//! Why selectors select a cluster or leave it out.

use std::fmt::{Arguments, Display};

use crate::output::Printer;

/// Where the reasons for a selection go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Reasons {
    /// To the log, which `-v` shows.
    #[default]
    Log,
    /// To stderr, as `--explain` requests.
    Print,
}

impl Reasons {
    /// Gives the reason why the cluster `name` is left out.
    pub(super) fn left_out(self, name: &str, reason: &impl Display) {
        self.give(format_args!("cluster {name} is not selected: {reason}"));
    }

    /// Gives the evidence by which the cluster `name` is selected.
    pub(super) fn selected(self, name: &str, evidence: &impl Display) {
        self.give(format_args!("cluster {name} is selected: {evidence}"));
    }

    fn give(self, line: Arguments<'_>) {
        match self {
            Self::Log => log::info!("{line}"),
            Self::Print => Printer::note_always(&line.to_string()),
        }
    }
}
