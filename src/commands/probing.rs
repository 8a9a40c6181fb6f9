//! Asking many schedulers at the same time.

use futures_util::stream::{self, StreamExt as _};

use crate::gateway::{Identities, Status};
use crate::output::Aged;
use crate::scheduler::Schedulers;

/// So many schedulers are asked at a time: many enough that one that is silent holds up none, and
/// few enough for the proxy that all of them are behind.
pub(super) const AT_ONCE: usize = 16;

/// The rows, those of running clusters with what these tell within their time, unless that is known
/// already.
pub(super) async fn probed(
    rows: Vec<Aged>,
    identities: &Identities,
    schedulers: &Schedulers,
) -> Vec<Aged> {
    let probing = rows.into_iter().map(async |mut row| {
        let name = &row.cluster.name;
        let told = match row.activity.take() {
            None if row.cluster.status == Status::Running => {
                schedulers.activity(name, identities.get(name)).await.ok()
            }
            told => told,
        };
        row.activity = Some(told.unwrap_or_default());
        row
    });
    stream::iter(probing).buffered(AT_ONCE).collect().await
}
