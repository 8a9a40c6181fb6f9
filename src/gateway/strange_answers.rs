//! Whatever a gateway answers: a value or an error, never a panic, and nothing that could be taken for
//! more than it is.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{StatusCode, Url};
use serde_json::{Value, json};

use super::Error;
use super::answer::Answer;
use super::model::{Cluster, FullRecord, is_proper_name};
use super::options::{OptionField, OptionType, admit, typed};
use crate::strange;

fn answer(status: StatusCode, headers: HeaderMap, body: Vec<u8>) -> Answer {
    Answer {
        url: Url::parse("https://h.example/api/v1/clusters/").expect("a URL"),
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

fn offer() -> Value {
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
    let answer = answer(StatusCode::OK, HeaderMap::new(), body.to_string().into());
    let mut records = answer.json::<BTreeMap<String, FullRecord>>()?;
    for record in records.values_mut() {
        let _ = record.take_identity();
    }
    let records = records.into_values();
    let clusters = records.map(|full| {
        full.record
            .into_cluster("https://h.example", "h.example:443")
    });
    let clusters = clusters.collect::<Result<_, _>>();
    clusters.map_err(|what| answer.not_gateway(what))
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
    fn clusters_are_proper_or_none(body in prop_oneof![strange::json(), strange::spoilt(listing())]) {
        match clusters(&body) {
            Ok(clusters) => for cluster in clusters {
                prop_assert!(is_proper_name(&cluster.name));
                let links = cluster.dashboard_link.iter().chain(&cluster.scheduler_address);
                for link in links {
                    prop_assert!(link.bytes().all(|b| b.is_ascii_graphic()), "{link:?}");
                    let is_there = link.starts_with("https://h.example/") || link.starts_with("gateway://");
                    prop_assert!(is_there, "{link:?}");
                }
                serde_json::to_string(&cluster).expect("JSON");
            },
            Err(error) => prop_assert!(matches!(error, Error::NotGateway { .. }), "{error}"),
        }
    }

    #[test]
    fn options_are_typed_or_refused(
        body in prop_oneof![strange::json(), strange::spoilt(offer())],
        pairs in prop::collection::vec((prop_oneof![strange::text(), "[a-z]{3,6}"], strange::text()), 0..4),
        default in strange::json(),
    ) {
        let Ok(fields) = serde_json::from_value::<Vec<OptionField>>(body) else { return Ok(()) };
        let mut pairs = pairs;
        for field in &fields {
            let _ = (field.spec.kind(), field.spec.range());
            let _ = admit(&fields, &field.name, &default);
            pairs.push((field.name.clone(), default.to_string()));
        }
        if let Ok(values) = typed(&fields, &pairs) {
            for (key, value) in &values {
                let field = fields.iter().find(|field| field.name == *key).expect("offered");
                let is_foreign = matches!(field.spec, OptionType::Other);
                prop_assert!(is_foreign || admit(&fields, key, value).is_ok(), "{key}: {value}");
            }
        }
    }

    #[test]
    fn every_status_is_an_answer_or_an_error(
        status in 100_u16..1000,
        headers in headers(),
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..60),
            strange::json().prop_map(|json| json.to_string().into_bytes()),
            strange::json().prop_map(|json| json!({"error": json}).to_string().into_bytes()),
            strange::text().prop_map(|text| json!({"error": text}).to_string().into_bytes()),
        ],
        cluster in prop::option::of(Just("ab12")),
    ) {
        let status = StatusCode::from_u16(status).expect("three digits");
        let answer = answer(status, headers, body);
        let _ = answer.date();
        let judged = answer.judged("https://h.example", "basic", cluster);
        prop_assert_eq!(judged.is_ok(), status.is_success());
        if let Err(error) = judged {
            let _ = (error.to_string(), error.cause(), error.is_temporary(), error.leaves_doubt());
        }
    }

    #[test]
    fn a_pause_of_any_length_is_told(seconds in any::<u64>()) {
        crate::duration::short(Duration::from_secs(seconds));
    }
}
