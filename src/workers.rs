//! Numbers of workers, as typed and configured.

use std::num::IntErrorKind;

/// The workers that a new cluster gets by default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DefaultWorkers {
    Fixed(u32),
    /// As many as the work needs, between these bounds.
    Adaptive(WorkerRange),
}

/// The least and the greatest number of workers; `None` leaves a bound to the gateway.
pub(crate) type WorkerRange = (Option<u32>, Option<u32>);

impl DefaultWorkers {
    /// Parses a number of workers, or `MIN..MAX`.
    ///
    /// # Errors
    /// `text` is neither.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let malformed = || "must be a number of workers, or MIN..MAX such as 1..8".to_owned();
        if text.contains("..") {
            range(text, malformed).map(Self::Adaptive)
        } else {
            number(text, malformed).map(Self::Fixed)
        }
    }
}

/// Parses a number of workers.
///
/// # Errors
/// `text` is not a number, or too large.
pub(crate) fn parse_number(text: &str) -> Result<u32, String> {
    number(text, || "must be a whole number: 0, 1, 2, …".to_owned())
}

/// Parses `MIN..MAX`, either of which may be omitted.
///
/// # Errors
/// `text` is not a range, or the minimum is above the maximum.
pub(crate) fn parse_range(text: &str) -> Result<WorkerRange, String> {
    range(text, || "must be MIN..MAX, such as 0..8".to_owned())
}

/// Parses a number; `malformed` makes the message for text that is none.
fn number(text: &str, malformed: impl Fn() -> String) -> Result<u32, String> {
    text.parse::<u32>().map_err(|error| match error.kind() {
        IntErrorKind::PosOverflow => format!("is too large: the most is {}", u32::MAX),
        _ => malformed(),
    })
}

/// Parses a range; `malformed` makes the message for text that is none.
fn range(text: &str, malformed: impl Fn() -> String) -> Result<WorkerRange, String> {
    let end = |text: &str| match text {
        "" => Ok(None),
        digits => number(digits, &malformed).map(Some),
    };
    let (minimum, maximum) = text.split_once("..").ok_or_else(&malformed)?;
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
        assert_eq!(parse_number("4294967295"), Ok(u32::MAX));
        assert_eq!(parse_number("4294967296"), too_large);
        assert_eq!(parse_range("0..4294967296").map(drop), too_large.map(drop));
        assert!(parse_number("-1").is_err_and(|message| message.starts_with("must be")));
    }

    #[test]
    fn a_range_has_a_bound_and_is_in_order() {
        assert_eq!(parse_range("0..8"), Ok((Some(0), Some(8))));
        assert_eq!(parse_range("2.."), Ok((Some(2), None)));
        assert_eq!(parse_range("..8"), Ok((None, Some(8))));
        for text in ["..", "8", "8..2", "-1..2", "a..b", "1...2"] {
            assert!(parse_range(text).is_err(), "{text}");
        }
    }

    #[test]
    fn defaults_are_a_number_or_a_range() {
        let range = DefaultWorkers::Adaptive((Some(1), Some(8)));
        assert_eq!(DefaultWorkers::parse("1..8"), Ok(range));
        assert_eq!(DefaultWorkers::parse("4"), Ok(DefaultWorkers::Fixed(4)));
        let malformed = "must be a number of workers, or MIN..MAX such as 1..8";
        for text in ["", "..", "1.5", "many", "-1", "1..x"] {
            let refusal = DefaultWorkers::parse(text).expect_err("not valid");
            assert_eq!(refusal, malformed, "{text}");
        }
        assert_eq!(
            DefaultWorkers::parse("8..1").expect_err("not valid"),
            "the minimum, 8, is above the maximum, 1"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_value_or_an_error(text in crate::hostile::text(), digits in "[0-9.-]{0,24}") {
            for text in [&text, &digits] {
                let _ = (parse_number(text), DefaultWorkers::parse(text));
                if let Ok((Some(minimum), Some(maximum))) = parse_range(text) {
                    proptest::prop_assert!(minimum <= maximum);
                }
            }
        }
    }
}
