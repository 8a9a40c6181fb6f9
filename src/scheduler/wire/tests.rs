use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn identity(value: &Value) -> (Activity, Option<Vec<Worker>>) {
    let by_json = serde_json::from_value::<Identity>(value.clone()).expect("any object will do");
    let packed = rmp_serde::to_vec_named(value).expect("MessagePack");
    let by_comm = rmp_serde::from_slice::<Identity>(&packed).expect("any map will do");
    let (activity, workers) = by_json.activity_and_workers();
    let (activity_by_comm, _) = by_comm.activity_and_workers();
    assert_eq!(format!("{activity:?}"), format!("{activity_by_comm:?}"));
    (activity, workers)
}

#[test]
fn adds_up_workers() {
    let (activity, workers) = identity(&json!({
        "type": "Scheduler", "n_workers": 2, "total_threads": 3,
        "workers": {
            "tls://h:1": {"name": "w1", "host": "h", "nthreads": 1, "memory_limit": 10,
                "last_seen": 1_795_217_500.73, "status": "running",
                "metrics": {"cpu": 4, "memory": 3, "task_counts": {"memory": 7, "executing": 1, "ready": 2}}},
            "tls://h:2": {"name": "w2", "nthreads": 2, "memory_limit": 20,
                "metrics": {"cpu": 4.5, "memory": 4, "executing": 1, "ready": 5}},
        },
    }));
    assert_eq!(activity.workers, Some(2));
    assert_eq!(activity.threads, Some(3));
    assert_eq!(activity.memory_used, Some(7));
    assert_eq!(activity.memory_limit, Some(30));
    let workers = workers.expect("workers");
    assert_eq!(workers[0].tasks, Some(3));
    assert_eq!(workers[1].tasks, Some(6));
    assert_eq!(
        workers[0].last_seen.map(|time| time.to_string()).as_deref(),
        Some("2026-11-20T23:31:40.73Z")
    );
}

#[test]
fn counts_zero_workers() {
    let (activity, workers) = identity(&json!({"workers": {}}));
    assert_eq!((activity.workers, activity.memory_used), (Some(0), Some(0)));
    assert!(workers.is_some_and(|workers| workers.is_empty()));
}

#[test]
fn unreadable_values_are_unknown_and_never_zero() {
    for strange in [
        json!({}),
        json!({"workers": null}),
        json!({"workers": [1, 2]}),
        json!({"workers": "many", "n_workers": -1}),
    ] {
        let (activity, workers) = identity(&strange);
        assert_eq!(activity.workers, None, "{strange}");
        assert!(workers.is_none(), "{strange}");
    }
    let (activity, _) =
        identity(&json!({"workers": {"a": {"nthreads": 2, "memory_limit": 0}, "b": 7}}));
    assert_eq!(activity.workers, Some(2));
    assert_eq!((activity.threads, activity.memory_used), (None, None));
    assert_eq!(
        activity.memory_limit, None,
        "no limit is not a limit of zero"
    );
    let (activity, workers) =
        identity(&json!({"n_workers": 900, "workers": {"a": {"nthreads": 2}}}));
    assert_eq!((activity.workers, activity.threads), (Some(900), None));
    assert!(workers.is_none());
}

fn state(value: Value) -> State {
    serde_json::from_value(value).expect("any object will do")
}

#[test]
fn leaves_out_the_schedulers_own_clients() {
    let client = json!({"client_key": "x", "last_seen": 1.5});
    let clients = json!({
        "fire-and-forget": client, "published-seven": client, "Client-a": client, "Client-worker-b": client,
    });
    assert_eq!(state(json!({"clients": clients})).clients(), Some(2));
    assert_eq!(state(json!({})).clients(), None);
    assert_eq!(state(json!({"clients": 3})).clients(), None);
}

