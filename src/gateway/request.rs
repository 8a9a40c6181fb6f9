//! A request to the gateway, before it is sent.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

pub(super) const MIB: usize = 1024 * 1024;

/// The size limit of a response that is not a list: an option with ten thousand choices, or one
/// cluster with its keys, takes half of that at the most.
const SIZE_LIMIT: usize = MIB;

/// A request to the gateway.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    /// The path below the gateway's address, with a leading slash.
    pub(super) path: String,
    pub(super) body: Option<Value>,
    /// The cluster that the request is about, for the error if there is no such cluster.
    pub(super) cluster: Option<&'a str>,
    /// Time that the request may take beyond the limit for every request.
    pub(super) extra_time: Duration,
    /// The largest body that the response may have.
    pub(super) size_limit: usize,
}

impl Request<'_> {
    /// A GET request for `path`.
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// A request without a body.
    pub(super) fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            body: None,
            cluster: None,
            extra_time: Duration::ZERO,
            size_limit: SIZE_LIMIT,
        }
    }
}
