//! Pages of the server itself, for requests that it can't pass on.

use hyper::header::{
    CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use reqwest::Body;

use super::guard::Refusal;
use crate::gateway;

/// Path of the dashboard's first page.
const START: &str = "/status";

/// Makes the browser load the page again after 3 seconds.
const RETRY: &str = "<meta http-equiv=\"refresh\" content=\"3\">\n";

/// Makes the browser load the dashboard.
const GO_TO_START: &str = "<meta http-equiv=\"refresh\" content=\"0; url=/status\">\n";

const LINK_TO_START: &str = "<p><a href=\"/status\">Open the dashboard</a></p>\n";

const STYLE: &str = ":root{color-scheme:light dark}\
body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1rem}\
h1{font-size:1.4rem}p{overflow-wrap:anywhere}";

/// Allows only the page's own style.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

const RELOADS: &str = "This page reloads by itself.";

/// Returns a page with a title and paragraphs of text; `head` and `foot` are HTML.
fn page(
    status: StatusCode,
    title: &str,
    paragraphs: &[&str],
    [head, foot]: [&str; 2],
) -> Response<Body> {
    let title = escaped(title);
    let paragraphs = paragraphs
        .iter()
        .map(|text| format!("<p>{}</p>\n", escaped(text)));
    let body = paragraphs.collect::<String>();
    let html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n{head}\
         <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<h1>{title}</h1>\n{body}{foot}</body>\n</html>\n"
    );
    let mut response = bare(status, html);
    response.headers_mut().extend(
        [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CONTENT_SECURITY_POLICY, POLICY),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ]
        .map(|(name, value)| (name, HeaderValue::from_static(value))),
    );
    response
}

/// Redirects to the dashboard, and sets the cookie that opens it if it is a new one.
pub(super) fn start(cookie: Option<HeaderValue>) -> Response<Body> {
    let mut response = bare(StatusCode::SEE_OTHER, String::new());
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::from_static(START));
    headers.extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    response
}

/// Sets the cookie by a page that then loads the dashboard. A browser that comes from another
/// site's page counts a redirect as a request of that site, and would not send the cookie.
pub(super) fn start_by_refresh(cookie: HeaderValue) -> Response<Body> {
    let decoration = [GO_TO_START, LINK_TO_START];
    let mut response = page(StatusCode::OK, "Dask dashboard", &[], decoration);
    response.headers_mut().insert(SET_COOKIE, cookie);
    response
}

/// Explains why a request is refused, and closes the connection.
pub(super) fn refused(refusal: Refusal) -> Response<Body> {
    let (title, text) = match refusal {
        Refusal::NoCookie => (
            "This dashboard is private",
            "Open it once with the link that dgw printed when it started. When a link is used, dgw \
             prints another one for the next browser.",
        ),
        Refusal::InvalidLink => (
            "This link is no longer valid",
            "Each link opens the dashboard once. dgw prints the next link where it runs. If you did \
             not use this link yourself, stop dgw there with Ctrl-C and start it again.",
        ),
        Refusal::Prefetch => (
            "Not opened yet",
            "The link works only once, so it waits until you open it yourself.",
        ),
        Refusal::CrossSite => (
            "Request from another site refused",
            "The dashboard only responds to its own pages and to what you open yourself.",
        ),
        Refusal::Host => (
            "Unknown host name",
            "The dashboard is only available under the host name in the link that dgw printed: open \
             that link, in Chrome, Edge or Firefox. On another machine, run the ssh command first.",
        ),
        Refusal::ServiceWorker => (
            "Service worker refused",
            "Pages of a dashboard can't stay in the browser.",
        ),
        Refusal::Method => (
            "Not a proxy",
            "This server only forwards requests for a dashboard.",
        ),
    };
    let status = match refusal {
        Refusal::Method => StatusCode::METHOD_NOT_ALLOWED,
        _ => StatusCode::FORBIDDEN,
    };
    let foot = match refusal {
        Refusal::CrossSite => LINK_TO_START,
        _ => "",
    };
    let mut response = page(status, title, &[text], ["", foot]);
    let close = HeaderValue::from_static("close");
    response.headers_mut().insert(CONNECTION, close);
    response
}

/// Says that the gateway does not respond.
pub(super) fn gateway_failed(error: &gateway::Error) -> Response<Body> {
    let status = match error {
        gateway::Error::NoResponse { .. } => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    };
    let message = error.to_string();
    let paragraphs = [Some(message.as_str()), error.cause(), Some(RELOADS)]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>();
    page(
        status,
        "The gateway does not respond",
        &paragraphs,
        [RETRY, ""],
    )
}

/// Says that the gateway can't reach the scheduler.
pub(super) fn scheduler_failed(status: StatusCode) -> Response<Body> {
    let reason = format!(
        "The gateway could not reach the scheduler (status {}).",
        status.as_u16()
    );
    let title = "The cluster's scheduler does not respond";
    page(status, title, &[&reason, RELOADS], [RETRY, ""])
}

/// Says that the cluster has ended, and `how`.
pub(super) fn cluster_ended(how: &str) -> Response<Body> {
    let text = "Its dashboard is no longer available. `dgw new` starts another cluster.";
    page(StatusCode::GONE, how, &[text], [""; 2])
}

/// Says that a request is not for a page of the dashboard.
pub(super) fn invalid_request(reason: &str) -> Response<Body> {
    let title = "Not a page of this dashboard";
    page(StatusCode::BAD_REQUEST, title, &[reason], [""; 2])
}

/// Says that the cluster's response can't be passed on.
pub(super) fn invalid_response(reason: &str) -> Response<Body> {
    let title = "Invalid response from the cluster";
    page(StatusCode::BAD_GATEWAY, title, &[reason], [""; 2])
}

fn bare(status: StatusCode, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
}

/// Escapes text for HTML, in elements and in quoted attributes.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_html() {
        let text = "a & b &lt; <script src=\"x\">";
        assert_eq!(
            escaped(text),
            "a &amp; b &amp;lt; &lt;script src=&quot;x&quot;&gt;"
        );
    }

    #[test]
    fn new_cookie_is_set() {
        let cookie = HeaderValue::from_static("dgw-1=x");
        for response in [
            start(Some(cookie.clone())),
            start_by_refresh(cookie.clone()),
        ] {
            assert_eq!(response.headers()[SET_COOKIE], cookie);
        }
        assert_eq!(start(None).headers().get(SET_COOKIE), None);
        assert_eq!(start(None).headers()[LOCATION], START);
    }

    #[test]
    fn refusal_closes_the_connection() {
        for (refusal, status) in [
            (Refusal::NoCookie, 403),
            (Refusal::CrossSite, 403),
            (Refusal::Method, 405),
        ] {
            let response = refused(refusal);
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()[CONNECTION], "close");
            assert_eq!(response.headers()[CONTENT_SECURITY_POLICY], POLICY);
        }
    }
}
