//! What a scalar is, and which value it stands for: `PyYAML`'s `resolver.py` and `constructor.py`.

use jiff::civil::{Date, Time};

use super::super::plain::Plain;

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
}

/// What a plain scalar without a tag is, by its looks.
pub(super) fn resolve(text: &str) -> Kind {
    if matches!(text, "" | "~" | "null" | "Null" | "NULL") {
        Kind::Null
    } else if boolean(text).is_some() && is_word(text) {
        Kind::Bool
    } else if is_integer(text) {
        Kind::Integer
    } else if is_float(text) {
        Kind::Float
    } else if is_date(text) {
        Kind::Date
    } else {
        Kind::Text
    }
}

/// The value of `text` as a scalar of this kind; `None` where there is none.
pub(super) fn construct(kind: Kind, text: &str) -> Option<Plain> {
    match kind {
        Kind::Null => Some(Plain::Null),
        Kind::Bool => boolean(text).map(Plain::Bool),
        Kind::Integer => integer(text),
        Kind::Float => float(text).map(Plain::Float),
        Kind::Text => Some(Plain::Text(text.to_owned())),
        Kind::Date => is_on_the_calendar(text).then_some(Plain::Foreign("date")),
        Kind::Bytes => text
            .is_ascii()
            .then_some(Plain::Foreign("sequence of bytes")),
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" => Some(true),
        "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

/// `yes`, `Yes` or `YES`, but not `yEs`.
fn is_word(text: &str) -> bool {
    let rest = &text[1..];
    let is_upper = |c: char| c.is_ascii_uppercase();
    text.chars().all(is_upper) || !rest.contains(is_upper)
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['-', '+']).unwrap_or(text)
}

/// The digits with `_` between them that `text` begins with, and what follows.
fn digits(text: &str) -> Option<(&str, &str)> {
    let is_part = |c: char| c.is_ascii_digit() || c == '_';
    let end = text.find(|c| !is_part(c)).unwrap_or(text.len());
    text.starts_with(|c: char| c.is_ascii_digit())
        .then(|| text.split_at(end))
}

/// What follows the `:59` groups of a number to the base of sixty; `None` where there is none.
fn after_sixties(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(group) = rest.strip_prefix(':') {
        let end = group.find(|c: char| !c.is_ascii_digit());
        let (digits, after) = group.split_at(end.unwrap_or(group.len()));
        if !(digits.len() == 1 || digits.len() == 2 && digits < "60") {
            return None;
        }
        rest = after;
    }
    (rest.len() < text.len()).then_some(rest)
}

fn is_integer(text: &str) -> bool {
    let text = unsigned(text);
    let all_in = |digits: &str, of: fn(char) -> bool| {
        !digits.is_empty() && digits.chars().all(|c| of(c) || c == '_')
    };
    if let Some(digits) = text.strip_prefix("0b") {
        return all_in(digits, |c| matches!(c, '0' | '1'));
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return all_in(digits, |c| c.is_ascii_hexdigit());
    }
    if let Some(digits) = text.strip_prefix('0') {
        return digits.is_empty() || all_in(digits, |c| c.is_digit(8));
    }
    match digits(text) {
        Some((_, "")) => true,
        Some((_, rest)) => after_sixties(rest) == Some(""),
        None => false,
    }
}

fn is_float(text: &str) -> bool {
    let is_infinite = |text| matches!(text, ".inf" | ".Inf" | ".INF");
    if is_infinite(unsigned(text)) || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let is_exponent = |text: &str| {
        let digits = text
            .strip_prefix(['e', 'E'])
            .map(|e| e.split_at(e.len().min(1)));
        text.is_empty()
            || digits.is_some_and(|(sign, digits)| {
                matches!(sign, "-" | "+")
                    && !digits.is_empty()
                    && digits.bytes().all(|b| b.is_ascii_digit())
            })
    };
    let after_fraction = |text: &'_ str| {
        let fraction = |c: char| !(c.is_ascii_digit() || c == '_');
        text.find(fraction).unwrap_or(text.len())
    };
    if let Some(fraction) = text.strip_prefix('.') {
        return fraction.starts_with(|c: char| c.is_ascii_digit())
            && is_exponent(&fraction[after_fraction(fraction)..]);
    }
    let Some((_, rest)) = digits(unsigned(text)) else {
        return false;
    };
    if let Some(fraction) = rest.strip_prefix('.') {
        return is_exponent(&fraction[after_fraction(fraction)..]);
    }
    let fraction = after_sixties(rest).and_then(|rest| rest.strip_prefix('.'));
    fraction.is_some_and(|fraction| after_fraction(fraction) == fraction.len())
}

