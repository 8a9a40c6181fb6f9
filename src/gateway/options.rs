//! The options a gateway offers for a new cluster, and their values as a person types them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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
    /// A type of the site's own: the server judges it.
    #[serde(other)]
    Other,
}

/// What is wrong with a value on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OptionFault {
    /// No such option; perhaps this one was meant.
    Unknown { similar: Option<String> },
    /// What the value must be, and perhaps the choice that was meant.
    Value {
        given: String,
        expected: String,
        similar: Option<String>,
    },
}

impl OptionType {
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

    /// The values it takes, in words: `1 to 4`, `small, medium`.
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

    /// What a value must be, in words.
    fn expected(&self) -> String {
        match self {
            Self::Int { .. } => format!("an integer{}", self.within()),
            Self::Float { .. } => format!("a number{}", self.within()),
            Self::Select { options } => format!("one of {}", options.join(", ")),
            Self::Bool => "true or false".to_owned(),
            Self::Mapping => "a mapping".to_owned(),
            Self::String | Self::Other => "text".to_owned(),
        }
    }

    /// Whether the gateway takes `value` as it is, which it does without any conversion.
    ///
    /// # Errors
    /// What the value must be.
    fn admit(&self, value: &Value) -> Result<(), OptionFault> {
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
                // What they hold may be nobody's business.
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

    /// `text` as a value of this type, within its bounds.
    ///
    /// # Errors
    /// What the value must be.
    pub(crate) fn parse(&self, text: &str) -> Result<Value, OptionFault> {
        let fault = |expected: String| OptionFault::Value {
            given: text.to_owned(),
            expected,
            similar: None,
        };
        match self {
            Self::Int { min, max } => {
                let is_within =
                    |n: &i64| min.is_none_or(|min| *n >= min) && max.is_none_or(|max| *n <= max);
                let number = text.parse().ok().filter(is_within);
                number
                    .map(Value::from)
                    .ok_or_else(|| fault(self.expected()))
            }
            Self::Float { min, max } => {
                let is_within = |n: &f64| {
                    n.is_finite()
                        && min.is_none_or(|min| *n >= min)
                        && max.is_none_or(|max| *n <= max)
                };
                let number = text.parse().ok().filter(is_within);
                number
                    .map(Value::from)
                    .ok_or_else(|| fault(self.expected()))
            }
            Self::String => Ok(Value::String(text.to_owned())),
            Self::Select { options } if options.iter().any(|choice| choice == text) => {
                Ok(Value::String(text.to_owned()))
            }
            Self::Select { options } => Err(OptionFault::Value {
                given: text.to_owned(),
                expected: self.expected(),
                similar: similar(text, options.iter().map(String::as_str)),
            }),
            Self::Bool => match text.to_lowercase().as_str() {
                "true" | "yes" | "on" | "1" => Ok(Value::Bool(true)),
                "false" | "no" | "off" | "0" => Ok(Value::Bool(false)),
                _ => Err(fault(self.expected())),
            },
            Self::Mapping => {
                mapping(text).ok_or_else(|| fault("KEY=VALUE or a JSON object".to_owned()))
            }
            Self::Other => {
                Ok(serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned())))
            }
        }
    }

    fn within(&self) -> String {
        match self.range() {
            range if range.is_empty() => range,
            range => format!(", {range}"),
        }
    }
}

/// Types `pairs`, in their order, by what the gateway offers. A mapping's parts add up; of
/// anything else the last counts.
///
/// # Errors
/// The first pair that is wrong, by its key, and why.
pub(crate) fn typed(
    fields: &[OptionField],
    pairs: &[(String, String)],
) -> Result<Map<String, Value>, (String, OptionFault)> {
    let mut values = Map::new();
    for (key, text) in pairs {
        let field = fields.iter().find(|field| field.name == *key);
        let value = match field {
            Some(field) => field.spec.parse(text),
            None => Err(unknown(fields, key)),
        };
        match (
            value.map_err(|fault| (key.clone(), fault))?,
            values.get_mut(key),
        ) {
            (Value::Object(newer), Some(Value::Object(older))) => older.extend(newer),
            (value, _) => {
                values.insert(key.clone(), value);
            }
        }
    }
    Ok(values)
}

