//! Arguments that several subcommands share. The doc comments are the help and the man pages.

pub(crate) mod complete;
mod global;
mod misplaced;
mod mistake;
mod selectors;
mod separator;
mod start;
mod synonyms;
mod target;
mod usage;
pub(crate) mod value;
mod words;

pub(crate) use global::GlobalArgs;
pub(crate) use selectors::SelectorArgs;
pub(crate) use start::StartArgs;
#[cfg(test)]
pub(crate) use synonyms::{FLAGS, SUBCOMMANDS};
pub(crate) use target::{ForceArgs, ProbeArgs, TargetArgs};
pub(crate) use usage::{CommandLine, PrintedMistake};
