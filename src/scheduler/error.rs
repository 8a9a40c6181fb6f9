//! Why a scheduler told nothing.

use std::io;
use std::time::Duration;

/// What came in place of an answer. None of these fails a command: what isn't told is unknown.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SchedulerError {
    #[error("no answer within {} s", .0.as_secs_f32())]
    Late(Duration),
    /// Nothing listens, the TLS handshake fails, the connection breaks. The proxy hangs up without
    /// a word where it knows no such cluster, or its scheduler is gone.
    #[error("{0}")]
    Connection(#[from] io::Error),
    /// The certificate, the key or the name that came with the cluster can't be used. Their text is
    /// left out: it may hold the key.
    #[error("the cluster's {0} can't be used")]
    Identity(&'static str),
    /// A cluster of which the gateway gave no certificate.
    #[error("the gateway gave no certificate for it")]
    Unidentified,
    #[error("its answer is larger than {} MiB", limit / (1024 * 1024))]
    Oversized { limit: u64 },
    #[error("its answer is malformed: {0}")]
    Garbled(&'static str),
    /// The scheduler's own words.
    #[error("it refused: {0}")]
    Refused(String),
    /// The scheduler answered, for a worker that it can't reach.
    #[error("the scheduler can't reach it")]
    Unreached,
    /// A worker that was there before.
    #[error("the scheduler no longer knows it")]
    Unknown,
    /// The HTTP route answered with something else than the scheduler's JSON.
    #[error("`{url}` answered with {what}")]
    Foreign { url: String, what: String },
}
