//! Passes one request on to the cluster, and its response back.

use hyper::body::{Body as _, Incoming};
use hyper::header::{
    AUTHORIZATION, CONNECTION, COOKIE, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue, LOCATION,
    ORIGIN, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, REFERER, SET_COOKIE, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use reqwest::Body;
use tokio::io::copy_bidirectional;

use super::page;
use crate::gateway::{self, DashboardClient};

/// Headers that concern a single connection (RFC 9110, 7.6.1), besides those that `Connection` names.
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Headers between the browser and this server. The cookies include those of other servers on this
/// machine.
const REQUEST_HEADERS: [HeaderName; 7] = [
    AUTHORIZATION,
    COOKIE,
    EXPECT,
    HOST,
    ORIGIN,
    REFERER,
    HeaderName::from_static("forwarded"),
];

/// Headers by which a server decides for this one: cookies, which are never sent back to it, and how
/// browsers connect to every server of this host.
const RESPONSE_HEADERS: [HeaderName; 3] = [
    SET_COOKIE,
    HeaderName::from_static("alt-svc"),
    HeaderName::from_static("strict-transport-security"),
];

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
    let is_websocket = is_websocket(request.headers());
    if !is_websocket && request.uri().path() == WEBSOCKET_ONLY {
        return Ok(page::invalid_request(
            "This page only accepts WebSocket connections.",
        ));
    }
    let upgrade = is_websocket.then(|| hyper::upgrade::on(&mut request));
    let (head, body) = request.into_parts();
    let mut headers = head.headers;
    let had_origin = headers.contains_key(ORIGIN);
    strip(&mut headers, &REQUEST_HEADERS);
    if had_origin {
        headers.insert(ORIGIN, pages.origin());
    }
    if is_websocket {
        mark_websocket(&mut headers);
    }
    let body = (!body.is_end_stream()).then(|| Body::wrap(body));
    let response = pages.send(head.method, url, headers, body).await?;
    Ok(match upgrade {
        Some(upgrade) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
            switch_protocols(upgrade, response)
        }
        _ => {
            let mut response = Response::from(response);
            let headers = response.headers_mut();
            strip(headers, &RESPONSE_HEADERS);
            relocate(headers, pages);
            response
        }
    })
}

/// Returns the response that turns both connections into a WebSocket, and connects them.
fn switch_protocols(near: OnUpgrade, response: reqwest::Response) -> Response<Body> {
    let mut switching = Response::new(Body::from(""));
    *switching.status_mut() = response.status();
    let headers = switching.headers_mut();
    headers.clone_from(response.headers());
    strip(headers, &RESPONSE_HEADERS);
    mark_websocket(headers);
    tokio::spawn(async move {
        if let (Ok(near), Ok(mut far)) = tokio::join!(near, response.upgrade()) {
            // Both sides notice an error themselves.
            let _ = copy_bidirectional(&mut TokioIo::new(near), &mut far).await;
        }
    });
    switching
}

/// Returns true if a request asks for a WebSocket, the only protocol to switch to.
fn is_websocket(headers: &HeaderMap) -> bool {
    let wants = |name, word| tokens(headers, name).any(|token| token.eq_ignore_ascii_case(word));
    wants(CONNECTION, "upgrade") && wants(UPGRADE, "websocket")
}

fn mark_websocket(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

/// Removes the headers that concern a single connection, and `others`.
fn strip(headers: &mut HeaderMap, others: &[HeaderName]) {
    let named = tokens(headers, CONNECTION)
        .filter_map(|token| token.parse::<HeaderName>().ok())
        .collect::<Vec<_>>();
    for name in named.iter().chain(&HOP_BY_HOP).chain(others) {
        headers.remove(name);
    }
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
