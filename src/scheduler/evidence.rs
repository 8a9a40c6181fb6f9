//! What a scheduler remembers: since when it has been idle, when clients came and went.
//!
//! Only its own protocol tells, and here nothing is made up for what is missing: an answer that
//! can't be read in full is no evidence.

use std::time::Instant;

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use reqwest::StatusCode;
use reqwest::header::{DATE, SERVER};
use serde::Deserialize;
use serde_json::json;
use tokio::time::timeout;

use super::model::{ClientHistory, Evidence, Idle};
use super::{LEFT_OUT, SchedulerError, Schedulers, op, wire};
use crate::gateway::TlsIdentity;

/// A list of events that is shorter than this has lost none: it holds a thousand
/// (`distributed.admin.low-level-log-length`), and held a hundred thousand up to 2023.
const COMPLETE_BELOW: usize = 100;

/// The server that schedulers answer HTTP with. A proxy that puts its own clock into an answer puts
/// in its own name, too.
const OWN_SERVER: &str = "TornadoServer/";

/// Something that happened, with when.
#[derive(Deserialize)]
pub(super) struct Event(f64, wire::Known<Happening>);

#[derive(Default, Deserialize)]
#[serde(default)]
struct Happening {
    action: wire::Known<String>,
    client: wire::Known<String>,
}

impl Event {
    /// The name of the client that came or went.
    fn client(&self) -> Option<&str> {
        let happening = self.1.0.as_ref()?;
        let is_clients = ["add-client", "remove-client"].contains(&happening.action.0.as_deref()?);
        is_clients.then(|| happening.client.0.as_deref().unwrap_or_default())
    }
}

impl Schedulers {
    /// What the scheduler of `cluster` is doing and what it remembers, all from one moment.
    ///
    /// # Errors
    /// It didn't answer in time, or left out anything of it.
    pub(crate) async fn evidence(
        &self,
        cluster: &str,
        identity: Option<&TlsIdentity>,
    ) -> Result<Evidence, SchedulerError> {
        let operations = [
            op("identity"),
            op("check_idle"),
            json!({"op": "dump_state", "reply": true, "exclude": LEFT_OUT}),
            json!({"op": "events", "reply": true, "topic": "all"}),
            op("versions"),
        ];
        let asking = self.ask(cluster, identity, &operations);
        let answers = timeout(self.patience, asking)
            .await
            .unwrap_or(Err(SchedulerError::Late(self.patience)))?;
        let [identity, since, state, events, versions] = &answers[..] else {
            return Err(SchedulerError::Garbled("it is missing"));
        };
        let versions = versions.read::<wire::Versions>()?;
        let told = Told {
            identity: identity.read()?,
            since: since.read()?,
            state: state.read()?,
            events: events.read()?,
            knows_idle: versions.knows_idle(),
        };
        told.evidence()
    }

    /// The clock of the scheduler of `cluster`, as its own HTTP server tells it: to the second, and
    /// never ahead of it. `None` where anything else answers in its place.
    pub(crate) async fn clock(&self, cluster: &str) -> Option<Timestamp> {
        static HTTP_DATE: DateTimeParser = DateTimeParser::new();
        let url = self.page(cluster, &["health"]);
        let started = Instant::now();
        let asking = timeout(self.patience, self.http.get(&url).send());
        let response = asking.await.ok()?.ok()?;
        log::info!(
            "GET {url}: {}, {:.0?}",
            response.status().as_u16(),
            started.elapsed()
        );
        let header = |name| response.headers().get(name)?.to_str().ok();
        if response.status() != StatusCode::OK || !header(SERVER)?.starts_with(OWN_SERVER) {
            return None;
        }
        HTTP_DATE.parse_timestamp(header(DATE)?).ok()
    }
}

/// A scheduler's answers.
struct Told {
    identity: wire::Identity,
    since: Option<f64>,
    state: wire::State,
    events: Vec<Event>,
    knows_idle: Option<bool>,
}