#[test]
fn client_of_a_task_has_a_certain_name_and_needs_a_worker() {
    const UUID: &str = "7f0c9a54-c6b9-11f0-8de9-0242ac120002";
    let outsiders = |name: &str, workers| {
        let clients = json!({format!("Client-{name}-{UUID}"): {}, "published-seven": {}});
        state(json!({"clients": clients})).outsiders(workers)
    };
    assert_eq!(outsiders("worker", Some(1)), Some(0));
    for (name, workers) in [
        ("worker", 0),
        ("worker-pool", 1),
        ("workers", 1),
        ("worker-1-2-3-4-5", 1),
        ("worker-7f0c9a54", 1),
    ] {
        assert_eq!(outsiders(name, Some(workers)), Some(1), "{name}");
    }
    assert_eq!(outsiders("worker", None), None);
    assert_eq!(outsiders("a", None), None);
}

#[test]
fn counts_tasks_of_all_groups() {
    let tasks = state(json!({"task_groups": {
        "a": {"states": {"memory": 2, "processing": 1, "queued": 4, "forgotten": 9}},
        "b": {"states": {"memory": 1, "no-worker": 1, "waiting": 3}},
    }}));
    let tasks = tasks.tasks().expect("tasks");
    assert_eq!((tasks.total, tasks.unfinished()), (Some(12), Some(9)));
    assert_eq!(
        (tasks.queued, tasks.memory, tasks.erred),
        (Some(4), Some(3), Some(0))
    );
    assert_eq!(state(json!({"task_groups": {"a": {}}})).tasks(), None);
    assert_eq!(state(json!({})).tasks(), None);
    assert_eq!(
        state(json!({"task_groups": {}}))
            .tasks()
            .and_then(|tasks| tasks.total),
        Some(0)
    );
}

#[test]
fn derives_queued_tasks_only_without_results() {
    let counts = |value| {
        serde_json::from_value::<Counts>(value)
            .expect("counts")
            .tasks()
    };
    let none = json!({"tasks": 4, "processing": 0, "waiting": 0, "unrunnable": 0, "memory": 0,
        "erred": 0, "released": 0, "idle": 0});
    assert_eq!(counts(none.clone()).queued, Some(4));
    let mut held = none;
    held["memory"] = json!(1);
    assert_eq!(
        (counts(held.clone()).queued, counts(held).total),
        (None, Some(4))
    );
    assert_eq!(counts(json!({"tasks": 4})).queued, None);
    assert_eq!(counts(json!({"tasks": "4"})).total, None);
}

#[test]
fn nil_means_busy_only_from_schedulers_with_check_idle() {
    let young = state(json!({"transition_counter": 3}));
    let old = state(json!({}));
    assert_eq!(young.idle(None), Idle::Busy);
    assert_eq!(old.idle(None), Idle::Unknown);
    assert!(matches!(young.idle(Some(1_795_218_718.27)), Idle::Since(_)));
    for strange in [f64::NAN, f64::INFINITY, 1e300, -1e300] {
        assert_eq!(young.idle(Some(strange)), Idle::Unknown);
    }
}

#[test]
fn returns_versions_of_the_packages_that_matter() {
    let versions = serde_json::from_value::<VersionsResponse>(json!({
        "host": {"OS": "Linux"},
        "packages": {"python": "3.11.7.final.0", "dask": "2026.8.0", "distributed": "2026.8.0", "lz4": null},
    }));
    let packages = versions.expect("versions").packages();
    let texts = packages.each().map(|(_, version)| version);
    assert_eq!(texts, [Some("3.11.7"), Some("2026.8.0"), Some("2026.8.0")]);
}

proptest! {
    #[test]
    fn reading_json_does_not_panic(
        count in any::<u64>(), number in any::<f64>(), text in any::<String>(), key in "[a-z_]{0,12}",
    ) {
        for value in [json!(count), json!(number), json!(text.clone()), json!([count]), json!({key: count})] {
            identity(&json!({
                "workers": {text.clone(): {"nthreads": value, "memory_limit": value, "last_seen": value,
                    "metrics": {"cpu": value, "memory": value, "task_counts": value}},
                    "other": {"nthreads": u64::MAX, "memory_limit": count}},
            }));
            let state = state(json!({"clients": value, "task_groups": {"a": {"states": {"memory": count}}, "b": {"states": {"memory": u64::MAX}}}}));
            let _ = (state.clients(), state.tasks(), state.idle(Some(number)));
        }
    }
}

