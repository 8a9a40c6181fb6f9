//! The cluster to start, for `new` and `run`.

use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCompleter;

use super::{ProbeArgs, complete, value};
use crate::gateway::{Label, Scaling};
use crate::lifecycle::{StartRequest, WorkerRequest};
use crate::workers;

/// The cluster to start, and how long to wait for it.
#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// Set a cluster option, as listed by `dgw options`; repeatable
    ///
    /// dgw checks the values before it starts anything. For an option that is a mapping, set one key
    /// at a time (-s environment=A=1 -s environment=B=2), or a JSON object.
    ///
    /// Secrets do not belong on the command line, which others see in `ps`. A mapping's key without a
    /// value takes the environment variable of that name (`-s environment=AWS_SECRET_ACCESS_KEY`). `@FILE`
    /// in the place of a value takes it from a file or a pipe of at most 128 KiB, without the newlines at
    /// its end (`-s environment=AWS_SECRET_ACCESS_KEY=@secret.txt`); in the place of a whole mapping, a JSON
    /// object or lines of KEY=VALUE. `@@` stands for an `@` at the beginning of a value. The gateway
    /// stores the values, and sends them back; dgw shows a mapping's keys, and `…` for its values unless
    /// --show-values is given.
    #[arg(short = 's', long = "set", value_name = "KEY=VALUE", value_parser = value::key_value)]
    #[arg(add = ArgValueCompleter::new(complete::options))]
    options: Vec<(String, String)>,

    /// Request this many workers
    #[arg(long, value_name = "N", conflicts_with = "adapt")]
    #[arg(value_parser = workers::parse_number, allow_hyphen_values = true)]
    workers: Option<u32>,

    /// Scale adaptively between these numbers of workers
    #[arg(long, value_name = "MIN..MAX", value_parser = workers::parse_range)]
    adapt: Option<(Option<u32>, Option<u32>)>,

    /// Also wait until this many workers are there
    ///
    /// At most --workers, or the MIN of --adapt, because more workers start only when there is work.
    /// If the gateway grants fewer workers than requested, dgw waits for those that it grants.
    #[arg(long, value_name = "N", value_parser = workers::parse_number, allow_hyphen_values = true)]
    wait_workers: Option<u32>,

    /// Name the cluster, as `dgw name` does
    ///
    /// If an active cluster has the name, nothing is started; with --reuse, dgw uses that cluster. If
    /// names can't be stored, nothing is started either.
    #[arg(long, value_name = "NAME", value_parser = Label::parse)]
    name: Option<Label>,

    /// Use an active cluster of yours with the same options, if there is one
    ///
    /// dgw prefers a running cluster to a pending one, and a younger cluster to an older one. It never
    /// shuts down an existing cluster, and takes away no workers that are there or requested:
    /// --workers and --adapt only raise the number, or its bounds, and leave adaptive scaling on.
    /// If another dgw of yours is starting such a cluster at that moment, dgw waits for it.
    #[arg(long)]
    reuse: bool,

    /// Fail if the gateway grants fewer workers than --workers or --adapt requests
    ///
    /// dgw then shuts the cluster down, unless it existed before (--reuse), and exits with 8. Without
    /// this flag dgw prints a warning and uses the workers that are granted.
    #[arg(long)]
    strict: bool,

    /// Give up if the cluster, with the workers to wait for, is not ready after this time
    ///
    /// dgw then shuts the cluster down, unless it existed before (--reuse).
    #[arg(long, value_name = "DURATION", value_parser = value::limit)]
    timeout: Option<Duration>,

    #[command(flatten)]
    probe: ProbeArgs,
}

impl StartArgs {
    /// Returns the cluster to start.
    pub(crate) fn request(&self) -> StartRequest {
        let adaptive = self
            .adapt
            .map(|(minimum, maximum)| Scaling::Adaptive { minimum, maximum });
        let scaling = self.workers.map(Scaling::Fixed).or(adaptive);
        StartRequest {
            options: self.options.clone(),
            workers: scaling.map(WorkerRequest::by_flag),
            wait_workers: self.wait_workers,
            label: self.name.clone(),
            reuse: self.reuse,
            strict: self.strict,
            waits: true,
            timeout: self.timeout,
            probe_timeout: self.probe.probe_timeout,
        }
    }
}
