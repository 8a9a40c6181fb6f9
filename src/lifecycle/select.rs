//! Selecting the clusters that a command is about.

use std::time::Duration;

use jiff::Timestamp;

use super::Error;
use super::labels::resolve_or_default;
use super::reasons::Reasons;
use crate::duration;
use crate::gateway::{
    self, Cluster, ClusterPattern, Gateway, Listing, Status, TlsIdentities, TlsIdentity,
};
use crate::observed::ObservedCluster;

/// Conditions on clusters that the gateway alone can decide. They narrow together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Selectors {
    /// Empty for any status.
    pub(crate) statuses: Vec<Status>,
    pub(crate) older_than: Option<Duration>,
    pub(crate) reasons: Reasons,
}

impl Selectors {
    /// Returns true if every condition holds; gives the reason if one does not.
    pub(crate) fn matches(&self, row: &ObservedCluster) -> bool {
        let Cluster { name, status, .. } = &row.cluster;
        if !self.statuses.is_empty() && !self.statuses.contains(status) {
            self.reasons.left_out(name, &format_args!("it is {status}"));
            return false;
        }
        match self.older_than {
            Some(limit) if row.age() <= limit => {
                let (age, limit) = (duration::short(row.age()), duration::short(limit));
                let reason = format_args!("started only {age} ago; more than {limit} is required");
                self.reasons.left_out(name, &reason);
                false
            }
            _ => true,
        }
    }
}

/// Finds the cluster that `pattern` names, in its current state; without a pattern the one in
/// `DGW_CLUSTER`, or else the one active cluster.
///
/// # Errors
/// No cluster matches, or several; or the request fails.
pub(crate) async fn find(
    gateway: &Gateway,
    pattern: Option<&ClusterPattern>,
) -> Result<Cluster, Error> {
    let resolved = resolve_or_default(pattern, gateway)?;
    let pattern = resolved.as_ref();
    if let Some(name) = full_name(pattern) {
        match gateway.cluster(name).await {
            Err(gateway::Error::NoSuchCluster(_)) => {}
            found => return Ok(found?),
        }
    }
    let row = match pick(pattern, gateway.clusters(&Status::ACTIVE).await?) {
        Err(Error::NoMatch { .. }) => pick(pattern, gateway.clusters(&Status::ALL).await?),
        picked => picked,
    };
    row.map(|row| row.cluster)
        .map_err(|error| error.with_labels(gateway))
}

/// Finds a cluster like [`find`], with the TLS identity by which its scheduler knows its clients.
///
/// # Errors
/// See [`find`].
pub(crate) async fn find_with_identity(
    gateway: &Gateway,
    pattern: Option<&ClusterPattern>,
) -> Result<(ObservedCluster, Option<TlsIdentity>), Error> {
    let resolved = resolve_or_default(pattern, gateway)?;
    let pattern = resolved.as_ref();
    let pick_with_identity = |(listing, mut identities): (Listing, TlsIdentities)| {
        let row = pick(pattern, listing)?;
        let identity = identities.remove(&row.cluster.name);
        Ok((row, identity))
    };
    if let Some(name) = full_name(pattern) {
        match gateway.cluster_with_identity(name).await {
            Err(gateway::Error::NoSuchCluster(_)) => {}
            found => return pick_with_identity(found?),
        }
    }
    let picked = match pick_with_identity(gateway.clusters_with_identities(&Status::ACTIVE).await?)
    {
        Err(Error::NoMatch { .. }) => {
            pick_with_identity(gateway.clusters_with_identities(&Status::ALL).await?)
        }
        picked => picked,
    };
    picked.map_err(|error| error.with_labels(gateway))
}

/// Runs `work` with the name of the cluster that `pattern` names; a full name is used as it is,
/// without a request to find it.
///
/// # Errors
/// See [`find`]; or the error of `work`.
pub(super) async fn with_name<T>(
    gateway: &Gateway,
    pattern: Option<&ClusterPattern>,
    work: impl AsyncFn(&str) -> Result<T, Error>,
) -> Result<T, Error> {
    let resolved = resolve_or_default(pattern, gateway)?;
    let pattern = resolved.as_ref();
    if let Some(name) = full_name(pattern) {
        match work(name).await {
            Err(Error::Gateway(gateway::Error::NoSuchCluster(_))) => {}
            done => return done,
        }
    }
    work(&find(gateway, pattern).await?.name).await
}

