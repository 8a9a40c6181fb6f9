//! A cluster's dashboard on this machine, for the eyes of whoever started it: an HTTP/1.1 and
//! WebSocket server that asks for a secret and passes everything on to the gateway. Nothing here
//! prints.
//!
//! Everybody on the machine can connect, and every page in the user's browser can make it connect.
//! So a request must come from the pages of this very server, by a name that is this machine's, and
//! hold a cookie that only a one-time link gives.

mod forward;
mod guard;
mod page;
mod secret;
mod server;
mod socket;
mod unauthenticated;

use std::io;
use std::path::PathBuf;

pub(crate) use server::Server;

/// Why a dashboard can't be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("can't listen on port {port}: {source}")]
    Port { port: u16, source: io::Error },
    #[error("can't listen on `{}`: {fault}", path.display())]
    Socket { path: PathBuf, fault: SocketFault },
    #[error("the system gives no random numbers")]
    NoRandomness,
}

/// What is wrong with the path of a Unix socket.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketFault {
    #[error("something else than a socket is there")]
    Taken,
    #[error("somebody listens there already")]
    InUse,
    #[error("a socket of another user is there")]
    Foreign,
    #[error(transparent)]
    System(#[from] io::Error),
}
