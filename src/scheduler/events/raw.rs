//! Events as schedulers spell them.

use std::fmt;

use jiff::Timestamp;
use serde::de::{self, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::EventKind;
use crate::count;
use crate::scheduler::wire::{self, Key, Known};

/// Seconds between two events about the end of one worker.
const CLOSE: f64 = 60.0;

/// An event with its time, in seconds since the epoch.
#[derive(Deserialize)]
pub(super) struct RawEvent(pub(super) f64, Known<Details>);

#[derive(Default, Deserialize)]
#[serde(default)]
struct Details {
    action: Known<String>,
    worker: Known<String>,
    client: Known<String>,
    /// Why a worker closes.
    reason: Known<String>,
    /// Of a removal, since 2024.9.
    expected: Known<bool>,
    #[serde(rename = "processing-tasks")]
    processing: Count,
    #[serde(rename = "lost-computed-tasks")]
    computed: Count,
    #[serde(rename = "lost-scattered-tasks")]
    scattered: Count,
    /// Tasks of a graph, up to 2025.2.
    count: Known<u64>,
    metrics: Known<GraphMetrics>,
    status: Known<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct GraphMetrics {
    tasks: Known<u64>,
}

/// The removal of a worker.
pub(super) struct Removal<'a> {
    /// The worker's address.
    pub(super) worker: &'a str,
    /// `None` if the scheduler does not tell.
    pub(super) is_expected: Option<bool>,
    running: Option<u64>,
    results: Option<u64>,
    data: Option<u64>,
}

impl RawEvent {
    pub(super) fn time(&self) -> Option<Timestamp> {
        wire::time(self.0)
    }

    fn details(&self, actions: &[&str]) -> Option<&Details> {
        let details = self.1.0.as_ref()?;
        let is_one = actions.contains(&details.action.0.as_deref()?);
        is_one.then_some(details)
    }

    pub(super) fn removal(&self) -> Option<(f64, Removal<'_>)> {
        let details = self.details(&["remove-worker"])?;
        let removal = Removal {
            worker: details.worker.0.as_deref()?,
            is_expected: details.expected.0,
            running: details.processing.0,
            results: details.computed.0,
            data: details.scattered.0,
        };
        Some((self.0, removal))
    }

    /// Returns the address of the worker that joined.
    pub(super) fn joined_worker(&self) -> Option<&str> {
        self.details(&["add-worker"])?.worker.0.as_deref()
    }

    /// Returns the client that joined or left, and true if it joined. Clients of tasks are left out.
    pub(super) fn client(&self) -> Option<(&str, bool)> {
        let details = self.details(&["add-client", "remove-client"])?;
        let client = details.client.0.as_deref()?;
        let has_joined = details.action.0.as_deref() == Some("add-client");
        (!wire::is_of_a_task(client)).then_some((client, has_joined))
    }

    /// Returns the number of tasks of a graph, and true if the scheduler could not add it.
    pub(super) fn graph(&self) -> Option<(Option<u64>, bool)> {
        let details = self.details(&["update-graph", "update_graph"])?;
        let metrics = details.metrics.0.as_ref();
        let tasks = metrics.and_then(|metrics| metrics.tasks.0);
        let has_failed = details.status.0.as_deref() == Some("error");
        Some((tasks.or(details.count.0), has_failed))
    }

    /// Returns true for a graph of a scheduler that doesn't tell graphs of a single task, up to 2024.
    pub(super) fn is_of_large_graph(&self) -> bool {
        self.details(&["update_graph"]).is_some()
    }
}

impl Removal<'_> {
    /// Returns the number of tasks that were lost, of which the scheduler computes most again.
    pub(super) fn tasks(&self) -> Option<u64> {
        let counts = [self.running, self.results, self.data];
        counts.into_iter().flatten().reduce(u64::saturating_add)
    }

    /// Returns what the removal at `time` was, and describes it, given the worker's own events.
    pub(super) fn judged(&self, time: f64, own_events: &[RawEvent]) -> (EventKind, String) {
        let is_near = |event: &&RawEvent| (event.0 - time).abs() < CLOSE;
        let near = || own_events.iter().filter(is_near);
        let was_retired = near().any(|event| event.details(&["retired"]).is_some());
        let is_expected = self.is_expected.unwrap_or(was_retired);
        let closings = near().filter_map(|event| event.details(&["closing-worker"]));
        let reason = closings
            .filter_map(|details| details.reason.0.as_deref())
            .next_back();
        let counts = [
            (self.running, "assigned task"),
            (self.results, "result"),
            (self.data, "piece of scattered data"),
        ];
        let lost = counts
            .into_iter()
            .filter_map(|(number, noun)| match number? {
                0 => None,
                number if noun.ends_with("data") => {
                    Some(format!("scattered data of {}", count::of(number, "key")))
                }
                number => Some(count::of(number, noun)),
            });
        let lost = lost.collect::<Vec<_>>().join(", ");
        let reason = match reason {
            _ if is_expected => None,
            Some(reason) => match reason.strip_prefix("signal-") {
                Some(number) => Some(format!("ended by signal {number}")),
                None => Some(format!("closed itself: {reason}")),
            },
            None => Some("its connection ended without notice".to_owned()),
        };
        let lost = (!lost.is_empty()).then(|| format!("lost {lost}"));
        let parts = [reason, lost].into_iter().flatten();
        let text = parts.collect::<Vec<_>>().join("; ");
        let kind = if is_expected {
            EventKind::WorkerLeft
        } else {
            EventKind::WorkerLost
        };
        (kind, text)
    }
}

/// The number of elements of a set, a list or a map; `None` for anything else. Sets arrive as a map
/// `{"__Set__": true, "as-list": […]}`.
#[derive(Default)]
struct Count(Option<u64>);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CountVisitor)
    }
}

struct CountVisitor;

macro_rules! visit_others {
    ($($method:ident($type:ty))*) => {$(
        fn $method<E: de::Error>(self, _: $type) -> Result<Count, E> {
            Ok(Count(None))
        }
    )*};
}

impl<'de> Visitor<'de> for CountVisitor {
    type Value = Count;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    visit_others! {
        visit_bool(bool) visit_i64(i64) visit_u64(u64) visit_f64(f64) visit_str(&str)
        visit_bytes(&[u8])
    }

    fn visit_unit<E: de::Error>(self) -> Result<Count, E> {
        Ok(Count(None))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Count, D::Error> {
        IgnoredAny::deserialize(inner).map(|_| Count(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Count, A::Error> {
        let mut count = 0;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(Count(Some(count)))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Count, A::Error> {
        let (mut count, mut of_list) = (0, None);
        while let Some(key) = map.next_key::<Key<'de>>()? {
            count += 1;
            if key.0.as_deref() == Some("as-list") {
                of_list = map.next_value::<Self::Value>()?.0;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Count(of_list.or(Some(count))))
    }
}
