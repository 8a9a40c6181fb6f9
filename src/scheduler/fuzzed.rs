//! Fuzz target: what a scheduler sends.

use std::collections::HashMap;

use futures_util::FutureExt as _;

use super::model::Activity;
use super::wire::{Counts, Identity, State, VersionsResponse};
use super::{comm, frame};

pub(crate) use super::logs::fuzzed::pages as logs;

/// Reads the input as messages after an even first byte, else as the one response.
pub(crate) fn comm(input: &[u8]) {
    let Some((first, rest)) = input.split_first() else {
        return;
    };
    let sent = if first % 2 == 0 {
        rest.to_vec()
    } else {
        [frame::pack(b"\x80"), frame::pack(rest)].concat()
    };
    let mut stream = tokio::io::join(sent.as_slice(), tokio::io::sink());
    let operations = [comm::operation("identity")];
    let asked = comm::ask(&mut stream, &operations).now_or_never();
    let responses = asked.expect("everything has arrived");
    for response in responses.into_iter().flatten() {
        let mut activity = Activity::default();
        if let Ok(identity) = response.read::<Identity>() {
            let _ = identity.started();
            activity = identity.activity_and_workers().0;
        }
        let since = response.read::<Option<f64>>().ok().flatten();
        if let Ok(state) = response.read::<State>() {
            state.complete(&mut activity);
            let _ = (state.transitions(), state.idle(since));
        }
        if let Ok(versions) = response.read::<VersionsResponse>() {
            let _ = versions.has_check_idle();
            versions.packages();
        }
        let _ = response.read::<HashMap<String, Vec<(f64, String, String)>>>();
    }
    let counts = serde_json::from_slice::<Counts>(rest);
    let _ = counts.map(|counts| counts.tasks());
}
