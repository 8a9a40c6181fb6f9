//! Asks the scheduler of a running cluster about what the gateway doesn't know. Nothing here prints.
//!
//! Schedulers are asked by their own comm protocol, through the gateway's TLS proxy: one connection
//! and one exchange return everything from one moment, and it works where the dashboard is absent or
//! behind a login. The dashboard's HTTP routes know neither clients nor idle time; only a scheduler's
//! clock is read there.

mod client;
mod comm;
mod error;
mod frame;
mod history;
mod logs;
mod model;
mod report;
mod tls;
mod wire;

pub(crate) use client::Schedulers;
pub(crate) use error::SchedulerError;
pub(crate) use logs::{FetchedLog, LogEntry, LogPosition, LogRange};
pub(crate) use model::{
    Activity, ClientHistory, Idle, PackageVersions, SchedulerReport, Tasks, Versions, Worker,
};
pub(crate) use report::ReportDetail;
pub(crate) use tls::{Connector, acceptor};
