use serde_json::{Value, json};

use super::*;

fn load(text: &str) -> Result<Node, Malformed> {
    super::load(text, &Arc::new(Source::File("test.yaml".into())))
}

fn loaded(text: &str) -> Value {
    match load(text) {
        Ok(value) => value
            .to_json()
            .unwrap_or_else(|(kind, _)| json!({ "unsupported": kind })),
        Err(fault) => json!({ "malformed": fault.place }),
    }
}

#[test]
fn plain_scalars_are_what_yaml_1_1_says() {
    for (text, value) in [
        ("12", json!(12)),
        ("-12", json!(-12)),
        ("008", json!("008")),
        ("0o17", json!("0o17")),
        ("12:60", json!("12:60")),
        ("1e5", json!("1e5")),
        ("1.5e+3", json!(1500.0)),
        (".5", json!(0.5)),
        ("yes", json!(true)),
        ("OFF", json!(false)),
        ("yEs", json!("yEs")),
        ("~", json!(null)),
        ("2026-1-2", json!("2026-1-2")),
        ("2026-11-21T10:00", json!("2026-11-21T10:00")),
        ("'0600'", json!("0600")),
        ("'yes'", json!("yes")),
        ("!!str 0600", json!("0600")),
        ("=", json!("=")),
    ] {
        assert_eq!(loaded(text), value, "{text}");
    }
}

#[test]
fn merged_entries_are_overridden_by_own_and_by_earlier_ones() {
    let text = "a: &a {x: 1, y: 1}\nb: &b {<<: *a, y: 2}\nc: {<<: [*b, {x: 9, z: 9}], w: 3}\n";
    assert_eq!(loaded(text)["c"], json!({"x": 1, "z": 9, "y": 2, "w": 3}));
}

#[test]
fn respelled_numbers_dates_and_tags_are_unsupported() {
    for text in [
        "0600",
        "007",
        "1_000",
        "0x_fF",
        "-0b11",
        "12:30:45",
        "1:30.5",
        "+12",
        ".inf",
        "-.INF",
        ".NaN",
        "123456789012345678901234567890123456789012",
        "2026-11-21",
        "2026-11-21 10:00:00 +2",
        "2026-11-21T10:00:00.5Z",
        "! '0600'",
        "!!float 1",
        "!mine 1",
        "!!set {a, b}",
        "!!omap [a: 1]",
        "[1, .nan]",
        "[2026-11-21]",
    ] {
        assert!(loaded(text)["unsupported"].is_string(), "{text}");
    }
}

#[test]
fn unsupported_keys_are_their_spelling() {
    let keys = json!({"0600": 1, "2026-11-21": 2, "!mine": 3, "'<<'": 4});
    assert_eq!(
        loaded("{0600: 1, 2026-11-21: 2, \"!mine\": 3, \"'<<'\": 4}"),
        keys
    );
}

#[test]
fn an_alias_repeats_its_value() {
    assert_eq!(
        loaded("a: &a {x: [1, 2]}\nb: *a\n? &k key\n: 1\nc: *k"),
        json!({"a": {"x": [1, 2]}, "b": {"x": [1, 2]}, "key": 1, "c": "key"})
    );
}

#[test]
fn the_last_of_equal_keys_counts() {
    assert_eq!(loaded("{a: 1, b: 2, a: 3}"), json!({"a": 3, "b": 2}));
}

#[test]
fn refuses_what_safe_load_refuses() {
    for text in [
        "a: *nowhere",
        "a: &x {b: *x}",
        "[&x 1, &x 2]",
        "? [1]\n: 2",
        "<<: 3",
        "--- 1\n--- 2",
        "a: b: c",
        "{a: 1",
    ] {
        let loaded = loaded(text);
        assert!(loaded["malformed"].is_array(), "{text}: {loaded}");
    }
}

#[test]
fn refuses_deep_nesting_and_exponential_aliases() {
    assert!(load(&"[".repeat(60_000)).is_err());
    assert!(load(&"{a: ".repeat(10_000)).is_err());
    let mut bomb = String::from("a0: &a0 [x]\n");
    for level in 1..30 {
        let below = level - 1;
        bomb.extend([format!(
            "a{level}: &a{level} [*a{below}, *a{below}, *a{below}]\n"
        )]);
    }
    assert!(load(&bomb).is_err());
    let mut merges = String::from("a0: &a0 {x: 1}\n");
    for level in 1..40 {
        let below = level - 1;
        merges.extend([format!(
            "a{level}: &a{level} {{<<: [*a{below}, *a{below}, *a{below}]}}\n"
        )]);
    }
    assert!(load(&merges).is_err());
}

#[test]
fn a_block_scalar_may_end_without_a_line_break() {
    for (text, value) in [
        ("|\n  a", json!("a\n")),
        ("a: |\n  b\n  c", json!({"a": "b\nc\n"})),
        ("|\n  a\n", json!("a\n")),
        ("|-\n  a", json!("a")),
        ("|+\n  a", json!("a\n")),
        (">\n  a\n  b", json!("a b\n")),
        ("| \n  - ", json!("- \n")),
        ("| #\n a", json!("a\n")),
        ("a: |\n  b\nc: d", json!({"a": "b\n", "c": "d"})),
        ("a", json!("a")),
        ("", json!(null)),
    ] {
        assert_eq!(loaded(text), value, "{text:?}");
    }
}

#[test]
fn panic_of_the_parser_is_an_error() {
    for text in [
        "gateway: {x: !!str, y: 1}",
        "[!, 1]",
        "[!!str, 1]",
        "a: {b: !<x>, c: 1}",
    ] {
        assert!(loaded(text)["malformed"].is_array(), "{text}");
    }
}

#[test]
fn large_documents_take_no_time() {
    let many = (0..6000).map(|at| format!("k{at}: 1\n"));
    let many = many.collect::<Vec<_>>().concat();
    for text in [
        many,
        format!("a: {}", "1".repeat(60_000)),
        format!("a: {}", "1:".repeat(30_000)),
        format!("a: {}", "0_".repeat(30_000)),
        format!("[{}]", "!!str x, ".repeat(6000)),
    ] {
        let started = std::time::Instant::now();
        let _ = load(&text);
        assert!(started.elapsed().as_secs() < 5, "{}", &text[..20]);
    }
}
