//! Values that refer to environment variables, as in Python's `str.format(**os.environ)`.

use serde_json::Value;

use super::environment::Environment;
use super::leaf::Leaf;
use super::node::Node;

/// The reason why a template can't be filled in.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TemplateFault {
    /// No such variable in the environment.
    Missing(String),
    /// A lone brace, or something between braces that isn't a name: Python's format specifications, too
    /// (`{NAME!r}`, `{NAME:>8}`).
    Malformed,
}

/// Fills in `{NAME}` from `environment`; `{{` and `}}` stand for braces.
///
/// # Errors
/// Fails if a variable isn't set, or if dgw can't fill in the braces. No error holds the text itself,
/// which may be a secret.
pub(super) fn fill(template: &str, environment: &Environment) -> Result<String, TemplateFault> {
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
                .ok_or(TemplateFault::Malformed)?;
            if !is_name(field) {
                return Err(TemplateFault::Malformed);
            }
            let value = environment.get(field);
            filled.push_str(value.ok_or_else(|| TemplateFault::Missing(field.to_owned()))?);
            rest = after;
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Returns the key of the first text in `node` that refers to an environment variable, or tries to.
pub(super) fn first_field(node: &Node) -> Option<String> {
    match node {
        Node::Map(entries) => entries.iter().find_map(|(key, node)| {
            let below = first_field(node)?;
            let dot = if below.is_empty() { "" } else { "." };
            Some(format!("{key}{dot}{below}"))
        }),
        Node::Leaf(leaf, _) => {
            let text = leaf.as_text()?;
            without_braces(text).contains('{').then(String::new)
        }
    }
}

/// Returns the names of the variables that `text` refers to.
pub(super) fn fields(text: &str) -> Vec<String> {
    let text = without_braces(text);
    let fields = text
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'));
    fields.map(|(name, _)| name.to_owned()).collect()
}

/// Returns `text` without what stands for braces.
fn without_braces(text: &str) -> String {
    text.replace("{{", "").replace("}}", "")
}

/// Escapes every text of `node`, so that none refers to an environment variable.
pub(super) fn without_templates(node: Node) -> Node {
    match node {
        Node::Map(entries) => Node::Map(
            entries
                .into_iter()
                .map(|(key, node)| (key, without_templates(node)))
                .collect(),
        ),
        Node::Leaf(Leaf::Json(Value::String(text)), source) => {
            Node::Leaf(Leaf::Json(escaped(&text).into()), source)
        }
        leaf @ Node::Leaf(..) => leaf,
    }
}

/// Returns `text` as a template that stands for `text`.
pub(super) fn escaped(text: &str) -> String {
    text.replace('{', "{{").replace('}', "}}")
}

/// Returns true if all of `text` stands for a variable.
pub(super) fn is_field(text: &str) -> bool {
    let field = text
        .strip_prefix('{')
        .and_then(|text| text.strip_suffix('}'));
    field.is_some_and(is_name)
}

/// Returns true for a usual variable name. Anything else may be part of a secret whose braces aren't
/// doubled.
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
    fn fills_in_names_and_doubled_braces() {
        let filled = fill("https://hub/user/{USER}/{{x}}", &environment());
        assert_eq!(filled, Ok("https://hub/user/ada/{x}".to_owned()));
    }

    #[test]
    fn escaped_text_is_filled_in_unchanged() {
        for text in ["", "{", "}}", "{USER}", "a{{b}c", "{{}}"] {
            assert_eq!(fill(&escaped(text), &environment()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn names_a_missing_variable() {
        assert_eq!(
            fill("{NOPE}", &environment()),
            Err(TemplateFault::Missing("NOPE".to_owned()))
        );
    }

    #[test]
    fn refuses_lone_braces_odd_names_and_formatting() {
        for template in [
            "{",
            "}",
            "{}",
            "{0}",
            "{USER",
            "{USER:{WIDTH}}",
            "{a b}",
            "a}b",
            "{USER!r}",
            "{USER.upper}",
            "{USER[0]}",
            "{USER:>5}",
            "{USER:}",
        ] {
            assert_eq!(
                fill(template, &environment()),
                Err(TemplateFault::Malformed),
                "{template}"
            );
        }
    }

    #[test]
    fn a_field_is_one_name_between_braces() {
        for (text, expected) in [
            ("{TOKEN}", true),
            ("{_a-1}", true),
            ("{TOKEN}x", false),
            ("{TOKEN}{TOKEN}", false),
            ("{1TOKEN}", false),
            ("{TOKEN:>8}", false),
            ("{}", false),
            ("TOKEN", false),
        ] {
            assert_eq!(is_field(text), expected, "{text}");
        }
    }
}
