//! Orphans: clusters that nobody needs any more. Nothing here prints.
//!
//! The rule ([`rule`]) is a function of one check of a cluster ([`check`]), of what an earlier run
//! recorded ([`records`]) and of clock readings ([`clock`]). Unknown counts as busy. Protections
//! ([`protections`]) are stored beside the records, apart from them: lost records only delay a
//! clean-up, a lost protection costs somebody's work.

mod check;
mod clock;
mod idle;
mod lock;
mod not_idle;
mod protections;
mod records;
mod rule;

pub(crate) use check::{IdleCheck, check_idle, read_idle_state};
pub(crate) use clock::ClockReading;
pub(crate) use idle::{ClusterAge, IdleState};
pub(crate) use lock::lock_clean_up;
pub(crate) use not_idle::NotIdle;
pub(crate) use protections::{Protection, Protections};
pub(crate) use records::IdleRecords;
pub(crate) use rule::{OrphanRule, OrphanVerdict, judge};

#[cfg(test)]
mod hostile_files;
