//! The options that a gateway offers for a new cluster, and their values as users type them.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::similar;

/// An option (`options.Field.json_spec`).
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct OptionField {
    #[serde(rename = "field")]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) label: String,
    #[serde(default)]
    pub(crate) default: Value,
    pub(crate) spec: OptionType,
}

/// An option's type and bounds; both bounds are inclusive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(crate) enum OptionType {
    Int {
        min: Option<i64>,
        max: Option<i64>,
    },
    Float {
        min: Option<f64>,
        max: Option<f64>,
    },
    String,
    Select {
        options: Vec<String>,
    },
    Bool,
    Mapping,
    /// A type that only the site knows: the server checks the values.
    #[serde(other)]
    Other,
}

/// An option that the gateway does not accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OptionFault {
    /// There is no such option; `similar` may be the intended one.
    Unknown { similar: Option<String> },
    /// The value must be as `expected`; `similar` may be the intended choice.
    Value {
        given: String,
        expected: String,
        similar: Option<String>,
    },
}

impl OptionFault {
    /// Leaves out the value, which may be private.
    pub(crate) fn hide_value(&mut self) {
        if let Self::Value { given, .. } = self {
            "…".clone_into(given);
        }
    }
}

impl OptionType {
    /// The type's name.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Int { .. } => "int",
            Self::Float { .. } => "float",
            Self::String => "string",
            Self::Select { .. } => "select",
            Self::Bool => "bool",
            Self::Mapping => "mapping",
            Self::Other => "other",
        }
    }

    /// The accepted values: `1 to 4`, `small, medium`.
    pub(crate) fn range(&self) -> String {
        match self {
            Self::Int { min, max } => bounds(min.as_ref(), max.as_ref()),
            Self::Float { min, max } => bounds(min.as_ref(), max.as_ref()),
            Self::Select { options } => options.join(", "),
            Self::Bool => "true, false".to_owned(),
            Self::Mapping => "KEY=VALUE".to_owned(),
            Self::String | Self::Other => String::new(),
        }
    }

    /// A description of the accepted values.
    fn expected(&self) -> String {
        let noun = match self {
            Self::Int { .. } => "an integer",
            Self::Float { .. } => "a number",
            Self::Select { options } => return format!("one of {}", options.join(", ")),
            Self::Bool => "true or false",
            Self::Mapping => "a mapping",
            Self::String | Self::Other => "text",
        };
        match (self, self.range()) {
            (Self::Int { .. } | Self::Float { .. }, range) if !range.is_empty() => {
                format!("{noun}, {range}")
            }
            _ => noun.to_owned(),
        }
    }

    /// Checks a configured `value`, which the gateway accepts only without any conversion.
    ///
    /// # Errors
    /// Fails with what the value must be.
    fn check(&self, value: &Value) -> Result<(), OptionFault> {
        let is_of_type = match self {
            Self::Int { .. } => value.is_i64() || value.is_u64(),
            Self::Float { .. } => value.is_number(),
            Self::String | Self::Select { .. } => value.is_string(),
            Self::Bool => value.is_boolean(),
            Self::Mapping => value.is_object(),
            Self::Other => true,
        };
        match (self, value) {
            _ if !is_of_type => Err(OptionFault::Value {
                // Their contents may be private.
                given: match value {
                    Value::Array(_) => "a list".to_owned(),
                    Value::Object(_) => "a mapping".to_owned(),
                    scalar => scalar.to_string(),
                },
                expected: self.expected(),
                similar: None,
            }),
            (Self::Select { .. }, Value::String(choice)) => self.parse(choice).map(drop),
            (Self::Int { .. } | Self::Float { .. }, number) => {
                self.parse(&number.to_string()).map(drop)
            }
            _ => Ok(()),
        }
    }

    /// Parses `text` as a value of this type, within its bounds.
    ///
    /// # Errors
    /// Fails with what the value must be.
    pub(crate) fn parse(&self, text: &str) -> Result<Value, OptionFault> {
        let value = match self {
            Self::Int { min, max } => number(text, *min, *max),
            Self::Float { min, max } => number(text, *min, *max),
            Self::String => Some(Value::from(text)),
            Self::Select { options } => {
                let is_offered = options.iter().any(|choice| choice == text);
                is_offered.then(|| Value::from(text))
            }
            Self::Bool => match text.to_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Some(Value::Bool(true)),
                "false" | "no" | "off" | "0" => Some(Value::Bool(false)),
                _ => None,
            },
            Self::Mapping => mapping(text),
            Self::Other => Some(serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))),
        };
        value.ok_or_else(|| OptionFault::Value {
            given: match self {
                // The rest may be private.
                Self::Mapping if text.trim_start().starts_with('{') => "{…".to_owned(),
                _ => text.to_owned(),
            },
            expected: match self {
                Self::Mapping => "KEY, KEY=VALUE or a JSON object".to_owned(),
                other => other.expected(),
            },
            similar: match self {
                Self::Select { options } => {
                    similar::find(text, options.iter().map(String::as_str)).map(str::to_owned)
                }
                _ => None,
            },
        })
    }
}

