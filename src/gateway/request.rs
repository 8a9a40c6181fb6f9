//! A request to the gateway, before it is sent.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

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
        }
    }
}
