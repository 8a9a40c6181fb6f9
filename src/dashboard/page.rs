//! Pages of the server's own, for what it can't pass on.

use hyper::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue, LOCATION,
    SET_COOKIE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use reqwest::Body;

use super::guard::Refusal;
use crate::gateway;

/// Where the dashboard begins.
const START: &str = "/status";

/// After so many seconds a page looks whether the trouble has passed.
pub(super) const RETRY: u32 = 3;

/// What a page says.
struct Page {
    status: StatusCode,
    title: String,
    /// A paragraph each.
    text: Vec<String>,
    /// A link to the start, with these words.
    link: Option<&'static str>,
    /// Where the browser goes by itself, after so many seconds.
    refresh: Option<(u32, &'static str)>,
}

impl Page {
    fn new(status: StatusCode, title: &str, text: &[&str]) -> Self {
        Self {
            status,
            title: title.to_owned(),
            text: text.iter().map(|line| (*line).to_owned()).collect(),
            link: None,
            refresh: None,
        }
    }

    fn answer(&self) -> Response<Body> {
        let title = escaped(&self.title);
        let refresh = self.refresh.map_or(String::new(), |(seconds, to)| {
            format!("<meta http-equiv=\"refresh\" content=\"{seconds}{to}\">\n")
        });
        let mut text = String::new();
        for line in &self.text {
            text.push_str(&["<p>", &escaped(line), "</p>\n"].concat());
        }
        if let Some(words) = self.link {
            text.push_str(&["<p><a href=\"", START, "\">", words, "</a></p>\n"].concat());
        }
        let html = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n{refresh}\
             <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n\
             <body>\n<h1>{title}</h1>\n{text}</body>\n</html>\n"
        );
        let mut answer = bare(self.status, Body::from(html));
        let headers = answer.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        );
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        answer
    }
}

const STYLE: &str = ":root{color-scheme:light dark}\
body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:15vh auto;padding:0 1rem}\
h1{font-size:1.4rem}p{overflow-wrap:anywhere}";

/// Nothing but the page's own style.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/// To the start, with the cookie that opens it, if it is a new one.
pub(super) fn start(cookie: Option<HeaderValue>) -> Response<Body> {
    let mut answer = bare(StatusCode::SEE_OTHER, Body::from(""));
    let headers = answer.headers_mut();
    headers.insert(LOCATION, HeaderValue::from_static(START));
    if let Some(cookie) = cookie {
        headers.insert(SET_COOKIE, cookie);
    }
    answer
}

/// The same by a page that goes there itself: to a browser that came from another site's page a
/// redirect would still be that site's doing.
pub(super) fn start_over(cookie: HeaderValue) -> Response<Body> {
    let page = Page {
        link: Some("To the dashboard"),
        refresh: Some((0, "; url=/status")),
        ..Page::new(StatusCode::OK, "Dask dashboard", &[])
    };
    let mut answer = page.answer();
    answer.headers_mut().insert(SET_COOKIE, cookie);
    answer
}

/// Why a request is refused. The connection ends with it.
pub(super) fn refused(refusal: Refusal) -> Response<Body> {
    let page = match refusal {
        Refusal::NoCookie => Page::new(
            StatusCode::FORBIDDEN,
            "This dashboard is private",
            &[
                "It opens by the link that dgw printed when it was started, once.",
                "For another browser dgw prints another link as soon as the first was used.",
            ],
        ),
        Refusal::Link => Page::new(
            StatusCode::FORBIDDEN,
            "This link is no longer good",
            &[
                "Each link opens the dashboard once. The next one is where dgw runs, on its last \
                 lines.",
                "If it was not you who used this one, end dgw there with Ctrl-C, and start it \
                 again.",
            ],
        ),
        Refusal::Prefetch => Page::new(
            StatusCode::FORBIDDEN,
            "Not opened yet",
            &["The link works once, so it waits until you open it yourself."],
        ),
        Refusal::Foreign => Page {
            link: Some("To the dashboard"),
            ..Page::new(
                StatusCode::FORBIDDEN,
                "Another page asked for this",
                &["The dashboard answers only its own pages, and what you open yourself."],
            )
        },
        Refusal::Host => Page::new(
            StatusCode::FORBIDDEN,
            "Not by this name",
            &[
                "The dashboard is served as 127.0.0.1 or localhost only: open the link that dgw \
               printed. From another machine, run the ssh line there first.",
            ],
        ),
        Refusal::Method => Page::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "Not a proxy",
            &["This server passes on requests for a dashboard, and nothing else."],
        ),
    };
    let mut answer = page.answer();
    let close = HeaderValue::from_static("close");
    answer.headers_mut().insert(CONNECTION, close);
    answer
}

/// There is no answer from the cluster.
pub(super) fn unreachable(error: &gateway::Error) -> Response<Body> {
    let status = match error {
        gateway::Error::NoResponse { .. } => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    };
    let message = error.to_string();
    let text = [Some(message.as_str()), error.cause(), Some(AGAIN)];
    trouble(status, "The gateway does not answer", &text)
}

/// The gateway has an answer, and it is that the scheduler has none.
pub(super) fn no_scheduler(status: StatusCode) -> Response<Body> {
    let text = format!(
        "The gateway could not reach it: status {}.",
        status.as_u16()
    );
    let title = "The cluster's scheduler does not answer";
    trouble(status, title, &[Some(&text), Some(AGAIN)])
}

const AGAIN: &str = "This page tries again by itself.";

fn trouble(status: StatusCode, title: &str, text: &[Option<&str>]) -> Response<Body> {
    let text = text.iter().copied().flatten().collect::<Vec<_>>();
    let page = Page {
        refresh: Some((RETRY, "")),
        ..Page::new(status, title, &text)
    };
    page.answer()
}

/// The cluster is no more; `what` says how it ended.
pub(super) fn ended(what: &str) -> Response<Body> {
    let text = "Its dashboard ended with it. `dgw new` starts another cluster.";
    Page::new(StatusCode::GONE, what, &[text]).answer()
}

/// The request makes no sense to the cluster.
pub(super) fn unfit(what: &str) -> Response<Body> {
    Page::new(
        StatusCode::BAD_REQUEST,
        "Not a page of this dashboard",
        &[what],
    )
    .answer()
}

fn bare(status: StatusCode, body: Body) -> Response<Body> {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let no_store = HeaderValue::from_static("no-store");
    answer.headers_mut().insert(CACHE_CONTROL, no_store);
    answer
}

/// Text as HTML that shows it, and nothing else.
fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            char => html.push(char),
        }
    }
    html
}