/// Parses `pairs`, in their order, by the types of `fields`. Mappings of one key are merged; of other
/// values the last counts.
///
/// # Errors
/// Fails with the position of the first wrong pair, and the reason.
pub(crate) fn parse_options<'a>(
    fields: &[OptionField],
    pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Map<String, Value>, (usize, OptionFault)> {
    let mut values = Map::new();
    for (at, (key, text)) in pairs.into_iter().enumerate() {
        let value = find(fields, key)
            .and_then(|field| field.spec.parse(text))
            .map_err(|fault| (at, fault))?;
        match (value, values.get_mut(key)) {
            (Value::Object(newer), Some(Value::Object(older))) => older.extend(newer),
            (value, _) => {
                values.insert(key.to_owned(), value);
            }
        }
    }
    Ok(values)
}

/// Checks that the gateway accepts `value` for the option `key`.
///
/// # Errors
/// Fails if there is no such option, or with what its value must be.
pub(crate) fn check_option(
    fields: &[OptionField],
    key: &str,
    value: &Value,
) -> Result<(), OptionFault> {
    find(fields, key)?.spec.check(value)
}

fn find<'a>(fields: &'a [OptionField], key: &str) -> Result<&'a OptionField, OptionFault> {
    let field = fields.iter().find(|field| field.name == key);
    field.ok_or_else(|| OptionFault::Unknown {
        similar: similar::find(key, fields.iter().map(|field| field.name.as_str()))
            .map(str::to_owned),
    })
}

/// Parses a number within inclusive bounds.
fn number<T: FromStr + PartialOrd>(text: &str, min: Option<T>, max: Option<T>) -> Option<Value>
where
    Value: From<T>,
{
    let number = text.parse::<T>().ok()?;
    let is_within = min.is_none_or(|min| number >= min) && max.is_none_or(|max| number <= max);
    // JSON has no infinity and no NaN: they become null.
    is_within
        .then(|| Value::from(number))
        .filter(Value::is_number)
}

fn bounds<T: std::fmt::Display>(min: Option<&T>, max: Option<&T>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("{min} or more"),
        (None, Some(max)) => format!("{max} or less"),
        (None, None) => String::new(),
    }
}

