//! A moment by more than one clock. Spans of time are taken on one clock at a time, never between
//! two.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A moment by this machine's clock, and by the gateway's where it tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClockReading {
    pub(crate) here: Timestamp,
    pub(crate) gateway: Option<Timestamp>,
}

impl ClockReading {
    /// For how long `earlier` is over at least, by the clock that makes least of it; `None` where
    /// one of them was set back, or says that `earlier` is still to come.
    pub(super) fn since(&self, earlier: &Self) -> Option<Duration> {
        let span = |now: Timestamp, then: Timestamp| Duration::try_from(now.duration_since(then));
        let here = span(self.here, earlier.here).ok()?;
        match self.gateway.zip(earlier.gateway) {
            Some((now, then)) => Some(here.min(span(now, then).ok()?)),
            None => Some(here),
        }
    }

    /// The moment `later` than this one, or some later: the gateway tells its clock to the second,
    /// and may be almost one further.
    pub(crate) fn at_the_latest(&self, later: Duration) -> Self {
        let plus = |time: Timestamp, span| time.saturating_add(span).unwrap_or(Timestamp::MAX);
        Self {
            here: plus(self.here, later),
            gateway: self
                .gateway
                .map(|time| plus(time, later + Duration::from_secs(1))),
        }
    }

    /// Whether `time` is over by all clocks.
    pub(super) fn is_past(&self, time: Timestamp) -> bool {
        self.here >= time && self.gateway.is_none_or(|gateway| gateway >= time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(here: i64, gateway: Option<i64>) -> ClockReading {
        let time = |second| Timestamp::from_second(second).expect("a time");
        ClockReading {
            here: time(here),
            gateway: gateway.map(time),
        }
    }

    #[test]
    fn the_clock_that_makes_least_of_it_counts_and_one_set_back_spoils_it() {
        let seconds = |now: ClockReading, then: ClockReading| Some(now.since(&then)?.as_secs());
        assert_eq!(seconds(moment(100, None), moment(40, Some(1))), Some(60));
        assert_eq!(seconds(moment(100, Some(9)), moment(40, Some(1))), Some(8));
        assert_eq!(seconds(moment(50, Some(99)), moment(40, Some(1))), Some(10));
        assert_eq!(seconds(moment(30, Some(99)), moment(40, Some(1))), None);
        assert_eq!(seconds(moment(50, Some(0)), moment(40, Some(1))), None);
    }

    #[test]
    fn the_gateways_clock_may_be_almost_a_second_further() {
        let span = Duration::from_secs(7);
        assert_eq!(
            moment(100, Some(40)).at_the_latest(span),
            moment(107, Some(48))
        );
    }

    #[test]
    fn a_time_is_past_when_every_clock_says_so() {
        let time = Timestamp::from_second(10).expect("a time");
        assert!(moment(10, None).is_past(time) && moment(10, Some(11)).is_past(time));
        assert!(!moment(9, Some(11)).is_past(time) && !moment(11, Some(9)).is_past(time));
    }
}
