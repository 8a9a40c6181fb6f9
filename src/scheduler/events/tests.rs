use serde_json::Value;

use super::*;

fn events(value: Value) -> Vec<RawEvent> {
    serde_json::from_value(value).expect("events")
}

fn found(
    value: Value,
    own: &HashMap<String, Vec<RawEvent>>,
) -> Vec<(EventKind, Option<u64>, String)> {
    let names = HashMap::from([("tls://h:1".to_owned(), "w1".to_owned())]);
    let found = from_events(&events(value), &names, own).into_iter();
    let shown = found.map(|(_, event)| {
        let name = event.name.unwrap_or_default();
        (event.event, event.tasks, format!("{name}: {}", event.text))
    });
    shown.collect()
}

#[test]
fn events_of_workers_clients_and_graphs_are_a_timeline() {
    use EventKind as K;
    let all = json!([
        [1.0, {"action": "add-worker", "worker": "tls://h:1"}],
        [2.0, {"action": "add-client", "client": "Client-a"}],
        [3.0, {"action": "update-graph", "metrics": {"tasks": 20}, "status": "OK"}],
        [3.5, {"action": "update_graph", "client": "Client-a", "count": 1}],
        [4.0, {"action": "update-graph", "status": "error"}],
        [5.0, {"action": "remove-worker", "worker": "tls://h:1", "expected": false,
               "processing-tasks": {"__Set__": true, "as-list": ["a", ["b", 1]]},
               "lost-computed-tasks": ["c"], "lost-scattered-tasks": {"__Set__": true, "as-list": []}}],
        [6.0, {"action": "remove-worker", "worker": "tls://h:2", "expected": true,
               "processing-tasks": {"__Set__": true, "as-list": []}}],
        [7.0, {"action": "remove-client", "client": "Client-a"}],
        [7.1, {"action": "remove-client", "client": "Client-a"}],
        [8.0, {"action": "gather", "count": 20}],
        [9.0, "print"],
        [9.5, {"action": 7, "processing-tasks": "many"}],
        [9.6, {"action": "add-client",
               "client": "Client-worker-7d104e5c-e5fb-11f1-bc07-02fc00000001"}],
    ]);
    let text = |text: &str| text.to_owned();
    assert_eq!(
        found(all, &HashMap::new()),
        [
            (K::WorkerJoined, None, text("w1: ")),
            (K::ClientJoined, None, text("Client-a: ")),
            (K::Graph, Some(20), text(": 20 tasks submitted")),
            (K::Graph, Some(1), text(": 1 task submitted")),
            (K::Error, None, text(": a graph could not be added")),
            (
                K::WorkerLost,
                Some(3),
                text("w1: its connection ended without notice; lost 2 assigned tasks, 1 result")
            ),
            (K::WorkerLeft, Some(0), text("tls://h:2: ")),
            (K::ClientLeft, None, text("Client-a: ")),
        ]
    );
}

#[test]
fn own_events_of_a_worker_tell_why_it_left() {
    let removed = || {
        json!([[100.0, {"action": "remove-worker", "worker": "tls://h:1",
                                     "processing-tasks": {"a": 0.5}}]])
    };
    let with = |own: Value| {
        let own = HashMap::from([("tls://h:1".to_owned(), events(own))]);
        let (kind, tasks, text) = found(removed(), &own).remove(0);
        assert_eq!(tasks, Some(1));
        (kind, text)
    };
    let (kind, text) = with(json!([[99.0, {"action": "closing-worker", "reason": "signal-15"}]]));
    assert_eq!(kind, EventKind::WorkerLost);
    assert_eq!(text, "w1: ended by signal 15; lost 1 assigned task");
    let (kind, text) = with(json!([[100.5, {"action": "retired"}]]));
    assert_eq!(
        (kind, text.as_str()),
        (EventKind::WorkerLeft, "w1: lost 1 assigned task")
    );
    // A worker at the same address, long ago.
    let (kind, text) = with(json!([[10.0, {"action": "closing-worker", "reason": "x"}]]));
    assert_eq!(kind, EventKind::WorkerLost);
    assert!(text.contains("without notice"), "{text}");
}

#[test]
fn gateway_replaces_a_lost_worker_that_its_nanny_restarts() {
    let removed = |time: f64| json!([time, {"action": "remove-worker", "worker": "tls://h:1", "expected": false}]);
    let found = found(
        json!([removed(1.0), removed(3.0), removed(300.0)]),
        &HashMap::new(),
    );
    let kinds = found.iter().map(|(kind, ..)| *kind);
    let (lost, left) = (EventKind::WorkerLost, EventKind::WorkerLeft);
    assert_eq!(kinds.collect::<Vec<_>>(), [lost, left, lost]);
    assert!(
        found[1]
            .2
            .ends_with("without notice; the gateway replaces lost workers")
    );
}

