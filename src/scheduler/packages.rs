//! The packages that are installed where a scheduler and its workers run.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::client::Schedulers;
use super::comm;
use super::error::SchedulerError;
use super::model::PackageSet;
use super::wire::{self, InstalledResponse};
use crate::gateway::TlsIdentity;

/// The most versions that all workers together are asked for, which take 20 MiB of memory while they
/// are decoded: 120 packages of 500 workers.
const VERSIONS_LIMIT: u64 = 60_000;

/// The most packages of a response that nobody asked for: dask's own list has some ten.
const UNASKED_LIMIT: usize = 1000;

/// The characters of a worker's name that are kept: each package may be shown with it.
const NAME_LIMIT: usize = 200;

/// The packages of a cluster.
#[derive(Debug)]
pub(crate) struct ClusterPackages {
    pub(crate) scheduler: PackageSet,
    /// Workers with equal packages together, the largest group first; or why none responded.
    pub(crate) workers: Result<Vec<WorkerGroup>, SchedulerError>,
    /// The number of workers that the scheduler knows.
    pub(crate) worker_count: u64,
    /// The number of packages that workers were not asked for, since there are so many workers.
    pub(crate) left_out: usize,
}

/// Workers with the same packages.
#[derive(Debug)]
pub(crate) struct WorkerGroup {
    pub(crate) packages: PackageSet,
    pub(crate) count: u64,
    /// The name of one of them.
    pub(crate) example: String,
}

impl Schedulers {
    /// Fetches the versions of the packages called `names`, the most important ones first, and of
    /// those that dask itself lists. Releases of distributed before 2025.4 would import each package
    /// that they are asked for: of these, only dask's list is fetched.
    ///
    /// # Errors
    /// Fails if the scheduler does not respond in time, or the response can't be read.
    pub(crate) async fn packages(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
        names: &[String],
    ) -> Result<ClusterPackages, SchedulerError> {
        let operations = [comm::operation("identity"), comm::operation("versions")];
        let responses = self.ask(cluster, identity, &operations);
        let responses = self.in_time(responses).await?;
        let [known, versions] = &responses[..] else {
            return Err(SchedulerError::Malformed("it is missing"));
        };
        let (activity, workers) = known.read::<wire::Identity>()?.activity_and_workers();
        let worker_count = activity.workers.unwrap_or(0);
        let workers = workers.unwrap_or_default();
        let asks_by_name = versions
            .read::<wire::VersionsResponse>()?
            .is_at_least(2025, 4)
            .unwrap_or(false);
        let names = if asks_by_name { names } else { &[] };
        let room = VERSIONS_LIMIT / worker_count.max(1);
        let room = usize::try_from(room).unwrap_or(usize::MAX);
        let worker_names = &names[..names.len().min(room)];
        let ask_scheduler = async {
            if names.is_empty() {
                return versions.read::<InstalledResponse>();
            }
            let operation = versions_of(names);
            let request = self.ask_one(cluster, identity, &operation);
            self.in_time(request).await?.read::<InstalledResponse>()
        };
        let ask_workers = async {
            if worker_count == 0 {
                return Ok(BTreeMap::new());
            }
            let operation = json!({
                "op": "broadcast", "reply": true, "msg": versions_of(worker_names),
                "on_error": "ignore",
            });
            let request = self.ask_one(cluster, identity, &operation);
            self.in_time(request).await?.read()
        };
        let (scheduler, by_address) = tokio::join!(ask_scheduler, ask_workers);
        let names_by_address = workers
            .iter()
            .filter_map(|worker| Some((worker.address.as_str(), worker.name.as_ref()?)))
            .collect::<BTreeMap<_, _>>();
        let name = |address: &str| names_by_address.get(address).map(|name| (*name).clone());
        let without_packages = SchedulerError::Malformed("it lacks the packages");
        let scheduler = scheduler?.packages().ok_or(without_packages)?;
        check_size([&scheduler], names)?;
        let workers = by_address.and_then(|by_address| {
            let groups = grouped(by_address, name);
            check_size(groups.iter().map(|group| &group.packages), names)?;
            Ok(groups)
        });
        Ok(ClusterPackages {
            scheduler,
            workers,
            worker_count,
            left_out: names.len() - worker_names.len(),
        })
    }
}

