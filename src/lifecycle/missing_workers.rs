//! Why a cluster has no workers although it has work.

use crate::gateway::{Scaling, TlsIdentity};
use crate::scheduler::{RequestedWorkers, Schedulers};

/// Returns true if the cluster `name` has no workers and nobody has requested any: its work would wait
/// for ever. Asks the scheduler, and looks at its log only if there are no workers.
pub(crate) async fn lacks_workers(
    name: &str,
    identity: &TlsIdentity,
    schedulers: &Schedulers,
) -> bool {
    let activity = schedulers.activity(name, Some(identity)).await;
    if !activity.is_ok_and(|activity| activity.workers == Some(0)) {
        return false;
    }
    let requested = schedulers.requested_workers(name, Some(identity)).await;
    requested.is_ok_and(|requested| requested.is_some_and(has_no_request))
}

/// Returns true if the cluster will never get a worker unless somebody requests one.
fn has_no_request(requested: RequestedWorkers) -> bool {
    requested.scaling == Scaling::Fixed(0)
}

/// Says how to request workers for the cluster `name`.
pub(crate) fn request_hint(name: &str) -> String {
    format!("`dgw scale {name} 4` or `dgw adapt {name} --min 1 --max 8` requests some")
}
