use jiff::Timestamp;
use serde_json::{Map, Value, json};
use snapbox::str;
use unicode_width::UnicodeWidthStr as _;

use super::*;
use crate::gateway::Cluster;
use crate::scheduler::{Activity, Tasks, Versions};

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_217_334 + seconds).expect("a time")
}

fn shown(status: Status, report: SchedulerReport) -> ClusterDetails {
    let options = json!({"worker_cores": 2, "worker_memory": 4.0, "profile": "small", "setup": "",
        "environment": {"OMP_NUM_THREADS": "1"}, "evil": "\u{1b}[2J\n"});
    let Value::Object(options) = options else {
        unreachable!("an object")
    };
    ClusterDetails::new(
        ObservedCluster {
            gateway: None,
            cluster: Cluster {
                name: "2224ac3ebdf349f491d1f954e5e98d35".to_owned(),
                status,
                start_time: at(0),
                stop_time: (status == Status::Stopped).then(|| at(3_600)),
                options: if status == Status::Pending {
                    Map::new()
                } else {
                    options
                },
                dashboard_link: None,
                scheduler_address: None,
            },
            now: at(8_000),
            label: None,
            activity: None,
            protection: None,
        },
        report,
        None,
    )
}

fn report() -> SchedulerReport {
    let worker = |name: &str, status: &str| Worker {
        name: Some(name.to_owned()),
        address: "tls://10.0.0.7:35621".to_owned(),
        host: Some("10.0.0.7".to_owned()),
        status: Some(status.to_owned()),
        threads: Some(2),
        cpu: Some(187.2),
        memory: Some(3 << 30),
        memory_limit: Some(4 << 30),
        tasks: Some(12),
        last_seen: Some(at(7_999)),
    };
    let mut dull = worker("222c\u{9b}", "running");
    (dull.cpu, dull.memory_limit, dull.tasks, dull.last_seen) = (None, None, None, None);
    SchedulerReport {
        activity: Activity {
            workers: Some(2),
            threads: Some(4),
            memory_used: Some(5 << 30),
            memory_limit: Some(8 << 30),
            tasks: Some(Tasks {
                total: Some(20),
                processing: Some(12),
                queued: Some(0),
                memory: Some(8),
                ..Tasks::default()
            }),
            clients: Some(1),
            outsiders: Some(1),
            idle: Idle::Busy,
        },
        worker_details: Some(vec![
            worker("9d5ad3cf0c2ed4859b5a1d755ea35d28", "closing"),
            dull,
        ]),
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

fn assert_exactly(text: &str, expected: impl snapbox::IntoData) {
    snapbox::Assert::new()
        .action_env("SNAPSHOTS")
        .normalize_paths(false)
        .eq(text, expected.raw());
}

fn text(cluster: &ClusterDetails, width: Option<usize>) -> String {
    let layout = Layout {
        width,
        is_for_terminal: true,
        ..Layout::default()
    };
    cluster.table(layout).text
}

#[test]
fn fits_into_80_columns() {
    let text = text(&shown(Status::Running, report()), Some(80));
    assert_exactly(
        &text,
        str![[r#"
cluster    2224ac3ebdf349f491d1f954e5e98d35
status     RUNNING, started 2h13m ago
started    2026-11-20T23:28:54Z
options    worker_cores=2 worker_memory=4.0 profile=small
           environment={"OMP_NUM_THREADS":"…"} evil=\x1b[2J\n
versions   Python 3.11.7, dask 2026.8.0, distributed ?
workers    2, threads 4
memory     5.0/8.0 GiB
tasks      ?/20 done: 12 processing, ? waiting, ? unrunnable, 8 in memory, ?
           erred, ? released
clients    1
idle       no

WORKER                          HOST      THREADS  CPU   MEMORY      TASKS  SEEN
9d5ad3cf0c2ed4859b5a1d755ea35…  10.0.0.7  2        187%  3.0/4.0GiB  12     1s
222c\x9b                        10.0.0.7  2        ?     3.0/?GiB    ?      ?

"#]],
    );
    for line in text.lines() {
        assert!(line.width() <= 80, "{line}");
    }
}

#[test]
fn unknown_values_are_question_marks() {
    let text = text(&shown(Status::Running, SchedulerReport::default()), None);
    assert_exactly(
        &text,
        str![[r#"
cluster    2224ac3ebdf349f491d1f954e5e98d35
status     RUNNING, started 2h13m ago
started    2026-11-20T23:28:54Z
options    worker_cores=2 worker_memory=4.0 profile=small environment={"OMP_NUM_THREADS":"…"} evil=\x1b[2J\n
versions   ?
workers    ?
memory     ?
tasks      ?
clients    ?
idle       ?

"#]],
    );
}

#[test]
fn stopped_or_pending_cluster_shows_only_what_the_gateway_knows() {
    for status in [Status::Pending, Status::Stopped] {
        let text = text(&shown(status, SchedulerReport::default()), Some(60));
        assert!(!text.contains('?') && !text.contains("workers"), "{text}");
    }
    let text = text(
        &shown(Status::Stopped, SchedulerReport::default()),
        Some(60),
    );
    assert_exactly(
        &text,
        str![[r#"
cluster    2224ac3ebdf349f491d1f954e5e98d35
status     STOPPED, 1h after its start, 1h13m ago
started    2026-11-20T23:28:54Z
stopped    2026-11-21T00:28:54Z
options    worker_cores=2 worker_memory=4.0 profile=small
           environment={"OMP_NUM_THREADS":"…"}
           evil=\x1b[2J\n

"#]],
    );
}
