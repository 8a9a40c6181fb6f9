//! The value of a plain scalar: `PyYAML`'s `resolver.py` and `constructor.py`.

use std::sync::LazyLock;

use regex_lite::Regex;

use super::super::leaf::{Leaf, NUMBER_LIMIT};

/// `PyYAML`'s own patterns for integers and floats.
static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?x)^(?:[-+]?(?:0b[0-1_]+
        |0[0-7_]+
        |0
        |[1-9][0-9_]*
        |0x[0-9a-fA-F_]+
        |[1-9][0-9_]*(?::[0-5]?[0-9])+
        |[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?
        |[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*
        |\.(?:inf|Inf|INF))
        |\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?
        |\.(?:nan|NaN|NAN))$";
    Regex::new(pattern).expect("a valid pattern")
});

/// `PyYAML`'s own pattern for dates.
static DATE: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r"(?x)^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}
        |[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[\x20\t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?
        (?:[\x20\t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?)$";
    Regex::new(pattern).expect("a valid pattern")
});

/// Returns the value of a plain scalar without a tag.
pub(super) fn plain(text: &str) -> Leaf {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Leaf::NULL,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Leaf::Json(true.into())
        }
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Leaf::Json(false.into())
        }
        // Saves most texts from the patterns, as PyYAML does.
        _ if !text.starts_with(|c: char| c.is_ascii_digit() || "-+.".contains(c)) => {
            Leaf::Json(text.into())
        }
        _ if text.len() > NUMBER_LIMIT => {
            let is_number = text
                .bytes()
                .all(|b| b.is_ascii_digit() || b"_.:+-".contains(&b));
            if is_number {
                Leaf::number(text)
            } else {
                Leaf::Json(text.into())
            }
        }
        _ if NUMBER.is_match(text) => Leaf::number(text),
        _ if DATE.is_match(text) => Leaf::Unsupported("date"),
        _ => Leaf::Json(text.into()),
    }
}
