//! Errors of a request to a scheduler.

use std::io;
use std::time::Duration;

use super::limits::SIZE_LIMIT;
use crate::duration;
use crate::error::{ExitCode, Failure};

/// The hint where the scheduler proxy is not what it should be.
pub(crate) const SET_PROXY: &str = "set `gateway.proxy-address` to the gateway's scheduler proxy \
     (`dgw login --force --proxy-address HOST:PORT` saves it), and check that this machine can reach it";

/// Reasons why a scheduler gave no usable response. Most commands go on without one and show as
/// unknown what only the scheduler knows.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SchedulerError {
    #[error("no response within {}", duration::exact(*.0))]
    TimedOut(Duration),
    #[error("can't connect to the scheduler proxy at `{proxy}`: {source}")]
    ProxyUnreachable { proxy: String, source: io::Error },
    #[error(
        "the scheduler proxy at `{proxy}` does not respond within {}",
        duration::exact(*limit)
    )]
    ProxySilent { proxy: String, limit: Duration },
    #[error("{}", fault.message(proxy))]
    Handshake {
        proxy: String,
        fault: HandshakeFault,
    },
    /// The connection broke.
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

/// Why the TLS handshake through the scheduler proxy failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandshakeFault {
    /// The proxy closes the connection without a message if it knows no such cluster or the cluster's
    /// scheduler is gone.
    Closed,
    /// Something else responds, such as an HTTP server.
    NoTls,
    /// A TLS server other than the cluster's scheduler.
    OtherCertificate,
    /// A TLS alert.
    Refused,
}

impl HandshakeFault {
    fn message(self, proxy: &str) -> String {
        match self {
            Self::Closed => format!(
                "the scheduler proxy at `{proxy}` closed the connection: it does not know the \
                 cluster, or the scheduler is gone"
            ),
            Self::NoTls => {
                format!("`{proxy}` is not the gateway's scheduler proxy: it does not speak TLS")
            }
            Self::OtherCertificate => format!(
                "`{proxy}` does not lead to the cluster: it has another certificate than the \
                 cluster's"
            ),
            Self::Refused => format!("`{proxy}` refused the TLS handshake"),
        }
    }
}

impl SchedulerError {
    /// Returns true if the scheduler proxy can't be reached, or leads elsewhere.
    pub(crate) fn is_of_proxy(&self) -> bool {
        matches!(
            self,
            Self::ProxyUnreachable { .. } | Self::ProxySilent { .. } | Self::Handshake { .. }
        )
    }
}

impl Failure for SchedulerError {
    fn exit_code(&self) -> ExitCode {
        if self.is_of_proxy() {
            ExitCode::Gateway
        } else {
            ExitCode::Other
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Connection(_) => Some(SET_PROXY.to_owned()),
            error if error.is_of_proxy() => Some(SET_PROXY.to_owned()),
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
        let limit = Duration::from_secs(1);
        let faults = [
            HandshakeFault::Closed,
            HandshakeFault::NoTls,
            HandshakeFault::OtherCertificate,
            HandshakeFault::Refused,
        ];
        let handshakes = faults.map(|fault| SchedulerError::Handshake {
            proxy: proxy.clone(),
            fault,
        });
        let silent = SchedulerError::ProxySilent {
            proxy: proxy.clone(),
            limit,
        };
        for error in handshakes.into_iter().chain([silent]) {
            assert!(error.to_string().contains("`h:1`"), "{error}");
            assert_eq!(error.exit_code(), ExitCode::Gateway);
            assert_eq!(error.hint().as_deref(), Some(SET_PROXY));
        }
        for error in [
            SchedulerError::Connection(refused()),
            SchedulerError::ProxyUnreachable {
                proxy,
                source: refused(),
            },
        ] {
            let hint = error.hint().expect("a hint");
            assert!(hint.contains("`gateway.proxy-address`"), "{hint}");
        }
        let broken = SchedulerError::Connection(refused());
        assert_eq!(broken.exit_code(), ExitCode::Other);
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
