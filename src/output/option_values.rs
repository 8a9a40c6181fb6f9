//! Values of options that are mappings, such as environment variables: they may be secrets.

use serde_json::Value;

/// Stands for a value.
const HIDDEN: &str = "…";

/// The fields of records that hold options by their names, or the value of one.
const OPTIONS: &str = "options";
const OPTION_VALUES: [&str; 2] = ["default", "your_default"];

/// Returns an option's value with `…` in the place of each value of a mapping; its keys stay.
pub(super) fn without_values(value: &Value) -> Value {
    match value {
        Value::Object(entries) => {
            let keys = entries.keys().cloned();
            keys.map(|key| (key, Value::from(HIDDEN))).collect()
        }
        Value::Array(items) => items.iter().map(without_values).collect(),
        scalar => scalar.clone(),
    }
}

/// Hides the values of mappings in the options of a record, or of several.
pub(super) fn hide_values(records: &mut Value) {
    match records {
        Value::Array(records) => records.iter_mut().for_each(hide_values),
        Value::Object(record) => {
            if let Some(Value::Object(options)) = record.get_mut(OPTIONS) {
                options.values_mut().for_each(hide);
            }
            for field in OPTION_VALUES {
                record.get_mut(field).map(hide);
            }
        }
        _ => {}
    }
}

fn hide(value: &mut Value) {
    if value.is_object() || value.is_array() {
        *value = without_values(value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_shown_and_values_are_not() {
        for (value, shown) in [
            (
                json!({"A": "x", "B": {"C": "y"}}),
                json!({"A": "…", "B": "…"}),
            ),
            (json!([{"name": "x"}, 1]), json!([{"name": "…"}, 1])),
            (json!({}), json!({})),
            (json!(2), json!(2)),
            (json!("source env"), json!("source env")),
        ] {
            assert_eq!(without_values(&value), shown);
        }
    }

    #[test]
    fn records_are_hidden_alone_and_in_lists() {
        let record = json!({
            "name": "a", "options": {"cores": 2, "environment": {"A": "x"}}, "tasks": {"memory": 1},
            "default": {"A": "x"}, "your_default": null,
        });
        let mut records = json!([record]);
        hide_values(&mut records);
        assert_eq!(
            records,
            json!([{
                "name": "a", "options": {"cores": 2, "environment": {"A": "…"}},
                "tasks": {"memory": 1}, "default": {"A": "…"}, "your_default": null,
            }])
        );
        let mut choices = json!({"options": ["small"], "default": "small"});
        hide_values(&mut choices);
        assert_eq!(choices, json!({"options": ["small"], "default": "small"}));
    }
}
