use crate::scheduler::{Activity, Tasks, Worker};

use super::*;

const GIB: u64 = 1 << 30;

/// A cluster of `workers` with two threads and 4 GiB each, busy to 50 %.
fn cluster(workers: u32) -> Sample {
    Sample {
        workers: Some(workers),
        threads: Some(2 * workers),
        busy_cores: Some(workers.into()),
        memory: Some(u64::from(workers) * GIB),
        memory_limit: Some(u64::from(workers) * 4 * GIB),
        failed_tasks: Some(0),
    }
}

/// Returns the record of a run of `seconds` with samples at these times.
fn record(
    seconds: u64,
    samples: &[(u64, Sample)],
    totals: Option<EventTotals>,
) -> UsageRecord<'static> {
    let mut usage = Usage::default();
    assert!(usage.is_empty());
    for (time, sample) in samples {
        usage.add(Duration::from_secs(*time), *sample);
    }
    let run = Run {
        cluster: "ab12",
        start_time: Timestamp::UNIX_EPOCH,
        time: Duration::from_secs(seconds),
        exit_status: 0,
    };
    usage.record(run, totals)
}

fn text(seconds: u64, samples: &[(u64, Sample)]) -> String {
    record(seconds, samples, None).text()
}

#[test]
fn without_samples_only_the_time_is_known() {
    let record = record(1, &[], None);
    assert_eq!(record.text(), "COMMAND ended after 1s");
    let shown = serde_json::to_value(&record).expect("a record");
    let fields = shown.as_object().expect("an object");
    let known = fields.iter().filter(|(_, value)| !value.is_null());
    let known = known.map(|(name, _)| name.as_str()).collect::<Vec<_>>();
    let mut expected = [
        "exit_status",
        "name",
        "sampled_seconds",
        "samples",
        "seconds",
        "start_time",
    ];
    let mut known = known;
    known.sort_unstable();
    expected.sort_unstable();
    assert_eq!(known, expected);
}

#[test]
fn one_sample_stands_for_the_whole_run() {
    assert_eq!(
        text(90, &[(2, cluster(8))]),
        "used 0.40 core-hours in 1m30s (sampled): \
         8 workers at most, CPU 50 %, memory up to 8.0/32.0 GiB"
    );
    assert_eq!(
        text(4, &[(2, cluster(1))]),
        "used less than 0.01 core-hours in 4s (sampled): \
         1 worker at most, CPU 50 %, memory up to 1.0/4.0 GiB"
    );
    assert_eq!(
        text(4, &[(2, cluster(0))]),
        "used 0 core-hours in 4s (sampled): no workers"
    );
}

#[test]
fn workers_that_come_and_go_count_while_they_are_there() {
    // 0 threads for 60 s, up to 20 in 60 s, 20 for 60 s, down to 4 in 30 s, 4 for 30 s.
    let samples = [0, 60, 120, 180, 210, 240].into_iter();
    let samples = samples.zip([0, 0, 10, 10, 2, 2].map(cluster));
    let record = record(240, &samples.collect::<Vec<_>>(), None);
    let core_seconds = 0.0 + 600.0 + 1200.0 + 360.0 + 120.0;
    let deviation = record.core_hours.expect("known") - core_seconds / 3600.0;
    assert!(deviation.abs() < 1e-9, "{record:?}");
    assert_eq!(record.workers_max, Some(10));
    assert_eq!(record.threads_max, Some(20));
    assert_eq!(
        (record.memory_max, record.memory_limit),
        (Some(10 * GIB), Some(40 * GIB))
    );
}

#[test]
fn time_without_samples_is_left_out() {
    let hour = 3600;
    let samples = [(0, cluster(8)), (100, cluster(8)), (hour, cluster(8))];
    let record = record(hour + 60, &samples, None);
    assert!((record.sampled_seconds - 160.0).abs() < 1e-9, "{record:?}");
    assert!(
        record
            .text()
            .starts_with("used at least 0.71 core-hours in 1h1m (sampled): 8 workers"),
        "{}",
        record.text()
    );
    // Nothing is said of the time after a scheduler that no longer responds.
    assert!(text(hour, &[(2, cluster(900))]).starts_with("used at least 1.00 core-hours in 1h "));
    assert!(text(hour, &[(2, cluster(1))]).starts_with("COMMAND ended after 1h (sampled): "));
}