fn versions_of(names: &[String]) -> Value {
    json!({"op": "versions", "reply": true, "packages": names})
}

/// Checks that `sets` have few packages beyond those called `names`: each takes a row.
///
/// # Errors
/// They have too many.
fn check_size<'a>(
    sets: impl IntoIterator<Item = &'a PackageSet>,
    names: &[String],
) -> Result<(), SchedulerError> {
    let asked = names.iter().collect::<BTreeSet<_>>();
    let found = sets.into_iter().flat_map(PackageSet::keys);
    let unasked = found.filter(|name| !asked.contains(name));
    if unasked.collect::<BTreeSet<_>>().len() > UNASKED_LIMIT {
        return Err(SchedulerError::Malformed("it lists too many packages"));
    }
    Ok(())
}

/// Groups workers by their packages. Those whose response has none are left out.
fn grouped(
    by_address: BTreeMap<String, InstalledResponse>,
    name: impl Fn(&str) -> Option<String>,
) -> Vec<WorkerGroup> {
    let mut groups = BTreeMap::<PackageSet, (u64, String)>::new();
    for (address, response) in by_address {
        if let Some(packages) = response.packages() {
            let (count, _) = groups.entry(packages).or_insert((0, address));
            *count += 1;
        }
    }
    let mut groups = groups
        .into_iter()
        .map(|(packages, (count, address))| WorkerGroup {
            packages,
            count,
            example: name(&address)
                .unwrap_or(address)
                .chars()
                .take(NAME_LIMIT)
                .collect(),
        })
        .collect::<Vec<_>>();
    groups.sort_by_key(|group| std::cmp::Reverse(group.count));
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(value: Value) -> InstalledResponse {
        serde_json::from_value(value).expect("a response")
    }

    #[test]
    fn packages_that_nobody_asked_for_are_limited() {
        let set = |first: usize, count: usize| {
            let names = first..first + count;
            names
                .map(|number| (format!("p{number}"), None))
                .collect::<PackageSet>()
        };
        let asked = (0..5000).map(|number| format!("p{number}"));
        let asked = asked.collect::<Vec<_>>();
        let full = set(0, 5000 + UNASKED_LIMIT);
        assert!(check_size([&full, &full], &asked).is_ok());
        let one_more = set(5000 + UNASKED_LIMIT, 1);
        assert!(check_size([&full, &one_more], &asked).is_err());
        assert!(check_size([&full], &[]).is_err());
    }

    #[test]
    fn equal_workers_are_one_group_and_damaged_responses_are_left_out() {
        let old = || response(json!({"packages": {"python": "3.11.7.final.0", "dask": "1"}}));
        let new = || response(json!({"packages": {"python": "3.11.7", "dask": null, "x": [1]}}));
        let by_address = [("a", new()), ("b", old()), ("c", old())]
            .into_iter()
            .chain([("d", response(json!({"packages": 7})))])
            .chain([("e", response(json!({})))])
            .map(|(address, response)| (address.to_owned(), response))
            .collect();
        let groups = grouped(by_address, |address| {
            (address == "b").then(|| "worker b".to_owned())
        });
        let [first, second] = &groups[..] else {
            panic!("{groups:?}")
        };
        assert_eq!((first.count, first.example.as_str()), (2, "worker b"));
        assert_eq!(first.packages["python"].as_deref(), Some("3.11.7"));
        assert_eq!((second.count, second.example.as_str()), (1, "a"));
        assert_eq!(second.packages["dask"], None);
        let long = |_: &str| Some("ü".repeat(NAME_LIMIT + 1));
        let groups = grouped([("a".to_owned(), old())].into(), long);
        assert_eq!(groups[0].example, "ü".repeat(NAME_LIMIT));
        assert_eq!(second.packages["x"], None);
    }
}
