//! The scheduler's comm protocol: a handshake, then operations and their responses in order.
//!
//! dgw only uses operations that change nothing and cost little: `identity`, `check_idle`,
//! `versions`, `events`, `get_logs`, and `dump_state` without its large parts. Some harmful
//! operations look harmless: `subscribe_worker_status` takes the subscription from a notebook, and
//! the gateway takes `terminate` and `retire_workers` for a failure of the cluster.

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

use super::error::SchedulerError;
use super::frame;
use super::limits::{DECODED_LIMIT, SIZE_LIMIT};
use super::wire::Known;
use crate::gateway::{DecodeError, decode};

/// Limit on nested values: responses nest five deep.
const DEPTH_LIMIT: usize = 64;

/// Parts of a scheduler's state to leave out: all but the clients' names and the number of tasks in
/// each state. Together they would take a kilobyte for each task. Schedulers ignore names that they
/// don't know.
const EXCLUDED: [&str; 26] = [
    // Of the scheduler.
    "events",
    "extensions",
    "log",
    "memory",
    "tasks",
    "transition_log",
    "versions",
    "workers",
    // Of a client.
    "wants_what",
    // Of a group of tasks.
    "all_durations",
    "dependencies",
    "dependents",
    "done",
    "duration",
    "groups",
    "last_worker",
    "last_worker_priority",
    "last_worker_tasks_left",
    "name",
    "nbytes_total",
    "prefix",
    "span",
    "span_id",
    "start",
    "stop",
    "types",
];

/// A response, not yet parsed.
#[derive(Debug)]
pub(super) struct RawResponse(Vec<u8>);

/// The response of an operation that failed. Other responses may have a status too.
#[derive(Default, Deserialize)]
#[serde(default)]
struct OperationFailure {
    status: Known<String>,
    exception_text: Known<String>,
}

/// Makes the message that asks for the operation `name`, without arguments.
pub(super) fn operation(name: &str) -> Value {
    json!({"op": name, "reply": true})
}

/// Makes the message that asks for a scheduler's state without [`EXCLUDED`].
pub(super) fn dump_state() -> Value {
    json!({"op": "dump_state", "reply": true, "exclude": EXCLUDED})
}

impl RawResponse {
    /// Returns its size in bytes.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Parses the response.
    ///
    /// # Errors
    /// Fails if the operation failed or its response is not a `T`.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, SchedulerError> {
        match parse::<OperationFailure>(&self.0) {
            Ok(failure) if failure.status.0.as_deref() == Some("uncaught-error") => {
                let text = failure.exception_text.0.unwrap_or_default();
                Err(SchedulerError::OperationFailed(text))
            }
            _ => parse(&self.0),
        }
    }
}

