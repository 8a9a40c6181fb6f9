//! Connections that haven't shown a cookie yet.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::task::AbortHandle;

/// Other users of the machine can connect, too. Where more than so many connections wait at a time,
/// the oldest is closed: a browser shows its cookie at once.
const LIMIT: usize = 256;

/// Those of one server.
#[derive(Default)]
pub(super) struct Strangers(Mutex<VecDeque<(u64, AbortHandle)>>);

impl Strangers {
    /// Somebody has connected.
    pub(super) fn meet(&self, number: u64, connection: AbortHandle) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(_, connection)| !connection.is_finished());
        all.push_back((number, connection));
        if all.len() > LIMIT
            && let Some((_, oldest)) = all.pop_front()
        {
            oldest.abort();
        }
    }

    /// It is the user.
    pub(super) fn forget(&self, number: u64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(other, _)| *other != number);
    }
}