/// Returns a pattern that looks like a full name. The gateway is asked for it directly; if it does
/// not know it, it may still be the last part of a name with a namespace.
fn full_name(pattern: Option<&ClusterPattern>) -> Option<&str> {
    pattern
        .filter(|pattern| pattern.is_full())
        .map(ClusterPattern::as_str)
}

fn pick(pattern: Option<&ClusterPattern>, listing: Listing) -> Result<ObservedCluster, Error> {
    let mut rows = rows(listing).collect::<Vec<_>>();
    if let Some(pattern) = pattern {
        return find_one(pattern, rows);
    }
    match rows.len() {
        0 => Err(Error::NoneActive),
        1 => Ok(rows.remove(0)),
        _ => Err(Error::SeveralActive { active: rows }),
    }
}

/// Returns the one row that `pattern` matches.
///
/// # Errors
/// No row matches, or several.
pub(crate) fn find_one(
    pattern: &ClusterPattern,
    rows: Vec<ObservedCluster>,
) -> Result<ObservedCluster, Error> {
    let (mut matching, others): (Vec<_>, Vec<_>) = rows
        .into_iter()
        .partition(|row| pattern.matches(&row.cluster.name));
    // A full name means that cluster, however many other names begin with it.
    let exact = matching
        .iter()
        .position(|row| row.cluster.name == pattern.as_str());
    if let Some(exact) = exact {
        return Ok(matching.swap_remove(exact));
    }
    match matching.len() {
        0 => Err(no_match(pattern, others)),
        1 => Ok(matching.remove(0)),
        _ => Err(Error::SeveralMatch {
            pattern: pattern.to_string(),
            matching,
        }),
    }
}

/// Returns the one of `clusters` that `pattern` matches, at the gateway's time `clock`. Copies only
/// the clusters that match: there may be thousands, and as many patterns.
///
/// # Errors
/// No cluster matches, or several.
pub(crate) fn find_one_of(
    pattern: &ClusterPattern,
    clusters: &[Cluster],
    clock: Option<Timestamp>,
) -> Result<ObservedCluster, Error> {
    let mut matching = clusters
        .iter()
        .filter(|cluster| pattern.matches(&cluster.name))
        .cloned()
        .collect::<Vec<_>>();
    if matching.is_empty() {
        matching = clusters.to_vec();
    }
    let listing = Listing {
        clusters: matching,
        clock,
    };
    find_one(pattern, rows(listing).collect())
}

/// Returns the only one of the active `clusters`.
///
/// # Errors
/// There is none, or there are several.
pub(crate) fn find_only(
    clusters: &[Cluster],
    clock: Option<Timestamp>,
) -> Result<ObservedCluster, Error> {
    let clusters = clusters.to_vec();
    pick(None, Listing { clusters, clock })
}

/// Creates the error that `pattern` matches none of `rows`, with the active ones to choose from:
/// [`Error::with_labels`] adds the user's own names.
pub(crate) fn no_match(pattern: &ClusterPattern, rows: Vec<ObservedCluster>) -> Error {
    let is_active = |row: &ObservedCluster| row.cluster.status.is_active();
    Error::NoMatch {
        pattern: pattern.to_string(),
        active: rows.into_iter().filter(is_active).collect(),
    }
}

/// Checks that a cluster is running.
///
/// # Errors
/// Fails if the cluster has another status.
pub(crate) fn require_running(cluster: &Cluster) -> Result<(), Error> {
    match cluster.status {
        Status::Running => Ok(()),
        status => Err(Error::NotRunning {
            name: cluster.name.clone(),
            status,
        }),
    }
}

/// Returns the TLS identity of a running cluster.
///
/// # Errors
/// The cluster is not running, or the request fails.
pub(crate) async fn running_identity(
    gateway: &Gateway,
    name: &str,
) -> Result<Option<TlsIdentity>, Error> {
    let (listing, mut identities) = gateway.cluster_with_identity(name).await?;
    listing.clusters.iter().try_for_each(require_running)?;
    Ok(identities.remove(name))
}

/// Returns the clusters of `listing`, each with the time at which it was listed.
pub(crate) fn rows(listing: Listing) -> impl Iterator<Item = ObservedCluster> {
    let now = listing.now();
    listing
        .clusters
        .into_iter()
        .map(move |cluster| ObservedCluster {
            gateway: None,
            cluster,
            now,
            label: None,
            activity: None,
            protection: None,
        })
}

