//! Single values of the configuration, before it is known what they are for.

use serde_json::{Number, Value};

/// A value read from a file or a variable, never a mapping. It may be a secret, so it has no
/// `Debug`.
#[derive(Clone, PartialEq)]
pub(super) enum Leaf {
    Json(Value),
    /// An integer that is not written as its decimal digits: `0600`, `1_000` or `12:30`.
    RespelledInteger(Number),
    /// A value that can't be expressed in JSON, and so can't be sent to a gateway: its kind.
    Unsupported(&'static str),
}

impl Leaf {
    pub(super) const NULL: Self = Self::Json(Value::Null);

    /// An integer that was written as `text`: a sign, and `magnitude`, which is `None` if it does
    /// not fit.
    pub(super) fn integer(is_negative: bool, magnitude: Option<i128>, text: &str) -> Self {
        let value = magnitude.map(|magnitude| if is_negative { -magnitude } else { magnitude });
        match value.and_then(Number::from_i128) {
            None => Self::Unsupported("number that is too large"),
            Some(number) if number.to_string() == text => Self::Json(number.into()),
            Some(number) => Self::RespelledInteger(number),
        }
    }

    pub(super) fn float(number: f64) -> Self {
        match Number::from_f64(number) {
            Some(number) => Self::Json(number.into()),
            None => Self::Unsupported("number that is not finite"),
        }
    }

    pub(super) fn is_null(&self) -> bool {
        *self == Self::NULL
    }

    pub(super) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Json(value) => value.as_str(),
            _ => None,
        }
    }

    pub(super) fn as_integer(&self) -> Option<i128> {
        match self {
            Self::Json(Value::Number(number)) | Self::RespelledInteger(number) => number.as_i128(),
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
            Self::RespelledInteger(number) => Ok(number.clone().into()),
            Self::Unsupported(kind) => Err(kind),
        }
    }

    /// Returns the value as the key of a mapping, as `json.dumps` spells it, or `None` if a list.
    pub(super) fn into_key(self) -> Option<String> {
        match self {
            Self::Json(Value::Array(_)) => None,
            Self::Json(Value::String(text)) => Some(text),
            Self::Json(value) => Some(value.to_string()),
            Self::RespelledInteger(number) => Some(number.to_string()),
            Self::Unsupported(kind) => Some(kind.to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn integers_that_fit_json_are_kept() {
        for (is_negative, magnitude, text, expected) in [
            (false, Some(384), "384", Leaf::Json(json!(384))),
            (false, Some(384), "0600", Leaf::RespelledInteger(384.into())),
            (true, Some(5), "-5", Leaf::Json(json!(-5))),
            (true, Some(0), "-0", Leaf::RespelledInteger(0.into())),
            (
                false,
                Some(i128::from(u64::MAX)),
                "18446744073709551615",
                Leaf::Json(json!(u64::MAX)),
            ),
        ] {
            assert!(
                Leaf::integer(is_negative, magnitude, text) == expected,
                "{text}"
            );
        }
        for magnitude in [None, Some(i128::from(u64::MAX) + 1)] {
            let leaf = Leaf::integer(false, magnitude, "");
            assert_eq!(leaf.to_json(), Err("number that is too large"));
        }
    }

    #[test]
    fn only_finite_floats_fit_json() {
        assert_eq!(Leaf::float(1.5).to_json(), Ok(json!(1.5)));
        for number in [f64::NAN, f64::INFINITY] {
            assert!(Leaf::float(number).to_json().is_err());
        }
    }

    #[test]
    fn scalars_become_keys_and_lists_do_not() {
        for (leaf, key) in [
            (Leaf::Json(json!("a")), Some("a")),
            (Leaf::Json(json!(true)), Some("true")),
            (Leaf::NULL, Some("null")),
            (Leaf::float(1.5), Some("1.5")),
            (Leaf::integer(false, Some(8), "010"), Some("8")),
            (Leaf::Unsupported("date"), Some("date")),
            (Leaf::Json(json!([1])), None),
        ] {
            assert_eq!(leaf.into_key().as_deref(), key);
        }
    }

    #[test]
    fn only_integers_are_integers() {
        assert_eq!(Leaf::integer(true, Some(8), "-010").as_integer(), Some(-8));
        assert_eq!(Leaf::Json(json!(8)).as_integer(), Some(8));
        assert_eq!(Leaf::Json(json!("8")).as_integer(), None);
        assert_eq!(Leaf::float(8.0).as_integer(), None);
    }
}
