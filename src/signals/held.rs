//! Signals that wait.

use anyhow::Context as _;
use nix::sys::signal::{SigSet, SigmaskHow};

use crate::error::Unexpected;

/// Holds back every signal of this thread until it is dropped. While a handler is being installed,
/// there is a moment in which a signal would be lost.
pub(super) struct HeldSignals {
    before: SigSet,
}

impl HeldSignals {
    /// Holds signals back from now on.
    ///
    /// # Errors
    /// The system refuses.
    pub(super) fn new() -> Result<Self, Unexpected> {
        let before = SigSet::all()
            .thread_swap_mask(SigmaskHow::SIG_BLOCK)
            .context("can't hold signals back")?;
        Ok(Self { before })
    }
}

impl Drop for HeldSignals {
    fn drop(&mut self) {
        let _ = self.before.thread_set_mask();
    }
}

#[cfg(test)]
mod tests {
    use nix::sys::signal::{Signal as Raised, raise};

    use super::*;
    use crate::signals::{Interrupts, Signal};

    #[tokio::test]
    async fn signal_before_its_handler_is_not_lost() {
        let held = HeldSignals::new().expect("held");
        raise(Raised::SIGPWR).expect("raised for this thread");
        let mut interrupts = Interrupts::listen().expect("handlers");
        assert!(SigSet::thread_get_mask().is_ok_and(|mask| mask.contains(Raised::SIGPWR)));
        drop(held);
        assert_eq!(interrupts.next().await, Signal::Power);
        assert!(SigSet::thread_get_mask().is_ok_and(|mask| !mask.contains(Raised::SIGPWR)));
    }
}
