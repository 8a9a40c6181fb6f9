//! Values of options from elsewhere than the command line, where others see them in `ps` and in a
//! shell's history: from environment variables, and from files.

use std::env::VarError;
use std::fs::File;
use std::io::{self, Read as _};

use serde_json::{Map, Value};

use crate::gateway::{OptionField, OptionType};

/// The largest file: Linux passes no longer environment variable to a program.
const SIZE_LIMIT: u64 = 128 * 1024;

/// An option with its value as text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OptionText {
    pub(super) key: String,
    pub(super) text: String,
    /// What must not be printed of a value that was not typed.
    pub(super) secrets: Vec<String>,
    /// True if the command line has the value.
    pub(super) is_typed: bool,
}

/// A value that could not be had.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SourceFault {
    #[error("`{key}` takes `{variable}` from the environment, but that variable {problem}")]
    Variable {
        key: String,
        variable: String,
        problem: &'static str,
    },
    #[error("can't read the value of `{key}` from `{path}`: {cause}")]
    File {
        key: String,
        path: String,
        cause: String,
    },
}

impl SourceFault {
    /// Returns what to do about it.
    pub(super) fn hint(&self) -> String {
        match self {
            Self::Variable { key, variable, .. } => format!(
                "`export {variable}=…`, or take the value from a file: `-s {key}={variable}=@FILE`"
            ),
            Self::File { path, .. } if path.starts_with('~') => {
                "the shell does not replace `~` there: write `@\"$HOME\"/…`".to_owned()
            }
            Self::File { .. } => "a value that begins with `@` is the name of a file; write `@@` \
                                  for a value that begins with `@` itself"
                .to_owned(),
        }
    }
}

/// Fetches the values of `pairs`, which are options as typed, from where they are: `@FILE` is the
/// contents of a file, and a key of a mapping without a value is the environment variable of that
/// name. `@@` is a literal `@`.
///
/// # Errors
/// A variable is not set, or a file can't be read.
pub(super) fn fetch(
    fields: &[OptionField],
    pairs: &[(String, String)],
    variable: impl Fn(&str) -> Result<String, VarError>,
) -> Result<Vec<OptionText>, SourceFault> {
    let mut texts = Vec::new();
    for (key, text) in pairs {
        let is_mapping = fields
            .iter()
            .any(|field| field.name == *key && field.spec == OptionType::Mapping);
        let fetched = |text: String, secrets: Vec<String>| OptionText {
            key: key.clone(),
            text,
            secrets,
            is_typed: false,
        };
        let typed = |text: String| OptionText {
            is_typed: true,
            ..fetched(text, Vec::new())
        };
        let is_json = text.trim_start().starts_with('{');
        let entry = text.split_once('=').filter(|_| !is_json);
        match (source(text), entry) {
            (Source::Literal(text), _) if !is_mapping => texts.push(typed(text.to_owned())),
            (Source::File(path), _) if !is_mapping => {
                texts.push(fetched(read(key, path)?, Vec::new()));
            }
            (Source::File(path), _) => {
                let contents = read(key, path)?;
                if let Some(secrets) = json_values(&contents) {
                    texts.push(fetched(contents, secrets));
                } else {
                    texts.extend(entries(&contents).map(|(line, value)| {
                        fetched(
                            line.to_owned(),
                            value.into_iter().map(str::to_owned).collect(),
                        )
                    }));
                }
            }
            (Source::Literal(_), Some((name, value))) => texts.push(match source(value) {
                Source::Literal(value) => typed(format!("{name}={value}")),
                Source::File(path) => {
                    let value = read(key, path)?;
                    fetched(format!("{name}={value}"), vec![value])
                }
            }),
            (Source::Literal(text), None) if text.is_empty() || is_json => {
                texts.push(typed(text.to_owned()));
            }
            (Source::Literal(name), None) => {
                let value = variable(name).map_err(|error| SourceFault::Variable {
                    key: key.clone(),
                    variable: name.to_owned(),
                    problem: match error {
                        VarError::NotPresent => "is not set",
                        VarError::NotUnicode(_) => "is not UTF-8 text",
                    },
                })?;
                texts.push(fetched(format!("{name}={value}"), vec![value]));
            }
        }
    }
    Ok(texts)
}

/// Where a value is.
enum Source<'a> {
    Literal(&'a str),
    File(&'a str),
}

fn source(text: &str) -> Source<'_> {
    match text.strip_prefix('@') {
        None => Source::Literal(text),
        Some(rest) if rest.starts_with('@') => Source::Literal(rest),
        Some(path) => Source::File(path),
    }
}

/// Returns the texts and numbers in a JSON object; `None` if `contents` is none.
fn json_values(contents: &str) -> Option<Vec<String>> {
    let object = serde_json::from_str::<Map<String, Value>>(contents).ok()?;
    Some(object.values().flat_map(scalars).collect())
}

/// Returns the texts and numbers in `value`, at any depth.
fn scalars(value: &Value) -> Vec<String> {
    match value {
        Value::Null | Value::Bool(_) => Vec::new(),
        Value::Number(number) => vec![number.to_string()],
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(scalars).collect(),
        Value::Object(entries) => entries.values().flat_map(scalars).collect(),
    }
}

/// Returns the lines of a file of `KEY=VALUE`, each with its value, without blank ones and comments.
fn entries(contents: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let lines = contents.lines().map(str::trim_start);
    lines
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| (line, line.split_once('=').map(|(_, value)| value)))
}