impl Told {
    fn evidence(self) -> Result<Evidence, SchedulerError> {
        const UNCLEAR: SchedulerError =
            SchedulerError::Garbled("it does not tell since when it is idle");
        let started = self
            .identity
            .started()
            .ok_or(SchedulerError::Garbled("it does not tell when it started"))?;
        let idle = match (self.state.idle(self.since), self.since, self.knows_idle) {
            // An answer of another kind than any there is.
            (Idle::Unknown, Some(_), _) | (Idle::Unknown, None, None) => return Err(UNCLEAR),
            (Idle::Unknown, None, Some(true)) => Idle::Busy,
            (idle, ..) => idle,
        };
        let (mut activity, workers) = self.identity.tell();
        activity.clients = self.state.clients();
        activity.outsiders = self.state.outsiders(activity.workers);
        activity.tasks = self.state.tasks();
        activity.idle = idle;
        let idle_since = match idle {
            Idle::Since(time) => Some(time),
            Idle::Busy | Idle::Unknown => None,
        };
        let times = times(&self.events)?;
        // What a task's client does is the task's work, and that is known where idle time is.
        let counts = |client: &str| idle_since.is_none() || !wire::is_of_a_task(client);
        let of_clients = self.events.iter().zip(&times);
        let of_clients = of_clients.filter_map(|(event, time)| Some((event.client()?, *time)));
        let of_clients = of_clients
            .filter(|(client, _)| counts(client))
            .collect::<Vec<_>>();
        let is_complete = self.events.len() < COMPLETE_BELOW
            // Workers come with events: without any, none are listed at all.
            && !(self.events.is_empty() && activity.workers != Some(0));
        // The latest, not the last: a clock may have been set back in between.
        let unattended_since = match of_clients.iter().map(|(_, time)| *time).max() {
            Some(last) => last,
            None if is_complete => started,
            None => *times
                .first()
                .ok_or(SchedulerError::Garbled("it lists no events of clients"))?,
        };
        let seen = workers.iter().flatten().filter_map(|one| one.last_seen);
        let told = seen.chain(times.iter().copied()).chain(idle_since);
        Ok(Evidence {
            activity,
            past: ClientHistory {
                idle_since,
                transitions: self.state.transitions(),
                unattended_since,
                last_client: of_clients.last().map(|(client, _)| (*client).to_owned()),
                latest: told.fold(started, Timestamp::max),
            },
        })
    }
}

