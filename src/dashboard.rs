//! Serves a cluster's dashboard on this machine, for the user who started it: an HTTP/1.1 and
//! WebSocket server that requires a secret and passes requests on to the gateway. Nothing here
//! prints.
//!
//! Every user of the machine can connect, and every page in the user's browser can make it connect.
//! So a request must come from the pages of this very server, use a host name of this machine, and
//! carry a cookie that only a one-time link sets.

mod error;
mod forward;
mod guard;
mod page;
mod secret;
mod server;
mod socket;
mod unauthenticated;

pub(crate) use error::Error;
pub(crate) use server::Server;
