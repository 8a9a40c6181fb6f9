//! Clusters to draw.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Map, json};

use super::*;
use crate::gateway::{Cluster, Status};
use crate::scheduler::{Activity, Idle, PackageVersions, SchedulerReport, Tasks, Versions, Worker};

pub(super) const GIB: u64 = 1 << 30;
pub(super) const NAME: &str = "8fdbe5c0c2ed4859b5a1d755ea35d28b";
pub(super) const NOW: i64 = 1_000_000;

pub(super) fn at(seconds_ago: i64) -> Timestamp {
    Timestamp::from_second(NOW - seconds_ago).expect("a time")
}

pub(super) fn cluster(name: &str, status: Status, age: i64) -> Cluster {
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

pub(super) fn worker(nth: u64) -> Worker {
    Worker {
        name: Some(format!("worker-{nth}")),
        address: format!("tls://10.0.0.{nth}:40000"),
        host: Some(format!("10.0.0.{nth}")),
        status: Some("running".to_owned()),
        threads: Some(2),
        cpu: Some(25.0 * bar::float(nth)),
        memory: Some(nth * GIB),
        memory_limit: Some(8 * GIB),
        tasks: Some(10 - nth.min(10)),
        last_seen: Some(at(1)),
    }
}

pub(super) fn report(workers: u64) -> SchedulerReport {
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

pub(super) fn busy(workers: u64) -> Watched {
    let mut watched = Watched::new(cluster(NAME, Status::Running, 8000));
    for (ago, share) in [(6_i64, 1), (4, 2), (2, 4), (0, workers)] {
        let mut told = report(workers);
        told.worker_details = Some((1..=share).map(worker).collect());
        told.activity.memory_used = Some(8 * share * GIB);
        watched.hear(at(ago), Ok(told));
    }
    watched.hear(at(0), Err("it refused".to_owned()));
    watched.hear(at(0), Ok(report(workers)));
    watched
}

pub(super) fn view(clusters: Vec<Watched>) -> View {
    let by = |column| Sorting {
        column,
        is_reversed: false,
    };
    View {
        address: "https://gateway.example.org".to_owned(),
        every: Duration::from_secs(2),
        now: at(0),
        heard: at(0),
        fresh: Duration::from_secs(5),
        clusters,
        shown: None,
        chosen: None,
        scroll: 0,
        clusters_by: by(2),
        workers_by: by(0),
        trouble: None,
        has_help: false,
        has_colour: true,
    }
}

pub(super) fn several() -> View {
    let mut idle = Watched::new(cluster(
        "ns.c0ffee00c2ed4859b5a1d755ea35d28b",
        Status::Running,
        90,
    ));
    let mut quiet = report(1);
    quiet.activity.tasks = Some(Tasks::default());
    quiet.activity.idle = Idle::Since(at(72));
    idle.hear(at(0), Ok(quiet));
    let mut silent = Watched::new(cluster("51e47", Status::Running, 4000));
    silent.hear(at(30), Ok(report(2)));
    silent.hear(at(0), Err("no answer within 2 s".to_owned()));
    let mut never = Watched::new(cluster("0000", Status::Running, 3999));
    never.hear(at(0), Err("no answer within 2 s".to_owned()));
    let pending = Watched::new(cluster("abcdef", Status::Pending, 3));
    let failed = Watched::new(cluster("fa11ed", Status::Failed, 200));
    view(vec![busy(8), idle, silent, never, pending, failed])
}
