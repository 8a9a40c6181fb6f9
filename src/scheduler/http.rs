//! The scheduler's routes, by way of the gateway's dashboard proxy.
//!
//! No credentials go there: the routes need none, and the proxy would pass them on to a process of
//! the user's.

use std::time::Instant;

use reqwest::{Client, StatusCode};
use serde::de::DeserializeOwned;

use super::SchedulerError;

/// About a kilobyte per worker: room for thirty thousand.
const SIZE_LIMIT: u64 = 32 * 1024 * 1024;

/// What `url` answers, as JSON.
///
/// # Errors
/// Anything but JSON of the expected form: a login page, a redirect, the proxy's own errors.
pub(super) async fn get<T: DeserializeOwned>(
    http: &Client,
    url: &str,
) -> Result<T, SchedulerError> {
    let body = get_bytes(http, url).await?;
    // The parser's own message may quote the answer.
    serde_json::from_slice(&body).map_err(|_| {
        let is_page = body.trim_ascii_start().starts_with(b"<");
        let what = if is_page {
            "a web page"
        } else {
            "something else than its JSON"
        };
        foreign(url, what)
    })
}

/// What `url` answers, whatever it is.
///
/// # Errors
/// A redirect, the proxy's own errors, more than anybody would read.
pub(super) async fn get_bytes(http: &Client, url: &str) -> Result<Vec<u8>, SchedulerError> {
    let started = Instant::now();
    // The library's message would repeat the URL.
    let broken = |_| foreign(url, "a broken connection");
    let mut response = http.get(url).send().await.map_err(broken)?;
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if (body.len() + chunk.len()) as u64 > SIZE_LIMIT {
            return Err(SchedulerError::Oversized { limit: SIZE_LIMIT });
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
        return Err(foreign(url, &format!("status {}", status.as_u16())));
    }
    Ok(body)
}

/// That `url` answered with something else than the scheduler does.
pub(super) fn foreign(url: &str, what: &str) -> SchedulerError {
    SchedulerError::Foreign {
        url: url.to_owned(),
        what: what.to_owned(),
    }
}
