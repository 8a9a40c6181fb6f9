//! Users' own names for their clusters, kept for each gateway. Each name has a file of its own with
//! the name of its cluster: nothing is lost if two runs write at once, and no two clusters share one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Error;
use crate::gateway::{Cluster, ClusterPattern, Gateway, Label};
use crate::observed::ObservedCluster;
use crate::private::{self, PrivateDir, StateDir};
use crate::session::Session;

/// Directory of the names' files.
const DIRECTORY: &str = "names";

/// Environment variable for the cluster that is meant where none is given.
const VARIABLE: &str = "DGW_CLUSTER";

/// The contents of a name's file.
#[derive(Debug, Serialize, Deserialize)]
struct Named {
    cluster: String,
}

/// Names of a gateway's clusters: what each stands for.
#[derive(Debug, Default)]
pub(crate) struct Labels(BTreeMap<Label, String>);

impl Labels {
    /// Reads all names. One whose file can't be read stands for no cluster.
    ///
    /// # Errors
    /// They can't be listed, or others could have changed them.
    pub(crate) fn read(gateway: &Gateway) -> Result<Self, private::Error> {
        match state(gateway)? {
            Some(state) => Self::read_in(&state),
            None => Ok(Self::default()),
        }
    }

    /// Reads all names; where they can't be read, there are none.
    pub(super) fn read_or_none(gateway: &Gateway) -> Self {
        Self::read(gateway).unwrap_or_else(|error| {
            log::info!("{error}");
            Self::default()
        })
    }

    /// Sets the label of each row that has not ended.
    pub(super) fn mark(&self, rows: &mut [ObservedCluster]) {
        for row in rows.iter_mut().filter(|row| !has_ended(&row.cluster)) {
            row.label = self.of(&row.cluster.name).map(ToString::to_string);
        }
    }

    /// Returns the word for the cluster in the commands that messages suggest: the user's own name
    /// for it, if it has one.
    pub(crate) fn word_for(cluster: &str, gateway: &Gateway) -> String {
        let labels = Self::read_or_none(gateway);
        let label = labels.of(cluster).map(Label::as_str);
        label.unwrap_or(cluster).to_owned()
    }

    fn read_in(state: &StateDir) -> Result<Self, private::Error> {
        let Some(directory) = directory(state)? else {
            return Ok(Self::default());
        };
        let labels = directory.names()?.into_iter().filter_map(|name| {
            let label = Label::parse(&name).ok()?;
            let named = directory
                .read_json::<Named>(&name)
                .unwrap_or_else(|error| {
                    log::info!("the name `{label}` is lost: {error}");
                    None
                })?;
            Some((label, named.cluster))
        });
        Ok(Self(labels.collect()))
    }

    /// Returns the name of `cluster`.
    pub(crate) fn of(&self, cluster: &str) -> Option<&Label> {
        self.each(cluster).next()
    }

    fn each(&self, cluster: &str) -> impl Iterator<Item = &Label> {
        let labels = self.0.iter();
        labels.filter_map(move |(label, named)| (named == cluster).then_some(label))
    }

    /// Returns the cluster that `label` stands for.
    pub(crate) fn cluster(&self, label: &Label) -> Option<&str> {
        self.0.get(label).map(String::as_str)
    }

    /// Checks that none of the clusters that have not ended has the name `label`, except `own`.
    ///
    /// # Errors
    /// Another one has it, or its gateway's name begins like it.
    pub(crate) fn check_free(
        &self,
        label: &Label,
        own: Option<&str>,
        clusters: &[Cluster],
    ) -> Result<(), Error> {
        let pattern = ClusterPattern::parse(label.as_str());
        let named = self.cluster(label);
        let is_other = |cluster: &&Cluster| {
            let name = cluster.name.as_str();
            let is_like_it = pattern.as_ref().is_ok_and(|pattern| pattern.matches(name));
            !has_ended(cluster) && (is_like_it || named == Some(name) && own != Some(name))
        };
        match clusters.iter().find(is_other) {
            None => Ok(()),
            Some(other) => Err(Error::LabelTaken {
                label: label.to_string(),
                cluster: other.name.clone(),
                is_reusable: own.is_none()
                    && other.status.is_active()
                    && named == Some(&other.name),
            }),
        }
    }

