//! Which clusters a command is about.

use jiff::Timestamp;

use crate::cli::value::ClusterName;
use crate::cli::{SelectorArgs, TargetArgs};
use crate::error::Error;
use crate::gateway::{self, Cluster, Gateway, Listing, Status, TlsIdentities, TlsIdentity};
use crate::output::ClusterRow;

impl SelectorArgs {
    pub(super) fn is_empty(&self) -> bool {
        self.status.is_empty() && self.older_than.is_none() && self.idle_for.is_none()
    }

    /// Whether every selector fits, as far as the gateway alone can tell.
    pub(super) fn fit(&self, row: &ClusterRow) -> bool {
        (self.status.is_empty() || self.status.contains(&row.cluster.status))
            && self.older_than.is_none_or(|limit| row.age() > limit)
    }
}

impl TargetArgs {
    /// The cluster that is meant, as it is now.
    ///
    /// # Errors
    /// None is meant, or several; or the gateway's own.
    pub(super) async fn find(&self, gateway: &Gateway) -> Result<Cluster, Error> {
        if let Some(name) = self.full_name() {
            match gateway.cluster(name).await {
                Err(gateway::Error::NoSuchCluster(_)) => {}
                found => return Ok(found?),
            }
        }
        self.look_up(gateway).await
    }

    /// The cluster that is meant, as it is now, and what its scheduler knows it by.
    ///
    /// # Errors
    /// None is meant, or several; or the gateway's own.
    pub(super) async fn find_with_identity(
        &self,
        gateway: &Gateway,
    ) -> Result<(ClusterRow, Option<TlsIdentity>), Error> {
        if let Some(name) = self.full_name() {
            match gateway.cluster_with_identity(name).await {
                Err(gateway::Error::NoSuchCluster(_)) => {}
                found => return self.pick_with_identity(found?),
            }
        }
        let active = gateway.clusters_with_identities(&Status::ACTIVE).await?;
        match self.pick_with_identity(active) {
            Err(Error::NoneFits { .. }) => {
                self.pick_with_identity(gateway.clusters_with_identities(&Status::ALL).await?)
            }
            picked => picked,
        }
    }

    fn pick_with_identity(
        &self,
        (listing, mut identities): (Listing, TlsIdentities),
    ) -> Result<(ClusterRow, Option<TlsIdentity>), Error> {
        let row = self.pick(listing)?;
        let identity = identities.remove(&row.cluster.name);
        Ok((row, identity))
    }

    /// Does `job` on the cluster that is meant.
    ///
    /// # Errors
    /// None is meant, or several; or the job's own.
    pub(super) async fn with<T>(
        &self,
        gateway: &Gateway,
        job: impl AsyncFn(&str) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if let Some(name) = self.full_name() {
            match job(name).await {
                Err(Error::Gateway(gateway::Error::NoSuchCluster(_))) => {}
                done => return done,
            }
        }
        let name = self.look_up(gateway).await?.name;
        job(&name).await
    }

    /// What looks like a whole name goes to the gateway as it stands, unlisted. If that knows no
    /// such cluster, it may still be the last part of a name with a namespace.
    fn full_name(&self) -> Option<&str> {
        let name = self.cluster.as_ref().filter(|name| name.is_full());
        name.map(ClusterName::as_str)
    }

    /// Among active clusters; those that have ended are asked for only where none of these fits.
    async fn look_up(&self, gateway: &Gateway) -> Result<Cluster, Error> {
        let picked = match self.pick(gateway.clusters(&Status::ACTIVE).await?) {
            Err(Error::NoneFits { .. }) => self.pick(gateway.clusters(&Status::ALL).await?),
            picked => picked,
        };
        Ok(picked?.cluster)
    }

    fn pick(&self, listing: Listing) -> Result<ClusterRow, Error> {
        let mut rows = aged(listing).collect::<Vec<_>>();
        if let Some(name) = &self.cluster {
            return one_that_fits(name, rows);
        }
        match rows.len() {
            0 => Err(Error::NoneActive),
            1 => Ok(rows.remove(0)),
            _ => Err(Error::SeveralActive {
                there: lines(&rows),
            }),
        }
    }
}