#[test]
fn log_has_warnings_errors_scaling_and_names() {
    let event = |level: &str, text: &str| {
        let (_, event) = from_log(&LogEntry::at(1.5, level, text))?;
        Some((event.event, event.text))
    };
    let scaled = "dask_gateway.scheduler_preload - Requesting scale to 2 workers from 0";
    let text = "Requesting scale to 2 workers from 0".to_owned();
    assert_eq!(event("INFO", scaled), Some((EventKind::Scaling, text)));
    let failed = event("ERROR", "distributed.core - failed\nTraceback:\n");
    assert_eq!(
        failed,
        Some((EventKind::Error, "failed\nTraceback:".to_owned()))
    );
    assert_eq!(event("INFO", "distributed.core - x"), None);
    assert_eq!(
        event(
            "WARNING",
            "distributed.scheduler - Removing worker 'a' caused"
        ),
        None
    );
    let long = event("WARNING", &format!("x - {}", "é".repeat(9_999))).expect("a warning");
    assert_eq!(long.1.chars().count(), TEXT_LIMIT + 1);
    for line in [
        "distributed.scheduler - Register worker addr: tls://h:1 name: ab12",
        "distributed.scheduler - Register worker <WorkerState 'tls://h:1', name: ab12, status: init>",
    ] {
        let found = registered(line).expect("a worker");
        assert_eq!(found, ("tls://h:1".to_owned(), "ab12".to_owned()), "{line}");
    }
    assert_eq!(registered("Register worker"), None);
}

proptest::proptest! {
    #[test]
    fn any_response_is_a_timeline_or_an_error(value in crate::hostile::json()) {
        if let Ok(events) = serde_json::from_value::<Vec<RawEvent>>(value) {
            from_events(&events, &HashMap::new(), &HashMap::new());
        }
    }
}

#[test]
fn totals_count_graphs_and_say_what_is_unknown() {
    let at = |seconds| Timestamp::from_second(seconds).ok();
    let totals = |value: &Value, since| EventTotals::of(&[events(value.clone())], since);
    let known = |graphs, tasks, lost_workers| EventTotals {
        graphs,
        tasks,
        lost_workers,
        is_complete: true,
    };
    assert_eq!(totals(&json!([]), None), known(None, None, Some(0)));
    let mut all = json!([
        [1.0, {"action": "add-worker", "worker": "tls://h:1"}],
        [2.0, {"action": "update-graph", "metrics": {"tasks": 20}}],
        [3.0, {"action": "update-graph", "metrics": {"tasks": 1}}],
        [4.0, {"action": "update-graph", "metrics": {"tasks": 7}, "status": "error"}],
        [5.0, {"action": "remove-worker", "worker": "tls://h:1", "expected": true}],
    ]);
    assert_eq!(totals(&all, None), known(Some(2), Some(21), Some(0)));
    assert_eq!(totals(&all, at(2)), known(Some(1), Some(1), Some(0)));
    assert_eq!(totals(&all, at(9)), known(None, None, Some(0)));
    let mut with = |event: Value| {
        all.as_array_mut().expect("events").push(event);
        totals(&all, at(1))
    };
    let lost = json!([6.0, {"action": "remove-worker", "worker": "tls://h:2", "expected": false}]);
    assert_eq!(with(lost), known(Some(2), Some(21), None));
    let huge = json!([7.0, {"action": "update-graph", "metrics": {"tasks": u64::MAX}}]);
    assert_eq!(with(huge), known(Some(3), None, None));
    let odd = json!([8.0, {"action": "update-graph", "metrics": {"tasks": -1}}]);
    assert_eq!(with(odd), known(Some(4), None, None));
    // Older schedulers leave out graphs of a single task.
    let old = json!([[1.0, {"action": "update_graph", "count": 2}]]);
    let expected = EventTotals {
        is_complete: false,
        ..known(Some(1), Some(2), Some(0))
    };
    assert_eq!(totals(&old, None), expected);
}

#[test]
fn totals_of_a_full_list_are_lower_bounds() {
    let gathers = |count: u32| {
        let gather = |time| json!([f64::from(time), {"action": "gather"}]);
        events((0..count).map(gather).collect())
    };
    let is_complete = |count, since: Option<i64>| {
        let since = since.and_then(|time| Timestamp::from_second(time).ok());
        EventTotals::of(&[Vec::new(), gathers(count)], since).is_complete
    };
    assert!(is_complete(999, None));
    assert!(!is_complete(1000, None));
    assert!(is_complete(1000, Some(0)));
    assert!(!is_complete(1000, Some(-1)));
}
