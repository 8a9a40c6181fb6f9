//! Which packages differ, and which of these differences break work.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::Comparison;
use super::error::Error;
use super::local::LocalPackages;
use crate::count;
use crate::output::{Difference, PackageRow, WorkerVersion};
use crate::scheduler::{ClusterPackages, PackageSet, WorkerGroup};

/// Shown for a package that is not installed.
const MISSING: &str = "missing";

/// Packages whose versions must be equal, the most important ones first.
const IMPORTANT: [(&str, Need); 13] = [
    ("python", Need::Everywhere),
    ("dask", Need::Everywhere),
    ("distributed", Need::Everywhere),
    ("msgpack", Need::Everywhere),
    ("cloudpickle", Need::Everywhere),
    ("tornado", Need::Everywhere),
    ("numpy", Need::ForData),
    ("pandas", Need::ForData),
    ("xarray", Need::ForData),
    ("lz4", Need::Never),
    ("zstandard", Need::Never),
    ("python-snappy", Need::Never),
    ("blosc", Need::Never),
];

/// Where an important package must be installed if it is installed anywhere.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Need {
    Everywhere,
    /// Where data is: here and on the workers.
    ForData,
    /// Both sides of a connection agree on a compression that they have.
    Never,
}

/// Returns the names of the packages to ask a cluster for, the important ones first.
pub(super) fn names(here: Option<&LocalPackages>) -> Vec<String> {
    let important = IMPORTANT.iter().map(|(name, _)| (*name).to_owned());
    let others = here.into_iter().flat_map(|here| here.packages.keys());
    let others = others.filter(|name| rank(name) == IMPORTANT.len()).cloned();
    // `versions` always has Python, which is no package.
    important.skip(1).chain(others).collect()
}

/// Returns the place of a package in [`IMPORTANT`]; its length for all others.
fn rank(name: &str) -> usize {
    let place = IMPORTANT.iter().position(|(other, _)| *other == name);
    place.unwrap_or(IMPORTANT.len())
}

/// Returns the names of the packages whose differences break work.
pub(crate) fn breaking(rows: &[PackageRow]) -> Vec<String> {
    let rows = rows.iter();
    let breaking = rows.filter(|row| row.difference == Difference::Breaking);
    breaking.map(|row| row.name.clone()).collect()
}

/// Compares the packages of the cluster `name` with those `here`.
pub(super) fn comparison(
    name: &str,
    here: Option<&LocalPackages>,
    cluster: ClusterPackages,
) -> Comparison {
    let (groups, mut fault) = match cluster.workers {
        Ok(groups) => (groups, None),
        Err(source) => {
            let name = name.to_owned();
            (Vec::new(), Some(Error::Workers { name, source }))
        }
    };
    let reported = groups.iter().map(|group| group.count).sum::<u64>();
    let silent = cluster.worker_count.saturating_sub(reported);
    if silent > 0 && fault.is_none() {
        let name = name.to_owned();
        fault = Some(Error::SilentWorkers {
            name,
            count: silent,
        });
    }
    let mut notes = Vec::from_iter(groups_note(&groups));
    if cluster.left_out > 0 {
        notes.push(format!(
            "the workers were not asked for {}, because there are so many workers",
            count::of(cluster.left_out, "package")
        ));
    }
    let sets = [here.map(|here| &here.packages), Some(&cluster.scheduler)];
    let sets = sets.into_iter().flatten();
    let all = sets.chain(groups.iter().map(|group| &group.packages));
    let names = all.flat_map(PackageSet::keys).collect::<BTreeSet<_>>();
    let worker_versions = WorkerVersions::new(&groups);
    let mut rows = names
        .into_iter()
        .map(|package| {
            // An interpreter lists all that it has.
            let local = |here: &LocalPackages| {
                let known = known(&here.packages, package);
                known.unwrap_or_else(|| MISSING.to_owned())
            };
            let mut row = PackageRow {
                name: package.clone(),
                difference: Difference::Unknown,
                here: here.map(local),
                scheduler: known(&cluster.scheduler, package),
                workers: worker_versions.of(package),
            };
            row.difference = difference(&row);
            row
        })
        .filter(|row| versions(row).any(|version| version != MISSING))
        .collect::<Vec<_>>();
    rows.sort_by(order);
    let program = here.map_or_else(String::new, |here| format!("`{}`, ", here.program));
    let workers = count::of(reported, "worker");
    let places = format!("{program}the scheduler of cluster {name} and {workers}");
    Comparison {
        rows,
        places,
        fault,
        notes,
    }
}

