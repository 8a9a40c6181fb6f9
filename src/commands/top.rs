//! `dgw top`

use std::time::Duration;

use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use tokio::time::timeout;

use crate::cli::{ProbeArgs, complete, value};
use crate::error::Error;
use crate::gateway::{ClusterPattern, Gateway};
use crate::lifecycle::{self, Labels};
use crate::output::Printer;
use crate::session::{GatewaysFailed, Invocation, NamedSession, described};
use crate::signals::{Interrupted, Interrupts};
use crate::top::{
    App, GatewayErrors, GatewaySource, SortOrder, ViewSettings, ViewTable, require_screen, titles,
};

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
/// With --all-gateways, a gateway that does not respond has a question mark after its name in GATEWAY,
/// and its error stands in a line of its own. It delays no other. The view ends by itself only if all
/// gateways refuse requests, with exit code 8.
///
/// --sort-by takes a column's title, as `tasks` for DONE/TASKS. Numbers are sorted from the largest to the smallest; -COLUMN
/// reverses the order.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw top
  dgw top --all-gateways --sort-by gateway
  dgw top 2224 --every 5s --sort-by memory")]
pub(crate) struct TopArgs {
    /// Start with this cluster in full: a name, a unique prefix, a name by `dgw name`, or a dashboard URL
    #[arg(value_name = "CLUSTER", value_parser = ClusterPattern::parse)]
    #[arg(add = ArgValueCandidates::new(complete::clusters))]
    cluster: Option<ClusterPattern>,

    /// Refresh interval
    #[arg(short, long, value_name = "DURATION", default_value = "2s", value_parser = value::pace)]
    every: Duration,

    /// The clusters of all your gateways, asked at the same time, with a column GATEWAY
    #[arg(long, conflicts_with = "cluster")]
    all_gateways: bool,

    #[command(flatten)]
    probe: ProbeArgs,
}

impl TopArgs {
    /// Watches clusters in a full-screen view until the user quits.
    pub(super) async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
        let gateways = self.gateways(invocation)?;
        require_screen(&invocation.printer)?;
        let titles = titles(match self.cluster {
            Some(_) => ViewTable::Workers,
            None if self.all_gateways => ViewTable::ClustersOfAllGateways,
            None => ViewTable::Clusters,
        });
        let order = match invocation.printer.sort_by() {
            Some(by) => Some(SortOrder {
                column: by.index(&titles)?,
                is_reversed: by.is_reversed,
            }),
            None => None,
        };
        let sources = gateways.iter().map(|named| GatewaySource {
            name: &named.name,
            clients: match &named.session {
                Ok(session) => Ok((
                    &session.gateway,
                    session.schedulers(self.probe.probe_timeout),
                )),
                Err(error) => Err(described(error.as_failure())),
            },
        });
        let sources = sources.collect::<Vec<_>>();
        let settings = ViewSettings {
            interval: self.every,
            probe_timeout: self.probe.probe_timeout,
            has_colour: Printer::has_colour(),
            names_gateways: self.all_gateways,
        };
        let labels = |gateway: &Gateway| Labels::read(gateway).unwrap_or_default().by_cluster();
        let mut app = App::new(&sources, &labels, settings);
        // An error of the first request is printed as by any other command.
        let clients = sources.first().and_then(|it| it.clients.as_ref().ok());
        if let (pattern @ Some(_), Some((gateway, _))) = (self.cluster.as_ref(), clients) {
            let (row, identity) = lifecycle::find_with_identity(gateway, pattern).await?;
            app.open_cluster(row.cluster, row.now, identity);
        } else if let Err(errors) = app.list_clusters().await {
            return self.all_failed(&gateways, errors);
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
            Ok(Ok(())) => Ok(()),
            Ok(Err(errors)) => self.all_failed(&gateways, errors),
            Err(error) => match timeout(HANG_UP_DELAY, interrupts.next()).await {
                Ok(signal) => Err(Interrupted::new(signal, RESTORED).into()),
                Err(_) => Err(error),
            },
        }
    }

    /// Returns the gateways to watch.
    fn gateways(&self, invocation: &Invocation) -> Result<Vec<NamedSession>, Error> {
        if self.all_gateways {
            return invocation.sessions_of_all_gateways();
        }
        Ok(vec![NamedSession {
            name: String::new(),
            is_selected: true,
            session: Ok(invocation.session()?),
        }])
    }

    /// Returns the error of the only gateway, or one for all of them.
    fn all_failed(
        &self,
        gateways: &[NamedSession],
        mut errors: GatewayErrors,
    ) -> Result<(), Error> {
        if !self.all_gateways {
            let error = errors.pop_first();
            return error.map_or(Ok(()), |(_, error)| Err(error.into()));
        }
        let results = gateways.iter().enumerate().map(|(at, named)| {
            let result = match (&named.session, errors.get(&at)) {
                (Err(error), _) => Err(described(error.as_failure())),
                (Ok(_), Some(error)) => Err(described(error)),
                (Ok(_), None) => Ok(()),
            };
            (named.name.clone(), result)
        });
        Ok(GatewaysFailed::check(results)?)
    }
}
