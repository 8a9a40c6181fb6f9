//! Whether a cluster is an orphan: the rule, what earlier runs saw, and what is kept. Nothing here
//! prints.
//!
//! The rule ([`rule`]) is a function of what one look found ([`look`]), of what an earlier look
//! found ([`sightings`]) and of clocks that are handed in. Whatever isn't known counts as busy. What
//! users protect ([`keeps`]) is on disk beside the sightings ([`store`]), apart from them: sightings
//! that are lost only delay, a protection that is lost costs somebody's work.

mod error;
mod keeps;
mod lock;
mod look;
mod moment;
mod rule;
mod sightings;
mod store;

pub(crate) use error::Error;
pub(crate) use keeps::{Protection, Protections};
pub(crate) use lock::Lock;
pub(crate) use look::{Observation, close_look, look};
pub(crate) use moment::ClockReading;
pub(crate) use rule::{ClusterAge, KeepReason, QuietState, Rule, Verdict, judge};
pub(crate) use sightings::Sightings;
pub(crate) use store::StateDir;

#[cfg(test)]
mod strange_files;
