//! YAML with one meaning for every reader.
//!
//! Python reads YAML 1.1, where `yes`, `on` and `2026-11-21` aren't text; the available emitters quote
//! by the rules of YAML 1.2. So strings are written as JSON strings, which have one meaning in both.

use serde_json::Value;

use super::escape;

/// The length of a key beyond which YAML needs it marked with `?`.
const SIMPLE_KEY_LIMIT: usize = 1024;

/// Returns the document, with a line break at its end.
pub(super) fn render(value: &Value) -> String {
    let mut text = String::new();
    block(value, 0, &mut text);
    text
}

/// Writes a value that begins on its own line, or after `- `.
fn block(value: &Value, indent: usize, text: &mut String) {
    let margin = " ".repeat(indent);
    let entries = match value {
        _ if !is_block(value) => {
            text.push_str(&escape::yaml(&value.to_string()));
            text.push('\n');
            return;
        }
        Value::Object(entries) => {
            let entries = entries.iter();
            let head = |key, value| {
                let mut head = self::key(key);
                if head.len() > SIMPLE_KEY_LIMIT {
                    head = format!("? {head}\n{margin}");
                }
                if is_block(value) {
                    format!("{head}:\n{margin}  ")
                } else {
                    format!("{head}: ")
                }
            };
            entries
                .map(|(key, value)| (head(key, value), value))
                .collect()
        }
        _ => {
            let items = value.as_array().into_iter().flatten();
            items
                .map(|item| ("- ".to_owned(), item))
                .collect::<Vec<_>>()
        }
    };
    for (at, (head, value)) in entries.into_iter().enumerate() {
        // The first entry stands where its collection begins.
        if at > 0 {
            text.push_str(&margin);
        }
        text.push_str(&head);
        block(value, indent + 2, text);
    }
}

/// Returns true if a value has lines of its own. Scalars and empty collections are written as in JSON.
fn is_block(value: &Value) -> bool {
    match value {
        Value::Object(entries) => !entries.is_empty(),
        Value::Array(items) => !items.is_empty(),
        _ => false,
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

    #[test]
    fn marks_keys_that_are_too_long_to_stand_alone() {
        let [short, long] = [1022, 1023].map(|length| "X".repeat(length));
        let value = json!([{"a": {&long: {"b": [1]}, &short: 1}}, {&long: []}]);
        let text = render(&value);
        assert_eq!(text.matches("? \"").count(), 2);
        let back = serde_yaml::from_str::<Value>(&text).expect("valid YAML");
        assert_eq!(back, value);
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
