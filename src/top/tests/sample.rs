//! Clusters to draw, and the events that bring them into a model.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, json};

use super::super::gateways::WatchedGateway;
use super::super::measures::float;
use super::super::model::{ClusterKey, Model, ViewSettings};
use crate::gateway::{Cluster, Listing, Status};
use crate::scheduler::{Activity, Idle, PackageVersions, SchedulerReport, Tasks, Versions, Worker};

pub(in crate::top) const GIB: u64 = 1 << 30;
pub(in crate::top) const NAME: &str = "8fdbe5c0c2ed4859b5a1d755ea35d28b";
pub(in crate::top) const NOW: i64 = 1_000_000;

pub(in crate::top) fn at(seconds_ago: i64) -> Timestamp {
    Timestamp::from_second(NOW - seconds_ago).expect("a time")
}

pub(in crate::top) fn cluster(name: &str, status: Status, age: i64) -> Cluster {
    Cluster {
        name: name.to_owned(),
        status,
        start_time: at(age),
        stop_time: None,
        options: Map::from_iter([("worker_cores".to_owned(), json!(2))]),
        dashboard_link: Some(format!("http://gateway:8000/clusters/{name}/status")),
        scheduler_address: Some(format!("gateway://gateway:8786/{name}")),
    }
}

pub(in crate::top) fn worker(nth: u64) -> Worker {
    Worker {
        name: Some(format!("worker-{nth}")),
        address: format!("tls://10.0.0.{nth}:40000"),
        host: Some(format!("10.0.0.{nth}")),
        status: Some("running".to_owned()),
        threads: Some(2),
        cpu: Some(25.0 * float(nth)),
        memory: Some(nth * GIB),
        memory_limit: Some(8 * GIB),
        tasks: Some(10 - nth.min(10)),
        last_seen: Some(at(1)),
    }
}

pub(in crate::top) fn report(workers: u64) -> SchedulerReport {
    SchedulerReport {
        activity: Activity {
            workers: Some(workers),
            threads: Some(2 * workers),
            memory_used: Some((1..=workers).sum::<u64>() * GIB),
            memory_limit: Some(8 * workers * GIB),
            tasks: Some(Tasks {
                total: Some(400),
                processing: Some(8),
                queued: Some(100),
                waiting: Some(12),
                unrunnable: Some(0),
                memory: Some(277),
                erred: Some(3),
                released: Some(0),
            }),
            clients: Some(1),
            outsiders: Some(1),
            idle: Idle::Busy,
        },
        worker_details: Some((1..=workers).map(worker).collect()),
        versions: Some(Versions {
            scheduler: PackageVersions {
                python: Some("3.11.7".to_owned()),
                dask: Some("2026.8.0".to_owned()),
                distributed: None,
            },
            workers: None,
        }),
    }
}

/// The key of a cluster of the first gateway.
pub(in crate::top) fn key(name: &str) -> ClusterKey {
    ClusterKey {
        gateway: 0,
        name: name.to_owned(),
    }
}

/// A cluster, and the reports about it: how many seconds ago each arrived, and the report.
pub(in crate::top) struct Sample {
    pub(in crate::top) cluster: Cluster,
    pub(in crate::top) reports: Vec<(i64, Result<SchedulerReport, String>)>,
}

/// A cluster that reported just now.
pub(in crate::top) fn reporting(name: &str, workers: u64) -> Sample {
    Sample {
        cluster: cluster(name, Status::Running, 8000),
        reports: vec![(0, Ok(report(workers)))],
    }
}

/// A cluster whose use of CPU and memory grew.
pub(in crate::top) fn busy(workers: u64) -> Sample {
    let used_by = |share: u64| {
        let mut report = report(workers);
        report.worker_details = Some((1..=share).map(worker).collect());
        report.activity.memory_used = Some(8 * share * GIB);
        report
    };
    Sample {
        cluster: cluster(NAME, Status::Running, 8000),
        reports: vec![
            (6, Ok(used_by(1))),
            (4, Ok(used_by(2))),
            (2, Ok(used_by(4))),
            (0, Ok(used_by(workers))),
            (0, Err("it refused".to_owned())),
            (0, Ok(report(workers))),
        ],
    }
}

/// A model that learned of `samples` by the events that it takes in.
pub(in crate::top) fn model(samples: Vec<Sample>) -> Model {
    model_with(SETTINGS, samples)
}

pub(in crate::top) const SETTINGS: ViewSettings = ViewSettings {
    interval: Duration::from_secs(2),
    probe_timeout: Duration::from_secs(2),
    has_colour: true,
    names_gateways: false,
};

/// A model with other settings; with three gateways, if those are named, of which `samples` are the first's.
pub(in crate::top) fn model_with(settings: ViewSettings, samples: Vec<Sample>) -> Model {
    let names = ["default", "lab", "work"];
    let names = &names[..if settings.names_gateways { 3 } else { 1 }];
    let gateways = names.iter().map(|name| {
        let address = "https://gateway.example.org".to_owned();
        WatchedGateway::new((*name).to_owned(), address)
    });
    let mut model = Model::new(gateways.collect(), settings, at(0));
    for sample in samples {
        list(&mut model, sample.cluster.clone());
        for (seconds_ago, report) in sample.reports {
            model.time_passed(at(seconds_ago));
            model.report_arrived(&key(&sample.cluster.name), report);
        }
    }
    model.time_passed(at(0));
    model
}

/// Takes in the first gateway's response for one cluster.
pub(in crate::top) fn list(model: &mut Model, cluster: Cluster) {
    let name = cluster.name.clone();
    let listing = Listing {
        clusters: vec![cluster],
        clock: Some(at(0)),
    };
    model.time_passed(at(0));
    model.listing_arrived(0, Some(&name), listing);
}

/// A model that shows its only cluster in full.
pub(in crate::top) fn opened(sample: Sample) -> Model {
    let name = sample.cluster.name.clone();
    let mut model = model(vec![sample]);
    model.open(key(&name));
    model
}

/// Clusters in various states.
pub(in crate::top) fn several() -> Model {
    let sample = |name, status, age, reports| Sample {
        cluster: cluster(name, status, age),
        reports,
    };
    let mut idle = report(1);
    idle.activity.tasks = Some(Tasks::default());
    idle.activity.idle = Idle::Since(at(72));
    let late = || (0, Err("no answer within 2 s".to_owned()));
    let running = Status::Running;
    model(vec![
        busy(8),
        sample(
            "ns.c0ffee00c2ed4859b5a1d755ea35d28b",
            running,
            90,
            vec![(0, Ok(idle))],
        ),
        sample("51e47", running, 4000, vec![(30, Ok(report(2))), late()]),
        sample("0000", running, 3999, vec![late()]),
        sample("abcdef", Status::Pending, 3, Vec::new()),
        sample("fa11ed", Status::Failed, 200, Vec::new()),
    ])
}
