//! Times by more than one clock. A duration is measured on one clock at a time, never between two.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A time by this machine's clock, and by the gateway's if its responses carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClockReading {
    #[serde(rename = "here")]
    pub(crate) local: Timestamp,
    pub(crate) gateway: Option<Timestamp>,
}

impl ClockReading {
    /// Reads this machine's clock; `gateway` is the gateway's time.
    pub(crate) fn now(gateway: Option<Timestamp>) -> Self {
        Self {
            local: Timestamp::now(),
            gateway,
        }
    }

    /// Returns the time since `earlier`, by the clock on which it's shortest; `None` if a clock was
    /// set back, and reads less than at `earlier`.
    pub(super) fn since(&self, earlier: &Self) -> Option<Duration> {
        let span = |now: Timestamp, then: Timestamp| Duration::try_from(now.duration_since(then));
        let local = span(self.local, earlier.local).ok()?;
        match self.gateway.zip(earlier.gateway) {
            Some((now, then)) => Some(local.min(span(now, then).ok()?)),
            None => Some(local),
        }
    }

    /// Returns a time no earlier than `elapsed` after this one. The gateway's clock is read in whole
    /// seconds, and may be almost a second ahead of its reading.
    pub(crate) fn at_the_latest(&self, elapsed: Duration) -> Self {
        let plus = |time: Timestamp, span| time.saturating_add(span).unwrap_or(Timestamp::MAX);
        Self {
            local: plus(self.local, elapsed),
            gateway: self
                .gateway
                .map(|time| plus(time, elapsed + Duration::from_secs(1))),
        }
    }

    /// Returns the later of both clocks.
    pub(super) fn latest(&self) -> Timestamp {
        self.gateway
            .map_or(self.local, |gateway| self.local.max(gateway))
    }

    /// Returns true if every clock has reached `time`.
    pub(super) fn is_past(&self, time: Timestamp) -> bool {
        self.local >= time && self.gateway.is_none_or(|gateway| gateway >= time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn reading(local: i64, gateway: Option<i64>) -> ClockReading {
        ClockReading {
            local: at(local),
            gateway: gateway.map(at),
        }
    }

    #[test]
    fn shortest_duration_counts_and_a_clock_set_back_gives_none() {
        let seconds = |now: ClockReading, then: ClockReading| Some(now.since(&then)?.as_secs());
        for (now, then, expected) in [
            (reading(100, None), reading(40, Some(1)), Some(60)),
            (reading(100, Some(9)), reading(40, None), Some(60)),
            (reading(100, Some(9)), reading(40, Some(1)), Some(8)),
            (reading(50, Some(99)), reading(40, Some(1)), Some(10)),
            (reading(40, Some(1)), reading(40, Some(1)), Some(0)),
            (reading(30, Some(99)), reading(40, Some(1)), None),
            (reading(50, Some(0)), reading(40, Some(1)), None),
        ] {
            assert_eq!(seconds(now, then), expected, "{now:?} {then:?}");
        }
    }

    #[test]
    fn gateway_clock_may_be_almost_a_second_ahead() {
        let span = Duration::from_secs(7);
        let latest = |reading: ClockReading| reading.at_the_latest(span);
        assert_eq!(latest(reading(100, Some(40))), reading(107, Some(48)));
        assert_eq!(latest(reading(100, None)), reading(107, None));
    }

    #[test]
    fn latest_is_the_later_of_both_clocks() {
        for (local, gateway, latest) in [(5, None, 5), (5, Some(4), 5), (5, Some(6), 6)] {
            assert_eq!(reading(local, gateway).latest(), at(latest));
        }
    }

    #[test]
    fn time_is_past_when_every_clock_has_reached_it() {
        for (local, gateway, is_past) in [
            (10, None, true),
            (10, Some(10), true),
            (10, Some(11), true),
            (9, None, false),
            (9, Some(11), false),
            (11, Some(9), false),
        ] {
            assert_eq!(reading(local, gateway).is_past(at(10)), is_past);
        }
    }

    #[test]
    fn now_is_read_from_this_machine() {
        let before = Timestamp::now();
        let now = ClockReading::now(Some(at(7)));
        assert!(now.local >= before && now.local <= Timestamp::now());
        assert_eq!(now.gateway, Some(at(7)));
    }
}