fn times(events: &[Event]) -> Result<Vec<Timestamp>, SchedulerError> {
    let times = events.iter().map(|event| wire::time(event.0));
    times
        .collect::<Option<Vec<_>>>()
        .ok_or(SchedulerError::Garbled("it lists an event of no time"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The evidence of a scheduler that was started at 100, and idle since `since`.
    fn evidence(
        since: &Value,
        events: &Value,
        workers: &Value,
        version: &str,
    ) -> Result<ClientHistory, SchedulerError> {
        fn read<T: serde::de::DeserializeOwned>(value: &Value) -> T {
            let packed = rmp_serde::to_vec_named(value).expect("MessagePack");
            rmp_serde::from_slice(&packed).expect("an answer")
        }
        let is_old = version.starts_with("2022");
        let state = if is_old {
            json!({"clients": {}, "task_groups": {}})
        } else {
            json!({"clients": {}, "task_groups": {}, "transition_counter": 7})
        };
        let versions = json!({"packages": {"distributed": version}});
        let told = Told {
            identity: read(&json!({"started": 100.5, "workers": workers})),
            since: read(since),
            state: read(&state),
            events: read(events),
            knows_idle: read::<wire::Versions>(&versions).knows_idle(),
        };
        told.evidence().map(|evidence| evidence.past)
    }

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).expect("a time")
    }

    fn client(time: f64, action: &str, name: &str) -> Value {
        json!([time, {"action": action, "client": name}])
    }

    const NEW: &str = "2026.8.0";

    #[test]
    fn the_last_that_clients_did_counts_and_else_all_since_the_start() {
        let past = |events| evidence(&json!(150.0), &events, &json!({}), NEW).expect("evidence");
        let lonely = past(json!([]));
        assert_eq!(lonely.unattended_since, at(100_500));
        assert_eq!((lonely.last_client, lonely.transitions), (None, Some(7)));
        let visited = past(json!([
            client(110.0, "add-client", "Client-a"),
            client(120.0, "remove-client", "Client-a"),
            [130.0, {"action": "add-worker", "worker": "w"}],
            [140.0, "what somebody's own code logs"],
            [145.0, {"action": ["odd"], "client": 3}],
        ]));
        assert_eq!(visited.unattended_since, at(120_000));
        assert_eq!(visited.last_client.as_deref(), Some("Client-a"));
        assert_eq!(visited.latest, at(150_000));
        let set_back = past(json!([
            client(190.0, "remove-client", "Client-a"),
            client(120.0, "remove-client", "Client-b"),
        ]));
        assert_eq!(set_back.unattended_since, at(190_000));
        assert_eq!(set_back.last_client.as_deref(), Some("Client-b"));
    }

    #[test]
    fn a_list_that_may_have_lost_events_reaches_back_to_its_first() {
        let long = (0..200).map(|at| json!([200.0 + f64::from(at), {"action": "add-worker"}]));
        let long = Value::Array(long.collect());
        let past = evidence(&json!(150.0), &long, &json!({}), NEW).expect("evidence");
        assert_eq!(past.unattended_since, at(200_000));
        let workers = json!({"tls://h:1": {"last_seen": 900.25}});
        assert!(evidence(&json!(150.0), &json!([]), &workers, NEW).is_err());
        let some = json!([[110.0, {"action": "add-worker"}]]);
        let past = evidence(&json!(150.0), &some, &workers, NEW).expect("evidence");
        assert_eq!(past.unattended_since, at(100_500));
        assert_eq!(past.latest, at(900_250));
    }

    #[test]
    fn clients_of_tasks_count_where_their_work_can_not_be_known() {
        let events = json!([client(
            120.0,
            "add-client",
            "Client-worker-7f0c9a54-c6b9-11f0-8de9-0242ac120002"
        )]);
        let told = |since, version| {
            let past = evidence(&since, &events, &json!({}), version);
            past.expect("evidence").unattended_since
        };
        assert_eq!(told(json!(150.0), NEW), at(100_500));
        assert_eq!(told(json!(null), "2022.4.0"), at(120_000));
    }

    #[test]
    fn only_one_that_is_too_old_may_be_silent_about_idle_time() {
        let told = |since, version| evidence(&since, &json!([]), &json!({}), version);
        assert!(told(json!(null), "2022.4.0").is_ok_and(|past| past.idle_since.is_none()));
        assert!(told(json!(null), "20x").is_ok(), "busy, by its own count");
        assert!(told(json!(null), "2022").is_err());
        assert!(told(json!(1e300), NEW).is_err());
        assert!(told(json!(1e300), "2022.4.0").is_err());
    }

    #[test]
    fn an_event_without_a_time_spoils_all() {
        let events = json!([[f64::MAX, {"action": "add-worker"}]]);
        assert!(evidence(&json!(150.0), &events, &json!({}), NEW).is_err());
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_told_is_evidence_or_a_fault(
            since in crate::hostile::json(),
            events in crate::hostile::spoilt(json!([
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
                rmp_serde::from_slice::<Vec<Event>>(&packed).is_ok()
            };
            let since = if since.is_number() { since } else { Value::Null };
            if is_read(&events)
                && let Ok(past) = evidence(&since, &events, &workers, &version)
            {
                proptest::prop_assert!(past.idle_since.is_none_or(|time| time <= past.latest));
            }
        }
    }
}
