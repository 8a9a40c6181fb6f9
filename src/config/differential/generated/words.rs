//! Values for the files and variables: those of documentation, and similar ones.

use proptest::prelude::*;
use proptest::sample::select;

use super::Yaml;

pub(super) fn words(words: &'static [&'static str]) -> BoxedStrategy<Yaml> {
    select(words)
        .prop_map(|word| Yaml::Scalar(word.to_owned()))
        .boxed()
}

pub(super) fn addresses() -> BoxedStrategy<Yaml> {
    words(&[
        "https://gateway.example.org",
        "http://proxy-public/services/dask-gateway",
        "http://proxy-public/services/dask-gateway/",
        "HTTPS://Gateway.example.org:443//",
        "http://10.0.0.1:8000/dg",
        "\"http://{HUB_HOST}:{HUB_PORT}/services/dask-gateway\"",
        "'https://hub/{NOPE}'",
        "/services/dask-gateway/",
        "gateway.example.org",
        "null",
        "http://h:99999",
        "http://ada:pw@h",
    ])
}

pub(super) fn proxies() -> BoxedStrategy<Yaml> {
    words(&[
        "8786",
        "8_786",
        "021122",
        "gateway://traefik-dask-gateway.ns:80",
        "tcp://host:8786",
        "tls://host:8786/",
        "host:8786",
        "10.0.0.1:8786",
        "\"{PROXY}\"",
        "null",
        "70000",
    ])
}

pub(super) fn http_proxies() -> BoxedStrategy<Yaml> {
    words(&[
        "true",
        "True",
        "false",
        "yes",
        "no",
        "Off",
        "null",
        "\"on\"",
        "http://proxy:3128",
        "http://ada:pa%20ss@proxy:3128",
        "\"{http_proxy}\"",
        "3",
        "[]",
    ])
}

pub(super) fn secret() -> BoxedStrategy<Yaml> {
    words(&[
        "0123456789abcdef",
        "'{TOKEN}'",
        "\"{{literal}}\"",
        "12345",
        "0123",
        "1_000",
        "1e5",
        "1.5",
        "null",
        "''",
        "p{w",
        "\"{TOKEN!r}\"",
        "\"{TOKEN:>12}\"",
        "\"tab\\there\"",
        "pässword",
        "a#b",
        "'it''s'",
        "\"\\x41\\u00e9\"",
    ])
}

/// Spellings with a surprising meaning in YAML 1.1.
pub(super) fn oddity() -> BoxedStrategy<Yaml> {
    words(&[
        "0600",
        "007",
        "008",
        "0o17",
        "0x1F",
        "0b11",
        "1_000",
        "12:30:45",
        "1:2.5",
        "+12",
        "-0",
        "1e5",
        "1.5e3",
        "1.5e+3",
        ".5",
        "5.",
        ".inf",
        "-.INF",
        ".nan",
        "yes",
        "No",
        "on",
        "OFF",
        "yEs",
        "y",
        "true",
        "FALSE",
        "~",
        "null",
        "NULL",
        "",
        "=",
        "2026-11-21",
        "2026-11-21T10:00:00Z",
        "2026-11-21 1:02:03.5 +2",
        "2026-13-01",
        "!!str 12",
        "!!int '12'",
        "!!float 1",
        "!!bool yes",
        "!!null x",
        "!!binary aGk=",
        "!!set {a, b}",
        "! 12",
        "! '12'",
        "'12'",
        "\"a\\nb\"",
        "text",
        "two words",
        "a: b",
        "a:b",
        "[a, b]",
        "{a: 1, b: {c: 2}}",
        "{<<: {a: 1}, b: 2}",
        "[1, 1.0, true, null]",
        "123456789012345678901234567890",
        "18446744073709551615",
        "-9223372036854775808",
        "0b_",
        "%x",
        "@x",
        "`x`",
        "- x",
        "? x",
        "\"\\/\"",
        "'{USER}'",
        "{USER}",
        "\u{e9}",
        "#",
        "x #y",
        "|-\n        x\n        y",
        ">\n        x\n        y",
        "&z 1",
        "*z",
        "1__0",
        "_1",
        "0_8",
        "0x_",
        "190:20:30",
        "1:60",
        "<<",
        "a\tb",
        "[a, b",
        "{a}",
        "{1: x, null: y, 1.5: z}",
        "[x, [y, {z: 0777}]]",
    ])
}

