//! The cluster that a subcommand is about, and how its scheduler is asked.

use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;

use super::{complete, value};
use crate::gateway::ClusterPattern;

/// The cluster that a subcommand is about.
#[derive(Debug, Args)]
pub(crate) struct TargetArgs {
    /// Cluster name, unique prefix of one, name by `dgw name`, or dashboard URL; default: the cluster in
    /// `DGW_CLUSTER`, or the only active one
    #[arg(value_name = "CLUSTER", value_parser = ClusterPattern::parse)]
    #[arg(add = ArgValueCandidates::new(complete::clusters))]
    pub(crate) cluster: Option<ClusterPattern>,
}

/// How running clusters are asked.
#[derive(Debug, Args)]
pub(crate) struct ProbeArgs {
    /// Time limit for each scheduler; what does not arrive in time is unknown
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = value::limit)]
    pub(crate) probe_timeout: Duration,
}

/// How to scale a cluster whose scheduler may be gone.
#[derive(Debug, Args)]
pub(crate) struct ForceArgs {
    /// Scale without first checking that the cluster's scheduler responds
    ///
    /// If a gateway can't forward the request to the scheduler, it marks the whole cluster as
    /// failed. Without this flag, dgw does not send the request if the scheduler does not respond.
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    pub(crate) probe: ProbeArgs,
}

impl ForceArgs {
    /// Returns the time limit for the check that the scheduler responds; `None` for no check.
    pub(crate) fn scheduler_check(&self) -> Option<Duration> {
        (!self.force).then_some(self.probe.probe_timeout)
    }
}
