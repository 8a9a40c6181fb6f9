//! Passes one request on to the cluster, and its response back.

use hyper::body::{Body as _, Incoming};
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, ACCEPT_RANGES, ALLOW, CONNECTION,
    CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, LOCATION,
    ORIGIN, RANGE, RETRY_AFTER, UPGRADE, USER_AGENT, X_CONTENT_TYPE_OPTIONS,
};
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use reqwest::Body;
use tokio::io::copy_bidirectional;

use super::page;
use crate::gateway::{self, DashboardClient};

/// Headers of a request that the cluster gets. Any other may mean something to a server in between:
/// credentials, cookies, another user's name, another path.
const REQUEST_HEADERS: [HeaderName; 6] = [
    ACCEPT,
    ACCEPT_ENCODING,
    ACCEPT_LANGUAGE,
    CONTENT_TYPE,
    RANGE,
    USER_AGENT,
];

/// Headers of a response that the browser gets. They concern this response only: a cluster sets no
/// cookies, and decides neither what the browser keeps nor what it does with other pages.
/// The length is that of the body, whatever the cluster says.
const RESPONSE_HEADERS: [HeaderName; 12] = [
    ACCEPT_RANGES,
    ALLOW,
    CONTENT_DISPOSITION,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_RANGE,
    CONTENT_SECURITY_POLICY,
    CONTENT_TYPE,
    DATE,
    LOCATION,
    RETRY_AFTER,
    X_CONTENT_TYPE_OPTIONS,
];

/// Beginning of the names of a WebSocket handshake's headers.
const WEBSOCKET: &str = "sec-websocket-";

/// Path only for a WebSocket: after another request for it, the scheduler has an error at each event
/// (distributed's `WebsocketPlugin`).
const WEBSOCKET_ONLY: &str = "/eventstream";

/// Passes `request` on and returns the response.
///
/// # Errors
/// Fails if the gateway does not respond.
pub(super) async fn forward(
    pages: &DashboardClient,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, gateway::Error> {
    let path = request.uri().path_and_query();
    let Some(url) = pages.page_url(path.map_or("/", |path| path.as_str())) else {
        return Ok(page::invalid_request(
            "The path is outside this cluster's dashboard.",
        ));
    };
    let is_websocket = is_websocket(&request);
    if !is_websocket && request.uri().path() == WEBSOCKET_ONLY {
        return Ok(page::invalid_request(
            "This page only accepts WebSocket connections.",
        ));
    }
    let upgrade = is_websocket.then(|| hyper::upgrade::on(&mut request));
    let (head, body) = request.into_parts();
    let mut headers = only(&head.headers, &REQUEST_HEADERS);
    if head.headers.contains_key(ORIGIN) {
        headers.insert(ORIGIN, pages.origin());
    }
    if is_websocket {
        mark_websocket(&mut headers);
    }
    let body = (!body.is_end_stream()).then(|| Body::wrap(body));
    let response = pages.send(head.method, url, headers, body).await?;
    Ok(match (response.status(), upgrade) {
        (StatusCode::SWITCHING_PROTOCOLS, Some(upgrade)) => switch_protocols(upgrade, response),
        (StatusCode::SWITCHING_PROTOCOLS, None) => {
            page::invalid_response("The cluster switched protocols without being asked to.")
        }
        _ => {
            let mut response = Response::from(response);
            let headers = response.headers_mut();
            *headers = only(headers, &RESPONSE_HEADERS);
            relocate(headers, pages);
            response
        }
    })
}

/// Returns the response that turns both connections into a WebSocket, and connects them.
fn switch_protocols(near: OnUpgrade, response: reqwest::Response) -> Response<Body> {
    let mut switching = Response::new(Body::from(""));
    *switching.status_mut() = response.status();
    *switching.headers_mut() = only(response.headers(), &[]);
    mark_websocket(switching.headers_mut());
    tokio::spawn(async move {
        if let (Ok(near), Ok(mut far)) = tokio::join!(near, response.upgrade()) {
            // Both sides notice an error themselves.
            let _ = copy_bidirectional(&mut TokioIo::new(near), &mut far).await;
        }
    });
    switching
}

/// Returns true if a request asks for a WebSocket, the only protocol to switch to.
fn is_websocket<B>(request: &Request<B>) -> bool {
    let headers = request.headers();
    let wants = |name, word| tokens(headers, name).any(|token| token.eq_ignore_ascii_case(word));
    request.method() == Method::GET && wants(CONNECTION, "upgrade") && wants(UPGRADE, "websocket")
}

fn mark_websocket(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

/// Returns the headers of `all` that are in `names`, and those of a WebSocket handshake.
fn only(all: &HeaderMap, names: &[HeaderName]) -> HeaderMap {
    let is_kept = |name: &HeaderName| names.contains(name) || name.as_str().starts_with(WEBSOCKET);
    let kept = all.iter().filter(|(name, _)| is_kept(name));
    let mut headers = HeaderMap::new();
    for (name, value) in kept {
        headers.append(name, value.clone());
    }
    headers
}

/// Returns the items of a header that is a list.
fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).map(str::trim)
}

/// Corrects a redirect that is meant for browsers that connect to the gateway itself.
fn relocate(headers: &mut HeaderMap, pages: &DashboardClient) {
    let location = headers.get(LOCATION).and_then(|to| to.to_str().ok());
    let Some(to) = location.and_then(|to| pages.rewrite_location(to)) else {
        return;
    };
    if let Ok(to) = HeaderValue::try_from(to) {
        headers.insert(LOCATION, to);
    }
}