/// Groups of workers that are described in words.
const DESCRIBED_GROUPS: usize = 4;

/// Says how many workers have the same packages, unless all have.
fn groups_note(groups: &[WorkerGroup]) -> Option<String> {
    if groups.len() < 2 {
        return None;
    }
    let described = groups.iter().take(DESCRIBED_GROUPS).map(|group| {
        let workers = count::of(group.count, "worker");
        format!("{workers} such as {}", group.example)
    });
    let others = groups.len().saturating_sub(DESCRIBED_GROUPS);
    let others = (others > 0).then(|| format!("and {}", count::of(others, "other group")));
    let all = described.chain(others).collect::<Vec<_>>();
    let all = all.join("; ");
    Some(format!("the workers' packages are not the same: {all}"))
}

/// The versions of each package that groups of workers have.
///
/// A scheduler decides how many groups and packages there are: the time is that of their versions,
/// not of groups times packages.
struct WorkerVersions<'a> {
    groups: &'a [WorkerGroup],
    /// By package and version: the first of the groups that have it, and the number of workers.
    known: BTreeMap<&'a str, BTreeMap<Option<&'a str>, (usize, u64)>>,
    /// The number of all workers.
    count: u64,
}

impl<'a> WorkerVersions<'a> {
    fn new(groups: &'a [WorkerGroup]) -> Self {
        let mut known = BTreeMap::<_, BTreeMap<_, _>>::new();
        for (place, group) in groups.iter().enumerate() {
            for (package, version) in &group.packages {
                let versions = known.entry(package.as_str()).or_default();
                let (_, count) = versions.entry(version.as_deref()).or_insert((place, 0));
                *count += group.count;
            }
        }
        Self {
            groups,
            known,
            count: groups.iter().map(|group| group.count).sum(),
        }
    }

    /// Returns the versions of `package`, that of the largest group first.
    fn of(&self, package: &str) -> Vec<WorkerVersion> {
        let known = self.known.get(package).into_iter().flatten();
        let mut versions = known
            .map(|(version, (place, count))| (*place, *count, Some(version.unwrap_or(MISSING))))
            .collect::<Vec<_>>();
        let known = versions.iter().map(|(_, count, _)| count).sum::<u64>();
        let is_unknown = |group: &WorkerGroup| !group.packages.contains_key(package);
        if let Some(first) = self.groups.iter().position(is_unknown) {
            versions.push((first, self.count - known, None));
        }
        versions.sort_by_key(|(place, ..)| *place);
        let versions = versions.into_iter();
        versions
            .map(|(place, count, version)| WorkerVersion {
                version: version.map(str::to_owned),
                count,
                worker: self.groups[place].example.clone(),
            })
            .collect()
    }
}

/// Returns a package's version, or [`MISSING`]; `None` where it is unknown.
fn known(packages: &PackageSet, name: &str) -> Option<String> {
    let version = packages.get(name)?.clone();
    Some(version.unwrap_or_else(|| MISSING.to_owned()))
}

/// Differences by their importance, important packages in their order, all else by name.
fn order(a: &PackageRow, b: &PackageRow) -> Ordering {
    let key = |row: &PackageRow| (row.difference, rank(&row.name));
    key(a).cmp(&key(b))
}

fn difference(row: &PackageRow) -> Difference {
    let need = IMPORTANT.get(rank(&row.name)).map(|(_, need)| *need);
    let workers = || {
        row.workers
            .iter()
            .filter_map(|group| group.version.as_deref())
    };
    let data = || row.here.as_deref().into_iter().chain(workers());
    let all = || data().chain(row.scheduler.as_deref());
    let breaks = match need {
        None => false,
        Some(Need::Everywhere) if row.name == "python" => differ(all().map(minor)),
        Some(Need::Everywhere) => differ(all()),
        Some(Need::ForData | Need::Never) => {
            let is_optional = need == Some(Need::Never);
            differ(all().filter(|version| *version != MISSING)) || (!is_optional && differ(data()))
        }
    };
    match (breaks, all().count()) {
        (true, _) => Difference::Breaking,
        (false, 0 | 1) => Difference::Unknown,
        (false, _) if differ(all().filter(|version| *version != MISSING)) => Difference::Version,
        (false, _) if differ(all()) => Difference::Missing,
        (false, _) => Difference::None,
    }
}

