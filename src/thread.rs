//! Work that blocks, in threads of their own.
//!
//! tokio's pool of threads panics where the system allows no more threads, as at the limit of
//! `ulimit -u`; here that is an error, which the caller can do without.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

/// Work that goes on in a thread, even if this is dropped. As a future, it is the result.
#[derive(Debug)]
pub(crate) struct BlockingWork<T> {
    thread: JoinHandle<()>,
    result: oneshot::Receiver<T>,
}

/// Starts `work` in a thread. The process does not wait for it at its end.
///
/// # Errors
/// The system allows no more threads.
pub(crate) fn start<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> io::Result<BlockingWork<T>> {
    let (sender, result) = oneshot::channel();
    let thread = thread::Builder::new().spawn(move || {
        // Nobody may want the result any more.
        let _ = sender.send(work());
    })?;
    Ok(BlockingWork { thread, result })
}

impl<T> BlockingWork<T> {
    /// Returns true if the work is done.
    pub(crate) fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }
}

impl<T> Future for BlockingWork<T> {
    type Output = io::Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(Pin::new(&mut self.result).poll(context));
        Poll::Ready(result.map_err(|_| io::Error::other("a thread of dgw panicked")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn result_of_the_thread_is_awaited() {
        let here = thread::current().id();
        let work = start(|| thread::current().id()).expect("a thread");
        assert_ne!(work.await.expect("no panic"), here);
    }

    #[tokio::test]
    async fn panic_of_the_thread_is_an_error() {
        let mut work = start(|| panic!("in the thread")).expect("a thread");
        let result: io::Result<()> = (&mut work).await;
        assert!(result.is_err());
        work.thread.join().expect_err("it panicked");
    }
}
