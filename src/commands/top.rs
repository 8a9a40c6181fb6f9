//! `dgw top`

use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use tokio::time::timeout;

use crate::cli::{ProbeArgs, complete, value};
use crate::error::Error;
use crate::gateway::ClusterPattern;
use crate::lifecycle::{self, Labels};
use crate::output::Printer;
use crate::session::Invocation;
use crate::signals::{Interrupted, Interrupts};
use crate::top::{App, SortOrder, ViewSettings, require_screen, titles};

/// A terminal that hangs up can be neither read nor written shortly before its signal arrives.
const HANG_UP_DELAY: Duration = Duration::from_millis(200);

/// The note after a signal.
const RESTORED: &str = "the terminal is restored";

/// Watch clusters live, in a full-screen view
///
/// Without CLUSTER, shows all active clusters, one per line. Enter shows the selected cluster in full,
/// Esc goes back. `?` shows the keys; q and Ctrl-C quit, with exit code 0.
///
/// dgw asks all running clusters at the same time, again and again. A cluster that does not respond
/// has a question mark after its status, and its last report is dimmed; `?` means unknown. A cluster
/// that fails stays on the screen. A cluster that is shown in full stays there with its last report,
/// however it ends. CPU is the share of all threads in use; DONE/TASKS shows how many tasks are done, and
/// how many the scheduler knows: as `280/400`, or as a share where there is no room.
///
/// --sort-by takes a column's title, as `tasks` for DONE/TASKS. Numbers are sorted from the largest to the smallest; -COLUMN
/// reverses the order.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw top
  dgw top 2224 --every 5s --sort-by memory")]
pub(crate) struct TopArgs {
    /// Start with this cluster in full: a name, a unique prefix, a name by `dgw name`, or a dashboard URL
    #[arg(value_name = "CLUSTER", value_parser = ClusterPattern::parse)]
    #[arg(add = ArgValueCandidates::new(complete::clusters))]
    cluster: Option<ClusterPattern>,

    /// Refresh interval
    #[arg(short, long, value_name = "DURATION", default_value = "2s", value_parser = value::pace)]
    every: Duration,

    #[command(flatten)]
    probe: ProbeArgs,
}

impl TopArgs {
    /// Watches clusters in a full-screen view until the user quits.
    pub(super) async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
        let session = invocation.session()?;
        require_screen(&session.printer)?;
        let titles = titles(self.cluster.is_some());
        let order = match session.printer.sort_by() {
            Some(by) => Some(SortOrder {
                column: by.index(&titles)?,
                is_reversed: by.is_reversed,
            }),
            None => None,
        };
        let schedulers = session.schedulers(self.probe.probe_timeout);
        let settings = ViewSettings {
            interval: self.every,
            probe_timeout: self.probe.probe_timeout,
            has_colour: Printer::has_colour(),
        };
        let labels = || {
            Labels::read(&session.gateway)
                .unwrap_or_default()
                .by_cluster()
        };
        let mut app = App::new(&session.gateway, &schedulers, &labels, settings);
        // An error of the first request is printed as by any other command.
        if self.cluster.is_some() {
            let pattern = self.cluster.as_ref();
            let (row, identity) = lifecycle::find_with_identity(&session.gateway, pattern).await?;
            app.open_cluster(row.cluster, row.now, identity);
        } else {
            app.list_clusters(&session.gateway).await?;
        }
        if let Some(order) = order {
            app.sort(order);
        }
        let mut interrupts = Interrupts::listen()?;
        let ended = tokio::select! {
            biased;
            signal = interrupts.next() => {
                return Err(Interrupted::new(signal, RESTORED).into());
            }
            ended = app.run() => ended,
        };
        match ended {
            Ok(()) => Ok(()),
            Err(error) => match timeout(HANG_UP_DELAY, interrupts.next()).await {
                Ok(signal) => Err(Interrupted::new(signal, RESTORED).into()),
                Err(_) => Err(error),
            },
        }
    }
}