    /// Removes `label`, which stands for a cluster that has ended, so that another can get it.
    ///
    /// # Errors
    /// It can't be removed.
    pub(super) fn release(&self, label: &Label, gateway: &Gateway) -> Result<(), private::Error> {
        if self.cluster(label).is_some()
            && let Some(directory) = directory(&StateDir::of(gateway.base_url())?)?
        {
            directory.remove(label.as_str())?;
        }
        Ok(())
    }

    /// Names a cluster, in place of an earlier name.
    ///
    /// # Errors
    /// The name can't be written.
    pub(crate) fn give(
        &self,
        label: &Label,
        cluster: &str,
        gateway: &Gateway,
    ) -> Result<(), private::Error> {
        self.give_in(&StateDir::of(gateway.base_url())?, label, cluster)
    }

    fn give_in(
        &self,
        state: &StateDir,
        label: &Label,
        cluster: &str,
    ) -> Result<(), private::Error> {
        let named = Named {
            cluster: cluster.to_owned(),
        };
        let directory = create(state)?;
        directory.write_json(label.as_str(), &named)?;
        for earlier in self.each(cluster).filter(|earlier| *earlier != label) {
            directory.remove(earlier.as_str())?;
        }
        Ok(())
    }

    /// Removes the names of `cluster`. Returns false if it had none.
    ///
    /// # Errors
    /// A name can't be removed.
    pub(crate) fn remove(&self, cluster: &str, gateway: &Gateway) -> Result<bool, private::Error> {
        if self.of(cluster).is_none() {
            return Ok(false);
        }
        self.remove_in(&StateDir::of(gateway.base_url())?, cluster)
    }

    fn remove_in(&self, state: &StateDir, cluster: &str) -> Result<bool, private::Error> {
        let Some(directory) = directory(state)? else {
            return Ok(false);
        };
        let mut is_removed = false;
        for label in self.each(cluster) {
            is_removed |= directory.remove(label.as_str())?;
        }
        Ok(is_removed)
    }

    /// Returns the names by their clusters.
    pub(crate) fn by_cluster(&self) -> BTreeMap<String, String> {
        let labels = self.0.iter();
        labels
            .map(|(label, cluster)| (cluster.clone(), label.to_string()))
            .collect()
    }

    /// Removes the names of those of `clusters` that have ended. One that the gateway does not list
    /// may exist all the same.
    pub(crate) fn forget_ended(&self, clusters: &[Cluster], gateway: &Gateway) {
        for cluster in clusters.iter().filter(|cluster| has_ended(cluster)) {
            if let Err(error) = self.remove(&cluster.name, gateway) {
                log::info!("{error}");
            }
        }
    }
}

/// Checks that names can be written, before a cluster is started that is to get one.
///
/// # Errors
/// They can't.
pub(super) fn check_writable(gateway: &Gateway) -> Result<(), private::Error> {
    create(&StateDir::of(gateway.base_url())?).map(drop)
}

/// Returns the pattern of the cluster that `pattern` means: if it is one of the user's own names,
/// that cluster and no other, even where it also is the beginning of another's name.
///
/// # Errors
/// The name's file is damaged, or others could have changed it.
pub(crate) fn resolve(
    pattern: &ClusterPattern,
    gateway: &Gateway,
) -> Result<ClusterPattern, private::Error> {
    match state(gateway)? {
        Some(state) => resolve_in(&state, pattern),
        None => Ok(pattern.clone()),
    }
}

fn resolve_in(
    state: &StateDir,
    pattern: &ClusterPattern,
) -> Result<ClusterPattern, private::Error> {
    let Some(label) = pattern.label() else {
        return Ok(pattern.clone());
    };
    let Some(directory) = directory(state)? else {
        return Ok(pattern.clone());
    };
    let Some(Named { cluster }) = directory.read_json(label.as_str())? else {
        return Ok(pattern.clone());
    };
    log::info!("`{label}` is cluster {cluster}");
    pattern
        .exactly(cluster)
        .ok_or_else(|| private::Error::Damaged(directory.path_of(label.as_str())))
}

/// Resolves each of `patterns`.
///
/// # Errors
/// See [`resolve`].
pub(crate) fn resolve_all(
    patterns: &[ClusterPattern],
    gateway: &Gateway,
) -> Result<Vec<ClusterPattern>, private::Error> {
    let patterns = patterns.iter();
    patterns.map(|pattern| resolve(pattern, gateway)).collect()
}

