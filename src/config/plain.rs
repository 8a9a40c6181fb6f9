//! Values as Python would hold them, before anybody asks what they are for.

use serde_json::{Map, Value};

/// A value read from a file or a variable. It may be a secret, so it has no `Debug`.
#[derive(Clone)]
pub(super) enum Plain {
    Null,
    Bool(bool),
    Integer {
        value: i128,
        /// Whether it was written in its decimal digits, not as `0600`, `1_000` or `12:30`.
        is_in_digits: bool,
    },
    Float(f64),
    Text(String),
    List(Vec<Plain>),
    Map(Vec<(String, Plain)>),
    /// What Python has and JSON has not, and so no gateway can be sent: `date`, `bytes`.
    Foreign(&'static str),
}

impl Plain {
    /// An integer that was written as `text`.
    pub(super) fn integer(value: i128, text: &str) -> Self {
        Self::Integer {
            value,
            is_in_digits: value.to_string() == text,
        }
    }

    /// The value as JSON, as Python's `json.dumps` writes it.
    ///
    /// # Errors
    /// What kind of value JSON has no word for.
    pub(super) fn to_json(&self) -> Result<Value, &'static str> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(truth) => Value::Bool(*truth),
            Self::Integer { value, .. } => match (i64::try_from(*value), u64::try_from(*value)) {
                (Ok(signed), _) => signed.into(),
                (_, Ok(unsigned)) => unsigned.into(),
                _ => return Err("number so large"),
            },
            Self::Float(number) => serde_json::Number::from_f64(*number)
                .map(Value::Number)
                .ok_or("number that is not finite")?,
            Self::Text(text) => Value::String(text.clone()),
            Self::List(items) => {
                Value::Array(items.iter().map(Self::to_json).collect::<Result<_, _>>()?)
            }
            Self::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, value)| value.to_json().map(|value| (key.clone(), value)))
                    .collect::<Result<Map<_, _>, _>>()?,
            ),
            Self::Foreign(kind) => return Err(kind),
        })
    }

    /// The value as a mapping's key, as `json.dumps` spells it; `None` for what can't be one.
    pub(super) fn into_key(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            Self::Integer { value, .. } => Some(value.to_string()),
            Self::Float(number) => Some(format!("{number:?}")),
            Self::Bool(truth) => Some(truth.to_string()),
            Self::Null => Some("null".to_owned()),
            Self::Foreign(kind) => Some(kind.to_owned()),
            Self::List(_) | Self::Map(_) => None,
        }
    }
}

impl From<Value> for Plain {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(truth) => Self::Bool(truth),
            Value::Number(number) => match (number.as_i128(), number.as_f64()) {
                (Some(value), _) => Self::integer(value, &value.to_string()),
                (None, Some(value)) => Self::Float(value),
                (None, None) => Self::Foreign("number so large"),
            },
            Value::String(text) => Self::Text(text),
            Value::Array(items) => Self::List(items.into_iter().map(Self::from).collect()),
            Value::Object(entries) => Self::Map(
                entries
                    .into_iter()
                    .map(|(key, value)| (key, value.into()))
                    .collect(),
            ),
        }
    }
}

/// Sets `key` in `entries` as in a Python dict: the last value counts, in the first one's place.
pub(super) fn insert<T>(entries: &mut Vec<(String, T)>, key: String, value: T) {
    match entries.iter_mut().find(|(there, _)| *there == key) {
        Some(entry) => entry.1 = value,
        None => entries.push((key, value)),
    }
}
