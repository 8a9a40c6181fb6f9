//! One request, passed on to the cluster, and its answer, passed back.

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

/// What concerns one connection and no other (RFC 9110, 7.6.1), besides what `Connection` names.
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

/// What is between the browser and this server. Cookies are those of every server on this machine
/// that the browser knows.
const OURS: [HeaderName; 7] = [
    AUTHORIZATION,
    COOKIE,
    EXPECT,
    HOST,
    ORIGIN,
    REFERER,
    HeaderName::from_static("forwarded"),
];

/// What a server must not settle for another one: cookies that are never sent back, and how every
/// server of this host is to be reached.
const THEIRS: [HeaderName; 3] = [
    SET_COOKIE,
    HeaderName::from_static("alt-svc"),
    HeaderName::from_static("strict-transport-security"),
];

/// A scheduler that is asked for this without a WebSocket has an error at each event from then on
/// (distributed's `WebsocketPlugin`).
const ONLY_WEBSOCKET: &str = "/eventstream";

/// Passes `request` on.
///
/// # Errors
/// There is no answer.
pub(super) async fn forward(
    pages: &DashboardClient,
    mut request: Request<Incoming>,
) -> Result<Response<Body>, gateway::Error> {
    let path = request.uri().path_and_query();
    let Some(url) = pages.page_url(path.map_or("/", |path| path.as_str())) else {
        return Ok(page::unfit("The path leads out of the cluster."));
    };
    let is_websocket = is_websocket(request.headers());
    if !is_websocket && request.uri().path() == ONLY_WEBSOCKET {
        return Ok(page::unfit("This one answers WebSockets only."));
    }
    let upgrade = is_websocket.then(|| hyper::upgrade::on(&mut request));
    let (head, body) = request.into_parts();
    let mut headers = head.headers;
    let had_origin = headers.contains_key(ORIGIN);
    strip(&mut headers, &OURS);
    if had_origin {
        headers.insert(ORIGIN, pages.origin());
    }
    if is_websocket {
        mark_websocket(&mut headers);
    }
    let body = (!body.is_end_stream()).then(|| Body::wrap(body));
    let answer = pages.send(head.method, url, headers, body).await?;
    Ok(match upgrade {
        Some(upgrade) if answer.status() == StatusCode::SWITCHING_PROTOCOLS => {
            switch(upgrade, answer)
        }
        _ => {
            let mut answer = Response::from(answer);
            let headers = answer.headers_mut();
            strip(headers, &THEIRS);
            relocate(headers, pages);
            answer
        }
    })
}

/// The answer that makes both connections one.
fn switch(near: OnUpgrade, answer: reqwest::Response) -> Response<Body> {
    let mut switching = Response::new(Body::from(""));
    *switching.status_mut() = answer.status();
    let headers = switching.headers_mut();
    headers.clone_from(answer.headers());
    strip(headers, &THEIRS);
    mark_websocket(headers);
    tokio::spawn(async move {
        if let (Ok(near), Ok(mut far)) = tokio::join!(near, answer.upgrade()) {
            // However it ends: there is nobody left to tell.
            let _ = copy_bidirectional(&mut TokioIo::new(near), &mut far).await;
        }
    });
    switching
}

/// Whether a request asks for a WebSocket; nothing else is switched to.
fn is_websocket(headers: &HeaderMap) -> bool {
    let wants = |name, word| tokens(headers, name).any(|token| token.eq_ignore_ascii_case(word));
    wants(CONNECTION, "upgrade") && wants(UPGRADE, "websocket")
}

fn mark_websocket(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}

/// Takes out what concerns the connection, and `others`.
fn strip(headers: &mut HeaderMap, others: &[HeaderName]) {
    let named = tokens(headers, CONNECTION)
        .filter_map(|token| token.parse::<HeaderName>().ok())
        .collect::<Vec<_>>();
    for name in named.iter().chain(&HOP_BY_HOP).chain(others) {
        headers.remove(name);
    }
}

/// The words of a header that is a list.
fn tokens(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    texts.flat_map(|text| text.split(',')).map(str::trim)
}

/// Corrects a redirect that is made for those who come to the gateway itself.
fn relocate(headers: &mut HeaderMap, pages: &DashboardClient) {
    let location = headers.get(LOCATION).and_then(|to| to.to_str().ok());
    let Some(to) = location.and_then(|to| pages.rewrite_location(to)) else {
        return;
    };
    if let Ok(to) = HeaderValue::try_from(to) {
        headers.insert(LOCATION, to);
    }
}
