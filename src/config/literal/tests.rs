use super::*;
use proptest::prelude::*;
use serde_json::json;

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
        (" 0x_1f ", json!(31)),
        ("- 1_000", json!(-1000)),
        ("(5)", json!(5)),
        ("(5,)", json!([5])),
        ("1, 2", json!([1, 2])),
        ("'a' \"b\"", json!("ab")),
        (r"r'\d'", json!(r"\d")),
        (r"'\x41\u00e9\101'", json!("AéA")),
        ("{1: 2}", json!({"1": 2})),
        ("[ ]", json!([])),
    ] {
        assert_eq!(interpret(text).to_json(), Ok(value), "{text}");
    }
}

#[test]
fn anything_else_is_text() {
    for text in [
        "007",
        "http://gateway:8000",
        "'a' 'b",
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
    ] {
        assert_eq!(interpret(text).to_json(), Ok(json!(text)));
    }
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in any::<String>()) {
        interpret(&text);
    }

    #[test]
    fn no_brackets_are_too_many(text in r"[\[\]{}(),'a:]{0,200}") {
        interpret(&text);
    }
}
