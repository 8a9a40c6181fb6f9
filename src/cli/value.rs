//! Values of arguments.

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

#[cfg(test)]
mod tests {
    use super::*;

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
                let _ = tail(text);
                if let Ok((key, value)) = key_value(text) {
                    proptest::prop_assert_eq!(&format!("{key}={value}"), text);
                }
            }
        }
    }
}
