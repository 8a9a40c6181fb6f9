//! Arguments that several subcommands share. The doc comments are the help and the man pages.

pub(crate) mod complete;
mod global;
mod selectors;
mod start;
mod target;
pub(crate) mod value;

pub(crate) use global::GlobalArgs;
pub(crate) use selectors::SelectorArgs;
pub(crate) use start::StartArgs;
pub(crate) use target::{ForceArgs, ProbeArgs, TargetArgs};
