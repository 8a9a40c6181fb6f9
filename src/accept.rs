//! Accepts connections that every user of this machine can open, however many stay silent.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

/// Limit on connections that have not authenticated. Beyond it the oldest is closed: the user's own
/// authenticate at once.
const LIMIT: usize = 256;

/// Pause after a connection could not be accepted because no file descriptor is left.
const PAUSE: Duration = Duration::from_millis(100);

/// The unauthenticated connections of one server, oldest first.
#[derive(Default)]
pub(crate) struct UnauthenticatedConnections(Mutex<Numbered>);

#[derive(Default)]
struct Numbered {
    next: u64,
    open: VecDeque<(u64, AbortHandle)>,
}

/// One of the unauthenticated connections.
pub(crate) struct Unauthenticated {
    number: u64,
    all: Arc<UnauthenticatedConnections>,
}

impl Unauthenticated {
    /// Keeps the connection open from now on. Further calls change nothing.
    pub(crate) fn set_authenticated(&self) {
        self.all
            .lock()
            .open
            .retain(|(number, _)| *number != self.number);
    }
}

impl UnauthenticatedConnections {
    /// Accepts connections by `poll_accept`, and handles each in a task of its own, which ends with
    /// this.
    pub(crate) async fn serve<S, F: Future<Output = ()> + Send + 'static>(
        self: &Arc<Self>,
        mut poll_accept: impl FnMut(&mut Context<'_>) -> Poll<io::Result<S>>,
        handle: impl Fn(S, Unauthenticated) -> F,
    ) -> Infallible {
        let mut connections = JoinSet::new();
        loop {
            while connections.try_join_next().is_some() {}
            match poll_fn(&mut poll_accept).await {
                Ok(stream) => {
                    self.add(|connection| connections.spawn(handle(stream, connection)));
                }
                Err(error) => {
                    log::info!("can't accept a connection: {error}");
                    sleep(PAUSE).await;
                }
            }
            // Lets the connection authenticate before more are accepted.
            tokio::task::yield_now().await;
        }
    }

    /// Adds the connection that `open` handles, and closes the oldest if there are too many.
    fn add(self: &Arc<Self>, open: impl FnOnce(Unauthenticated) -> AbortHandle) {
        let mut all = self.lock();
        let number = all.next;
        all.next += 1;
        let connection = open(Unauthenticated {
            number,
            all: Arc::clone(self),
        });
        all.open.retain(|(_, connection)| !connection.is_finished());
        all.open.push_back((number, connection));
        if all.open.len() > LIMIT
            && let Some((_, oldest)) = all.open.pop_front()
        {
            oldest.abort();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Numbered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn closes_the_oldest_unauthenticated_connection_beyond_the_limit() {
        let connections = Arc::new(UnauthenticatedConnections::default());
        let open = |work: std::pin::Pin<Box<dyn Future<Output = ()> + Send>>| {
            let mut opened = None;
            connections.add(|connection| {
                let task = tokio::spawn(work);
                let handle = task.abort_handle();
                opened = Some((task, connection));
                handle
            });
            opened.expect("it was opened")
        };
        let (finished, _) = open(Box::pin(async {}));
        finished.await.expect("it ends");
        let (authenticated, connection) = open(Box::pin(pending()));
        connection.set_authenticated();
        connection.set_authenticated();
        let mut others = (0..LIMIT)
            .map(|_| open(Box::pin(pending())).0)
            .collect::<VecDeque<_>>();
        tokio::task::yield_now().await;
        assert!(others.iter().all(|task| !task.is_finished()));
        let _newest = open(Box::pin(pending()));
        let oldest = others.pop_front().expect("a connection");
        assert!(oldest.await.expect_err("it was closed").is_cancelled());
        assert!(others.iter().all(|task| !task.is_finished()));
        assert!(!authenticated.is_finished());
    }

    #[tokio::test]
    async fn serves_the_next_connection_after_a_failure() {
        let connections = Arc::new(UnauthenticatedConnections::default());
        let mut accepted = [Err(io::ErrorKind::Other.into()), Ok("stream")].into_iter();
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        let serving = connections.serve(
            |_| accepted.next().map_or(Poll::Pending, Poll::Ready),
            |stream, _connection| {
                let sender = sender.clone();
                async move { sender.send(stream).expect("it is received") }
            },
        );
        tokio::select! {
            never = serving => match never {},
            stream = receiver.recv() => assert_eq!(stream, Some("stream")),
        }
    }
}
