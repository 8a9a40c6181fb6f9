//! What `dgw logs -f` and `dgw events -f` share.

use std::ops::ControlFlow;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::error::{Error, Failure, UsageError};
use crate::gateway::{self, TlsIdentity};
use crate::lifecycle::{self, OutageNotice};
use crate::output::Format;
use crate::scheduler::SchedulerError;
use crate::session::Session;

/// What a scheduler's response says about going on, or why there is none.
pub(super) type Response = Result<ControlFlow<()>, SchedulerError>;

/// A followed cluster whose scheduler did not respond.
enum Followed {
    /// It is running, with this TLS identity: it may have been restarted with another one.
    Running(Option<TlsIdentity>),
    /// The gateway does not respond either.
    Unknown,
    /// It has ended, and the user was told.
    Ended,
}

/// Checks that results without an end can be printed in this format.
///
/// # Errors
/// The format needs an end.
pub(super) fn check_format(format: Format) -> Result<(), UsageError> {
    if matches!(format, Format::Json | Format::Yaml | Format::Csv) {
        let message =
            "`--follow` does not work with this format, which needs an end: use `-o jsonl`";
        return Err(UsageError(message.to_owned()));
    }
    Ok(())
}

/// Reads and prints by `read` until it breaks off or the cluster `name` ends, with pauses of at least
/// `pause`. Reports by `failure` once that the scheduler does not respond.
///
/// # Errors
/// The error of `read`, or an error of the gateway that does not go away.
pub(super) async fn follow<F: Failure>(
    pause: Duration,
    mut identity: Option<TlsIdentity>,
    name: &str,
    session: &Session,
    mut read: impl AsyncFnMut(Option<&TlsIdentity>) -> Result<Response, Error>,
    failure: impl Fn(SchedulerError) -> F,
) -> Result<(), Error> {
    let mut outage = OutageNotice::new(&session.printer);
    let mut elapsed = Duration::ZERO;
    loop {
        sleep(pause.max(elapsed)).await;
        let requested = Instant::now();
        let response = read(identity.as_ref()).await?;
        elapsed = requested.elapsed();
        let error = match response {
            Ok(ControlFlow::Continue(())) => {
                outage.responded();
                continue;
            }
            Ok(ControlFlow::Break(())) => return Ok(()),
            Err(error) => error,
        };
        match identity_after_failure(session, name).await? {
            Followed::Running(current) => identity = current,
            Followed::Unknown => {}
            Followed::Ended => return Ok(()),
        }
        outage.failed(&failure(error));
    }
}

/// Asks the gateway about the cluster `name`, whose scheduler did not respond.
///
/// # Errors
/// The gateway's response is an error that does not go away.
async fn identity_after_failure(session: &Session, name: &str) -> Result<Followed, Error> {
    match lifecycle::running_identity(&session.gateway, name).await {
        Ok(identity) => return Ok(Followed::Running(identity)),
        Err(lifecycle::Error::NotRunning { status, .. }) => {
            session.printer.note(&format!("cluster {name} is {status}"));
        }
        Err(lifecycle::Error::Gateway(gateway::Error::NoSuchCluster(_))) => {
            session.printer.note(&format!("cluster {name} is gone"));
        }
        Err(lifecycle::Error::Gateway(error)) if error.is_temporary() => {
            return Ok(Followed::Unknown);
        }
        Err(error) => return Err(error.into()),
    }
    Ok(Followed::Ended)
}
