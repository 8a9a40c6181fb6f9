//! Single values of the configuration, before it is known what they are for.

use serde_json::{Number, Value};

/// A longer text is no number that dgw reads, and matching patterns with it takes time.
pub(super) const NUMBER_LIMIT: usize = 100;

/// A value read from a file or a variable, never a mapping. It may be a secret, so it has no
/// `Debug`.
#[derive(Clone, PartialEq)]
pub(super) enum Leaf {
    Json(Value),
    /// A value that can't be expressed in JSON, or that dgw doesn't read: its kind.
    Unsupported(&'static str),
}

impl Leaf {
    pub(super) const NULL: Self = Self::Json(Value::Null);

    /// A number that was written as `text`. Python and YAML know more spellings than plain decimal
    /// digits (`0600`, `1_000`, `0x1f`, `12:30`), which a gateway's configuration doesn't need.
    pub(super) fn number(text: &str) -> Self {
        let number = if text.contains(['.', 'e', 'E']) {
            text.parse().ok().and_then(Number::from_f64)
        } else {
            let integer = text.parse().ok().and_then(Number::from_i128);
            integer.filter(|number| number.to_string() == text)
        };
        match number {
            Some(number) => Self::Json(number.into()),
            None => Self::Unsupported("number that is too large, or not in plain decimal digits"),
        }
    }

    pub(super) fn is_null(&self) -> bool {
        *self == Self::NULL
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Json(value) => value.as_str(),
            Self::Unsupported(_) => None,
        }
    }

    pub(super) fn as_integer(&self) -> Option<i128> {
        match self {
            Self::Json(Value::Number(number)) => number.as_i128(),
            _ => None,
        }
    }

    /// Converts the value to JSON, as Python's `json.dumps` writes it.
    ///
    /// # Errors
    /// The kind of a value that JSON can't express.
    pub(super) fn to_json(&self) -> Result<Value, &'static str> {
        match self {
            Self::Json(value) => Ok(value.clone()),
            Self::Unsupported(kind) => Err(kind),
        }
    }

    /// Returns the value as the key of a mapping, as `json.dumps` spells it; `None` for a list and for
    /// an unsupported value.
    pub(super) fn into_key(self) -> Option<String> {
        match self {
            Self::Json(Value::Array(_)) | Self::Unsupported(_) => None,
            Self::Json(Value::String(text)) => Some(text),
            Self::Json(value) => Some(value.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_in_plain_decimal_digits_are_kept() {
        for (text, expected) in [
            ("384", json!(384)),
            ("-5", json!(-5)),
            ("18446744073709551615", json!(u64::MAX)),
            ("1.5", json!(1.5)),
            (".5", json!(0.5)),
            ("5.", json!(5.0)),
            ("-1e3", json!(-1000.0)),
            ("1E-1", json!(0.1)),
        ] {
            assert!(Leaf::number(text) == Leaf::Json(expected), "{text}");
        }
    }

    #[test]
    fn other_numbers_are_unsupported() {
        for text in [
            "0600",
            "-0",
            "+12",
            "1_000",
            "0x1e",
            "12:30",
            "1:2.5",
            ".inf",
            "1e400",
            "18446744073709551616",
            "123456789012345678901234567890123456789012",
        ] {
            assert!(Leaf::number(text).to_json().is_err(), "{text}");
        }
    }

    #[test]
    fn scalars_become_keys_and_lists_do_not() {
        for (leaf, key) in [
            (Leaf::Json(json!("a")), Some("a")),
            (Leaf::Json(json!(true)), Some("true")),
            (Leaf::NULL, Some("null")),
            (Leaf::number("1.5"), Some("1.5")),
            (Leaf::Unsupported("date"), None),
            (Leaf::Json(json!([1])), None),
        ] {
            assert_eq!(leaf.into_key().as_deref(), key);
        }
    }

    #[test]
    fn only_integers_are_integers() {
        assert_eq!(Leaf::number("-8").as_integer(), Some(-8));
        assert_eq!(Leaf::Json(json!("8")).as_integer(), None);
        assert_eq!(Leaf::number("8.0").as_integer(), None);
    }
}
