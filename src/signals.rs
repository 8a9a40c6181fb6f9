//! Signals that interrupt dgw, and those that suspend it.

mod interrupts;
mod suspension;

pub(crate) use interrupts::{
    Interrupted, Interrupts, REPEAT_INTERVAL, ignore_user_signals, user_signals,
};
pub(crate) use suspension::{Suspension, SuspensionEvent};

/// A signal that ends a command after it has cleaned up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Hangup = 1,
    Interrupt = 2,
    Quit = 3,
    Terminate = 15,
    /// Sent at the CPU time limit of login nodes and batch systems (`ulimit -t`).
    CpuTime = 24,
}

impl Signal {
    pub(crate) const ALL: [Self; 5] = [
        Self::Hangup,
        Self::Interrupt,
        Self::Quit,
        Self::Terminate,
        Self::CpuTime,
    ];

    /// Returns the signal's number.
    pub(crate) fn number(self) -> u8 {
        self as u8
    }

    /// Returns the word that a message says for the signal.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Hangup => "hung up",
            Self::Interrupt => "interrupted",
            Self::Quit => "quit",
            Self::Terminate => "terminated",
            Self::CpuTime => "out of CPU time",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Failure as _;

    #[test]
    fn exit_codes_are_those_of_the_contract() {
        let statuses = Signal::ALL.map(|signal| Interrupted::new(signal, "").exit_code().status());
        assert_eq!(statuses, [129, 130, 131, 143, 152]);
    }
}
