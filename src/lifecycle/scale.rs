//! Scaling clusters, and saying what the gateway granted.

use std::time::Duration;

use serde::Serialize;

use super::{Error, select};
use crate::count;
use crate::gateway::{self, Clamped, Cluster, ClusterPattern, Gateway, Scaling, Status};
use crate::scheduler::Activity;
use crate::session::Session;

/// What the gateway granted of a request to scale a cluster.
pub(crate) struct Grant {
    pub(crate) name: String,
    requested: Scaling,
    clamped: Option<Clamped>,
}

impl Grant {
    /// Returns what the gateway granted; `None` where that is unknown.
    pub(crate) fn scaling(&self) -> Option<Scaling> {
        match &self.clamped {
            None => Some(self.requested),
            Some(clamped) => clamped.granted,
        }
    }

    /// Returns the number of workers that start even without work, if the request was clamped: more
    /// might never start.
    pub(super) fn most_workers(&self) -> Option<u32> {
        match &self.clamped {
            None => Some(u32::MAX),
            Some(clamped) => clamped.workers(),
        }
    }

    /// Returns the warning that the gateway granted less than requested, if it did.
    pub(crate) fn warning(&self) -> Option<Error> {
        self.clamped.as_ref().map(|clamped| Error::Clamped {
            name: self.name.clone(),
            reason: clamped.reason.clone(),
        })
    }

    /// Checks that the gateway granted the whole request.
    ///
    /// # Errors
    /// Fails if the gateway clamped the request.
    pub(crate) fn check(&self) -> Result<(), Error> {
        self.warning().map_or(Ok(()), Err)
    }

    /// Checks that the gateway granted the whole request, which the user asked not to be clamped.
    ///
    /// # Errors
    /// Fails if the gateway clamped the request.
    pub(super) fn check_strictly(&self) -> Result<(), Error> {
        match &self.clamped {
            None => Ok(()),
            Some(clamped) => Err(Error::NotGranted {
                name: self.name.clone(),
                reason: clamped.reason.clone(),
            }),
        }
    }

    /// Returns the gateway's explanation, if it granted less than requested.
    pub(crate) fn clamped(&self) -> Option<&str> {
        self.clamped.as_ref().map(|clamped| clamped.reason.as_str())
    }

    fn record(&self) -> ScalingRecord<'_> {
        let (workers, minimum, maximum) = match self.scaling() {
            Some(Scaling::Fixed(count)) => (Some(count), None, None),
            Some(Scaling::Adaptive { minimum, maximum }) => (None, minimum, maximum),
            Some(Scaling::Off) | None => (None, None, None),
        };
        ScalingRecord {
            name: &self.name,
            workers,
            adaptive: matches!(self.requested, Scaling::Adaptive { .. }),
            minimum,
            maximum,
            clamped: self.clamped(),
        }
    }
}

/// The record of a scaled cluster: the numbers are those that the gateway granted.
#[derive(Debug, Serialize)]
struct ScalingRecord<'a> {
    name: &'a str,
    workers: Option<u32>,
    adaptive: bool,
    minimum: Option<u32>,
    maximum: Option<u32>,
    /// The gateway's explanation, if it granted less.
    clamped: Option<&'a str>,
}

/// Scales the cluster that `pattern` names, and reports it. With `check`, first checks within this
/// time that the cluster's scheduler responds.
///
/// # Errors
/// No cluster matches, it is not running, its scheduler does not respond, or the request fails.
pub(crate) async fn scale_and_report(
    pattern: Option<&ClusterPattern>,
    check: Option<Duration>,
    scaling: Scaling,
    session: &Session,
) -> Result<Grant, Error> {
    let Session {
        gateway, printer, ..
    } = session;
    let grant = if let Some(timeout) = check {
        let (name, _) = find_responding(pattern, timeout, session).await?;
        scale(gateway, &name, scaling).await?
    } else {
        let scale = async |name: &str| scale(gateway, name, scaling).await;
        select::with_name(gateway, pattern, scale).await?
    };
    if let Some(granted) = grant.scaling() {
        printer.note(&scaling_message(&grant.name, granted));
    }
    printer.record(&grant.record())?;
    Ok(grant)
}

/// Finds the running cluster that `pattern` names, and returns its name and its number of workers, if
/// its scheduler reports it within `timeout`.
///
/// # Errors
/// No cluster matches, it is not running, or its scheduler does not respond.
pub(crate) async fn current_workers(
    pattern: Option<&ClusterPattern>,
    timeout: Duration,
    session: &Session,
) -> Result<(String, Option<u64>), Error> {
    let (name, activity) = find_responding(pattern, timeout, session).await?;
    Ok((name, activity.workers))
}

/// Finds a running cluster whose scheduler responds. If it did not, the gateway would mark the
/// cluster as failed after three attempts in a third of a second.
async fn find_responding(
    pattern: Option<&ClusterPattern>,
    timeout: Duration,
    session: &Session,
) -> Result<(String, Activity), Error> {
    let (row, identity) = select::find_with_identity(&session.gateway, pattern).await?;
    select::require_running(&row.cluster)?;
    let name = row.cluster.name;
    let schedulers = session.schedulers(timeout);
    match schedulers.activity(&name, identity.as_ref()).await {
        Ok(activity) => Ok((name, activity)),
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
pub(super) async fn scale(gateway: &Gateway, name: &str, scaling: Scaling) -> Result<Grant, Error> {
    match gateway.scale(name, scaling).await {
        // The gateway's words are the same for every status; another request finds the status.
        Err(conflict @ gateway::Error::Conflict { .. }) => match gateway.cluster(name).await {
            Ok(Cluster { name, status, .. }) if status != Status::Running => {
                Err(Error::NotRunning { name, status })
            }
            _ => Err(conflict.into()),
        },
        done => Ok(Grant {
            name: name.to_owned(),
            requested: scaling,
            clamped: done?,
        }),
    }
}

/// Says how the cluster `name` scales from now on.
pub(super) fn scaling_message(name: &str, scaling: Scaling) -> String {
    let workers = in_words(scaling);
    match scaling {
        Scaling::Fixed(_) => {
            format!("cluster {name} is scaling to {workers}; adaptive scaling is off")
        }
        Scaling::Adaptive { .. } => {
            let message = format!("cluster {name} scales adaptively {workers}");
            message.trim_end().to_owned()
        }
        Scaling::Off => format!("cluster {name} keeps its workers; adaptive scaling is off"),
    }
}

/// Returns the number of workers, or its bounds, in words.
pub(super) fn in_words(scaling: Scaling) -> String {
    match scaling {
        Scaling::Fixed(count) => count::of(count, "worker"),
        Scaling::Adaptive { minimum, maximum } => match (minimum, maximum) {
            (Some(minimum), Some(maximum)) if minimum == maximum => {
                format!("with {}", count::of(maximum, "worker"))
            }
            (Some(minimum), Some(maximum)) => {
                format!("between {minimum} and {}", count::of(maximum, "worker"))
            }
            (Some(minimum), None) => format!("with at least {}", count::of(minimum, "worker")),
            (None, Some(maximum)) => format!("with at most {}", count::of(maximum, "worker")),
            (None, None) => String::new(),
        },
        Scaling::Off => String::new(),
    }
}
