//! Serves a cluster's dashboard on this machine, for the user who started it: an HTTP/1.1 and
//! WebSocket server that requires a secret and passes requests on to the gateway. Nothing here
//! prints.
//!
//! Every user of the machine can connect, and every page in the user's browser can make it connect.
//! So a request must come from the pages of this very server, use its host name, and carry a cookie
//! that only a one-time link sets.
//!
//! The pages themselves may be hostile: a cluster runs any code. Each server has a host name of its
//! own, which no other server ever had, so browsers keep what pages store there apart from the pages
//! of other clusters and other servers on this machine.

mod error;
mod forward;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzed;
mod guard;
mod page;
mod secret;
mod server;
mod socket;

pub(crate) use error::Error;
pub(crate) use server::Server;