/// Returns a line for each cluster to choose from.
pub(crate) fn candidates(rows: &[ObservedCluster]) -> Vec<String> {
    rows.iter().map(ObservedCluster::summary).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str) -> ObservedCluster {
        ObservedCluster {
            gateway: None,
            cluster: Cluster::running(name),
            now: Timestamp::UNIX_EPOCH,
            label: None,
            activity: None,
            protection: None,
        }
    }

    fn found(pattern: &str) -> Result<String, Error> {
        let rows = ["ab12", "ab34", "ab", "ns.cd56"].map(row).into();
        let pattern = ClusterPattern::parse(pattern).expect("a pattern");
        find_one(&pattern, rows).map(|row| row.cluster.name)
    }

    #[test]
    fn finds_a_unique_prefix_and_a_full_name() {
        assert_eq!(found("ab1").ok().as_deref(), Some("ab12"));
        assert_eq!(found("ab").ok().as_deref(), Some("ab"));
        assert_eq!(found("cd").ok().as_deref(), Some("ns.cd56"));
        assert_eq!(found("ns.c").ok().as_deref(), Some("ns.cd56"));
    }

    #[test]
    fn reports_none_and_several_with_candidates() {
        assert!(matches!(
            found("a"),
            Err(Error::SeveralMatch { matching, .. }) if matching.len() == 3
        ));
        assert!(matches!(found("x"), Err(Error::NoMatch { active, .. }) if active.len() == 4));
    }

    #[test]
    fn only_a_full_name_needs_no_list() {
        let hex = "0123456789abcdef0123456789abcdef";
        for (text, expected) in [
            (hex.to_owned(), Some(hex.to_owned())),
            (format!("ns.{hex}"), Some(format!("ns.{hex}"))),
            (hex[..31].to_owned(), None),
        ] {
            let pattern = ClusterPattern::parse(&text).expect("a pattern");
            assert_eq!(full_name(Some(&pattern)), expected.as_deref(), "{text}");
        }
        assert_eq!(full_name(None), None);
    }

    #[test]
    fn only_a_running_cluster_is_running() {
        let mut cluster = Cluster::running("ab12");
        assert!(require_running(&cluster).is_ok());
        for status in [Status::Pending, Status::Stopping, Status::Failed] {
            cluster.status = status;
            assert!(matches!(
                require_running(&cluster),
                Err(Error::NotRunning { name, status: found }) if name == "ab12" && found == status
            ));
        }
    }

    #[test]
    fn offers_only_active_clusters() {
        let mut ended = row("ab12");
        ended.cluster.status = Status::Stopped;
        let pattern = ClusterPattern::parse("x").expect("a pattern");
        let error = find_one(&pattern, vec![ended, row("ab34")]);
        assert!(matches!(error, Err(Error::NoMatch { active, .. }) if active.len() == 1));
    }

    #[test]
    fn without_a_pattern_the_one_active_cluster_is_meant() {
        let listing = |names: &[&str]| Listing {
            clusters: names.iter().map(|name| Cluster::running(name)).collect(),
            clock: None,
        };
        assert!(matches!(pick(None, listing(&[])), Err(Error::NoneActive)));
        assert!(pick(None, listing(&["a"])).is_ok_and(|row| row.cluster.name == "a"));
        assert!(matches!(
            pick(None, listing(&["a", "b"])),
            Err(Error::SeveralActive { active }) if active.len() == 2
        ));
    }

    #[test]
    fn selectors_narrow_together() {
        let now = Timestamp::from_second(100).expect("a time");
        let mut row = row("a");
        row.now = now;
        row.cluster.start_time = Timestamp::from_second(90).expect("a time");
        let selectors = |statuses: &[Status], older_than: Option<u64>| Selectors {
            statuses: statuses.to_vec(),
            older_than: older_than.map(Duration::from_secs),
            reasons: Reasons::default(),
        };
        assert!(selectors(&[], None).matches(&row));
        assert!(selectors(&[Status::Running], Some(9)).matches(&row));
        assert!(!selectors(&[Status::Running], Some(10)).matches(&row));
        assert!(!selectors(&[Status::Failed], Some(9)).matches(&row));
        assert!(selectors(&[Status::Failed, Status::Running], None).matches(&row));
    }

    #[test]
    fn finds_one_of_many_without_copying_the_others() {
        let clusters = ["ab12", "ab34"].map(Cluster::running);
        let find = |pattern: &str| {
            let pattern = ClusterPattern::parse(pattern).expect("a pattern");
            find_one_of(&pattern, &clusters, None)
        };
        assert!(find("ab1").is_ok_and(|row| row.cluster.name == "ab12"));
        assert!(matches!(find("ab"), Err(Error::SeveralMatch { .. })));
        assert!(matches!(find("x"), Err(Error::NoMatch { active, .. }) if active.len() == 2));
    }
}
