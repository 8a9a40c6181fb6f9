//! YAML with one meaning for every reader.
//!
//! Python reads YAML 1.1, where `yes`, `on` and `2026-11-21` aren't text; the available emitters quote
//! by the rules of YAML 1.2. So strings are written as JSON strings, which have one meaning in both.

use serde_json::{Map, Value};

use super::escape;

/// Returns the document, with a line break at its end.
pub(super) fn render(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

/// Writes a value that begins on its own line, or after `- `.
fn block(value: &Value, indent: usize, text: &mut String) {
    match value {
        Value::Object(entries) if !entries.is_empty() => mapping(entries, indent, text),
        Value::Array(items) if !items.is_empty() => {
            for (at, item) in items.iter().enumerate() {
                begin(at, indent, text);
                text.push_str("- ");
                block(item, indent + 2, text);
            }
        }
        // Scalars and empty collections are written as in JSON.
        flow => {
            text.push_str(&escape::yaml(&flow.to_string()));
            text.push('\n');
        }
    }
}

fn mapping(entries: &Map<String, Value>, indent: usize, text: &mut String) {
    for (at, (key, value)) in entries.iter().enumerate() {
        begin(at, indent, text);
        text.push_str(&self::key(key));
        let is_nested = match value {
            Value::Object(entries) => !entries.is_empty(),
            Value::Array(items) => !items.is_empty(),
            _ => false,
        };
        if is_nested {
            text.push_str(":\n");
            text.push_str(&" ".repeat(indent + 2));
        } else {
            text.push_str(": ");
        }
        block(value, indent + 2, text);
    }
}

/// Indents an entry, except for the first one, which stands where its collection begins.
fn begin(at: usize, indent: usize, text: &mut String) {
    if at > 0 {
        text.push_str(&" ".repeat(indent));
    }
}

/// A key, plain where every reader takes it for text.
fn key(key: &str) -> String {
    let is_word = key.len() > 3
        && key.starts_with(|c: char| c.is_ascii_lowercase())
        && key
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if is_word && !["true", "false", "null"].contains(&key) {
        key.to_owned()
    } else {
        escape::yaml(&Value::from(key).to_string()).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn quotes_text_that_looks_like_another_type() {
        let value = json!([
            {"name": "yes", "options": {"no": "2026-11-21", "list": [1, {"a": null}], "none": {}}},
            {"name": "a\nb\u{1b}", "options": []},
        ]);
        assert_eq!(
            render(&value),
            "\
- name: \"yes\"
  options:
    \"no\": \"2026-11-21\"
    list:
      - 1
      - \"a\": null
    none: {}
- name: \"a\\nb\\u001b\"
  options: []
"
        );
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let scalar = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        scalar.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..4)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn parses_to_the_same_value(value in any_value()) {
            let back = serde_yaml::from_str::<Value>(&render(&value)).expect("valid YAML");
            prop_assert_eq!(back, value);
        }
    }
}
