//! What a scheduler remembers: since when it has been idle, when clients came and went.
//!
//! Only the comm protocol provides this. Nothing is guessed: a response that can't be read in full
//! is an error.

use std::time::Instant;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::StatusCode;
use reqwest::header::{DATE, SERVER};
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use super::client::Schedulers;
use super::error::SchedulerError;
use super::model::{ActivityAndHistory, ClientHistory, Idle};
use super::{comm, wire};
use crate::gateway::TlsIdentity;

/// A list of events shorter than this has lost none: it holds a thousand
/// (`distributed.admin.low-level-log-length`), and held a hundred thousand up to 2023.
const COMPLETE_BELOW: usize = 100;

/// Limit on the name of a client, which dgw records: `Client-`, a UUID, and a name of the user's.
const CLIENT_NAME_LIMIT: usize = 1000;

/// Server name in a scheduler's HTTP responses. A proxy that puts its own clock into a response
/// also puts in its own name.
const SERVER_NAME: &str = "TornadoServer/";

/// An event with its time.
#[derive(Deserialize)]
struct SchedulerEvent(f64, wire::Known<EventDetails>);

#[derive(Default, Deserialize)]
#[serde(default)]
struct EventDetails {
    action: wire::Known<String>,
    client: wire::Known<String>,
}

impl SchedulerEvent {
    /// Returns the name of the client that connected or disconnected.
    fn client(&self) -> Option<&str> {
        let details = self.1.0.as_ref()?;
        let is_of_client = ["add-client", "remove-client"].contains(&details.action.0.as_deref()?);
        is_of_client.then(|| details.client.0.as_deref().unwrap_or_default())
    }
}

impl Schedulers {
    /// Fetches what the scheduler of `cluster` is doing and what it remembers, from one moment.
    ///
    /// # Errors
    /// Fails if it does not respond in time, or any part of the response is missing.
    pub(crate) async fn activity_and_history(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
    ) -> Result<ActivityAndHistory, SchedulerError> {
        let operations = [
            comm::operation("identity"),
            comm::operation("check_idle"),
            comm::dump_state(),
            json!({"op": "events", "reply": true, "topic": "all"}),
            comm::operation("versions"),
        ];
        let request = self.ask(cluster, identity, &operations);
        let responses = self.in_time(request).await?;
        let [identity, idle_since, state, events, versions] = &responses[..] else {
            return Err(SchedulerError::Malformed("it is missing"));
        };
        Responses {
            identity: identity.read()?,
            idle_since: idle_since.read()?,
            state: state.read()?,
            events: events.read()?,
            has_check_idle: versions.read::<wire::VersionsResponse>()?.has_check_idle(),
        }
        .activity_and_history()
    }

    /// Fetches the time of the scheduler's clock from its own HTTP server: to the second, and never
    /// ahead of the clock. `None` where anything else responds in its place.
    pub(crate) async fn clock(&self, cluster: &str) -> Option<Timestamp> {
        static HTTP_DATE: DateTimeParser = DateTimeParser::new();
        let url = self.url(cluster, "health");
        let started = Instant::now();
        let request = timeout(self.timeout, self.http.get(&url).send());
        let response = request.await.ok()?.ok()?;
        log::info!(
            "GET {url}: {}, {:.0?}",
            response.status().as_u16(),
            started.elapsed()
        );
        let header = |name| response.headers().get(name)?.to_str().ok();
        if response.status() != StatusCode::OK || !header(SERVER)?.starts_with(SERVER_NAME) {
            return None;
        }
        HTTP_DATE.parse_timestamp(header(DATE)?).ok()
    }
}

/// Parsed responses of a scheduler.
struct Responses {
    identity: wire::Identity,
    idle_since: Option<f64>,
    state: wire::State,
    events: Vec<SchedulerEvent>,
    has_check_idle: Option<bool>,
}