/// Reads a file without the newlines at its end, as a shell's `$(…)` does. It may be a pipe.
fn read(key: &str, path: &str) -> Result<String, SourceFault> {
    let failed = |cause: String| SourceFault::File {
        key: key.to_owned(),
        path: path.to_owned(),
        cause,
    };
    let io_failed = |error: io::Error| failed(error.to_string());
    let file = File::open(path).map_err(io_failed)?;
    let mut bytes = Vec::new();
    file.take(SIZE_LIMIT + 1)
        .read_to_end(&mut bytes)
        .map_err(io_failed)?;
    if bytes.len() as u64 > SIZE_LIMIT {
        return Err(failed("it is larger than 128 KiB".to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|_| failed("it is not UTF-8 text".to_owned()))?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn fields() -> Vec<OptionField> {
        let fields = json!([
            {"field": "environment", "spec": {"type": "mapping"}},
            {"field": "setup", "spec": {"type": "string"}},
        ]);
        serde_json::from_value(fields).expect("fields")
    }

    fn fetched(key: &str, text: &str) -> Result<Vec<OptionText>, SourceFault> {
        fetch(
            &fields(),
            &[(key.to_owned(), text.to_owned())],
            |name| match name {
                "KEY" => Ok("s3cret".to_owned()),
                "EMPTY" => Ok(String::new()),
                "BYTES" => Err(VarError::NotUnicode("x".into())),
                _ => Err(VarError::NotPresent),
            },
        )
    }

    fn texts(key: &str, text: &str) -> Vec<(String, Vec<String>, bool)> {
        let texts = fetched(key, text).expect("fetched").into_iter();
        texts.map(|it| (it.text, it.secrets, it.is_typed)).collect()
    }

    fn file(contents: &[u8]) -> (tempfile::NamedTempFile, String) {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), contents).expect("written");
        let path = file.path().to_str().expect("UTF-8").to_owned();
        (file, path)
    }

    #[test]
    fn typed_values_stay_as_they_are() {
        for (key, text) in [
            ("setup", ""),
            ("setup", "KEY"),
            ("setup", "a@b=@c"),
            ("environment", "A=1=2"),
            ("environment", "A="),
            ("environment", "=1"),
            ("environment", ""),
            ("environment", r#"{"A": "@x", "B": "="}"#),
            ("environment", "{KEY"),
            ("nope", "KEY"),
        ] {
            assert_eq!(
                texts(key, text),
                [(text.to_owned(), vec![], true)],
                "{key}={text}"
            );
        }
        for (key, text, literal) in [
            ("setup", "@@", "@"),
            ("setup", "@@x", "@x"),
            ("setup", "@@@x", "@@x"),
            ("environment", "A=@@x", "A=@x"),
        ] {
            assert_eq!(
                texts(key, text),
                [(literal.to_owned(), vec![], true)],
                "{key}={text}"
            );
        }
    }

    #[test]
    fn key_without_a_value_takes_the_variable() {
        let secret = ("KEY=s3cret".to_owned(), vec!["s3cret".to_owned()], false);
        assert_eq!(texts("environment", "KEY"), [secret]);
        assert_eq!(texts("environment", "EMPTY")[0].0, "EMPTY=");
        for (name, problem) in [("NOPE", "is not set"), ("BYTES", "is not UTF-8 text")] {
            let fault = SourceFault::Variable {
                key: "environment".to_owned(),
                variable: name.to_owned(),
                problem,
            };
            assert_eq!(fetched("environment", name), Err(fault));
        }
    }

    #[test]
    fn file_is_a_value_without_its_last_newlines() {
        let (_file, path) = file(b"s3cret\nmore\r\n\n");
        let value = "s3cret\nmore".to_owned();
        let setup = (value.clone(), vec![], false);
        assert_eq!(texts("setup", &format!("@{path}")), [setup]);
        let entry = (format!("A={value}"), vec![value], false);
        assert_eq!(texts("environment", &format!("A=@{path}")), [entry]);
    }

    #[test]
    fn file_of_a_mapping_is_an_object_or_lines() {
        let (_file, path) = file(b"# keys\nA=1\n\n  B=x=@y\nC\n");
        let one = |text: &str, secret: Option<&str>| {
            let secrets = secret.into_iter().map(str::to_owned).collect();
            (text.to_owned(), secrets, false)
        };
        assert_eq!(
            texts("environment", &format!("@{path}")),
            [
                one("A=1", Some("1")),
                one("B=x=@y", Some("x=@y")),
                one("C", None)
            ]
        );
        let (_file, path) = file(br#"{"A": "s3cret", "B": 1}"#);
        assert_eq!(
            texts("environment", &format!("@{path}")),
            [(
                r#"{"A": "s3cret", "B": 1}"#.to_owned(),
                vec!["s3cret".to_owned(), "1".to_owned()],
                false
            )]
        );
        let (_file, path) = file(br#"{"A": {"b": ["deep", {"c": "deeper"}], "d": null}}"#);
        let secrets = &texts("environment", &format!("@{path}"))[0].1;
        assert_eq!(secrets, &["deep", "deeper"]);
    }

    #[test]
    fn unreadable_files_are_errors() {
        let limit = 128 * 1024;
        let (_large, large) = file(&vec![b'x'; limit + 1]);
        let (_full, full) = file(&vec![b'x'; limit]);
        let (_bytes, bytes) = file(&[0xff, 0xfe]);
        assert_eq!(texts("setup", &format!("@{full}"))[0].0.len(), limit);
        for (path, cause) in [
            (large.as_str(), "it is larger than 128 KiB"),
            (&bytes, "it is not UTF-8 text"),
            ("/", "Is a directory (os error 21)"),
            ("/nope", "No such file or directory (os error 2)"),
            ("", "No such file or directory (os error 2)"),
        ] {
            let fault = SourceFault::File {
                key: "setup".to_owned(),
                path: path.to_owned(),
                cause: cause.to_owned(),
            };
            assert_eq!(fetched("setup", &format!("@{path}")), Err(fault));
        }
    }
}
