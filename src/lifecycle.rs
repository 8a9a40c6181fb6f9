//! Work on clusters that several commands share: select, start, own until handed over, wait,
//! diagnose, scale, shut down and clean up.

mod clean_up;
mod create;
mod deadline;
mod diagnose;
mod error;
mod goal;
mod labels;
mod missing_workers;
mod option_sources;
mod options;
mod owned;
mod probe;
mod protection;
mod reasons;
mod reuse_lock;
mod scale;
mod select;
mod shutdown;
#[cfg(test)]
mod simulation;
mod start;
mod start_report;
mod start_workers;
mod timeline;
mod wait;

pub(crate) use clean_up::{OrphanSearch, Recording};
pub(crate) use deadline::{Deadline, OutageNotice, with_deadline};
pub(crate) use diagnose::pending_message;
pub(crate) use error::Error;
pub(crate) use goal::{WaitGoal, wait_for_goal};
pub(crate) use labels::{
    LabelledCluster, Labels, mark_labels, resolve, resolve_all, resolve_or_default,
};
pub(crate) use missing_workers::{explain_missing_workers, lacks_workers, request_hint};
pub(crate) use options::refused_defaults;
pub(crate) use probe::probe;
pub(crate) use protection::{mark_protection, protection_status, separate_protected};
pub(crate) use reasons::Reasons;
pub(crate) use reuse_lock::acquire as lock_out_starts;
pub(crate) use scale::{Grant, current_workers, scale_and_report};
pub(crate) use select::{
    Selectors, candidates, find, find_one_of, find_only, find_with_identity, no_match,
    require_running, rows, running_identity,
};
pub(crate) use shutdown::{
    ClusterOfGateway, LastCheck, NOT_ENDED, ShutdownRequests, current_records, print_shut_down,
    print_shut_down_of_gateways, request_shutdown, wait_until_gone,
};
pub(crate) use start::{Start, StartRequest};
pub(crate) use start_workers::WorkerRequest;
pub(crate) use timeline::Timeline;
pub(crate) use wait::{retry_while_unknown, wait_until_ended, wait_until_running};