/// Parses `KEY=VALUE`, whose value stays text, as the server's back ends require, or a JSON object.
fn mapping(text: &str) -> Option<Value> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).ok().filter(Value::is_object);
    }
    let (key, value) = text.split_once('=').filter(|(key, _)| !key.is_empty())?;
    Some(json!({ key: value }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, spec: &Value) -> OptionField {
        serde_json::from_value(json!({"field": name, "label": name, "default": 1, "spec": spec}))
            .expect("a field")
    }

    fn fields() -> Vec<OptionField> {
        vec![
            field("worker_cores", &json!({"type": "int", "min": 1, "max": 4})),
            field(
                "worker_memory",
                &json!({"type": "float", "min": 0.5, "max": null}),
            ),
            field(
                "profile",
                &json!({"type": "select", "options": ["small", "medium"]}),
            ),
            field("spot", &json!({"type": "bool"})),
            field("setup", &json!({"type": "string"})),
            field("environment", &json!({"type": "mapping"})),
            field("site", &json!({"type": "colour", "hue": 3})),
        ]
    }

    fn parse_one(key: &str, text: &str) -> Result<Value, OptionFault> {
        match parse_options(&fields(), [(key, text)]) {
            Ok(mut values) => Ok(values.remove(key).expect("the value")),
            Err((_, fault)) => Err(fault),
        }
    }

    #[test]
    fn parses_values_by_the_options_type() {
        for (key, text, value) in [
            ("worker_cores", "4", json!(4)),
            ("worker_memory", "2", json!(2.0)),
            ("worker_memory", "1e3", json!(1000.0)),
            ("profile", "small", json!("small")),
            ("spot", "Yes", json!(true)),
            ("spot", "0", json!(false)),
            ("setup", "007", json!("007")),
            ("environment", "A=1=2", json!({"A": "1=2"})),
            ("environment", r#"{"A": "x"}"#, json!({"A": "x"})),
            ("site", "[1]", json!([1])),
            ("site", "red", json!("red")),
        ] {
            assert_eq!(parse_one(key, text), Ok(value), "{key}={text}");
        }
    }

    #[test]
    fn refuses_unfit_values_and_names_the_accepted_ones() {
        for (key, text, expected) in [
            ("worker_cores", "5", "an integer, 1 to 4"),
            ("worker_cores", "0", "an integer, 1 to 4"),
            ("worker_cores", "1.5", "an integer, 1 to 4"),
            ("worker_memory", "0.4", "a number, 0.5 or more"),
            ("worker_memory", "nan", "a number, 0.5 or more"),
            ("worker_memory", "inf", "a number, 0.5 or more"),
            ("spot", "maybe", "true or false"),
            ("environment", "A", "KEY, KEY=VALUE or a JSON object"),
            ("environment", "=1", "KEY, KEY=VALUE or a JSON object"),
            ("environment", "{A", "KEY, KEY=VALUE or a JSON object"),
        ] {
            let fault = OptionFault::Value {
                given: text.replace("{A", "{…"),
                expected: expected.to_owned(),
                similar: None,
            };
            assert_eq!(parse_one(key, text), Err(fault), "{key}={text}");
        }
    }

    #[test]
    fn configured_values_are_not_converted() {
        let unfit = |key: &str, value: Value| match check_option(&fields(), key, &value) {
            Ok(()) => None,
            Err(OptionFault::Value { expected, .. }) => Some(expected),
            Err(OptionFault::Unknown { .. }) => Some("known".to_owned()),
        };
        for (key, value, expected) in [
            ("worker_cores", json!(2), None),
            ("worker_cores", json!("2"), Some("an integer, 1 to 4")),
            ("worker_cores", json!(5), Some("an integer, 1 to 4")),
            ("worker_cores", json!(true), Some("an integer, 1 to 4")),
            ("worker_memory", json!(1), None),
            ("worker_memory", json!(0.1), Some("a number, 0.5 or more")),
            ("profile", json!("big"), Some("one of small, medium")),
            ("spot", json!("yes"), Some("true or false")),
            ("environment", json!([1]), Some("a mapping")),
            ("setup", json!(7), Some("text")),
            ("site", json!([1]), None),
            ("nope", json!(1), Some("known")),
        ] {
            assert_eq!(unfit(key, value).as_deref(), expected, "{key}");
        }
    }

    #[test]
    fn suggests_similar_names() {
        let similar = Some("worker_cores".to_owned());
        assert_eq!(
            parse_one("worker-core", "1"),
            Err(OptionFault::Unknown { similar })
        );
        assert_eq!(
            parse_one("zz", "1"),
            Err(OptionFault::Unknown { similar: None })
        );
        assert!(matches!(
            parse_one("profile", "smal"),
            Err(OptionFault::Value { similar: Some(choice), .. }) if choice == "small"
        ));
    }

    #[test]
    fn merges_mappings_and_keeps_the_last_of_other_values() {
        let pairs = [
            ("environment", "A=1"),
            ("environment", "B=2"),
            ("spot", "no"),
            ("spot", "yes"),
        ];
        let values = parse_options(&fields(), pairs).expect("valid options");
        assert_eq!(
            Value::Object(values),
            json!({"environment": {"A": "1", "B": "2"}, "spot": true})
        );
    }
}
