//! What `dgw logs -f` and `dgw events -f` share.

use crate::error::{Error, UsageError};
use crate::gateway::{self, TlsIdentity};
use crate::lifecycle;
use crate::output::Format;
use crate::session::Session;

/// A followed cluster whose scheduler did not respond.
pub(super) enum Followed {
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

/// Asks the gateway about the cluster `name`, whose scheduler did not respond.
///
/// # Errors
/// The gateway's response is an error that does not go away.
pub(super) async fn identity_after_failure(
    session: &Session,
    name: &str,
) -> Result<Followed, Error> {
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
