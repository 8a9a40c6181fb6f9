//! The cluster to start, for `new` and `run`.

use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::{ProbeArgs, complete, value};
use crate::gateway::Scaling;
use crate::lifecycle::StartRequest;

/// The cluster to start, and how long to wait for it.
#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// Set a cluster option, as listed by `dgw options`; repeatable
    ///
    /// dgw checks the values before it starts anything. For an option that is a mapping, set one key
    /// at a time (-s environment=A=1 -s environment=B=2), or a JSON object.
    #[arg(short = 's', long = "set", value_name = "KEY=VALUE", value_parser = value::key_value)]
    #[arg(add = ArgValueCompleter::new(complete::options))]
    options: Vec<(String, String)>,

    /// Request this many workers
    #[arg(long, value_name = "N", conflicts_with = "adapt")]
    #[arg(value_parser = value::workers, allow_hyphen_values = true)]
    workers: Option<u32>,

    /// Scale adaptively between these numbers of workers
    #[arg(long, value_name = "MIN..MAX", value_parser = value::worker_range)]
    adapt: Option<(Option<u32>, Option<u32>)>,

    /// Also wait until this many workers are there
    ///
    /// At most --workers, or the MIN of --adapt, because more workers start only when there is work.
    /// If the gateway grants fewer workers than requested, dgw waits for those that it grants.
    #[arg(long, value_name = "N", value_parser = value::workers, allow_hyphen_values = true)]
    wait_workers: Option<u32>,

    /// Use an active cluster of yours with the same options, if there is one
    ///
    /// dgw prefers a running cluster to a pending one, and a younger cluster to an older one. It never
    /// shuts down an existing cluster, and removes no workers from it. If there are fewer than N
    /// workers, --workers N requests more, which turns adaptive scaling off. If there are more than
    /// MAX, --adapt has no effect. dgw prints a note in both cases.
    #[arg(long)]
    reuse: bool,

    /// Give up if the cluster, with the workers to wait for, is not ready after this time
    ///
    /// dgw then shuts the cluster down, unless it existed before (--reuse).
    #[arg(long, value_name = "DURATION", value_parser = value::limit)]
    timeout: Option<Duration>,

    #[command(flatten)]
    probe: ProbeArgs,
}

impl StartArgs {
    /// Returns the fixed number of workers that is requested.
    pub(crate) fn workers(&self) -> Option<u32> {
        self.workers
    }

    /// Returns the cluster to start.
    pub(crate) fn request(&self) -> StartRequest {
        let adaptive = self
            .adapt
            .map(|(minimum, maximum)| Scaling::Adaptive { minimum, maximum });
        StartRequest {
            options: self.options.clone(),
            scaling: self.workers.map(Scaling::Fixed).or(adaptive),
            wait_workers: self.wait_workers,
            reuse: self.reuse,
            timeout: self.timeout,
            probe_timeout: self.probe.probe_timeout,
        }
    }
}
