//! What a scalar is, and which value it stands for: `PyYAML`'s `resolver.py` and `constructor.py`.

use std::sync::LazyLock;

use regex_lite::Regex;
use serde_json::Value;

use super::super::leaf::Leaf;

/// What a scalar can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Bool,
    Integer,
    Float,
    Text,
    Date,
    Bytes,
    /// `<<` as a key.
    Merge,
    /// `=`, which is a text as a key and malformed anywhere else.
    EqualsSign,
}

impl Kind {
    /// Returns the kind that one of YAML's own tags stands for.
    pub(super) fn of_tag(name: &str) -> Option<Self> {
        Some(match name {
            "null" => Self::Null,
            "bool" => Self::Bool,
            "int" => Self::Integer,
            "float" => Self::Float,
            "str" => Self::Text,
            "timestamp" => Self::Date,
            "binary" => Self::Bytes,
            "merge" => Self::Merge,
            "value" => Self::EqualsSign,
            _ => return None,
        })
    }
}

/// `PyYAML`'s own patterns for numbers and dates. Of each text at most one matches.
static PATTERNS: LazyLock<[(Kind, Regex); 3]> = LazyLock::new(|| {
    let integer = r"(?x)^[-+]?(?:0b[0-1_]+
        |0[0-7_]+
        |0
        |[1-9][0-9_]*
        |0x[0-9a-fA-F_]+
        |[1-9][0-9_]*(?::[0-5]?[0-9])+)$";
    let float = r"(?x)^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?
        |\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?
        |[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*
        |[-+]?\.(?:inf|Inf|INF)
        |\.(?:nan|NaN|NAN))$";
    let date = r"(?x)^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}
        |[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[\x20\t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?
        (?:[\x20\t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?)$";
    [
        (Kind::Integer, integer),
        (Kind::Float, float),
        (Kind::Date, date),
    ]
    .map(|(kind, pattern)| (kind, Regex::new(pattern).expect("a valid pattern")))
});

/// Returns the kind of a plain scalar without a tag.
pub(super) fn resolve(text: &str) -> Kind {
    match text {
        "<<" => Kind::Merge,
        "=" => Kind::EqualsSign,
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        _ if boolean(text).is_some() && is_in_one_case(text) => Kind::Bool,
        // Saves most texts from the patterns, as PyYAML does.
        _ if !text.starts_with(|c: char| c.is_ascii_digit() || "-+.".contains(c)) => Kind::Text,
        _ => {
            let mut patterns = PATTERNS.iter();
            let matching = patterns.find(|(_, pattern)| pattern.is_match(text));
            matching.map_or(Kind::Text, |(kind, _)| *kind)
        }
    }
}

/// Returns the value of `text` as a scalar of this kind, or `None` if it has none.
pub(super) fn construct(kind: Kind, text: &str) -> Option<Leaf> {
    match kind {
        Kind::Null => Some(Leaf::NULL),
        Kind::Bool => boolean(text).map(|truth| Leaf::Json(truth.into())),
        Kind::Integer => integer(text),
        Kind::Float => float(text).map(Leaf::float),
        Kind::Text => Some(Leaf::Json(Value::String(text.to_owned()))),
        Kind::Date => (resolve(text) == Kind::Date).then_some(Leaf::Unsupported("date")),
        Kind::Bytes => text
            .is_ascii()
            .then_some(Leaf::Unsupported("sequence of bytes")),
        Kind::Merge | Kind::EqualsSign => None,
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" => Some(true),
        "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

/// Returns true for `yes`, `Yes` and `YES`, but not for `yEs`.
fn is_in_one_case(text: &str) -> bool {
    let is_upper = |c: char| c.is_ascii_uppercase();
    text.chars().all(is_upper) || !text.chars().skip(1).any(is_upper)
}

/// Splits a number into whether it is negative, and its digits in lower case without `_`.
fn sign_and_digits(text: &str) -> (bool, String) {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    (
        text.starts_with('-'),
        digits.replace('_', "").to_lowercase(),
    )
}

fn integer(text: &str) -> Option<Leaf> {
    let (is_negative, digits) = sign_and_digits(text);
    let magnitude = if let Some(digits) = digits.strip_prefix("0b") {
        i128::from_str_radix(digits, 2)
    } else if let Some(digits) = digits.strip_prefix("0x") {
        i128::from_str_radix(digits, 16)
    } else if digits.starts_with('0') {
        i128::from_str_radix(&digits, 8)
    } else {
        let groups = digits.split(':').map(str::parse::<i128>);
        groups.reduce(|sum, group| Ok(sum?.saturating_mul(60).saturating_add(group?)))?
    };
    match magnitude {
        Ok(magnitude) => Some(Leaf::integer(is_negative, Some(magnitude), text)),
        Err(error) if *error.kind() == std::num::IntErrorKind::PosOverflow => {
            Some(Leaf::integer(is_negative, None, text))
        }
        Err(_) => None,
    }
}

fn float(text: &str) -> Option<f64> {
    let (is_negative, digits) = sign_and_digits(text);
    let magnitude = match digits.as_str() {
        ".inf" => f64::INFINITY,
        ".nan" => f64::NAN,
        digits => digits
            .split(':')
            .map(|group| group.parse::<f64>().ok())
            .reduce(|sum, group| Some(sum? * 60.0 + group?))??,
    };
    Some(if is_negative { -magnitude } else { magnitude })
}