impl Responses {
    fn activity_and_history(self) -> Result<ActivityAndHistory, SchedulerError> {
        const NO_IDLE_TIME: SchedulerError =
            SchedulerError::Malformed("it lacks the time since when the scheduler is idle");
        let started = self.identity.started().ok_or(SchedulerError::Malformed(
            "it lacks the scheduler's start time",
        ))?;
        let idle = match (
            self.state.idle(self.idle_since),
            self.idle_since,
            self.has_check_idle,
        ) {
            // A time that can't be read, or a scheduler of unknown age without one.
            (Idle::Unknown, Some(_), _) | (Idle::Unknown, None, None) => return Err(NO_IDLE_TIME),
            (Idle::Unknown, None, Some(true)) => Idle::Busy,
            (idle, ..) => idle,
        };
        let (mut activity, workers) = self.identity.activity_and_workers();
        self.state.complete(&mut activity);
        activity.idle = idle;
        let idle_since = idle.since();
        let times = times(&self.events)?;
        // A client of a task works for that task, and the idle time, where it is known, covers tasks.
        let counts = |client: &str| idle_since.is_none() || !wire::is_of_a_task(client);
        let client_events = self
            .events
            .iter()
            .zip(&times)
            .filter_map(|(event, time)| Some((event.client()?, *time)))
            .filter(|(client, _)| counts(client))
            .collect::<Vec<_>>();
        let last_client = client_events.last().map(|(client, _)| *client);
        if last_client.is_some_and(|client| client.len() > CLIENT_NAME_LIMIT) {
            let fault = "it names a client with more than 1000 characters";
            return Err(SchedulerError::Malformed(fault));
        }
        let is_complete = self.events.len() < COMPLETE_BELOW
            // Workers cause events: a list without any lists nothing at all.
            && !(self.events.is_empty() && activity.workers != Some(0));
        // The latest, not the last: a clock may have been set back in between.
        let unattended_since = match client_events.iter().map(|(_, time)| *time).max() {
            Some(last) => last,
            None if is_complete => started,
            None => *times
                .first()
                .ok_or(SchedulerError::Malformed("it lists no events of clients"))?,
        };
        let latest = workers
            .iter()
            .flatten()
            .filter_map(|worker| worker.last_seen)
            .chain(times.iter().copied())
            .chain(idle_since)
            .fold(started, Timestamp::max);
        Ok(ActivityAndHistory {
            activity,
            history: ClientHistory {
                idle_since,
                transitions: self.state.transitions(),
                unattended_since,
                last_client: last_client.map(str::to_owned),
                latest,
            },
        })
    }
}

