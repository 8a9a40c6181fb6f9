//! Any response from a gateway becomes a safe value or an error, and never a panic.

use std::time::Duration;

use proptest::prelude::*;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{StatusCode, Url};
use serde_json::{Value, json};

use super::error::Error;
use super::model::{Cluster, Records};
use super::name::is_valid_name;
use super::options::{OptionField, OptionType, check_option, parse_options};
use super::response::Response;
use crate::hostile;

fn response(status: StatusCode, headers: HeaderMap, body: Vec<u8>) -> Response {
    Response {
        url: Url::parse("https://h.example/api/v1/clusters/").expect("a URL"),
        setting: "gateway.address",
        status,
        headers,
        body,
    }
}

fn listing() -> Value {
    json!({"ab12": {
        "name": "ab12", "status": "RUNNING", "start_time": 1_795_000_000_000_i64, "stop_time": null,
        "options": {"cores": 2, "gpu": {"a": [1]}}, "dashboard_route": "/clusters/ab12/status",
        "scheduler_address": "tls://h:1", "tls_cert": "cert", "tls_key": "key",
    }})
}

fn offered_options() -> Value {
    json!([
        {"field": "cores", "label": "Cores", "default": 1, "spec": {"type": "int", "min": 1, "max": 4}},
        {"field": "memory", "label": "", "default": 1.5, "spec": {"type": "float", "min": 0.5, "max": null}},
        {"field": "size", "label": "x", "default": "s", "spec": {"type": "select", "options": ["s", "m"]}},
        {"field": "spot", "label": "x", "default": false, "spec": {"type": "bool"}},
        {"field": "env", "label": "x", "default": {}, "spec": {"type": "mapping"}},
        {"field": "note", "label": "x", "default": "", "spec": {"type": "string"}},
        {"field": "other", "label": "x", "default": null, "spec": {"type": "site's own"}},
    ])
}

fn clusters(body: &Value) -> Result<Vec<Cluster>, Error> {
    let response = response(StatusCode::OK, HeaderMap::new(), body.to_string().into());
    let Records(mut records) = response.json::<Records<String>>()?;
    for record in &mut records {
        let _ = record.take_identity();
    }
    records
        .into_iter()
        .map(|record| record.into_cluster("https://h.example", "h.example:443"))
        .collect::<Result<_, _>>()
        .map_err(|reason| response.not_gateway(reason))
}

fn header(name: &'static str) -> impl Strategy<Value = Option<(HeaderName, HeaderValue)>> {
    let value = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        "[0-9]{0,30}".prop_map(String::into_bytes),
        "(Basic|Negotiate|,|;| ){0,4}".prop_map(String::into_bytes),
        "(https?:)?//[a-z@:.\\[\\]]{0,9}/[ -~]{0,20}".prop_map(String::into_bytes),
        "[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT".prop_map(String::into_bytes),
    ];
    value.prop_map(move |bytes| {
        let value = HeaderValue::from_bytes(&bytes).ok()?;
        Some((HeaderName::from_static(name), value))
    })
}

fn headers() -> impl Strategy<Value = HeaderMap> {
    let names = [
        "content-type",
        "date",
        "location",
        "retry-after",
        "www-authenticate",
    ];
    names
        .map(header)
        .prop_map(|headers| headers.into_iter().flatten().collect())
}

proptest! {
    #[test]
    fn clusters_have_safe_names_and_links(body in prop_oneof![hostile::json(), hostile::corrupted(listing())]) {
        match clusters(&body) {
            Ok(clusters) => for cluster in clusters {
                prop_assert!(is_valid_name(&cluster.name));
                let links = cluster.dashboard_link.iter().chain(&cluster.scheduler_address);
                for link in links {
                    prop_assert!(link.bytes().all(|b| b.is_ascii_graphic()), "{link:?}");
                    let is_own = link.starts_with("https://h.example/") || link.starts_with("gateway://");
                    prop_assert!(is_own, "{link:?}");
                }
                serde_json::to_string(&cluster).expect("JSON");
            },
            Err(error) => prop_assert!(matches!(error, Error::NotGateway { .. }), "{error}"),
        }
    }

    #[test]
    fn parsed_options_are_accepted_by_their_type(
        body in prop_oneof![hostile::json(), hostile::corrupted(offered_options())],
        pairs in prop::collection::vec((prop_oneof![hostile::text(), "[a-z]{3,6}"], hostile::text()), 0..4),
        default in hostile::json(),
    ) {
        let Ok(fields) = serde_json::from_value::<Vec<OptionField>>(body) else { return Ok(()) };
        let mut pairs = pairs;
        for field in &fields {
            let _ = (field.spec.kind(), field.spec.range());
            let _ = check_option(&fields, &field.name, &default);
            pairs.push((field.name.clone(), default.to_string()));
        }
        let pairs = pairs.iter().map(|(key, text)| (key.as_str(), text.as_str()));
        if let Ok(values) = parse_options(&fields, pairs) {
            for (key, value) in &values {
                let field = fields.iter().find(|field| field.name == *key).expect("an offered option");
                let is_other = matches!(field.spec, OptionType::Other);
                prop_assert!(is_other || check_option(&fields, key, value).is_ok(), "{key}: {value}");
            }
        }
    }

    #[test]
    fn only_successful_statuses_are_results(
        status in 100_u16..1000,
        headers in headers(),
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            hostile::json().prop_map(|json| json.to_string().into_bytes()),
            hostile::json().prop_map(|json| json!({"error": json}).to_string().into_bytes()),
            hostile::text().prop_map(|text| json!({"error": text}).to_string().into_bytes()),
        ],
        cluster in prop::option::of(Just("ab12")),
    ) {
        let status = StatusCode::from_u16(status).expect("three digits");
        let response = response(status, headers, body);
        let _ = response.date();
        let result = response.into_result("https://h.example", Some("basic"), cluster);
        prop_assert_eq!(result.is_ok(), status.is_success());
        if let Err(error) = result {
            let _ = (error.to_string(), error.cause(), error.is_temporary(), error.may_have_succeeded());
        }
    }

    #[test]
    fn formats_pauses_of_any_length(seconds in any::<u64>()) {
        crate::duration::short(Duration::from_secs(seconds));
    }
}
