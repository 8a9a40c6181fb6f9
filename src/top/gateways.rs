//! What is known of a gateway itself.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::measures::elapsed;
use crate::duration;

/// A gateway, and how it responds. Changed only by methods that say what happened.
pub(super) struct WatchedGateway {
    name: String,
    address: String,
    /// How far its clock is ahead of this machine's.
    clock_offset: SignedDuration,
    /// The time of its last response, by this machine's clock.
    last_response: Option<Timestamp>,
    /// Why the last request failed, or why none can be sent.
    error: Option<String>,
    /// The user's own names, by their clusters.
    labels: BTreeMap<String, String>,
}

impl WatchedGateway {
    /// Creates a gateway that has not responded yet.
    pub(super) fn new(name: String, address: String) -> Self {
        Self {
            name,
            address,
            clock_offset: SignedDuration::ZERO,
            last_response: None,
            error: None,
            labels: BTreeMap::new(),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Returns the user's own name of a cluster.
    pub(super) fn label_of(&self, cluster: &str) -> Option<&str> {
        self.labels.get(cluster).map(String::as_str)
    }

    /// Returns true if the last request failed, or takes long.
    pub(super) fn is_failing(&self) -> bool {
        self.error.is_some()
    }

    /// Describes why there is no update; `now` is by this machine's clock.
    pub(super) fn problem(&self, now: Timestamp) -> Option<String> {
        let error = self.error.clone()?;
        let Some(last_response) = self.last_response else {
            return Some(error);
        };
        let silence = duration::short(elapsed(now, last_response));
        Some(format!("no update for {silence}: {error}"))
    }

    /// Converts a time of this machine's clock to the gateway's.
    pub(super) fn time_at(&self, now: Timestamp) -> Timestamp {
        now.saturating_add(self.clock_offset).unwrap_or(now)
    }

    /// Takes in the user's own names, by their clusters.
    pub(super) fn labels_read(&mut self, labels: BTreeMap<String, String>) {
        self.labels = labels;
    }

    /// Takes in a list of clusters that was sent at `sent`, by the gateway's clock.
    pub(super) fn responded(&mut self, sent: Timestamp, now: Timestamp) {
        self.clock_offset = sent.duration_since(now);
        self.last_response = Some(now);
        self.error = None;
    }

    /// Takes in that the gateway does not know a cluster.
    pub(super) fn cluster_vanished(&mut self) {
        self.error = None;
    }

    /// Takes in that a request failed, or can't be sent.
    pub(super) fn request_failed(&mut self, error: String) {
        self.error = Some(error);
    }

    /// Takes in that there was no response for a long time.
    pub(super) fn request_delayed(&mut self) {
        self.error
            .get_or_insert_with(|| "the gateway does not respond".to_owned());
    }
}