#[test]
fn unknown_numbers_are_left_out() {
    assert_eq!(
        text(60, &[(2, Sample::default())]),
        "COMMAND ended after 1m (sampled)"
    );
    let without_cpu = Sample {
        busy_cores: None,
        memory: None,
        ..cluster(8)
    };
    assert_eq!(
        text(90, &[(2, without_cpu)]),
        "used 0.40 core-hours in 1m30s (sampled): 8 workers at most"
    );
    // CPU use is of the time in which it is known.
    let mixed = record(
        90,
        &[(30, cluster(8)), (60, cluster(8)), (61, without_cpu)],
        None,
    );
    assert_eq!(mixed.cpu_percent, Some(50.0));
}

#[test]
fn absurd_numbers_are_unknown() {
    let worker = |cpu| Worker {
        name: None,
        address: "tls://h:1".to_owned(),
        host: None,
        status: None,
        threads: Some(2),
        cpu,
        memory: None,
        memory_limit: None,
        tasks: None,
        last_seen: None,
    };
    let report = |number, cpu| SchedulerReport {
        activity: Activity {
            workers: Some(number),
            threads: Some(number),
            memory_used: Some(number),
            memory_limit: Some(number),
            tasks: Some(Tasks {
                erred: Some(3),
                ..Tasks::default()
            }),
            ..Activity::default()
        },
        worker_details: Some(vec![worker(Some(50.0)), worker(cpu)]),
        versions: None,
    };
    for cpu in [f64::NAN, f64::INFINITY, -1.0, 1e300] {
        let sample = Sample::from(&report(u64::MAX, Some(cpu)));
        let expected = Sample {
            failed_tasks: Some(3),
            ..Sample::default()
        };
        assert_eq!(sample, expected, "{cpu}");
    }
    assert_eq!(Sample::from(&report(2, None)).busy_cores, None);
    assert_eq!(Sample::from(&report(2, Some(150.0))).busy_cores, Some(2.0));
    // The largest numbers that count, for a hundred years.
    let most = Sample {
        workers: Some(MOST_WORKERS),
        threads: Some(MOST_THREADS),
        busy_cores: Some(MOST_CPU * f64::from(MOST_WORKERS)),
        memory: Some(MOST_MEMORY),
        memory_limit: Some(MOST_MEMORY),
        failed_tasks: Some(u64::MAX),
    };
    let samples = (0..1000).map(|time| (100 * time, most)).collect::<Vec<_>>();
    let record = record(3_155_760_000, &samples, None);
    assert!(record.core_hours.is_some_and(f64::is_finite), "{record:?}");
    assert!(record.text().contains("18446744073709551615 tasks failed"));
}

#[test]
fn events_are_exact_or_said_to_be_lower_bounds() {
    let totals = EventTotals {
        graphs: Some(3),
        tasks: Some(1200),
        lost_workers: Some(1),
        is_complete: true,
    };
    let shown = |totals| record(60, &[(2, Sample::default())], Some(totals)).text();
    assert_eq!(
        shown(totals),
        "COMMAND ended after 1m (sampled): 1200 tasks in 3 graphs, 1 worker lost"
    );
    let incomplete = EventTotals {
        is_complete: false,
        ..totals
    };
    assert_eq!(
        shown(incomplete),
        "COMMAND ended after 1m (sampled): \
         at least 1200 tasks in 3 graphs, at least 1 worker lost"
    );
    let unknown = EventTotals {
        graphs: Some(1),
        tasks: None,
        lost_workers: None,
        is_complete: true,
    };
    assert_eq!(shown(unknown), "COMMAND ended after 1m (sampled): 1 graph");
    let none = EventTotals {
        graphs: None,
        tasks: None,
        lost_workers: Some(0),
        is_complete: true,
    };
    assert_eq!(shown(none), "COMMAND ended after 1m (sampled)");
}
