//! Selectors: conditions on clusters that `list` and `shutdown` share.

use std::time::Duration;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use clap_complete::engine::ArgValueCompleter;

use super::{complete, value};
use crate::gateway::Status;
use crate::lifecycle::{Reasons, Selectors};
use crate::orphans::OrphanRule;

const STATUSES: [&str; 5] = ["pending", "running", "stopping", "stopped", "failed"];

/// Conditions on clusters. They narrow together.
#[derive(Debug, Args)]
#[command(next_help_heading = "Selectors")]
pub(crate) struct SelectorArgs {
    /// Only clusters with one of these statuses
    #[arg(
        long,
        value_name = "STATUS,…",
        value_delimiter = ',',
        ignore_case = true
    )]
    #[arg(value_parser = PossibleValuesParser::new(STATUSES).try_map(|text| text.parse::<Status>()))]
    #[arg(add = ArgValueCompleter::new(complete::statuses))]
    status: Vec<Status>,

    /// Only clusters started longer ago than this
    #[arg(long, value_name = "DURATION", value_parser = crate::duration::parse)]
    #[arg(allow_hyphen_values = true)]
    older_than: Option<Duration>,

    /// Only running clusters that nobody has used for this long
    ///
    /// No client is connected, nothing is running or queued, and no result is held in memory, all
    /// without a break; and `dgw keep` does not protect the cluster. Unknown counts as in use. See
    /// dgw-idle(7).
    #[arg(long, value_name = "DURATION", value_parser = value::limit)]
    #[arg(allow_hyphen_values = true)]
    idle_for: Option<Duration>,

    /// With --idle-for: ignore results held in memory
    #[arg(long, requires = "idle_for")]
    ignore_results: bool,

    /// Print on stderr why each other cluster is not selected
    ///
    /// One line for each: its status or age, what --idle-for found, or that `dgw keep` protects it.
    /// With --idle-for, also since when the selected clusters have been idle.
    #[arg(long)]
    explain: bool,
}

impl SelectorArgs {
    /// Returns true if no selector is given.
    pub(crate) fn is_empty(&self) -> bool {
        self.status.is_empty() && self.older_than.is_none() && self.idle_for.is_none()
    }

    /// Returns the conditions that the gateway alone can decide.
    pub(crate) fn selectors(&self) -> Selectors {
        Selectors {
            statuses: self.status.clone(),
            older_than: self.older_than,
            reasons: self.reasons(),
        }
    }

    /// Returns where the reasons for the selection go.
    pub(crate) fn reasons(&self) -> Reasons {
        if self.explain {
            Reasons::Print
        } else {
            Reasons::Log
        }
    }

    /// Returns the orphan rule, if `--idle-for` asks for it.
    pub(crate) fn orphan_rule(&self) -> Option<OrphanRule> {
        self.idle_for.map(|idle_for| OrphanRule {
            idle_for,
            ignore_results: self.ignore_results,
        })
    }
}
