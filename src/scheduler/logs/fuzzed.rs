//! Fuzz target: the pages of a log.

use super::*;

/// Reads the input, in `MessagePack`, as a limit, a start and the responses to one request after the
/// other.
pub(crate) fn pages(input: &[u8]) {
    let Ok((limit, since, pages)) =
        rmp_serde::from_slice::<(Option<usize>, Option<f64>, Vec<RawLog>)>(input)
    else {
        return;
    };
    let mut pages = pages.into_iter();
    let Some(first) = pages.next() else { return };
    let order = super::order(&first).unwrap_or(LogOrder::NewestFirst);
    let log = FetchedLog::new(first, order).limited_to(LogRange::new(limit, since));
    let (mut position, entries, _) = LogPosition::begin(log, limit, since);
    assert!(limit.is_none_or(|limit| entries.len() <= limit));
    for page in pages {
        let log = FetchedLog::new(page.clone(), order).limited_to(position.next_range());
        let length = log.entries.len();
        assert!(position.take_new(log).len() <= length);
        assert!(
            position.seen.len() <= length,
            "it keeps what has left the log"
        );
        let again = FetchedLog::new(page, order).limited_to(position.next_range());
        assert!(position.take_new(again).is_empty(), "entries are repeated");
    }
}
