//! The scheduler's own protocol: a handshake, then questions and answers in order.
//!
//! Only operations that change nothing and cost little are ever asked for: `identity`,
//! `check_idle`, `versions`, `events`, `get_logs`, and `dump_state` without what is large. Harmful
//! ones, of which some look harmless, are `subscribe_worker_status` (takes the subscription from a notebook),
//! `terminate` and `retire_workers` (the gateway takes either for a failure).

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

use super::{SchedulerError, frame};

/// Answers nest five deep; what is nested deeper is no answer.
const DEPTH_LIMIT: usize = 64;

/// An answer, not yet understood.
#[derive(Debug)]
pub(super) struct Answer(Vec<u8>);

/// How an operation's failure looks. Other answers may have a status too.
#[derive(Deserialize)]
struct Failure {
    status: String,
    exception_text: Option<String>,
}

impl Answer {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// # Errors
    /// The operation failed, or its answer isn't a `T`.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, SchedulerError> {
        match parse::<Failure>(&self.0) {
            Ok(failure) if failure.status == "uncaught-error" => {
                let text = failure.exception_text.unwrap_or_default();
                Err(SchedulerError::Refused(text))
            }
            _ => parse(&self.0),
        }
    }
}

/// Asks all of `operations` at once, and returns their answers in the same order.
///
/// # Errors
/// The connection ends before the last answer, as it does where an operation fails to reach a
/// worker; or an answer is malformed.
pub(super) async fn ask(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    operations: &[Value],
) -> Result<Vec<Answer>, SchedulerError> {
    // Both keys are required: without either the scheduler says nothing more. No compression.
    let greeting = json!({"compression": null, "pickle-protocol": 5});
    let mut sent = Vec::new();
    for message in std::iter::once(&greeting).chain(operations) {
        let message = rmp_serde::to_vec_named(message)
            .map_err(|_| SchedulerError::Garbled("the question can't be written"))?;
        sent.extend(frame::pack(&message));
    }
    stream.write_all(&sent).await?;
    stream.flush().await?;
    frame::read(stream).await?;
    let mut answers = Vec::with_capacity(operations.len());
    for _ in operations {
        answers.push(Answer(frame::read(stream).await?));
    }
    Ok(answers)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, SchedulerError> {
    let mut deserializer = rmp_serde::Deserializer::from_read_ref(bytes);
    deserializer.set_max_depth(DEPTH_LIMIT);
    // The parser's own message may quote the answer.
    T::deserialize(&mut deserializer)
        .map_err(|_| SchedulerError::Garbled("it is not of the expected form"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::wire;
    use proptest::prelude::*;

    fn answer(value: &Value) -> Answer {
        Answer(rmp_serde::to_vec_named(value).expect("MessagePack"))
    }

    #[test]
    fn a_failure_is_told_in_the_schedulers_words() {
        let failed = answer(&json!({
            "status": "uncaught-error", "exception": {"__Serialized__": 1}, "traceback": null,
            "exception_text": "TypeError('no')",
        }));
        let fault = failed.read::<Option<f64>>().expect_err("a failure");
        assert_eq!(fault.to_string(), "it refused: TypeError('no')");
        let running = answer(&json!({"status": "running"}));
        assert!(running.read::<Value>().is_ok());
        assert!(matches!(
            answer(&json!(null)).read::<Option<f64>>(),
            Ok(None)
        ));
        assert!(answer(&json!("busy")).read::<Option<f64>>().is_err());
    }

    #[test]
    fn depth_has_a_limit() {
        let mut deep = vec![0x91; 100_000];
        deep.push(0xc0);
        assert!(Answer(deep).read::<serde::de::IgnoredAny>().is_err());
    }

    /// What comes of two questions to a server that says `spoken` and hangs up.
    fn asked(spoken: &[u8]) -> Result<Vec<Answer>, SchedulerError> {
        let (mut near, mut far) = tokio::io::duplex(4096);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let operations = ["identity", "check_idle"].map(|name| json!({"op": name, "reply": true}));
        runtime.block_on(async {
            let speaking = async {
                // It may be hung up on first.
                let _ = far.write_all(spoken).await;
                drop(far);
            };
            let asking = async {
                let answers = ask(&mut near, &operations).await;
                drop(near);
                answers
            };
            tokio::join!(asking, speaking).0
        })
    }

    #[test]
    fn answers_come_in_order_and_an_early_end_is_a_fault() {
        let messages = [
            json!({"compression": "lz4"}),
            json!({"type": "Scheduler"}),
            json!(1.5),
        ];
        let packed = messages.map(|message| {
            let message = rmp_serde::to_vec_named(&message).expect("MessagePack");
            frame::pack(&message)
        });
        let answers = asked(&packed.concat()).expect("answers");
        assert_eq!(answers.len(), 2);
        assert_eq!(
            answers[1].read::<Option<f64>>().expect("a number"),
            Some(1.5)
        );
        for few in 0..packed.len() {
            let fault = asked(&packed[..few].concat()).expect_err("too few answers");
            assert!(matches!(fault, SchedulerError::Connection(_)), "{fault}");
        }
    }

    proptest! {
        #[test]
        fn garbage_in_place_of_answers_is_a_fault(
            garbage in prop::collection::vec(any::<u8>(), 0..3000),
        ) {
            prop_assert!(asked(&garbage).is_err());
            let greeted = [frame::pack(b"\x80"), garbage].concat();
            // Two frames by chance would be answers; nothing else may come of it than a fault.
            let _ = asked(&greeted);
        }

        #[test]
        fn garbage_is_no_answer_and_no_panic(garbage in prop::collection::vec(any::<u8>(), 0..400)) {
            let answer = Answer(garbage);
            let _ = answer.read::<wire::Identity>();
            let _ = answer.read::<wire::State>();
            let _ = answer.read::<wire::Versions>();
            let _ = answer.read::<Option<f64>>();
        }
    }
}