/// Returns the pattern of the cluster that is meant: `pattern`, or else the one in `DGW_CLUSTER`.
///
/// # Errors
/// `DGW_CLUSTER` names no cluster; see also [`resolve`].
pub(crate) fn resolve_or_default(
    pattern: Option<&ClusterPattern>,
    gateway: &Gateway,
) -> Result<Option<ClusterPattern>, Error> {
    let pattern = match pattern {
        Some(pattern) => Some(pattern.clone()),
        None => default_cluster(
            std::env::var_os(VARIABLE).map(|value| value.to_string_lossy().into_owned()),
        )?,
    };
    let resolve = |pattern: ClusterPattern| resolve(&pattern, gateway);
    Ok(pattern.map(resolve).transpose()?)
}

/// Returns true if `DGW_CLUSTER` names the cluster.
pub(super) fn is_default(cluster: &str) -> bool {
    std::env::var(VARIABLE).is_ok_and(|name| name == cluster)
}

/// Returns the pattern in `DGW_CLUSTER`, which counts as unset if it is empty.
fn default_cluster(value: Option<String>) -> Result<Option<ClusterPattern>, Error> {
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let pattern = ClusterPattern::parse(&value).map_err(|cause| Error::DefaultCluster {
        value: value.clone(),
        cause,
    })?;
    Ok(Some(pattern.shown_as(format!("{VARIABLE}={value}"))))
}

impl Error {
    /// Adds the user's own names to the clusters to choose from.
    pub(crate) fn with_labels(mut self, gateway: &Gateway) -> Self {
        if let Self::NoMatch { active: rows, .. }
        | Self::SeveralMatch { matching: rows, .. }
        | Self::SeveralActive { active: rows } = &mut self
        {
            Labels::read_or_none(gateway).mark(rows);
        }
        self
    }
}

/// Sets the label of each row that has not ended. Where they can't be read, warns once.
pub(crate) fn mark_labels(rows: &mut [ObservedCluster], session: &Session) {
    let labels = Labels::read(&session.gateway).unwrap_or_else(|error| {
        let message = format!("can't tell the names that you gave your clusters: {error}");
        session.printer.warn(&message);
        Labels::default()
    });
    labels.mark(rows);
}

/// Removes the names of clusters that dgw has shut down.
pub(super) fn forget<'a>(clusters: impl IntoIterator<Item = &'a str>, gateway: &Gateway) {
    let forgotten = Labels::read(gateway).and_then(|labels| {
        let mut clusters = clusters.into_iter();
        clusters.try_for_each(|cluster| labels.remove(cluster, gateway).map(drop))
    });
    if let Err(error) = forgotten {
        log::info!("{error}");
    }
}

/// A cluster's record, with the user's own name for it.
#[derive(Debug, Serialize)]
pub(crate) struct LabelledCluster<'a> {
    #[serde(flatten)]
    cluster: &'a Cluster,
    label: Option<Label>,
}

impl<'a> LabelledCluster<'a> {
    /// Looks the cluster's name up. A cluster whose name can't be read has none.
    pub(crate) fn new(cluster: &'a Cluster, gateway: &Gateway) -> Self {
        let labels = Labels::read_or_none(gateway);
        let label = labels.of(&cluster.name).filter(|_| !has_ended(cluster));
        Self {
            cluster,
            label: label.cloned(),
        }
    }
}

fn has_ended(cluster: &Cluster) -> bool {
    !super::NOT_ENDED.contains(&cluster.status)
}

/// Returns the gateway's state directory; `None` if there is no home, so that nothing is kept.
fn state(gateway: &Gateway) -> Result<Option<StateDir>, private::Error> {
    match StateDir::of(gateway.base_url()) {
        Err(private::Error::NoHome) => Ok(None),
        state => state.map(Some),
    }
}

/// Opens the directory of the names; `None` if it doesn't exist. Others must be unable to exchange
/// it: the state directory is judged, too.
fn directory(state: &StateDir) -> Result<Option<PrivateDir>, private::Error> {
    match state.open()? {
        Some(directory) => PrivateDir::open(&directory.path_of(DIRECTORY)),
        None => Ok(None),
    }
}

fn create(state: &StateDir) -> Result<PrivateDir, private::Error> {
    PrivateDir::create(&state.create()?.path_of(DIRECTORY))
}

#[cfg(test)]
mod tests;
