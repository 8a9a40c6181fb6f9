use proptest::prelude::*;

use super::*;

fn entry(created: f64, text: &str) -> LogEntry {
    LogEntry::at(created, "INFO", text)
}

/// What a scheduler whose log is `log`, in the order in which it came there, answers.
fn answer(log: &[LogEntry], part: LogRange) -> FetchedLog {
    let newest_first = log.iter().rev();
    let is_young = |entry: &&LogEntry| part.start.is_none_or(|start| entry.created >= start);
    let asked = newest_first.take_while(is_young);
    let mut entries = asked
        .take(part.limit.unwrap_or(usize::MAX))
        .cloned()
        .collect::<Vec<_>>();
    entries.reverse();
    FetchedLog {
        entries,
        source: Source::NewestFirst,
    }
}

fn texts(entries: &[LogEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.text.as_str()).collect()
}

#[test]
fn whatever_order_they_come_in_the_oldest_is_first() {
    let raw = |entries: &[(f64, &str)]| {
        let entries = entries.iter();
        let raw = entries.map(|(created, text)| (*created, "INFO".to_owned(), (*text).to_owned()));
        raw.collect::<Raw>()
    };
    let newest_first = raw(&[(3.0, "c"), (2.0, "b"), (1.0, "a")]);
    let oldest_first = raw(&[(1.0, "a"), (2.0, "b"), (3.0, "c")]);
    for raw in [newest_first, oldest_first] {
        let order = order(&raw).expect("an order");
        let log = FetchedLog::new(raw.clone(), order);
        assert_eq!(texts(&log.entries), ["a", "b", "c"]);
        assert_eq!(
            texts(&log.only(LogRange::first(Some(1), None)).entries),
            ["c"]
        );
        let log = FetchedLog::new(raw, order).only(LogRange::first(None, Some(2.0)));
        assert_eq!(texts(&log.entries), ["b", "c"]);
    }
    assert_eq!(order(&raw(&[])), None);
    assert_eq!(order(&raw(&[(1.0, "a")])), None);
}

#[test]
fn the_same_moment_loses_nothing_and_repeats_nothing() {
    let mut log = vec![entry(1.0, "a"), entry(2.0, "b")];
    let (mut position, first, is_cut) =
        LogPosition::begin(answer(&log, LogRange::default()), None, None);
    assert_eq!(texts(&first), ["a", "b"]);
    assert!(!is_cut);
    log.extend([entry(2.0, "b"), entry(2.0, "c"), entry(1.9, "late")]);
    let fresh = position.read(answer(&log, position.part()));
    assert_eq!(texts(&fresh), ["b", "c", "late"]);
    assert!(position.read(answer(&log, position.part())).is_empty());
    log.push(entry(100.0, "d"));
    assert_eq!(texts(&position.read(answer(&log, position.part()))), ["d"]);
    log.push(entry(100.0, "d"));
    assert_eq!(texts(&position.read(answer(&log, position.part()))), ["d"]);
}

#[test]
fn what_a_limit_leaves_out_does_not_come_later() {
    let mut log = [1.0, 1.1, 1.2, 1.3]
        .map(|time| entry(time, &time.to_string()))
        .to_vec();
    for (limit, shown) in [
        (0, &[][..]),
        (1, &["1.3"]),
        (9, &["1", "1.1", "1.2", "1.3"]),
    ] {
        let part = LogRange::first(Some(limit + 1), Some(0.5));
        let (mut position, first, is_cut) =
            LogPosition::begin(answer(&log, part), Some(limit), part.start);
        assert_eq!((texts(&first), is_cut), (shown.to_vec(), limit < 4));
        log.push(entry(1.4, "new"));
        assert_eq!(
            texts(&position.read(answer(&log, position.part()))),
            ["new"]
        );
        log.pop();
    }
}

#[test]
fn what_was_logged_before_since_does_not_come_later() {
    let mut log = vec![entry(1.0, "a"), entry(8.0, "b")];
    let whole = answer(&log, LogRange::default()).only(LogRange::first(Some(201), Some(5.0)));
    let (mut position, first, _) = LogPosition::begin(whole, Some(200), Some(5.0));
    assert_eq!(texts(&first), ["b"]);
    log.push(entry(9.0, "c"));
    assert_eq!(texts(&position.read(answer(&log, position.part()))), ["c"]);
}

#[test]
fn the_default_format_is_told_once_and_others_are_left_alone() {
    let line = "2026-11-21 03:12:44,123 - dask_gateway.scheduler_preload - INFO - Requesting - x";
    assert_eq!(
        entry(1.0, line).text,
        "dask_gateway.scheduler_preload - Requesting - x"
    );
    for other in [
        "",
        "started",
        "a - b - INFO - c",
        "2026-11-21 03:12:44,123 - a - ERROR - c",
    ] {
        assert_eq!(entry(1.0, other).text, other);
    }
}

#[test]
fn zero_is_never_asked_for() {
    let part = LogRange::first(Some(0), None);
    assert_eq!(question(part)["n"], 2);
    assert_eq!(question(LogRange::default()).get("n"), None);
}

proptest! {
    #[test]
    fn however_a_log_grows_each_entry_comes_once(
        steps in prop::collection::vec((0_u8..4, 0_u8..3, any::<bool>()), 1..60),
    ) {
        let mut log = Vec::new();
        let mut position = LogPosition::default();
        let mut read = Vec::new();
        let mut now = 1000.0;
        for (step, text, is_read) in steps {
            now += f64::from(step) * 4.0;
            // Now and then one is late, or of the same moment.
            log.push(entry(now - f64::from(text), &text.to_string()));
            if is_read {
                read.extend(position.read(answer(&log, position.part())));
            }
        }
        read.extend(position.read(answer(&log, position.part())));
        let sorted = |mut entries: Vec<LogEntry>| {
            entries.sort_by_key(LogEntry::key);
            entries
        };
        prop_assert_eq!(sorted(read), sorted(log));
    }
}

proptest! {
    #[test]
    fn whatever_is_logged_is_read(
        raw in prop::collection::vec((any::<f64>(), crate::hostile::text(), crate::hostile::text()), 0..12),
        page in prop::collection::vec(
            prop_oneof![
                Just("<title> Logs </title>".to_owned()), Just("<p> ".to_owned()), Just(" </p>".to_owned()),
                Just("2026-11-21 03:12:44,123 - a - INFO - b".to_owned()), Just("&amp;lt;".to_owned()),
                crate::hostile::text(),
            ],
            0..12,
        ),
        limit in prop::option::of(0_usize..20),
        since in prop::option::of(any::<f64>()),
    ) {
        for source in [Source::OldestFirst, Source::NewestFirst] {
            let _ = order(&raw);
            let log = FetchedLog::new(raw.clone(), source).only(LogRange::first(limit, since));
            let (mut position, entries, _) = LogPosition::begin(log, limit, since);
            prop_assert!(limit.is_none_or(|limit| entries.len() <= limit));
            position.read(FetchedLog::new(raw.clone(), source));
            let again = position.read(FetchedLog::new(raw.clone(), source).only(position.part()));
            prop_assert_eq!(again.len(), 0, "{:?}", again);
        }
        if let Ok(log) = page::read("http://h/", page.concat().as_bytes()) {
            let (_, entries, _) = LogPosition::begin(log, limit, None);
            prop_assert!(limit.is_none_or(|limit| entries.len() <= limit));
        }
    }
}
