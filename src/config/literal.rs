//! The value of a `DASK_…` variable: a Python literal where it is one, else text.

use serde_json::Value;

/// Interprets `text` as `dask.config.interpret_value` does, for scalars; anything else is text.
pub(super) fn interpret(text: &str) -> Value {
    if let Some(quoted) = quoted(text) {
        return Value::String(quoted.to_owned());
    }
    match text.to_lowercase().as_str() {
        "none" | "null" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ => number(text).unwrap_or_else(|| Value::String(text.to_owned())),
    }
}

/// The inside of a string in single or double quotes that holds neither a quote nor an escape.
fn quoted(text: &str) -> Option<&str> {
    ['"', '\''].into_iter().find_map(|quote| {
        let inside = text.strip_prefix(quote)?.strip_suffix(quote)?;
        (!inside.contains(quote) && !inside.contains('\\')).then_some(inside)
    })
}

fn number(text: &str) -> Option<Value> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return None;
    }
    // Python has no integers with leading zeros, so `007` stays text.
    if digits.len() > 1 && digits.bytes().all(|b| b.is_ascii_digit()) && digits.starts_with('0') {
        return None;
    }
    if let Ok(integer) = text.parse::<i64>() {
        return Some(integer.into());
    }
    serde_json::Number::from_f64(text.parse().ok()?).map(Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn scalars_read_as_python_reads_them() {
        for (text, value) in [
            ("8786", json!(8786)),
            ("-1", json!(-1)),
            ("1.5", json!(1.5)),
            ("True", json!(true)),
            ("false", json!(false)),
            ("None", json!(null)),
            ("'quoted 8786'", json!("quoted 8786")),
            ("\"x\"", json!("x")),
            ("007", json!("007")),
            ("http://gateway:8000", json!("http://gateway:8000")),
            ("'it''s'", json!("'it''s'")),
            ("", json!("")),
            ("inf", json!("inf")),
            ("-", json!("-")),
        ] {
            assert_eq!(interpret(text), value, "{text}");
        }
    }
}