fn times(events: &[SchedulerEvent]) -> Result<Vec<Timestamp>, SchedulerError> {
    events
        .iter()
        .map(|event| wire::time(event.0))
        .collect::<Option<Vec<_>>>()
        .ok_or(SchedulerError::Malformed(
            "it lists an event without a time",
        ))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The history of a scheduler that started at 100.5 and is idle since `idle_since`.
    fn history(
        idle_since: &Value,
        events: &Value,
        workers: &Value,
        version: &str,
    ) -> Result<ClientHistory, SchedulerError> {
        fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
            let packed = rmp_serde::to_vec_named(value).expect("MessagePack");
            rmp_serde::from_slice(&packed).expect("a response")
        }
        let is_old = version.starts_with("2022");
        let state = if is_old {
            json!({"clients": {}, "task_groups": {}})
        } else {
            json!({"clients": {}, "task_groups": {}, "transition_counter": 7})
        };
        let versions = json!({"packages": {"distributed": version}});
        let responses = Responses {
            identity: read(&json!({"started": 100.5, "workers": workers})),
            idle_since: read(idle_since),
            state: read(&state),
            events: read(events),
            has_check_idle: read::<wire::VersionsResponse>(&versions).has_check_idle(),
        };
        responses.activity_and_history().map(|read| read.history)
    }

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).expect("a time")
    }

    fn client(time: f64, action: &str, name: &str) -> Value {
        json!([time, {"action": action, "client": name}])
    }

    const NEW: &str = "2026.8.0";

    #[test]
    fn unattended_since_last_client_event_or_start() {
        let history = |events| history(&json!(150.0), &events, &json!({}), NEW).expect("a history");
        let untouched = history(json!([]));
        assert_eq!(untouched.unattended_since, at(100_500));
        assert_eq!(
            (untouched.last_client, untouched.transitions),
            (None, Some(7))
        );
        let visited = history(json!([
            client(110.0, "add-client", "Client-a"),
            client(120.0, "remove-client", "Client-a"),
            [130.0, {"action": "add-worker", "worker": "w"}],
            [140.0, "an event of the user's own code"],
            [145.0, {"action": ["odd"], "client": 3}],
        ]));
        assert_eq!(visited.unattended_since, at(120_000));
        assert_eq!(visited.last_client.as_deref(), Some("Client-a"));
        assert_eq!(visited.latest, at(150_000));
        let set_back = history(json!([
            client(190.0, "remove-client", "Client-a"),
            client(120.0, "remove-client", "Client-b"),
        ]));
        assert_eq!(set_back.unattended_since, at(190_000));
        assert_eq!(set_back.last_client.as_deref(), Some("Client-b"));
    }

    #[test]
    fn unattended_since_first_event_of_a_list_that_may_have_lost_some() {
        let long = (0..200).map(|at| json!([200.0 + f64::from(at), {"action": "add-worker"}]));
        let long = Value::Array(long.collect());
        let lossy = history(&json!(150.0), &long, &json!({}), NEW).expect("a history");
        assert_eq!(lossy.unattended_since, at(200_000));
        let workers = json!({"tls://h:1": {"last_seen": 900.25}});
        assert!(history(&json!(150.0), &json!([]), &workers, NEW).is_err());
        let some = json!([[110.0, {"action": "add-worker"}]]);
        let complete = history(&json!(150.0), &some, &workers, NEW).expect("a history");
        assert_eq!(complete.unattended_since, at(100_500));
        assert_eq!(complete.latest, at(900_250));
    }

    #[test]
    fn clients_of_tasks_count_only_without_idle_time() {
        let events = json!([client(
            120.0,
            "add-client",
            "Client-worker-7f0c9a54-c6b9-11f0-8de9-0242ac120002"
        )]);
        let unattended_since = |idle_since, version| {
            let history = history(&idle_since, &events, &json!({}), version);
            history.expect("a history").unattended_since
        };
        assert_eq!(unattended_since(json!(150.0), NEW), at(100_500));
        assert_eq!(unattended_since(json!(null), "2022.4.0"), at(120_000));
    }

    #[test]
    fn only_old_schedulers_may_lack_idle_time() {
        let of = |idle_since, version| history(&idle_since, &json!([]), &json!({}), version);
        assert!(of(json!(null), "2022.4.0").is_ok_and(|history| history.idle_since.is_none()));
        assert!(
            of(json!(null), "20x").is_ok(),
            "busy: the state has a transition counter"
        );
        assert!(of(json!(null), "2022").is_err());
        assert!(of(json!(1e300), NEW).is_err());
        assert!(of(json!(1e300), "2022.4.0").is_err());
    }

    #[test]
    fn refuses_event_without_a_time() {
        let events = json!([[f64::MAX, {"action": "add-worker"}]]);
        assert!(history(&json!(150.0), &events, &json!({}), NEW).is_err());
    }

    proptest::proptest! {
        #[test]
        fn any_response_is_a_history_or_an_error(
            idle_since in crate::hostile::json(),
            events in crate::hostile::corrupted(json!([
                [101.0, {"action": "add-client", "client": "a"}], [102.5, {"action": "remove-client"}],
                [103.0, "text"],
            ])),
            workers in crate::hostile::json(),
            version in proptest::prop_oneof![
                crate::hostile::text(), proptest::strategy::Just("2026.8.0".to_owned()),
            ],
        ) {
            let is_read = |value: &Value| {
                let packed = rmp_serde::to_vec_named(value).expect("MessagePack");
                rmp_serde::from_slice::<Vec<SchedulerEvent>>(&packed).is_ok()
            };
            let idle_since = if idle_since.is_number() { idle_since } else { Value::Null };
            if is_read(&events)
                && let Ok(history) = history(&idle_since, &events, &workers, &version)
            {
                proptest::prop_assert!(history.idle_since.is_none_or(|time| time <= history.latest));
            }
        }
    }
}
