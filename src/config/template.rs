//! Values that name environment variables, as in Python's `str.format(**os.environ)`.

use super::Environment;

/// Why a template can't be filled in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// No such variable in the environment.
    Missing(String),
    /// A lone brace, or more than a plain name between braces.
    Malformed,
}

/// Fills in `{NAME}` from `environment`; `{{` and `}}` stand for braces.
///
/// # Errors
/// A variable that isn't set, or braces that aren't a plain name. The text itself, which may be a
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
            let (name, after) = braces
                .strip_prefix('{')
                .and_then(|inside| inside.split_once('}'))
                .filter(|(name, _)| is_name(name))
                .ok_or(Fault::Malformed)?;
            let value = environment
                .get(name)
                .ok_or_else(|| Fault::Missing(name.to_owned()))?;
            filled.push_str(value);
            rest = after;
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
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
            "{USER!r}",
            "{USER:>9}",
            "a}b",
        ] {
            assert_eq!(
                fill(template, &environment()),
                Err(Fault::Malformed),
                "{template}"
            );
        }
    }
}
