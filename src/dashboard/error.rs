//! Errors of serving a dashboard.

use std::io;
use std::path::PathBuf;

use crate::error::{ExitCode, Failure};
use crate::private;

/// Reasons why a dashboard can't be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("can't listen on port {port}: {source}")]
    Port { port: u16, source: io::Error },
    #[error("can't listen on `{}`: {fault}", path.display())]
    Socket { path: PathBuf, fault: SocketFault },
    #[error("the system provides no random numbers")]
    NoRandomness,
}

/// Reasons why a Unix socket can't be created.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketFault {
    #[error("a file that is not a socket exists there")]
    NotASocket,
    #[error("another process is listening there")]
    InUse,
    #[error("the socket there belongs to another user")]
    OtherUser,
    #[error(transparent)]
    Directory(#[from] private::Error),
    #[error(transparent)]
    System(#[from] io::Error),
}

impl Failure for Error {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Other
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Port { .. } => "choose another port with `--port`",
            Self::Socket { .. } => "set `--socket` to a new path in a directory of your own",
            Self::NoRandomness => return None,
        };
        Some(hint.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_name_the_option_to_change() {
        let port = Error::Port {
            port: 80,
            source: io::ErrorKind::PermissionDenied.into(),
        };
        let socket = Error::Socket {
            path: PathBuf::from("/x"),
            fault: SocketFault::InUse,
        };
        for (error, option) in [(&port, "`--port`"), (&socket, "`--socket`")] {
            assert!(error.hint().expect("a hint").contains(option), "{error}");
            assert_eq!(error.exit_code(), ExitCode::Other);
        }
        assert_eq!(Error::NoRandomness.hint(), None);
    }
}
