//! The scheduler's HTTP routes, through the gateway's dashboard proxy.
//!
//! Requests carry no credentials: the routes need none, and the proxy would pass them on to a
//! process of the user's.

use std::time::Instant;

use reqwest::{Client, StatusCode};
use serde::de::DeserializeOwned;

use super::error::SchedulerError;
use super::limits::DECODED_LIMIT;
use crate::gateway::{BodyError, decode_json, read_body};

/// Fetches the JSON at `url`, of at most `limit` bytes.
///
/// # Errors
/// Fails if there is no response, or it is too large or not JSON of the expected form: a login
/// page, a redirect, an error of the proxy itself.
pub(super) async fn get<T: DeserializeOwned>(
    http: &Client,
    url: &str,
    limit: usize,
) -> Result<T, SchedulerError> {
    let started = Instant::now();
    let unexpected = |found: &str| SchedulerError::UnexpectedResponse {
        url: url.to_owned(),
        found: found.to_owned(),
    };
    // The library's message would repeat the URL.
    let incomplete = |_| unexpected("no complete response");
    let mut response = http.get(url).send().await.map_err(incomplete)?;
    let body = match read_body(&mut response, limit).await {
        Ok(body) => body,
        Err(BodyError::Lost(error)) => return Err(incomplete(error)),
        Err(BodyError::TooLarge) => return Err(SchedulerError::TooLarge),
    };
    let status = response.status();
    log::info!(
        "GET {url}: {}, {} bytes, {:.0?}",
        status.as_u16(),
        body.len(),
        started.elapsed()
    );
    if status != StatusCode::OK {
        return Err(unexpected(&format!("status {}", status.as_u16())));
    }
    // The parser's own message may quote the response.
    decode_json(&body, DECODED_LIMIT).map_err(|_| {
        let is_page = body.trim_ascii_start().starts_with(b"<");
        unexpected(if is_page {
            "a web page"
        } else {
            "something other than the scheduler's JSON"
        })
    })
}
