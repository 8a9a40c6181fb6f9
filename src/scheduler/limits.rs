//! Limits on responses of schedulers. dgw asks sixteen clusters at a time, by the comm protocol and
//! by HTTP: together they must stay below 256 MiB, whatever any of them sends.

/// Size limit of the responses on one connection together. `identity`, the largest, takes 0.7 kB for
/// each worker, and 1 kB in JSON (measured with distributed 2025.4): room for eight thousand workers.
pub(super) const SIZE_LIMIT: usize = 8 * 1024 * 1024;

/// The memory for the values of one response, as [`crate::gateway::decode`] counts it. One is
/// decoded at a time. A worker takes 2.5 kB of it, and an entry of a log 0.8: room for ten thousand
/// workers, and for the ten thousand entries that a log has.
pub(super) const DECODED_LIMIT: usize = 24 * 1024 * 1024;

/// Size limit of `counts.json`, which is 250 bytes.
pub(super) const COUNTS_LIMIT: usize = 64 * 1024;
