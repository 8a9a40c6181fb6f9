//! A program connected to a cluster: the relay, the environment, the child process, the exported
//! shell; and what a run used.

mod child;
mod connection;
mod environment;
mod error;
mod export;
mod export_record;
mod relay;
mod usage;
mod usage_file;
mod usage_meter;
mod worker_watch;

pub(crate) use child::{Child, find_program, is_python};
pub(crate) use connection::ConnectionSetup;
pub(crate) use error::Error;
pub(crate) use export::{RelayLauncher, export, failing_code, serve_export, unexport};
pub(crate) use usage_file::UsageFile;
pub(crate) use usage_meter::UsageMeter;