/// The one of `rows` that `name` fits.
///
/// # Errors
/// None fits, or several do.
pub(super) fn one_that_fits(
    name: &ClusterName,
    rows: Vec<ClusterRow>,
) -> Result<ClusterRow, Error> {
    let pattern = name.as_str().to_owned();
    let (mut fitting, others): (Vec<_>, Vec<_>) = rows
        .into_iter()
        .partition(|row| name.matches(&row.cluster.name));
    // A whole name is meant, however many others begin with it.
    if let Some(exact) = fitting.iter().position(|row| row.cluster.name == pattern) {
        return Ok(fitting.swap_remove(exact));
    }
    match fitting.len() {
        0 => Err(none_fits(name, others)),
        1 => Ok(fitting.remove(0)),
        _ => Err(Error::SeveralFit {
            pattern,
            fitting: lines(&fitting),
        }),
    }
}

/// The same of `clusters`, as they were at `clock`. Of thousands, none is copied without need: there
/// may be as many names.
///
/// # Errors
/// As above.
pub(super) fn one_of(
    name: &ClusterName,
    clusters: &[Cluster],
    clock: Option<Timestamp>,
) -> Result<ClusterRow, Error> {
    let fitting = clusters
        .iter()
        .filter(|cluster| name.matches(&cluster.name));
    let mut fitting = fitting.cloned().collect::<Vec<_>>();
    if fitting.is_empty() {
        fitting = clusters.to_vec();
    }
    let clusters = fitting;
    one_that_fits(name, aged(Listing { clusters, clock }).collect())
}

/// That `name` fits none of `rows`, with those of them that are active to choose from.
pub(super) fn none_fits(name: &ClusterName, rows: Vec<ClusterRow>) -> Error {
    let active = rows
        .into_iter()
        .filter(|row| row.cluster.status.is_active());
    Error::NoneFits {
        pattern: name.as_str().to_owned(),
        there: lines(&active.collect::<Vec<_>>()),
    }
}

/// The clusters of `listing`, each with the clock it was listed by.
pub(super) fn aged(listing: Listing) -> impl Iterator<Item = ClusterRow> {
    let now = listing.now();
    let clusters = listing.clusters.into_iter();
    clusters.map(move |cluster| ClusterRow {
        cluster,
        now,
        activity: None,
        protection: None,
    })
}

/// Clusters to choose from, a line each.
pub(super) fn lines(rows: &[ClusterRow]) -> Vec<String> {
    rows.iter().map(ClusterRow::line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str) -> ClusterRow {
        ClusterRow {
            cluster: Cluster::running(name),
            now: Timestamp::UNIX_EPOCH,
            activity: None,
            protection: None,
        }
    }

    fn found(pattern: &str) -> Result<String, Error> {
        let rows = ["ab12", "ab34", "ab", "ns.cd56"].map(row).into();
        let name = ClusterName::parse(pattern).expect("a name");
        one_that_fits(&name, rows).map(|row| row.cluster.name)
    }

    #[test]
    fn a_unique_beginning_is_enough_and_a_whole_name_always_is() {
        assert_eq!(found("ab1").ok().as_deref(), Some("ab12"));
        assert_eq!(found("ab").ok().as_deref(), Some("ab"));
        assert_eq!(found("cd").ok().as_deref(), Some("ns.cd56"));
        assert_eq!(found("ns.c").ok().as_deref(), Some("ns.cd56"));
    }

    #[test]
    fn none_or_several_are_told_with_what_there_is() {
        assert!(matches!(found("a"), Err(Error::SeveralFit { fitting, .. }) if fitting.len() == 3));
        assert!(matches!(found("x"), Err(Error::NoneFits { there, .. }) if there.len() == 4));
    }
}
