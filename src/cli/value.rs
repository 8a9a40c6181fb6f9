//! Values of arguments.

use std::num::IntErrorKind;
use std::time::Duration;

use crate::duration;

/// Parses a time limit: a duration longer than zero.
///
/// # Errors
/// `text` is not a duration, or zero.
pub(crate) fn limit(text: &str) -> Result<Duration, String> {
    match duration::parse(text)? {
        Duration::ZERO => Err("must be longer than zero".to_owned()),
        limit => Ok(limit),
    }
}

/// Parses a refresh interval: a duration of at least a second.
///
/// # Errors
/// `text` is not a duration, or too short.
pub(crate) fn pace(text: &str) -> Result<Duration, String> {
    match duration::parse(text)? {
        pace if pace < Duration::from_secs(1) => Err("must be at least a second".to_owned()),
        pace => Ok(pace),
    }
}

/// Parses a number of workers.
///
/// # Errors
/// `text` is not a number, or too large.
pub(crate) fn workers(text: &str) -> Result<u32, String> {
    number_of_workers(text, || "must be a whole number: 0, 1, 2, …".to_owned())
}

/// Parses a number of workers; `malformed` is the message for text that is not a number.
fn number_of_workers(text: &str, malformed: impl Fn() -> String) -> Result<u32, String> {
    text.parse::<u32>().map_err(|error| match error.kind() {
        IntErrorKind::PosOverflow => format!("is too large: the most is {}", u32::MAX),
        _ => malformed(),
    })
}

/// The part of a log's end to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    All,
    Last(usize),
}

/// Parses a number of log entries, or `all`.
///
/// # Errors
/// `text` is neither.
pub(crate) fn tail(text: &str) -> Result<Tail, String> {
    match text.parse::<u32>().map(usize::try_from) {
        Ok(Ok(count)) => Ok(Tail::Last(count)),
        _ if text == "all" => Ok(Tail::All),
        _ => Err("must be a whole number, or `all`".to_owned()),
    }
}

/// Parses `KEY=VALUE`.
///
/// # Errors
/// There is no `=`, or no key before it.
pub(crate) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("must be KEY=VALUE".to_owned()),
    }
}

/// Parses `MIN..MAX`, either of which may be omitted.
///
/// # Errors
/// `text` is not a range, or the minimum is above the maximum.
pub(crate) fn worker_range(text: &str) -> Result<(Option<u32>, Option<u32>), String> {
    let malformed = || "must be MIN..MAX, such as 0..8".to_owned();
    let end = |text: &str| match text {
        "" => Ok(None),
        digits => number_of_workers(digits, malformed).map(Some),
    };
    let (minimum, maximum) = text.split_once("..").ok_or_else(malformed)?;
    match (end(minimum)?, end(maximum)?) {
        (None, None) => Err(malformed()),
        (Some(minimum), Some(maximum)) if minimum > maximum => Err(format!(
            "the minimum, {minimum}, is above the maximum, {maximum}"
        )),
        range => Ok(range),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_numbers_that_are_too_large() {
        let too_large = Err("is too large: the most is 4294967295".to_owned());
        assert_eq!(workers("4294967295"), Ok(u32::MAX));
        assert_eq!(workers("4294967296"), too_large);
        assert_eq!(worker_range("0..4294967296").map(drop), too_large.map(drop));
        assert!(workers("-1").is_err_and(|message| message.starts_with("must be")));
    }

    #[test]
    fn a_range_has_a_bound_and_is_in_order() {
        assert_eq!(worker_range("0..8"), Ok((Some(0), Some(8))));
        assert_eq!(worker_range("2.."), Ok((Some(2), None)));
        assert_eq!(worker_range("..8"), Ok((None, Some(8))));
        for text in ["..", "8", "8..2", "-1..2", "a..b", "1...2"] {
            assert!(worker_range(text).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_value_or_an_error(text in crate::hostile::text(), digits in "[0-9a-z.=-]{0,24}") {
            for text in [&text, &digits] {
                for read in [duration::parse, limit, pace] {
                    if let Ok(span) = read(text) {
                        // Deadlines are computed with it.
                        proptest::prop_assert!(std::time::Instant::now().checked_add(span).is_some());
                        let _ = duration::short(span);
                    }
                }
                let _ = (workers(text), tail(text));
                if let Ok((key, value)) = key_value(text) {
                    proptest::prop_assert_eq!(&format!("{key}={value}"), text);
                }
                if let Ok((Some(minimum), Some(maximum))) = worker_range(text) {
                    proptest::prop_assert!(minimum <= maximum);
                }
            }
        }
    }
}
