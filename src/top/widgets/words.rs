//! Numbers in words, with `?` for what is unknown.

use jiff::Timestamp;

use crate::duration;
use crate::scheduler::Idle;
use crate::top::measures::elapsed;

/// Returns a number, or `?`.
pub(super) fn number(count: Option<u64>) -> String {
    count.map_or_else(|| "?".to_owned(), |count| count.to_string())
}

/// Returns `1 worker`, `2 workers` or `? workers`.
pub(super) fn counted(count: Option<u64>, noun: &str) -> String {
    let plural = if count == Some(1) { "" } else { "s" };
    format!("{} {noun}{plural}", number(count))
}

/// Returns `busy`, `idle 5m` or `idle ?`.
pub(super) fn idle(idle: Idle, now: Timestamp) -> String {
    match idle {
        Idle::Unknown => "idle ?".to_owned(),
        Idle::Busy => "busy".to_owned(),
        Idle::Since(time) => format!("idle {}", duration::short(elapsed(now, time))),
    }
}
