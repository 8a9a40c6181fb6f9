//! Compares the packages of a Python interpreter on this machine with those of a cluster.

mod compare;
mod error;
mod local;

use crate::gateway::TlsIdentity;
use crate::output::PackageRow;
use crate::scheduler::{SchedulerError, Schedulers};

pub(crate) use compare::breaking;
pub(crate) use error::Error;
pub(crate) use local::LocalPackages;

/// The packages of a cluster and of this machine, and where they are from.
#[derive(Debug)]
pub(crate) struct Comparison {
    /// All packages, the worst differences first.
    pub(crate) rows: Vec<PackageRow>,
    /// The places that were compared, for people.
    pub(crate) places: String,
    /// Why the workers are missing in the comparison, or some of them.
    pub(crate) fault: Option<Error>,
    /// What else people should know.
    pub(crate) notes: Vec<String>,
}

/// Compares the packages of the cluster `name` with those `here`.
///
/// # Errors
/// Fails if the cluster's scheduler does not report its packages.
pub(crate) async fn compare(
    schedulers: &Schedulers,
    name: &str,
    identity: Option<&TlsIdentity>,
    here: Option<&LocalPackages>,
) -> Result<Comparison, SchedulerError> {
    let names = compare::names(here);
    let cluster = schedulers.packages(name, identity, &names).await?;
    Ok(compare::comparison(name, here, cluster))
}