/// Sends all `operations` at once and returns their responses in the same order.
///
/// # Errors
/// Fails if a response is malformed or the connection ends before the last one, as it does where an
/// operation fails to reach a worker.
pub(super) async fn ask(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    operations: &[Value],
) -> Result<Vec<RawResponse>, SchedulerError> {
    // Without both keys, the scheduler never responds. dgw wants no compression.
    let handshake = json!({"compression": null, "pickle-protocol": 5});
    let mut sent = Vec::new();
    for message in std::iter::once(&handshake).chain(operations) {
        let message = rmp_serde::to_vec_named(message)
            .map_err(|_| SchedulerError::Malformed("the request can't be encoded"))?;
        sent.extend(frame::pack(&message));
    }
    stream.write_all(&sent).await?;
    stream.flush().await?;
    let mut left = SIZE_LIMIT as u64;
    frame::read(stream, left).await?;
    let mut responses = Vec::with_capacity(operations.len());
    for _ in operations {
        let response = frame::read(stream, left).await?;
        left -= response.len() as u64;
        responses.push(RawResponse(response));
    }
    Ok(responses)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, SchedulerError> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes);
    deserializer.set_max_depth(DEPTH_LIMIT);
    decode(&mut deserializer, DECODED_LIMIT).map_err(|error| {
        SchedulerError::Malformed(match error {
            DecodeError::TooLarge => "it has too many values",
            // The parser's own message may quote the response.
            DecodeError::Invalid(_) => "it does not have the expected form",
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::wire;
    use proptest::prelude::*;

    fn response(value: &Value) -> RawResponse {
        RawResponse(rmp_serde::to_vec_named(value).expect("MessagePack"))
    }

    #[test]
    fn failed_operation_has_the_schedulers_message() {
        let failed = response(&json!({
            "status": "uncaught-error", "exception": {"__Serialized__": 1}, "traceback": null,
            "exception_text": "TypeError('no')",
        }));
        let error = failed.read::<Option<f64>>().expect_err("a failure");
        assert_eq!(
            error.to_string(),
            "the scheduler reported an error: TypeError('no')"
        );
        let running = response(&json!({"status": "running"}));
        assert!(running.read::<Value>().is_ok());
        assert!(matches!(
            response(&json!(null)).read::<Option<f64>>(),
            Ok(None)
        ));
        assert!(response(&json!("busy")).read::<Option<f64>>().is_err());
    }

    #[test]
    fn limits_have_room_for_the_packages_of_hundreds_of_workers() {
        let packages = (0..120).map(|index| (format!("some-package-{index}"), json!("2026.11.0")));
        let packages = packages.collect::<serde_json::Map<_, _>>();
        let worker = |index: u32| {
            (
                format!("tls://10.0.0.1:{index}"),
                json!({"packages": packages}),
            )
        };
        let workers = (0..500).map(worker).collect::<serde_json::Map<_, _>>();
        let response = response(&Value::Object(workers));
        assert!(response.len() < SIZE_LIMIT / 2);
        let by_worker =
            response.read::<std::collections::BTreeMap<String, wire::InstalledResponse>>();
        assert_eq!(by_worker.expect("responses").len(), 500);
    }

    #[test]
    fn refuses_deeply_nested_response() {
        let mut deep = vec![0x91; 100_000];
        deep.push(0xc0);
        assert!(RawResponse(deep).read::<serde::de::IgnoredAny>().is_err());
    }

    /// Sends two operations to a server that sends `sent` and closes the connection.
    fn ask_server(sent: &[u8]) -> Result<Vec<RawResponse>, SchedulerError> {
        let (mut near, mut far) = tokio::io::duplex(4096);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let operations = ["identity", "check_idle"].map(|name| json!({"op": name, "reply": true}));
        runtime.block_on(async {
            let server = async {
                // The client may close the connection first.
                let _ = far.write_all(sent).await;
                drop(far);
            };
            let client = async {
                let responses = ask(&mut near, &operations).await;
                drop(near);
                responses
            };
            tokio::join!(client, server).0
        })
    }

    #[test]
    fn returns_responses_in_order_and_fails_on_early_end() {
        let messages = [
            json!({"compression": "lz4"}),
            json!({"type": "Scheduler"}),
            json!(1.5),
        ];
        let packed = messages.map(|message| {
            let message = rmp_serde::to_vec_named(&message).expect("MessagePack");
            frame::pack(&message)
        });
        let responses = ask_server(&packed.concat()).expect("responses");
        assert_eq!(responses.len(), 2);
        assert!(responses[0].len() > 1);
        assert_eq!(
            responses[1].read::<Option<f64>>().expect("a number"),
            Some(1.5)
        );
        for few in 0..packed.len() {
            let error = ask_server(&packed[..few].concat()).expect_err("too few responses");
            assert!(matches!(error, SchedulerError::Connection(_)), "{error}");
        }
    }

    proptest! {
        #[test]
        fn garbage_in_place_of_responses_is_an_error(
            garbage in prop::collection::vec(any::<u8>(), 0..3000),
        ) {
            prop_assert!(ask_server(&garbage).is_err());
            let after_handshake = [frame::pack(b"\x80"), garbage].concat();
            // By chance, the garbage may be two frames, which would be responses.
            let _ = ask_server(&after_handshake);
        }

        #[test]
        fn parsing_garbage_does_not_panic(garbage in prop::collection::vec(any::<u8>(), 0..400)) {
            let response = RawResponse(garbage);
            let _ = response.read::<wire::Identity>();
            let _ = response.read::<wire::State>();
            let _ = response.read::<wire::VersionsResponse>();
            let _ = response.read::<Option<f64>>();
        }
    }
}
