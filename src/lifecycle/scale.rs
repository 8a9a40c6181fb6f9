//! Scaling clusters, and saying what the gateway granted.

use std::time::Duration;

use serde::Serialize;

use super::{Error, select};
use crate::gateway::{self, Clamped, Cluster, ClusterPattern, Gateway, Scaling, Status};
use crate::session::Session;

/// The record of a scaled cluster: the numbers are those that the gateway granted.
#[derive(Debug, Serialize)]
struct Scaled {
    name: String,
    workers: Option<u32>,
    adaptive: bool,
    minimum: Option<u32>,
    maximum: Option<u32>,
    /// The gateway's explanation, if it granted less.
    clamped: Option<String>,
}

impl Scaled {
    /// Creates the record of a request for `requested`.
    fn new(name: &str, requested: Scaling, clamped: Option<&Clamped>) -> Self {
        let (workers, minimum, maximum) = match granted(requested, clamped) {
            Some(Scaling::Fixed(count)) => (Some(count), None, None),
            Some(Scaling::Adaptive { minimum, maximum }) => (None, minimum, maximum),
            Some(Scaling::Off) | None => (None, None, None),
        };
        Self {
            name: name.to_owned(),
            workers,
            adaptive: matches!(requested, Scaling::Adaptive { .. }),
            minimum,
            maximum,
            clamped: clamped.map(|clamped| clamped.reason.clone()),
        }
    }
}

/// Returns what the gateway granted of `requested`; `None` where that is unknown.
pub(crate) fn granted(requested: Scaling, clamped: Option<&Clamped>) -> Option<Scaling> {
    clamped.map_or(Some(requested), |clamped| clamped.granted)
}

/// Scales the cluster that `pattern` names, and reports it. Returns its name, and how the gateway
/// clamped the request. With `check`, first checks within this time that the cluster's scheduler
/// responds.
///
/// # Errors
/// No cluster matches, it is not running, its scheduler does not respond, or the request fails.
pub(crate) async fn scale_and_report(
    pattern: Option<&ClusterPattern>,
    check: Option<Duration>,
    scaling: Scaling,
    session: &Session,
) -> Result<(String, Option<Clamped>), Error> {
    let Session {
        gateway, printer, ..
    } = session;
    let (name, clamped) = match check {
        Some(timeout) => {
            let name = find_responding(pattern, timeout, session).await?;
            let clamped = scale(gateway, &name, scaling).await?;
            (name, clamped)
        }
        None => {
            let scale = async |name: &str| {
                let clamped = scale(gateway, name, scaling).await?;
                Ok((name.to_owned(), clamped))
            };
            select::with_name(gateway, pattern, scale).await?
        }
    };
    if let Some(granted) = granted(scaling, clamped.as_ref()) {
        printer.note(&scaling_message(&name, granted));
    }
    let record = Scaled::new(&name, scaling, clamped.as_ref());
    printer.result(&record, String::new)?;
    Ok((name, clamped))
}

/// Finds a running cluster whose scheduler responds. If it did not, the gateway would mark the
/// cluster as failed after three attempts in a third of a second.
async fn find_responding(
    pattern: Option<&ClusterPattern>,
    timeout: Duration,
    session: &Session,
) -> Result<String, Error> {
    let (row, identity) = select::find_with_identity(&session.gateway, pattern).await?;
    let Cluster { name, status, .. } = row.cluster;
    if status != Status::Running {
        return Err(Error::NotRunning { name, status });
    }
    let schedulers = session.schedulers(timeout);
    match schedulers.activity(&name, identity.as_ref()).await {
        Ok(_) => Ok(name),
        Err(error) => Err(Error::SchedulerSilent {
            name,
            cause: error.to_string(),
        }),
    }
}

/// Scales the cluster `name`.
///
/// # Errors
/// The cluster is not running, or the request fails.
pub(super) async fn scale(
    gateway: &Gateway,
    name: &str,
    scaling: Scaling,
) -> Result<Option<Clamped>, Error> {
    match gateway.scale(name, scaling).await {
        // The gateway's words are the same for every status; another request finds the status.
        Err(conflict @ gateway::Error::Conflict { .. }) => match gateway.cluster(name).await {
            Ok(Cluster { name, status, .. }) if status != Status::Running => {
                Err(Error::NotRunning { name, status })
            }
            _ => Err(conflict.into()),
        },
        done => Ok(done?),
    }
}

/// Returns the error that the gateway granted less than requested, if it did.
///
/// # Errors
/// The request was clamped.
pub(crate) fn unless_clamped(name: &str, clamped: Option<&Clamped>) -> Result<(), Error> {
    clamped.map_or(Ok(()), |clamped| Err(clamped_error(name, clamped)))
}

/// Creates the error that the gateway granted less than requested.
pub(crate) fn clamped_error(name: &str, clamped: &Clamped) -> Error {
    Error::Clamped {
        name: name.to_owned(),
        reason: clamped.reason.clone(),
    }
}

/// Says how the cluster `name` scales from now on.
pub(super) fn scaling_message(name: &str, scaling: Scaling) -> String {
    match scaling {
        Scaling::Fixed(count) => format!(
            "cluster {name} is scaling to {}; adaptive scaling is off",
            count_workers(count)
        ),
        Scaling::Adaptive { minimum, maximum } => {
            let bounds = match (minimum, maximum) {
                (Some(minimum), Some(maximum)) => {
                    format!(" between {minimum} and {}", count_workers(maximum))
                }
                (Some(minimum), None) => format!(" with at least {}", count_workers(minimum)),
                (None, Some(maximum)) => format!(" with at most {}", count_workers(maximum)),
                (None, None) => String::new(),
            };
            format!("cluster {name} scales adaptively{bounds}")
        }
        Scaling::Off => format!("cluster {name} keeps its workers; adaptive scaling is off"),
    }
}

/// Returns the number of workers in words.
pub(crate) fn count_workers(workers: u32) -> String {
    match workers {
        1 => "1 worker".to_owned(),
        several => format!("{several} workers"),
    }
}
