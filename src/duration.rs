//! Durations as people type and read them: `45s`, `2h13m`, `3d4h`.

use std::borrow::Cow;
use std::time::Duration;

use jiff::fmt::friendly::{Designator, Spacing, SpanPrinter};
use jiff::{Span, SpanRelativeTo};

static PRINTER: SpanPrinter = SpanPrinter::new()
    .designator(Designator::Compact)
    .spacing(Spacing::None);

/// Formats `duration` in full, as a limit that the user set: `500ms`, `1m30s`.
pub(crate) fn exact(duration: Duration) -> String {
    PRINTER.unsigned_duration_to_string(&duration)
}

/// Formats the two largest units of `duration`, to the second.
pub(crate) fn short(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (large, small) = match seconds {
        0..60 => return format!("{seconds}s"),
        60..3_600 => ((60, 'm'), (1, 's')),
        3_600..86_400 => ((3_600, 'h'), (60, 'm')),
        _ => ((86_400, 'd'), (3_600, 'h')),
    };
    let (first, rest) = (seconds / large.0, seconds % large.0 / small.0);
    if rest == 0 {
        format!("{first}{}", large.1)
    } else {
        format!("{first}{}{rest}{}", large.1, small.1)
    }
}

/// The longest duration that dgw accepts, a hundred years: no calendar ends before.
const LONGEST_DAYS: u64 = 36_500;
const LONGEST: Duration = Duration::from_secs(LONGEST_DAYS * 24 * 60 * 60);

/// Parses `90s`, `30m`, `2h`, `1d12h`, and Slurm's `1:30:00` and `2-12:00:00`.
///
/// # Errors
/// `text` is not a duration, or too long: the message says what a duration looks like.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let days = SpanRelativeTo::days_are_24_hours();
    let duration = with_unit_of_days(text)
        .parse::<Span>()
        .and_then(|span| span.to_duration(days))
        .ok()
        .and_then(|duration| Duration::try_from(duration).ok());
    match duration {
        Some(duration) if duration <= LONGEST => Ok(duration),
        None if !is_huge(text) => Err(
            "must be a number with a unit: 90s, 30m, 2h, 1d12h; or [DAYS-]HOURS:MM:SS".to_owned(),
        ),
        _ => Err(format!("is too long: the longest is {LONGEST_DAYS}d")),
    }
}

/// Rewrites Slurm's DAYS-HOURS:MM:SS in a form that jiff parses.
fn with_unit_of_days(text: &str) -> Cow<'_, str> {
    match text.split_once('-') {
        Some((days, time)) if time.contains(':') && days.parse::<u64>().is_ok() => {
            format!("{days}d {time}").into()
        }
        _ => text.into(),
    }
}

/// Returns true if `text` is a duration whose numbers are too large for jiff: one that parses with
/// each number cut to its first digit.
fn is_huge(text: &str) -> bool {
    let mut previous = ' ';
    let shortened = text
        .chars()
        .filter(|c| {
            let is_first = !(c.is_ascii_digit() && previous.is_ascii_digit());
            previous = *c;
            is_first
        })
        .collect::<String>();
    shortened != text
        && shortened
            .parse::<Span>()
            .is_ok_and(|span| !span.is_negative() && parse(&shortened).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_numbers_with_units() {
        for (text, seconds) in [
            ("90s", 90),
            ("30m", 1_800),
            ("2h", 7_200),
            ("1d12h", 129_600),
            ("0s", 0),
            ("1:30:00", 5_400),
            ("48:00:00", 172_800),
            ("2-12:00:00", 216_000),
        ] {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in [
            "",
            "90",
            "s",
            "-1s",
            "-99999999999999d",
            "-1:00:00",
            "1-",
            "x-1:00:00",
            "1mo",
            "1y",
            "nan",
        ] {
            let message = parse(text).expect_err(text);
            assert!(message.starts_with("must be a number"), "{text}: {message}");
        }
    }

    #[test]
    fn refuses_more_than_a_hundred_years() {
        for text in [
            "99999999999999d",
            "999999999d",
            "36501d",
            "99999999999999999999999s",
        ] {
            let message = parse(text).expect_err(text);
            assert_eq!(message, "is too long: the longest is 36500d", "{text}");
        }
        assert!(parse("36500d").is_ok());
    }

    #[test]
    fn formats_limits_in_full() {
        for (milliseconds, text) in [
            (0, "0s"),
            (500, "500ms"),
            (1_500, "1s500ms"),
            (2_000, "2s"),
            (90_000, "1m30s"),
        ] {
            assert_eq!(exact(Duration::from_millis(milliseconds)), text);
        }
    }

    #[test]
    fn formats_at_most_two_units() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (61, "1m1s"),
            (3_599, "59m59s"),
            (3_600, "1h"),
            (7_999, "2h13m"),
            (86_399, "23h59m"),
            (86_400, "1d"),
            (273_600, "3d4h"),
            (100 * 86_400, "100d"),
        ] {
            assert_eq!(short(Duration::from_secs(seconds)), text);
        }
        assert_eq!(short(Duration::MAX), "213503982334601d7h");
    }
}
