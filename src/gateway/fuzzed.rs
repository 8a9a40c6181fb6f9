//! Fuzz targets: responses of gateways, and paths of dashboard pages.

use std::sync::LazyLock;

use reqwest::header::HeaderMap;
use reqwest::{StatusCode, Url};
use serde_json::Value;

use super::dashboard_client::DashboardClient;
use super::decode::decode_json;
use super::model::{Record, Records};
use super::name::is_valid_name;
use super::options::{OptionField, check_option, parse_options};
use super::response::Response;

/// Limit on the memory of decoded values, so low that small inputs reach it.
const DECODED_LIMIT: usize = 256 * 1024;

/// Decodes the input within a limit on memory.
pub(crate) fn decode(input: &[u8]) {
    let _ = decode_json::<Value>(input, DECODED_LIMIT);
    let _ = decode_json::<Records<String>>(input, DECODED_LIMIT);
    let _ = decode_json::<Vec<OptionField>>(input, DECODED_LIMIT);
}

/// Reads the input as a response: a digit for the status, then the body.
pub(crate) fn response(input: &[u8]) {
    let Some((first, body)) = input.split_first() else {
        return;
    };
    let status = match first {
        b'0'..=b'9' => {
            [200, 201, 302, 401, 403, 404, 409, 422, 500, 503][usize::from(first - b'0')]
        }
        _ => 200,
    };
    let response = Response {
        url: Url::parse("https://h.example/api/v1/clusters/").expect("a URL"),
        setting: "gateway.address",
        status: StatusCode::from_u16(status).expect("a status"),
        headers: HeaderMap::new(),
        body: body.to_vec(),
    };
    let response = match response.into_result("https://h.example", Some("basic"), Some("ab12")) {
        Ok(response) => response,
        Err(error) => {
            let _ = (error.to_string(), error.cause());
            return;
        }
    };
    let mut records = Vec::new();
    if let Ok(Records(mut all)) = response.json::<Records<String>>() {
        for record in &mut all {
            let _ = record.take_identity();
        }
        records = all;
    }
    records.extend(response.json::<Record<String>>());
    for record in records {
        let Ok(cluster) = record.into_cluster("https://h.example", "h.example:443") else {
            continue;
        };
        assert!(is_valid_name(&cluster.name));
        if let Some(link) = &cluster.dashboard_link {
            assert!(link.starts_with("https://h.example/"));
            assert!(link.bytes().all(|byte| byte.is_ascii_graphic()));
        }
        serde_json::to_string(&cluster).expect("JSON");
    }
    if let Ok(fields) = response.json::<Vec<OptionField>>() {
        for field in &fields {
            let _ = (field.spec.kind(), field.spec.range());
            let _ = check_option(&fields, &field.name, &Value::Null);
            let _ = parse_options(&fields, [(field.name.as_str(), "1")]);
        }
    }
}

/// Finds the page at a path, as a request or a redirect names it.
pub(crate) fn page_url(input: &[u8]) {
    static CLIENT: LazyLock<DashboardClient> = LazyLock::new(DashboardClient::example);
    let Ok(path) = str::from_utf8(input) else {
        return;
    };
    let rewritten = CLIENT.rewrite_location(path);
    for path in [Some(path), rewritten.as_deref()].into_iter().flatten() {
        if let Some(url) = CLIENT.page_url(path) {
            assert_below_root(&url);
        }
    }
}

/// Asserts that `url` is one of the example's pages, however often a server in between decodes it, and
/// whether that resolves dots before or after, or cuts the path off.
pub(super) fn assert_below_root(url: &Url) {
    const ROOT: &str = "/dg/clusters/ab12";
    assert_eq!(url.host_str(), Some("hub.example.org"));
    let mut path = url.path().as_bytes().to_vec();
    loop {
        let text = String::from_utf8_lossy(&path);
        let end = text.find([';', '?', '#']).unwrap_or(text.len());
        for text in [&text[..], &text[..end]] {
            let mut segments = Vec::new();
            for segment in text.split(['/', '\\']) {
                match segment.split(';').next() {
                    Some("..") => drop(segments.pop()),
                    Some("." | "") => {}
                    _ => segments.push(segment),
                }
            }
            let resolved = format!("/{}", segments.join("/"));
            let below = resolved.strip_prefix(ROOT);
            assert!(
                below.is_some_and(|below| below.is_empty() || below.starts_with('/')),
                "{url}: {resolved}"
            );
        }
        let decoded = percent_encoding::percent_decode(&path).collect::<Vec<_>>();
        if decoded == path {
            break;
        }
        path = decoded;
    }
}
