//! A program connected to a cluster: the relay, the environment, the child process, the exported
//! shell.

mod child;
mod connection;
mod environment;
mod error;
mod export;
mod export_record;
mod relay;
mod worker_watch;

pub(crate) use child::{Child, find_program};
pub(crate) use connection::ConnectionSetup;
pub(crate) use error::Error;
pub(crate) use export::{RelayLauncher, export, failing_code, serve_export, unexport};
