//! Reading the body of a response: the only way in which dgw reads one.

use reqwest::Response;

/// Why a body can't be read.
#[derive(Debug)]
pub(crate) enum BodyError {
    TooLarge,
    /// The connection broke, or the time is up.
    Lost(reqwest::Error),
}

/// Reads the body of `response` if it has at most `limit` bytes.
///
/// # Errors
/// Fails if it is larger, or does not arrive completely.
pub(crate) async fn read_body(response: &mut Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    let expected = response.content_length().unwrap_or_default();
    let expected = usize::try_from(expected).unwrap_or(limit);
    let mut body = Vec::with_capacity(expected.min(limit));
    while let Some(chunk) = response.chunk().await.map_err(BodyError::Lost)? {
        if chunk.len() > limit - body.len() {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
