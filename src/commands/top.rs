//! `dgw top`

use std::time::Duration;

use tokio::time::timeout;

use super::interrupt::Interrupts;
use crate::cli::{TargetArgs, TopArgs};
use crate::error::{Error, Signal};
use crate::gateway::Gateway;
use crate::output::Printer;
use crate::top::{App, ScreenError, Settings, SortOrder, require_screen, titles};

/// A terminal that hangs up can be neither read nor written shortly before its signal arrives.
const HANG_UP_DELAY: Duration = Duration::from_millis(200);

/// Watches clusters on the whole screen until the user quits.
pub(super) async fn run(args: &TopArgs, gateway: &Gateway, printer: &Printer) -> Result<(), Error> {
    require_screen(printer)?;
    let titles = titles(args.cluster.is_some());
    let order = match printer.sort_by() {
        Some(by) => Some(SortOrder {
            column: by.place(&titles)?,
            is_reversed: by.is_reversed,
        }),
        None => None,
    };
    let schedulers = super::schedulers(gateway, &args.probe);
    let settings = Settings {
        interval: args.every,
        probe_timeout: args.probe.probe_timeout,
        has_colour: Printer::has_colour(),
    };
    let mut app = App::new(gateway, &schedulers, settings);
    // An error of the first request is printed as by any other command.
    if args.cluster.is_some() {
        let target = TargetArgs {
            cluster: args.cluster.clone(),
        };
        let (aged, identity) = target.find_with_identity(gateway).await?;
        app.open_cluster(aged.cluster, aged.now, identity);
    } else {
        app.list_clusters(gateway).await?;
    }
    if let Some(order) = order {
        app.sort(order);
    }
    let mut interrupts = Interrupts::listen()?;
    let ended = tokio::select! {
        biased;
        signal = interrupts.next() => return Err(interrupted(signal)),
        ended = app.run() => ended,
    };
    match ended {
        Ok(()) => Ok(()),
        Err(error) => match timeout(HANG_UP_DELAY, interrupts.next()).await {
            Ok(signal) => Err(interrupted(signal)),
            Err(_) => Err(error),
        },
    }
}

fn interrupted(signal: Signal) -> Error {
    let note = "the terminal is restored".to_owned();
    Error::Interrupted { signal, note }
}

impl From<ScreenError> for Error {
    fn from(error: ScreenError) -> Self {
        match error {
            ScreenError::Unavailable(what) => Self::NoScreen(what),
            error => Self::Unexpected(error.into()),
        }
    }
}
