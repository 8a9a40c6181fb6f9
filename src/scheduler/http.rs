//! The scheduler's HTTP routes, through the gateway's dashboard proxy.
//!
//! Requests carry no credentials: the routes need none, and the proxy would pass them on to a
//! process of the user's.

use std::time::Instant;

use reqwest::{Client, StatusCode};
use serde::de::DeserializeOwned;

use super::error::SchedulerError;

/// Size limit of a response. It takes about a kilobyte per worker: room for thirty thousand.
const SIZE_LIMIT: u64 = 32 * 1024 * 1024;

/// Fetches the JSON at `url`.
///
/// # Errors
/// Fails if there is no response, or it is too large or not JSON of the expected form: a login
/// page, a redirect, an error of the proxy itself.
pub(super) async fn get<T: DeserializeOwned>(
    http: &Client,
    url: &str,
) -> Result<T, SchedulerError> {
    let started = Instant::now();
    let unexpected = |found: &str| SchedulerError::UnexpectedResponse {
        url: url.to_owned(),
        found: found.to_owned(),
    };
    // The library's message would repeat the URL.
    let incomplete = |_| unexpected("no complete response");
    let mut response = http.get(url).send().await.map_err(incomplete)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(incomplete)? {
        if (body.len() + chunk.len()) as u64 > SIZE_LIMIT {
            return Err(SchedulerError::TooLarge { limit: SIZE_LIMIT });
        }
        body.extend_from_slice(&chunk);
    }
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
    serde_json::from_slice(&body).map_err(|_| {
        let is_page = body.trim_ascii_start().starts_with(b"<");
        unexpected(if is_page {
            "a web page"
        } else {
            "something other than the scheduler's JSON"
        })
    })
}
