//! Spans of time for people: `45s`, `2h13m`, `3d4h`.

use std::time::Duration;

use jiff::fmt::friendly::{Designator, Spacing, SpanPrinter};
use jiff::{SignedDuration, Span, SpanRound, Unit};

/// The two largest units of `duration`, to the second.
pub(crate) fn short(duration: Duration) -> String {
    static PRINTER: SpanPrinter = SpanPrinter::new()
        .designator(Designator::Compact)
        .spacing(Spacing::None);
    let seconds = duration.as_secs();
    let smallest = match seconds {
        0..3_600 => Unit::Second,
        3_600..86_400 => Unit::Minute,
        _ => Unit::Hour,
    };
    let span = SignedDuration::try_from(Duration::from_secs(seconds))
        .ok()
        .and_then(|duration| Span::try_from(duration).ok())
        .and_then(|span| {
            let round = SpanRound::new()
                .largest(Unit::Day)
                .smallest(smallest)
                .mode(jiff::RoundMode::Trunc)
                .days_are_24_hours();
            span.round(round).ok()
        });
    span.map_or_else(
        || format!("{seconds}s"),
        |span| PRINTER.span_to_string(&span),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_units_at_most() {
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
        assert_eq!(
            short(Duration::from_secs(u64::MAX)),
            format!("{}s", u64::MAX)
        );
    }
}
