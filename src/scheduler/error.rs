//! Errors of a request to a scheduler.

use std::io;
use std::time::Duration;

use super::limits::SIZE_LIMIT;
use crate::duration;
use crate::error::{ExitCode, Failure};

/// Reasons why a scheduler gave no usable response. Most commands go on without one and show as
/// unknown what only the scheduler knows.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SchedulerError {
    #[error("no response within {}", duration::exact(*.0))]
    TimedOut(Duration),
    #[error("can't connect to the scheduler proxy at `{proxy}`: {source}")]
    ProxyUnreachable { proxy: String, source: io::Error },
    /// The TLS handshake failed or the connection broke. The proxy closes the connection without a
    /// message if it knows no such cluster or the cluster's scheduler is gone.
    #[error("{0}")]
    Connection(#[from] io::Error),
    /// The cluster's certificate, key or name can't be used. The error has no text of theirs, which
    /// may hold the key.
    #[error("the cluster's {0} can't be used")]
    InvalidIdentity(&'static str),
    #[error("the gateway sent no certificate for this cluster")]
    NoCertificate,
    #[error("the response is larger than {} MiB", SIZE_LIMIT / (1024 * 1024))]
    TooLarge,
    #[error("the response is malformed: {0}")]
    Malformed(&'static str),
    /// The operation failed, with the scheduler's own message.
    #[error("the scheduler reported an error: {0}")]
    OperationFailed(String),
    #[error("the scheduler can't reach the worker")]
    WorkerUnreachable,
    /// A worker that was there before.
    #[error("the scheduler no longer knows the worker")]
    WorkerGone,
    /// The HTTP route returned something other than the scheduler's JSON.
    #[error("`{url}` returned {found}")]
    UnexpectedResponse { url: String, found: String },
}

impl Failure for SchedulerError {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Other
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::ProxyUnreachable { .. } | Self::Connection(_) => Some(
                "check `gateway.proxy-address`, and whether this machine can reach the gateway's \
                 scheduler proxy"
                    .to_owned(),
            ),
            Self::TimedOut(_) => Some("set a longer `--probe-timeout`".to_owned()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_connection_failures_blame_the_proxy_address() {
        let refused = || io::Error::from(io::ErrorKind::ConnectionRefused);
        let proxy = "h:1".to_owned();
        for error in [
            SchedulerError::Connection(refused()),
            SchedulerError::ProxyUnreachable {
                proxy,
                source: refused(),
            },
        ] {
            let hint = error.hint().expect("a hint");
            assert!(hint.contains("`gateway.proxy-address`"), "{hint}");
            assert_eq!(error.exit_code(), ExitCode::Other);
        }
        let late = SchedulerError::TimedOut(Duration::from_millis(500));
        assert_eq!(late.to_string(), "no response within 500ms");
        assert_eq!(
            late.hint().as_deref(),
            Some("set a longer `--probe-timeout`")
        );
        assert_eq!(SchedulerError::WorkerGone.hint(), None);
    }

    #[test]
    fn size_limit_is_in_mebibytes() {
        let error = SchedulerError::TooLarge;
        assert_eq!(error.to_string(), "the response is larger than 8 MiB");
    }
}