/// Why the gateway would not take `value` for the option `key`, if that is so.
///
/// # Errors
/// There is no such option, or what its value must be.
pub(crate) fn admit(fields: &[OptionField], key: &str, value: &Value) -> Result<(), OptionFault> {
    let field = fields.iter().find(|field| field.name == key);
    field.map_or_else(
        || Err(unknown(fields, key)),
        |field| field.spec.admit(value),
    )
}

fn unknown(fields: &[OptionField], key: &str) -> OptionFault {
    OptionFault::Unknown {
        similar: similar(key, fields.iter().map(|field| field.name.as_str())),
    }
}

fn bounds<T: std::fmt::Display>(min: Option<&T>, max: Option<&T>) -> String {
    match (min, max) {
        (Some(min), Some(max)) => format!("{min} to {max}"),
        (Some(min), None) => format!("{min} or more"),
        (None, Some(max)) => format!("{max} or less"),
        (None, None) => String::new(),
    }
}

/// `KEY=VALUE`, whose value stays text (the server's back ends want text), or a JSON object.
fn mapping(text: &str) -> Option<Value> {
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).ok().filter(Value::is_object);
    }
    let (key, value) = text.split_once('=').filter(|(key, _)| !key.is_empty())?;
    Some(Value::Object(
        [(key.to_owned(), Value::String(value.to_owned()))]
            .into_iter()
            .collect(),
    ))
}

/// The candidate that `text` may have been meant to be.
fn similar<'a>(text: &str, candidates: impl Iterator<Item = &'a str>) -> Option<String> {
    // clap's own threshold for its suggestions.
    const ALIKE: f64 = 0.7;
    candidates
        .map(|candidate| (strsim::jaro(&text.to_lowercase(), candidate), candidate))
        .filter(|(likeness, _)| *likeness > ALIKE)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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

    fn typed_one(key: &str, text: &str) -> Result<Value, OptionFault> {
        match typed(&fields(), &[(key.to_owned(), text.to_owned())]) {
            Ok(mut values) => Ok(values.remove(key).expect("the value")),
            Err((_, fault)) => Err(fault),
        }
    }

    #[test]
    fn values_take_the_type_the_gateway_names() {
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
            assert_eq!(typed_one(key, text), Ok(value), "{key}={text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_would() {
        for (key, text, expected) in [
            ("worker_cores", "5", "an integer, 1 to 4"),
            ("worker_cores", "0", "an integer, 1 to 4"),
            ("worker_cores", "1.5", "an integer, 1 to 4"),
            ("worker_memory", "0.4", "a number, 0.5 or more"),
            ("worker_memory", "nan", "a number, 0.5 or more"),
            ("worker_memory", "inf", "a number, 0.5 or more"),
            ("spot", "maybe", "true or false"),
            ("environment", "A", "KEY=VALUE or a JSON object"),
            ("environment", "=1", "KEY=VALUE or a JSON object"),
            ("environment", "{", "KEY=VALUE or a JSON object"),
        ] {
            let fault = OptionFault::Value {
                given: text.to_owned(),
                expected: expected.to_owned(),
                similar: None,
            };
            assert_eq!(typed_one(key, text), Err(fault), "{key}={text}");
        }
    }

    #[test]
    fn configured_values_are_taken_only_as_they_are() {
        let unfit = |key: &str, value: Value| match admit(&fields(), key, &value) {
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
    fn a_slip_of_the_pen_is_recognised() {
        let similar = Some("worker_cores".to_owned());
        assert_eq!(
            typed_one("worker-core", "1"),
            Err(OptionFault::Unknown { similar })
        );
        assert_eq!(
            typed_one("zz", "1"),
            Err(OptionFault::Unknown { similar: None })
        );
        assert!(matches!(
            typed_one("profile", "smal"),
            Err(OptionFault::Value { similar: Some(choice), .. }) if choice == "small"
        ));
    }

    #[test]
    fn a_mapping_adds_up_and_the_last_of_anything_else_counts() {
        let pairs = [
            ("environment", "A=1"),
            ("environment", "B=2"),
            ("spot", "no"),
            ("spot", "yes"),
        ]
        .map(|(key, text)| (key.to_owned(), text.to_owned()));
        let values = typed(&fields(), &pairs).expect("valid options");
        assert_eq!(
            Value::Object(values),
            json!({"environment": {"A": "1", "B": "2"}, "spot": true})
        );
    }
}
