//! Values as a person types them.

use std::fmt;
use std::num::IntErrorKind;
use std::time::Duration;

use jiff::{Span, SpanRelativeTo};

pub(crate) use crate::gateway::ClusterPattern as ClusterName;

/// A hundred years: no calendar ends before.
const LONGEST_DAYS: u64 = 36_500;
const LONGEST: Duration = Duration::from_secs(LONGEST_DAYS * 24 * 60 * 60);

/// Whether `text` is a duration but for the size of its numbers: one that it would be with fewer
/// digits.
fn is_huge(text: &str) -> bool {
    let mut previous = ' ';
    let ones = text.chars().filter(|c| {
        let is_first = !(c.is_ascii_digit() && previous.is_ascii_digit());
        previous = *c;
        is_first
    });
    let ones = ones.collect::<String>();
    ones != text
        && ones.parse::<Span>().is_ok_and(|span| {
            !span.is_negative()
                && span
                    .to_duration(SpanRelativeTo::days_are_24_hours())
                    .is_ok()
        })
}

/// `90s`, `30m`, `2h`, `1d12h`.
///
/// # Errors
/// What a duration looks like, or that it is too long.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let duration = text
        .parse::<Span>()
        .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()))
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok());
    match duration {
        Some(duration) if duration <= LONGEST => Ok(duration),
        None if !is_huge(text) => {
            Err("a duration is a number with a unit: 90s, 30m, 2h, 1d12h".to_owned())
        }
        _ => Err(format!("is too long: the longest is {LONGEST_DAYS}d")),
    }
}

/// A time limit: a duration longer than nothing.
///
/// # Errors
/// What a duration looks like.
pub(crate) fn limit(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("must be longer than nothing".to_owned()),
        limit => Ok(limit),
    }
}

/// How often to look: a duration of at least a second.
///
/// # Errors
/// What a duration looks like, or that it is too short.
pub(crate) fn pace(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        pace if pace < Duration::from_secs(1) => Err("must be a second at least".to_owned()),
        pace => Ok(pace),
    }
}

/// A number of workers.
///
/// # Errors
/// What it must be.
pub(crate) fn workers(text: &str) -> Result<u32, String> {
    number_of_workers(text, || "a number of workers is 0, 1, 2, …".to_owned())
}

/// `malformed` is for what is no number at all.
fn number_of_workers(text: &str, malformed: impl Fn() -> String) -> Result<u32, String> {
    text.parse::<u32>().map_err(|error| match error.kind() {
        IntErrorKind::PosOverflow => format!("is too large: the most is {}", u32::MAX),
        _ => malformed(),
    })
}

/// How much of the end of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    All,
    Last(usize),
}

/// A number of log entries, or `all`.
///
/// # Errors
/// What it must be.
pub(crate) fn tail(text: &str) -> Result<Tail, String> {
    match text.parse::<u32>().map(usize::try_from) {
        Ok(Ok(count)) => Ok(Tail::Last(count)),
        _ if text == "all" => Ok(Tail::All),
        _ => Err("a number of entries is 0, 1, 2, … or all".to_owned()),
    }
}

/// What `dgw wait` waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    Running,
    Stopped,
    Workers(u32),
    Idle,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Running => f.write_str("running"),
            Self::Stopped => f.write_str("stopped"),
            Self::Workers(count) => write!(f, "running with {count} workers"),
            Self::Idle => f.write_str("idle"),
        }
    }
}

/// `running`, `stopped`, `workers=N` or `idle`.
///
/// # Errors
/// What there is to wait for.
pub(crate) fn condition(text: &str) -> Result<Condition, String> {
    match text.split_once('=') {
        Some(("workers", count)) => workers(count).map(Condition::Workers),
        None if text == "running" => Ok(Condition::Running),
        None if text == "stopped" => Ok(Condition::Stopped),
        None if text == "idle" => Ok(Condition::Idle),
        _ => Err("a condition is running, stopped, workers=N or idle".to_owned()),
    }
}

/// `KEY=VALUE`.
///
/// # Errors
/// There's no `=`, or no key before it.
pub(crate) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("an option is set as KEY=VALUE".to_owned()),
    }
}

/// `MIN..MAX`, either of which may be left out.
///
/// # Errors
/// What a range looks like, or that its ends are the wrong way round.
pub(crate) fn worker_range(text: &str) -> Result<(Option<u32>, Option<u32>), String> {
    let malformed = || "a range of workers is MIN..MAX, for instance 0..8".to_owned();
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
    fn durations_need_a_unit() {
        for (text, seconds) in [
            ("90s", 90),
            ("30m", 1_800),
            ("2h", 7_200),
            ("1d12h", 129_600),
            ("0s", 0),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "90", "s", "-1s", "-99999999999999d", "1mo", "1y", "nan"] {
            let told = duration(text).expect_err(text);
            assert!(told.starts_with("a duration is"), "{text}: {told}");
        }
        for text in [
            "99999999999999d",
            "999999999d",
            "36501d",
            "99999999999999999999999s",
        ] {
            let told = duration(text).expect_err(text);
            assert_eq!(told, "is too long: the longest is 36500d", "{text}");
        }
        assert!(duration("36500d").is_ok());
    }

    #[test]
    fn a_number_may_be_too_large() {
        let too_large = Err("is too large: the most is 4294967295".to_owned());
        assert_eq!(workers("4294967295"), Ok(u32::MAX));
        assert_eq!(workers("4294967296"), too_large);
        assert_eq!(worker_range("0..4294967296").map(drop), too_large.map(drop));
        assert!(workers("-1").is_err_and(|told| told.starts_with("a number")));
    }

    #[test]
    fn conditions_are_words_and_one_takes_a_number() {
        assert_eq!(condition("running"), Ok(Condition::Running));
        assert_eq!(condition("stopped"), Ok(Condition::Stopped));
        assert_eq!(condition("idle"), Ok(Condition::Idle));
        assert_eq!(condition("workers=8"), Ok(Condition::Workers(8)));
        for text in ["", "workers", "workers=", "workers=-1", "idle=1", "RUNNING"] {
            assert!(condition(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_range_has_at_least_one_end_and_they_are_in_order() {
        assert_eq!(worker_range("0..8"), Ok((Some(0), Some(8))));
        assert_eq!(worker_range("2.."), Ok((Some(2), None)));
        assert_eq!(worker_range("..8"), Ok((None, Some(8))));
        for text in ["..", "8", "8..2", "-1..2", "a..b", "1...2"] {
            assert!(worker_range(text).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_typed_is_a_value_or_a_mistake(text in crate::strange::text(), digits in "[0-9a-z.=-]{0,24}") {
            for text in [&text, &digits] {
                for read in [duration, limit, pace] {
                    if let Ok(span) = read(text) {
                        // What deadlines are reckoned with.
                        proptest::prop_assert!(std::time::Instant::now().checked_add(span).is_some());
                        let _ = crate::age::short(span);
                    }
                }
                let _ = (workers(text), tail(text), condition(text).map(|what| what.to_string()));
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
