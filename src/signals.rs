//! Signals that interrupt dgw, and those that suspend it.

mod held;
mod interrupts;
mod suspension;

pub(crate) use interrupts::{
    Interrupted, Interrupts, REPEAT_INTERVAL, ignore_file_size_signal, ignore_user_signals,
    user_signals,
};
pub(crate) use suspension::{Suspension, SuspensionEvent};

/// A signal that ends a command after it has cleaned up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signal {
    Hangup = 1,
    Interrupt = 2,
    Quit = 3,
    /// Sent at the end of a time that a wrapper has set by `alarm`, which outlives `exec`.
    Alarm = 14,
    Terminate = 15,
    StackFault = 16,
    /// Sent at the CPU time limit of login nodes and batch systems (`ulimit -t`).
    CpuTime = 24,
    VirtualAlarm = 26,
    ProfilingAlarm = 27,
    Io = 29,
    Power = 30,
}

impl Signal {
    pub(crate) const ALL: [Self; 11] = [
        Self::Hangup,
        Self::Interrupt,
        Self::Quit,
        Self::Alarm,
        Self::Terminate,
        Self::StackFault,
        Self::CpuTime,
        Self::VirtualAlarm,
        Self::ProfilingAlarm,
        Self::Io,
        Self::Power,
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
            Self::Alarm => "ended by SIGALRM",
            Self::StackFault => "ended by SIGSTKFLT",
            Self::VirtualAlarm => "ended by SIGVTALRM",
            Self::ProfilingAlarm => "ended by SIGPROF",
            Self::Io => "ended by SIGIO",
            Self::Power => "ended by SIGPWR",
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
        let expected = [129, 130, 131, 142, 143, 144, 152, 154, 155, 157, 158];
        assert_eq!(statuses, expected);
    }
}
