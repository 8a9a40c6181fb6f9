//! Connections without a valid cookie so far.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use tokio::task::AbortHandle;

/// Limit on these connections, which other users of the machine can open too. Beyond it the oldest
/// is closed: a browser sends its cookie at once.
const LIMIT: usize = 256;

/// The unauthenticated connections of one server, by number, oldest first.
#[derive(Default)]
pub(super) struct UnauthenticatedConnections(Mutex<VecDeque<(u64, AbortHandle)>>);

impl UnauthenticatedConnections {
    /// Adds a new connection, and closes the oldest if there are too many.
    pub(super) fn add(&self, number: u64, connection: AbortHandle) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(_, connection)| !connection.is_finished());
        all.push_back((number, connection));
        if all.len() > LIMIT
            && let Some((_, oldest)) = all.pop_front()
        {
            oldest.abort();
        }
    }

    /// Removes a connection that has sent the cookie.
    pub(super) fn remove(&self, number: u64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(other, _)| *other != number);
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn closes_the_oldest_unauthenticated_connection_beyond_the_limit() {
        let connections = UnauthenticatedConnections::default();
        let open = |number| {
            let task = tokio::spawn(pending::<()>());
            connections.add(number, task.abort_handle());
            task
        };
        let finished = tokio::spawn(async {});
        connections.add(0, finished.abort_handle());
        finished.await.expect("it ends");
        let authenticated = open(1);
        connections.remove(1);
        let mut others = (2..).map(open).take(LIMIT).collect::<VecDeque<_>>();
        tokio::task::yield_now().await;
        assert!(others.iter().all(|task| !task.is_finished()));
        let _newest = open(1000);
        let oldest = others.pop_front().expect("a connection");
        assert!(oldest.await.expect_err("it was closed").is_cancelled());
        assert!(others.iter().all(|task| !task.is_finished()));
        assert!(!authenticated.is_finished());
    }
}
