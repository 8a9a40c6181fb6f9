//! Asks the scheduler of a running cluster about what the gateway doesn't know. Nothing here prints.
//!
//! There are two connections to a scheduler. Its own comm protocol, through the gateway's TLS
//! proxy, comes first: one connection and one exchange return everything from one moment, including
//! clients and idle time, and it works where the dashboard is absent or behind a login. The HTTP
//! routes are the fallback where that port is closed or an HTTP proxy is the only way out. They
//! cost two requests, know neither clients nor idle time, and can't always tell queued tasks from
//! held results. `counts.json` also makes the scheduler walk through every task, where `dump_state`
//! walks through the groups of tasks (33 ms for a thousand).

mod client;
mod comm;
mod error;
mod events;
mod frame;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzed;
mod history;
mod http;
mod limits;
mod logs;
mod model;
mod packages;
mod proxy;
mod report;
mod requested;
mod tls;
mod wire;

pub(crate) use client::Schedulers;
pub(crate) use error::{HandshakeFault, SET_PROXY, SchedulerError};
pub(crate) use events::{ClusterEvent, EventKind, EventReader, EventTotals, IncompleteTimeline};
pub(crate) use logs::{FetchedLog, LogEntry, LogPosition, LogRange};
pub(crate) use model::{
    Activity, ClientHistory, Idle, PackageSet, PackageVersions, SchedulerReport, Tasks, Versions,
    Worker,
};
pub(crate) use packages::{ClusterPackages, WorkerGroup};
pub(crate) use proxy::{ProxyKind, probe_proxy};
pub(crate) use report::ReportDetail;
pub(crate) use requested::RequestedWorkers;
pub(crate) use tls::{Connector, acceptor};