fn integer(text: &str) -> Option<Plain> {
    let plain = text.replace('_', "");
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let magnitude = if digits == "0" {
        Ok(0)
    } else if let Some(digits) = digits.strip_prefix("0b") {
        i128::from_str_radix(digits, 2)
    } else if let Some(digits) = digits.strip_prefix("0x") {
        i128::from_str_radix(digits, 16)
    } else if digits.starts_with('0') {
        i128::from_str_radix(digits, 8)
    } else {
        let groups = digits.split(':').map(str::parse::<i128>);
        groups.reduce(|sum, group| Ok(sum?.saturating_mul(60).saturating_add(group?)))?
    };
    match magnitude {
        Ok(magnitude) => Some(Plain::integer(sign * magnitude, text)),
        Err(error) if *error.kind() == std::num::IntErrorKind::PosOverflow => {
            Some(Plain::Foreign("number so large"))
        }
        Err(_) => None,
    }
}

fn float(text: &str) -> Option<f64> {
    let plain = text.replace('_', "").to_lowercase();
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let magnitude = match digits {
        ".inf" => f64::INFINITY,
        ".nan" => f64::NAN,
        digits => digits
            .split(':')
            .map(|group| group.parse::<f64>().ok())
            .reduce(|sum, group| Some(sum? * 60.0 + group?))??,
    };
    Some(sign * magnitude)
}

/// `2026-11-21`, or that with a time of day, and perhaps a time zone.
fn is_date(text: &str) -> bool {
    ClockReading::read(text).is_some()
}

fn is_on_the_calendar(text: &str) -> bool {
    ClockReading::read(text).is_some_and(|moment| {
        let number = |text: &str| text.parse::<i8>().ok();
        let year = moment.year.parse::<i16>().ok().filter(|year| *year > 0);
        let date = || Date::new(year?, number(moment.month)?, number(moment.day)?).ok();
        let time = |[hour, minute, second]: [&str; 3]| {
            Time::new(number(hour)?, number(minute)?, number(second)?, 0).ok()
        };
        date().is_some() && moment.time.is_none_or(|clock| time(clock).is_some())
    })
}

/// The parts of a timestamp, as they were written.
struct ClockReading<'a> {
    year: &'a str,
    month: &'a str,
    day: &'a str,
    time: Option<[&'a str; 3]>,
}

impl<'a> ClockReading<'a> {
    fn read(text: &'a str) -> Option<Self> {
        let (year, rest) = number(text, 4..=4)?;
        let (month, rest) = number(rest.strip_prefix('-')?, 1..=2)?;
        let (day, rest) = number(rest.strip_prefix('-')?, 1..=2)?;
        let date = |time| Self {
            year,
            month,
            day,
            time,
        };
        if rest.is_empty() {
            return (month.len() == 2 && day.len() == 2).then(|| date(None));
        }
        let rest = match rest.strip_prefix(['T', 't']) {
            Some(rest) => rest,
            None => Some(after_blanks(rest)).filter(|after| after.len() < rest.len())?,
        };
        let (hour, rest) = number(rest, 1..=2)?;
        let (minute, rest) = number(rest.strip_prefix(':')?, 2..=2)?;
        let (second, rest) = number(rest.strip_prefix(':')?, 2..=2)?;
        let rest = rest.strip_prefix('.').map_or(rest, |fraction| {
            fraction.trim_start_matches(|c: char| c.is_ascii_digit())
        });
        let zone = after_blanks(rest);
        let is_zone = rest.is_empty()
            || zone == "Z"
            || zone.strip_prefix(['-', '+']).is_some_and(|offset| {
                number(offset, 1..=2).is_some_and(|(_, rest)| {
                    let minutes = rest.strip_prefix(':').and_then(|rest| number(rest, 2..=2));
                    rest.is_empty() || minutes.is_some_and(|(_, rest)| rest.is_empty())
                })
            });
        is_zone.then(|| date(Some([hour, minute, second])))
    }
}

fn after_blanks(text: &str) -> &str {
    text.trim_start_matches([' ', '\t'])
}

/// So many digits, and what follows them.
fn number(text: &str, count: std::ops::RangeInclusive<usize>) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit());
    let end = end.unwrap_or(text.len());
    count.contains(&end).then(|| text.split_at(end))
}
