//! Values that name environment variables, as in Python's `str.format(**os.environ)`.

use super::Environment;

/// Why a template can't be filled in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// No such variable in the environment.
    Missing(String),
    /// A lone brace, or what isn't a name between braces.
    Malformed,
    /// What only Python can do with a variable: `{NAME!r}`, `{NAME.upper}`, `{NAME[0]}`.
    Pythons,
}

/// Fills in `{NAME}` and `{NAME:SPEC}` from `environment`; `{{` and `}}` stand for braces.
///
/// # Errors
/// A variable that isn't set, or braces that dgw can't fill in. The text itself, which may be a
/// secret, is in no error.
pub(super) fn fill(template: &str, environment: &Environment) -> Result<String, Fault> {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let (text, braces) = rest.split_at(at);
        filled.push_str(text);
        if let Some(after) = braces.strip_prefix("{{") {
            filled.push('{');
            rest = after;
        } else if let Some(after) = braces.strip_prefix("}}") {
            filled.push('}');
            rest = after;
        } else {
            let (field, after) = braces
                .strip_prefix('{')
                .and_then(|inside| inside.split_once('}'))
                .ok_or(Fault::Malformed)?;
            filled.push_str(&field_value(field, environment)?);
            rest = after;
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

/// What stands for `NAME`, `NAME!s` or `NAME:SPEC`.
fn field_value(field: &str, environment: &Environment) -> Result<String, Fault> {
    let (target, spec) = field.split_once(':').unwrap_or((field, ""));
    let (name, conversion) = target.split_once('!').unwrap_or((target, "s"));
    if !is_name(name.split(['.', '[']).next().unwrap_or_default()) || field.contains('{') {
        return Err(Fault::Malformed);
    }
    if name.contains(['.', '[']) || conversion != "s" {
        return Err(Fault::Pythons);
    }
    let value = environment.get(name);
    let value = value.ok_or_else(|| Fault::Missing(name.to_owned()))?;
    formatted(value, spec).ok_or(Fault::Pythons)
}

/// `[[fill]align][0][width][.precision][s]`, all of Python's mini-language that texts know.
fn formatted(value: &str, spec: &str) -> Option<String> {
    let mut letters = spec.chars();
    let (first, second) = (letters.next(), letters.next());
    let is_align = |letter: Option<char>| letter.is_some_and(|letter| "<>^".contains(letter));
    let (fill, align, rest) = match (first, second) {
        (Some(fill), _) if is_align(second) => (fill, second, &spec[fill.len_utf8() + 1..]),
        _ if is_align(first) => (' ', first, &spec[1..]),
        _ if spec.starts_with('0') => ('0', None, &spec[1..]),
        _ => (' ', None, spec),
    };
    let rest = rest.strip_suffix('s').unwrap_or(rest);
    let (width, precision) = match rest.split_once('.') {
        Some((width, precision)) => (width, Some(precision)),
        None => (rest, None),
    };
    // Wider than any value that a person would want: a template must not fill the memory.
    let number = |digits: &str| digits.parse::<u16>().ok().map(usize::from);
    let width = if width.is_empty() { 0 } else { number(width)? };
    let value = match precision {
        None => value.to_owned(),
        Some(precision) => value.chars().take(number(precision)?).collect(),
    };
    let missing = width.saturating_sub(value.chars().count());
    let left = match align {
        Some('>') => missing,
        Some('^') => missing / 2,
        _ => 0,
    };
    let pad = |count| std::iter::repeat_n(fill, count).collect::<String>();
    Some(pad(left) + &value + &pad(missing - left))
}

/// `text` as a template that stands for `text`.
pub(super) fn escaped(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

/// Whether all of `text` stands for a variable.
pub(super) fn is_field(text: &str) -> bool {
    let inside = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'));
    inside.is_some_and(|field| is_name(field.split([':', '!']).next().unwrap_or_default()))
        && !text[1..text.len() - 1].contains(['{', '}'])
}

/// Names of another kind might be part of a secret whose braces aren't doubled.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        [("USER".to_owned(), "ada".to_owned())]
            .into_iter()
            .collect()
    }

    #[test]
    fn names_are_filled_in_and_doubled_braces_are_braces() {
        let filled = fill("https://hub/user/{USER}/{{x}}", &environment());
        assert_eq!(filled, Ok("https://hub/user/ada/{x}".to_owned()));
    }

    #[test]
    fn what_is_escaped_is_filled_in_as_it_was() {
        for text in ["", "{", "}}", "{USER}", "a{{b}c", "{{}}"] {
            assert_eq!(fill(&escaped(text), &environment()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn a_missing_name_is_named() {
        assert_eq!(
            fill("{NOPE}", &environment()),
            Err(Fault::Missing("NOPE".to_owned()))
        );
    }

    #[test]
    fn anything_but_a_plain_name_is_refused() {
        for template in [
            "{",
            "}",
            "{}",
            "{0}",
            "{USER",
            "{USER:{WIDTH}}",
            "{a b}",
            "a}b",
        ] {
            assert_eq!(
                fill(template, &environment()),
                Err(Fault::Malformed),
                "{template}"
            );
        }
    }

    #[test]
    fn a_value_can_be_cut_and_padded() {
        for (template, filled) in [
            ("{USER:>5}", "  ada"),
            ("{USER:*^6}", "*ada**"),
            ("{USER:.2}", "ad"),
            ("{USER!s:<4.1s}|", "a   |"),
            ("{USER:05}", "ada00"),
        ] {
            assert_eq!(fill(template, &environment()), Ok(filled.to_owned()));
        }
    }

    #[test]
    fn what_only_python_can_do_is_told_apart() {
        for template in [
            "{USER!r}",
            "{USER.upper}",
            "{USER[0]}",
            "{USER:d}",
            "{USER:=5}",
        ] {
            let fault = fill(template, &environment());
            assert_eq!(fault, Err(Fault::Pythons), "{template}");
        }
    }
}