/// Returns the package's version in each place where it is known.
fn versions(row: &PackageRow) -> impl Iterator<Item = &str> {
    let others = [&row.here, &row.scheduler]
        .into_iter()
        .filter_map(|version| version.as_deref());
    others.chain(workers_versions(row))
}

fn workers_versions(row: &PackageRow) -> impl Iterator<Item = &str> {
    row.workers
        .iter()
        .filter_map(|group| group.version.as_deref())
}

/// Returns true if not all `versions` are the same. Releases of dask before 2024 say `2022.04.0` where
/// their metadata has `2022.4.0`.
fn differ<'a>(versions: impl Iterator<Item = &'a str>) -> bool {
    let parts = |version: &'a str| version.split('.').map(|part| part.trim_start_matches('0'));
    let mut versions = versions.map(parts);
    let Some(first) = versions.next() else {
        return false;
    };
    versions.any(|version| !version.eq(first.clone()))
}

/// Returns Python's minor version, `3.11`, of `3.11.7`.
fn minor(version: &str) -> &str {
    let end = version.match_indices('.').nth(1);
    end.map_or(version, |(end, _)| &version[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::{SchedulerError, WorkerGroup};

    fn set(packages: &[(&str, &str)]) -> PackageSet {
        let versions = packages.iter().map(|(name, version)| {
            let version = (*version != MISSING).then(|| (*version).to_owned());
            ((*name).to_owned(), version)
        });
        versions.collect()
    }

    fn group(count: u64, packages: &[(&str, &str)]) -> WorkerGroup {
        WorkerGroup {
            packages: set(packages),
            count,
            example: format!("w{count}"),
        }
    }

    fn compared(
        here: Option<&[(&str, &str)]>,
        scheduler: &[(&str, &str)],
        workers: Vec<WorkerGroup>,
    ) -> Comparison {
        let cluster = ClusterPackages {
            scheduler: set(scheduler),
            worker_count: workers.iter().map(|group| group.count).sum(),
            workers: Ok(workers),
            left_out: 0,
        };
        let here = here.map(LocalPackages::of);
        comparison("ab12", here.as_ref(), cluster)
    }

    /// The difference of one package with these versions; `None` if it is not listed.
    fn judged(name: &str, here: &str, scheduler: &str, workers: &[&str]) -> Option<Difference> {
        let groups = workers.iter().map(|version| group(1, &[(name, version)]));
        let comparison = compared(
            Some(&[(name, here)]),
            &[(name, scheduler)],
            groups.collect(),
        );
        comparison.rows.first().map(|row| row.difference)
    }

    #[test]
    fn differences_of_important_packages_break_work() {
        use Difference as D;
        for (name, here, scheduler, workers, expected) in [
            ("python", "3.11.7", "3.11.9", &["3.11.7"][..], D::Version),
            ("python", "3.11.7", "3.1.7", &["3.11.7"], D::Breaking),
            ("dask", "2", "2", &["2", "2"], D::None),
            ("dask", "2", "2", &["2", "1"], D::Breaking),
            ("dask", "2022.4.0", "2022.04.0", &["2022.04.0"], D::None),
            ("dask", "2022.4.0", "2022.40.0", &["2022.4"], D::Breaking),
            ("tornado", "6", "6", &[MISSING], D::Breaking),
            ("numpy", "2", MISSING, &["2"], D::Missing),
            ("numpy", "2", "2", &[MISSING], D::Breaking),
            ("numpy", "2", "1", &["2"], D::Breaking),
            ("numpy", "2", MISSING, &["1"], D::Breaking),
            ("lz4", "4", MISSING, &[MISSING], D::Missing),
            ("lz4", "4", MISSING, &["3"], D::Breaking),
            ("requests", "2", "2", &["1"], D::Version),
            ("requests", "2", "2", &[MISSING], D::Missing),
        ] {
            let judged = judged(name, here, scheduler, workers);
            assert_eq!(
                judged,
                Some(expected),
                "{name} {here} {scheduler} {workers:?}"
            );
        }
        assert_eq!(judged("lz4", MISSING, MISSING, &[MISSING]), None);
    }

    #[test]
    fn lists_the_worst_differences_first_and_groups_workers() {
        let newer = [("dask", "2"), ("numpy", "2"), ("a", "1"), ("b", "1")];
        let older = [("dask", "1"), ("numpy", "2"), ("a", "2"), ("b", "1")];
        let workers = vec![group(3, &newer), group(1, &older)];
        let found = compared(
            Some(&[("zz", "1"), ("dask", "2"), ("b", "1")]),
            &newer,
            workers,
        );
        let names = found.rows.iter().map(|row| row.name.as_str());
        assert_eq!(names.collect::<Vec<_>>(), ["dask", "numpy", "a", "b", "zz"]);
        assert_eq!(breaking(&found.rows), ["dask", "numpy"]);
        let dask = &found.rows[0];
        let versions = dask
            .workers
            .iter()
            .map(|group| (group.version.as_deref(), group.count));
        assert_eq!(
            versions.collect::<Vec<_>>(),
            [(Some("2"), 3), (Some("1"), 1)]
        );
        let a = &found.rows[2];
        assert_eq!(
            (a.here.as_deref(), a.difference),
            (Some(MISSING), Difference::Version)
        );
        // The cluster was not asked for it.
        assert_eq!(found.rows[4].difference, Difference::Unknown);
        assert_eq!(
            found.notes,
            ["the workers' packages are not the same: 3 workers such as w3; 1 worker such as w1"]
        );
        assert_eq!(
            found.places,
            "`python3`, the scheduler of cluster ab12 and 4 workers"
        );
        assert!(found.fault.is_none());
    }

    #[test]
    fn many_different_workers_take_neither_long_nor_many_words() {
        const COUNT: u64 = 20_000;
        let groups = (0..COUNT).map(|number| {
            let package = format!("p{number}");
            group(1, &[("dask", &number.to_string()), (&package, "1")])
        });
        let groups = groups.collect::<Vec<_>>();
        let started = std::time::Instant::now();
        let found = compared(None, &[("dask", "2")], groups);
        assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
        assert_eq!(found.rows.len() as u64, COUNT + 1);
        assert_eq!(found.rows[0].workers.len() as u64, COUNT);
        let p0 = found.rows.iter().find(|row| row.name == "p0").expect("p0");
        let p0 = p0.workers.iter();
        let p0 = p0.map(|group| (group.version.as_deref(), group.count));
        assert_eq!(p0.collect::<Vec<_>>(), [(Some("1"), 1), (None, COUNT - 1)]);
        assert_eq!(
            found.notes,
            [
                "the workers' packages are not the same: 1 worker such as w1; 1 worker such as w1; \
              1 worker such as w1; 1 worker such as w1; and 19996 other groups"
            ]
        );
    }

    #[test]
    fn compares_without_an_interpreter_and_tells_of_silent_workers() {
        let found = compared(None, &[("dask", "2")], vec![group(1, &[("dask", "1")])]);
        assert_eq!(breaking(&found.rows), ["dask"]);
        assert_eq!(found.rows[0].here, None);
        let cluster = |workers, worker_count| ClusterPackages {
            scheduler: set(&[("dask", "2")]),
            workers,
            worker_count,
            left_out: 7,
        };
        let silent = comparison("ab12", None, cluster(Ok(vec![group(1, &[])]), 3));
        let fault = silent.fault.map(|fault| fault.to_string());
        let text = "2 workers of cluster `ab12` did not report packages";
        assert_eq!(fault.as_deref(), Some(text));
        assert_eq!(
            silent.notes,
            ["the workers were not asked for 7 packages, because there are so many workers"]
        );
        let failed = comparison("ab12", None, cluster(Err(SchedulerError::TooLarge), 3));
        assert!(matches!(failed.fault, Some(Error::Workers { .. })));
        assert!(breaking(&failed.rows).is_empty());
    }

    #[test]
    fn asks_for_important_packages_first_and_for_each_once() {
        let here = LocalPackages::of(&[("aa", "1"), ("dask", "2"), ("python", "3.11.7")]);
        let names = names(Some(&here));
        assert_eq!(names[0], "dask");
        assert_eq!(names[IMPORTANT.len() - 1..], ["aa"]);
        assert!(!names.contains(&"python".to_owned()));
    }
}
