use proptest::prelude::*;

use super::*;

fn entry(created: f64, text: &str) -> LogEntry {
    LogEntry::at(created, "INFO", text)
}

/// Returns a scheduler's response if its log is `log`, in the order of logging.
fn respond(log: &[LogEntry], range: LogRange) -> FetchedLog {
    let newest_first = log.iter().rev();
    let is_young = |entry: &&LogEntry| range.start.is_none_or(|start| entry.created >= start);
    let mut entries = newest_first
        .take_while(is_young)
        .take(range.limit.unwrap_or(usize::MAX))
        .cloned()
        .collect::<Vec<_>>();
    entries.reverse();
    FetchedLog {
        entries,
        order: LogOrder::NewestFirst,
    }
}

fn texts(entries: &[LogEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.text.as_str()).collect()
}

#[test]
fn puts_the_oldest_entry_first_in_either_order() {
    let raw = |entries: &[(f64, &str)]| {
        let entries = entries.iter();
        let raw = entries.map(|(created, text)| (*created, "INFO".to_owned(), (*text).to_owned()));
        raw.collect::<RawLog>()
    };
    let newest_first = raw(&[(3.0, "c"), (2.0, "b"), (1.0, "a")]);
    let oldest_first = raw(&[(1.0, "a"), (2.0, "b"), (3.0, "c")]);
    for raw in [newest_first, oldest_first] {
        let order = order(&raw).expect("an order");
        let log = FetchedLog::new(raw.clone(), order);
        assert_eq!(texts(&log.entries), ["a", "b", "c"]);
        assert_eq!(
            texts(&log.limited_to(LogRange::new(Some(1), None)).entries),
            ["c"]
        );
        let log = FetchedLog::new(raw, order).limited_to(LogRange::new(None, Some(2.0)));
        assert_eq!(texts(&log.entries), ["b", "c"]);
    }
    assert_eq!(order(&raw(&[])), None);
    assert_eq!(order(&raw(&[(1.0, "a")])), None);
}

#[test]
fn equal_times_lose_and_repeat_nothing() {
    let mut log = vec![entry(1.0, "a"), entry(2.0, "b")];
    let (mut position, first, is_cut) =
        LogPosition::begin(respond(&log, LogRange::default()), None, None);
    assert_eq!(texts(&first), ["a", "b"]);
    assert!(!is_cut);
    log.extend([entry(2.0, "b"), entry(2.0, "c"), entry(1.9, "late")]);
    let fresh = position.take_new(respond(&log, position.next_range()));
    assert_eq!(texts(&fresh), ["b", "c", "late"]);
    assert!(
        position
            .take_new(respond(&log, position.next_range()))
            .is_empty()
    );
    log.push(entry(100.0, "d"));
    assert_eq!(
        texts(&position.take_new(respond(&log, position.next_range()))),
        ["d"]
    );
    log.push(entry(100.0, "d"));
    assert_eq!(
        texts(&position.take_new(respond(&log, position.next_range()))),
        ["d"]
    );
}

#[test]
fn keeps_no_entry_that_has_left_the_log() {
    for created in [5.0, 1e300, f64::INFINITY, f64::NAN] {
        let mut position = LogPosition::default();
        for round in 0..100 {
            let text = round.to_string();
            let log = [entry(created, &text), entry(4.0, &text)];
            position.take_new(respond(&log, LogRange::default()));
            assert!(
                position.seen.len() <= 2,
                "{created}: {}",
                position.seen.len()
            );
        }
    }
}

#[test]
fn entries_left_out_by_a_limit_do_not_appear_later() {
    let mut log = [1.0, 1.1, 1.2, 1.3]
        .map(|time| entry(time, &time.to_string()))
        .to_vec();
    for (limit, shown) in [
        (0, &[][..]),
        (1, &["1.3"]),
        (9, &["1", "1.1", "1.2", "1.3"]),
    ] {
        let range = LogRange::new(Some(limit + 1), Some(0.5));
        let (mut position, first, is_cut) =
            LogPosition::begin(respond(&log, range), Some(limit), range.start);
        assert_eq!((texts(&first), is_cut), (shown.to_vec(), limit < 4));
        log.push(entry(1.4, "new"));
        assert_eq!(
            texts(&position.take_new(respond(&log, position.next_range()))),
            ["new"]
        );
        log.pop();
    }
}

#[test]
fn entries_before_since_do_not_appear_later() {
    let mut log = vec![entry(1.0, "a"), entry(8.0, "b")];
    let whole = respond(&log, LogRange::default()).limited_to(LogRange::new(Some(201), Some(5.0)));
    let (mut position, first, _) = LogPosition::begin(whole, Some(200), Some(5.0));
    assert_eq!(texts(&first), ["b"]);
    log.push(entry(9.0, "c"));
    assert_eq!(
        texts(&position.take_new(respond(&log, position.next_range()))),
        ["c"]
    );
}

#[test]
fn removes_time_and_level_from_the_default_format_only() {
    let line = "2026-11-21 03:12:44,123 - dask_gateway.scheduler_preload - INFO - Requesting - x";
    assert_eq!(
        entry(1.0, line).text,
        "dask_gateway.scheduler_preload - Requesting - x"
    );
    for other in [
        "",
        "started",
        "a - b - INFO - c",
        "2026-11-21T03:12:44.123 - a - INFO - c",
        "2026-11-21 03:12:44,123 - a - INFO",
        "2026-11-21 03:12:44,123 - a - ERROR - c",
    ] {
        assert_eq!(entry(1.0, other).text, other);
    }
}

#[test]
fn never_asks_for_zero_entries() {
    let range = LogRange::new(Some(0), None);
    assert_eq!(get_logs(range)["n"], 2);
    assert_eq!(get_logs(LogRange::default()).get("n"), None);
}

proptest! {
    #[test]
    fn a_growing_log_gives_each_entry_once(
        steps in prop::collection::vec((0_u8..4, 0_u8..3, any::<bool>()), 1..60),
    ) {
        let mut log = Vec::new();
        let mut position = LogPosition::default();
        let mut read = Vec::new();
        let mut now = 1000.0;
        for (step, text, is_read) in steps {
            now += f64::from(step) * 4.0;
            // Some are late or have the same time.
            log.push(entry(now - f64::from(text), &text.to_string()));
            if is_read {
                read.extend(position.take_new(respond(&log, position.next_range())));
            }
        }
        read.extend(position.take_new(respond(&log, position.next_range())));
        let sorted = |mut entries: Vec<LogEntry>| {
            entries.sort_by(|a, b| (a.order(b)).then_with(|| a.text.cmp(&b.text)));
            entries
        };
        prop_assert_eq!(sorted(read), sorted(log));
    }
}

proptest! {
    #[test]
    fn reads_any_log(
        raw in prop::collection::vec((any::<f64>(), crate::hostile::text(), crate::hostile::text()), 0..12),
        limit in prop::option::of(0_usize..20),
        since in prop::option::of(any::<f64>()),
    ) {
        for order in [LogOrder::OldestFirst, LogOrder::NewestFirst] {
            let _ = super::order(&raw);
            let log = FetchedLog::new(raw.clone(), order).limited_to(LogRange::new(limit, since));
            let (mut position, entries, _) = LogPosition::begin(log, limit, since);
            prop_assert!(limit.is_none_or(|limit| entries.len() <= limit));
            position.take_new(FetchedLog::new(raw.clone(), order));
            let again = position.take_new(FetchedLog::new(raw.clone(), order).limited_to(position.next_range()));
            prop_assert_eq!(again.len(), 0, "{:?}", again);
        }
    }
}
