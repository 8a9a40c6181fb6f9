//! Work on clusters that several commands share: select, start, own until handed over, wait,
//! diagnose, scale, shut down and clean up.

mod clean_up;
mod create;
mod deadline;
mod diagnose;
mod error;
mod goal;
mod options;
mod owned;
mod probe;
mod protection;
mod scale;
mod select;
mod shutdown;
mod start;
mod start_report;
mod wait;

pub(crate) use clean_up::{CleanUp, CleanUpRule};
pub(crate) use deadline::{Deadline, OutageTolerance, within};
pub(crate) use diagnose::pending_message;
pub(crate) use error::Error;
pub(crate) use goal::{WaitGoal, require_running, until};
pub(crate) use options::refused_defaults;
pub(crate) use probe::probe;
pub(crate) use protection::{mark_protection, protection_status};
pub(crate) use scale::{clamped_error, count_workers, granted, scale_and_report, unless_clamped};
pub(crate) use select::{
    Selectors, candidates, find, find_one_of, find_with_identity, no_match, rows,
};
pub(crate) use shutdown::{
    NOT_ENDED, ShutdownRequests, current_records, print_shut_down, request_shutdown,
    wait_until_gone,
};
pub(crate) use start::{Start, StartRequest};
pub(crate) use wait::{once_known, until_running};

/// Returns the number of clusters in words.
pub(crate) fn count_clusters(count: usize) -> String {
    match count {
        1 => "1 cluster".to_owned(),
        several => format!("{several} clusters"),
    }
}