fn valid_identity() -> Value {
    json!({
        "type": "Scheduler", "n_workers": 2, "started": 1_795_217_334.5,
        "workers": {
            "tls://h:1": {"name": "w1", "host": "h", "nthreads": 1, "memory_limit": 10,
                "last_seen": 1_795_217_500.73, "status": "running",
                "metrics": {"cpu": 4.0, "memory": 3, "task_counts": {"memory": 7, "executing": 1}}},
            "tls://h:2": {"name": 2, "nthreads": 2, "memory_limit": 20,
                "metrics": {"cpu": 4.5, "memory": 4, "executing": 1, "ready": 5}},
        },
    })
}

fn valid_state() -> Value {
    json!({
        "transition_counter": 7, "clients": {"Client-1": {}, "fire-and-forget": {}, "Client-worker-2": {}},
        "task_groups": {
            "a": {"states": {"processing": 1, "queued": 2, "waiting": 3, "no-worker": 4, "memory": 5}},
            "b": {"states": {"processing": 1, "erred": 2, "released": 3, "forgotten": 4}},
        },
    })
}

/// Reads `value` from `MessagePack` and from JSON; leaves out what is not a `T`.
fn both<T: serde::de::DeserializeOwned>(value: &Value) -> Vec<T> {
    let packed = rmp_serde::to_vec_named(value).expect("MessagePack");
    let by_comm = rmp_serde::from_slice::<T>(&packed).ok();
    let by_http = serde_json::from_value::<T>(value.clone()).ok();
    by_comm.into_iter().chain(by_http).collect()
}

proptest! {
    #[test]
    fn reads_any_response(
        whole in crate::hostile::json(),
        identity in crate::hostile::corrupted(valid_identity()),
        state in crate::hostile::corrupted(valid_state()),
        since in crate::hostile::json(),
        count in prop::option::of(any::<u64>()),
    ) {
        for value in [&whole, &identity] {
            for identity in both::<Identity>(value) {
                let _ = identity.started();
                let (activity, workers) = identity.activity_and_workers();
                let counts = activity.workers.zip(workers.map(|workers| workers.len() as u64));
                prop_assert!(counts.is_none_or(|(all, listed)| all == listed));
                serde_json::to_string(&activity).expect("JSON");
            }
        }
        let since = since.as_f64();
        for value in [&whole, &state] {
            for state in both::<State>(value) {
                let _ = (state.clients(), state.outsiders(count), state.transitions(), state.idle(since));
                let Some(tasks) = state.tasks() else { continue };
                let parts = [tasks.processing, tasks.queued, tasks.waiting, tasks.unrunnable];
                // The sum is never less than any part of it.
                let unfinished = tasks.unfinished();
                for part in parts.into_iter().flatten() {
                    prop_assert!(unfinished.is_none_or(|all| all >= part), "{tasks:?}");
                }
            }
        }
        for counts in both::<Counts>(&whole) {
            let _ = counts.tasks().unfinished();
        }
        for versions in both::<VersionsResponse>(&whole) {
            let _ = versions.has_check_idle();
            let _ = versions.packages();
        }
    }

    #[test]
    fn overflowing_sums_are_unknown(parts in prop::collection::vec(
        prop_oneof![any::<u64>(), Just(1 << 63), Just(u64::MAX), Just(0)], 4,
    )) {
        let tasks = Tasks {
            processing: Some(parts[0]),
            queued: Some(parts[1]),
            waiting: Some(parts[2]),
            unrunnable: Some(parts[3]),
            ..Tasks::default()
        };
        let largest = parts.iter().max().copied().unwrap_or_default();
        prop_assert!(tasks.unfinished().is_none_or(|all| all >= largest));
    }

    #[test]
    fn converting_any_number_to_a_time_does_not_panic(seconds in any::<f64>(), bits in any::<u64>()) {
        let _ = (time(seconds), time(f64::from_bits(bits)), time(f64::NAN));
    }
}
