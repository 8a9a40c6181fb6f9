use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

fn interpreted(text: &str) -> Result<Value, &'static str> {
    let source = Arc::new(Source::Variable("TEST".to_owned()));
    let node = interpret(text, &source);
    node.to_json().map_err(|(kind, _)| kind)
}

#[test]
fn literals_read_as_python_reads_them() {
    for (text, value) in [
        ("8786", json!(8786)),
        ("-1", json!(-1)),
        ("1.5", json!(1.5)),
        ("True", json!(true)),
        ("false", json!(false)),
        ("None", json!(null)),
        ("'quoted 8786'", json!("quoted 8786")),
        ("\"x\"", json!("x")),
        (r"'it\'s'", json!("it's")),
        (
            "{'cores': 2, \"image\": 'a:b',}",
            json!({"cores": 2, "image": "a:b"}),
        ),
        (
            "[1, [True, None], ('a', 2.5)]",
            json!([1, [true, null], ["a", 2.5]]),
        ),
        ("{}", json!({})),
        (" -  1 ", json!(-1)),
        ("(5)", json!(5)),
        ("(5,)", json!([5])),
        ("1, 2", json!([1, 2])),
        (r"'\q'", json!("\\q")),
        (r"'a\n\t\\'", json!("a\n\t\\")),
        ("5.", json!(5.0)),
        (".5", json!(0.5)),
        ("-1e-1", json!(-0.1)),
        ("\n5", json!(5)),
        ("5,", json!([5])),
        ("()", json!([])),
        ("[1,\n2\n]", json!([1, 2])),
        ("nULL", json!(null)),
        ("{1: 2}", json!({"1": 2})),
        ("[ ]", json!([])),
    ] {
        assert_eq!(interpreted(text), Ok(value), "{text}");
    }
}

#[test]
fn text_that_is_no_literal_stays_text() {
    for text in [
        "007",
        "http://gateway:8000",
        "",
        "inf",
        "-",
        "{a: 1}",
        "[1",
        "1 2",
        "a'b'",
        "0123456789abcdef",
        "1__0",
        "'a' b'c'",
        "12:30",
        "   ",
        "(5",
        "5)",
        "1), (2",
        "_1",
        "1_",
        "0o8",
        "-None",
        "- 'a'",
        "f'x'",
        "1+2j",
        "# comment",
        "{USER}",
    ] {
        assert_eq!(interpreted(text), Ok(json!(text)));
    }
}

#[test]
fn other_literals_are_unsupported() {
    for text in [
        "'a' 'b'",
        r"r'\d'",
        "b'x'",
        "U'x'",
        "'''x'''",
        r"'\101'",
        r"'\N{DASH}'",
        r"'\ud800'",
        "{1, 2}",
        "[{'a': {1}}]",
        "set()",
        "...",
        "1j",
        "-1.5J",
        "5 # five",
        "123456789012345678901234567890",
        "1e400",
        "0x_1f",
        "0o17",
        "0b11",
        "00",
        "+5",
        "1_000",
        "1_0.5",
        r"'\x41'",
        r"'\u00e9'",
    ] {
        assert!(interpreted(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn any_text_is_interpreted(text in any::<String>()) {
        let _ = interpreted(&text);
    }

    #[test]
    fn any_brackets_are_interpreted(text in r"[\[\]{}(),'a:]{0,200}") {
        let _ = interpreted(&text);
    }
}

#[test]
fn large_literals_take_no_time() {
    let keys = (0..6000).map(|at| format!("{at}: 1, "));
    let keys = keys.collect::<Vec<_>>().concat();
    for text in [
        "1".repeat(64_000),
        format!("{}x", "1".repeat(64_000)),
        "1_".repeat(32_000),
        format!("1e{}", "0".repeat(64_000)),
        "a".repeat(64_000),
        "[".repeat(64_000),
        format!("{{{keys}}}"),
        format!("[{}]", "1, ".repeat(20_000)),
        format!(
            "{}{}{}",
            "[".repeat(15),
            "1, ".repeat(20_000),
            "]".repeat(15)
        ),
    ] {
        let started = std::time::Instant::now();
        let source = Arc::new(Source::Variable("X".to_owned()));
        let _ = interpret(&text, &source);
        assert!(started.elapsed().as_secs() < 30, "{}", &text[..20]);
    }
}
