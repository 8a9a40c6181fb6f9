//! `dgw adapt`

use clap::Args;

use crate::cli::{ForceArgs, TargetArgs};
use crate::error::{Error, UsageError};
use crate::gateway::Scaling;
use crate::lifecycle::scale_and_report;
use crate::session::Invocation;
use crate::workers;

/// Turn adaptive scaling of a cluster on or off
///
/// With adaptive scaling, workers start when there is work, and stop when there is none, between
/// --min and --max. If you give only one of the two, the gateway's own limit applies to the other.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw adapt --min 0 --max 20
  dgw adapt 2224 --off")]
#[command(
    override_usage = "dgw adapt [OPTIONS] [--min <N>] [--max <N>] [CLUSTER]\n       dgw adapt [OPTIONS] --off [CLUSTER]"
)]
#[command(group = clap::ArgGroup::new("bounds").args(["min", "max", "off"]).multiple(true).required(true))]
pub(crate) struct AdaptArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Minimum number of workers
    #[arg(long, value_name = "N", value_parser = workers::parse_number, allow_hyphen_values = true)]
    min: Option<u32>,

    /// Maximum number of workers
    #[arg(long, value_name = "N", value_parser = workers::parse_number, allow_hyphen_values = true)]
    max: Option<u32>,

    /// Turn adaptive scaling off and keep the current workers
    #[arg(long, conflicts_with_all = ["min", "max"])]
    off: bool,

    #[command(flatten)]
    force: ForceArgs,
}

impl AdaptArgs {
    /// Turns adaptive scaling on or off.
    pub(super) async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
        let scaling = match (self.off, self.min, self.max) {
            (true, ..) => Scaling::Off,
            // The server would accept it and let the maximum win.
            (false, Some(minimum), Some(maximum)) if minimum > maximum => {
                return Err(UsageError(format!(
                    "the minimum, {minimum}, is above the maximum, {maximum}"
                ))
                .into());
            }
            (false, minimum, maximum) => Scaling::Adaptive { minimum, maximum },
        };
        let session = invocation.session()?;
        let pattern = self.target.cluster.as_ref();
        let check = self.force.scheduler_check();
        let grant = scale_and_report(pattern, check, scaling, &session).await?;
        Ok(grant.check()?)
    }
}