pub(super) fn variable() -> impl Strategy<Value = (String, String)> {
    let settings = select(vec![
        "DASK_GATEWAY__ADDRESS",
        "DASK_GATEWAY__PUBLIC_ADDRESS",
        "DASK_GATEWAY__PROXY_ADDRESS",
        "DASK_GATEWAY__PROXY-ADDRESS",
        "DASK_GATEWAY__AUTH__TYPE",
        "DASK_GATEWAY__AUTH__KWARGS__API_TOKEN",
        "DASK_GATEWAY__AUTH__KWARGS__PASSWORD",
        "DASK_GATEWAY__AUTH__KWARGS__USERNAME",
        "DASK_GATEWAY__HTTP_CLIENT__PROXY",
        "DASK_GATEWAY__CLUSTER__OPTIONS",
        "DASK_GATEWAY__CLUSTER__OPTIONS__WORKER_CORES",
        "DASK_GATEWAY__CLUSTER__OPTIONS__IMAGE",
        "DASK_GATEWAY__AUTH",
        "DASK_GATEWAY",
        "DASK_GATEWAY.ADDRESS",
        "DASK_gateway__Address",
        "DASK_GATEWAY__",
        "DASK_TEMPORARY_DIRECTORY",
        "dask_gateway__address",
        "DASK_GATEWAY_ADDRESS",
    ]);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    prop_oneof![
        (settings, literals()).prop_map(move |(name, value)| pair(name, value)),
        foreign().prop_map(move |(name, value)| pair(name, value)),
    ]
}

/// Python literals, and texts that almost are.
fn literals() -> impl Strategy<Value = &'static str> {
    select(vec![
        "https://g.example.org/",
        "http://{HUB_HOST}/services/dask-gateway",
        "8786",
        "0o21122",
        "0x10",
        "1_000",
        "007",
        "00",
        "-1",
        "- 1",
        "1.5",
        "1e5",
        "1e400",
        ".5",
        "5.",
        "True",
        "true",
        "None",
        "null",
        "off",
        "jupyterhub",
        "'basic'",
        "\"it's\"",
        "'a' 'b'",
        "r'\\d'",
        "'\\x41\\n'",
        "'\\q'",
        "b'x'",
        "'unclosed",
        "{'type': 'jupyterhub', 'kwargs': {'api_token': 'abc'}}",
        "{'worker_cores': 2, 'image': '{IMAGE}'}",
        "{\"worker-cores\": 2,}",
        "{'a': {1, 2}}",
        "{'address': 'http://mapping.example.org'}",
        "{1: 2}",
        "{}",
        "[]",
        "[1, (2,), ()]",
        "(5)",
        "1, 2",
        "'''x'''",
        "1j",
        "f'x'",
        "...",
        "5 # five",
        " 5 ",
        "\n5",
        "",
        "host:8786",
        "gateway://host:8786",
        "12345678901234567890123",
        "{USER}",
        "0123456789abcdef",
        "12e4",
        "a,b",
        "set()",
    ])
}

/// Variables that count and aren't dask's own.
fn foreign() -> impl Strategy<Value = (&'static str, &'static str)> {
    select(vec![
        ("USER", "ada"),
        ("USER", ""),
        ("LOGNAME", "bob"),
        ("JUPYTERHUB_API_TOKEN", "hubtoken"),
        ("JUPYTERHUB_API_TOKEN", ""),
        ("HUB_HOST", "10.1.2.3"),
        ("HUB_PORT", "8081"),
        ("PROXY", "host:8786"),
        ("PROXY", "8786"),
        ("TOKEN", "s3cret"),
        ("KIND", "jupyterhub"),
        ("IMAGE", "pangeo/ml:1"),
        ("http_proxy", "http://proxy:3128"),
        (
            "DASK_INTERNAL_INHERIT_CONFIG",
            // {"gateway": {"address": "http://inherited.example.org", "proxy-address": 1}}
            "eyJnYXRld2F5IjogeyJhZGRyZXNzIjogImh0dHA6Ly9pbmhlcml0ZWQuZXhhbXBsZS5vcmciLCAicHJveHktYWRkcmVzcyI6IDF9fQ==",
        ),
    ])
}
