//! Values that lack the flag before them, and flags that lack another one.

use std::ffi::OsString;

use clap::Command;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::mistake::{UsageMistake, has, text};
use super::separator::quoted;
use super::words::{Item, ItemKind, items};
use crate::gateway::{ClusterPattern, Label};
use crate::workers::{parse_number, parse_range};

/// Returns true if a word looks like a certain kind of value.
type IsLike = fn(&str) -> bool;

/// Values by their look; the argument that a subcommand must have for the hint to make sense, by its
/// name for clap; and the flag to put before them.
const VALUES: [(IsLike, &str, &str); 8] = [
    (is_option, "options", "-s"),
    (is_number, "workers", "--workers"),
    (is_range, "adapt", "--adapt"),
    (is_number, "tail", "--tail"),
    (is_condition, "condition", "--for"),
    (is_url, "address", "--address"),
    (is_label, "name", "--name"),
    (is_label, "gateway", "--gateway"),
];

/// Flags, by their names for clap, that work only with another one.
const DEPENDENT: [(&str, &str); 3] = [
    ("all_gateways", "--idle-for"),
    ("ignore_results", "--idle-for"),
    ("timeout", "--wait"),
];

fn is_option(word: &str) -> bool {
    word.split_once('=').is_some_and(|(key, _)| !key.is_empty()) && !is_condition(word)
}

fn is_number(word: &str) -> bool {
    parse_number(word).is_ok()
}

fn is_range(word: &str) -> bool {
    word.contains("..") && parse_range(word).is_ok()
}

fn is_condition(word: &str) -> bool {
    ["running", "stopped", "idle"].contains(&word) || word.starts_with("workers=")
}

/// Returns true for a URL without a user name or password, which a hint must not repeat.
fn is_url(word: &str) -> bool {
    (word.starts_with("http://") || word.starts_with("https://")) && !word.contains('@')
}

fn is_label(word: &str) -> bool {
    Label::parse(word).is_ok() && word.parse::<f64>().is_err()
}

/// Finds the flag that belongs before a word, or with another flag. `start` is the index of the word
/// behind the name of `command`.
pub(super) fn missing_flag(
    mistake: &clap::Error,
    words: &[OsString],
    start: usize,
    command: &Command,
) -> Option<UsageMistake> {
    let items = items(words, start, command);
    let plain = items.iter().filter(|item| item.kind == ItemKind::Word);
    let plain = plain
        .filter_map(|item| words.get(item.words.start)?.to_str())
        .collect::<Vec<_>>();
    let named = |message: String, hint: String| UsageMistake {
        message,
        details: Vec::new(),
        hint,
    };
    let unexpected =
        |word: &str, hint: String| named(format!("unexpected argument `{word}`"), hint);
    match mistake.kind() {
        ErrorKind::UnknownArgument => {
            let word = text(mistake, ContextKind::InvalidArg)?;
            let flag = bounds(&plain, command)
                .or_else(|| option_value(word, words, &items))
                .or_else(|| flag_for(word, command))?;
            Some(unexpected(word, format!("use `{flag}`")))
        }
        ErrorKind::MissingRequiredArgument => {
            let Some(ContextValue::Strings(missing)) = mistake.get(ContextKind::InvalidArg) else {
                return None;
            };
            let is_missing = |flag: &str| missing.iter().any(|missing| missing.contains(flag));
            let is_given = |name: &str| {
                let mut kinds = items.iter().map(|item| &item.kind);
                kinds.any(|kind| matches!(kind, ItemKind::Known(id, _) if id == name))
            };
            let dependent = DEPENDENT
                .iter()
                .find(|(name, flag)| is_given(name) && is_missing(flag));
            if let Some((name, flag)) = dependent {
                let mut arguments = command.get_arguments();
                let long = arguments.find(|arg| arg.get_id() == name)?.get_long()?;
                let message = format!("`--{long}` works only with `{flag}`");
                return Some(named(message, format!("add `{flag}`, or omit `--{long}`")));
            }
            plain.iter().find_map(|word| {
                let flag = bounds(&plain, command).or_else(|| flag_for(word, command))?;
                is_missing(flag.split(' ').next()?)
                    .then(|| unexpected(word, format!("use `{flag}`")))
            })
        }
        ErrorKind::ValueValidation if text(mistake, ContextKind::InvalidArg)? == "<N>" => {
            let word = text(mistake, ContextKind::InvalidValue)?;
            // `1.5` is rather a number.
            let is_cluster = !word.contains('.')
                && ClusterPattern::parse(word).is_ok_and(|pattern| pattern.is_hexadecimal());
            let number = plain.iter().find(|word| is_number(word));
            let name = command.get_name();
            (is_cluster || is_label(word)).then(|| {
                named(
                    format!("`{word}` is not a number of workers"),
                    format!("`dgw {name} {word} {}`", number.unwrap_or(&"N")),
                )
            })
        }
        _ => None,
    }
}

/// Returns the flag for `word`, with it.
pub(super) fn flag_for(word: &str, command: &Command) -> Option<String> {
    let (_, _, flag) = VALUES.iter().find(|(is_like, name, _)| {
        // Elsewhere a name is rather a cluster's.
        let fits = *name != "gateway" || ["login", "logout"].contains(&command.get_name());
        fits && is_like(word) && has(command, name)
    })?;
    Some(format!("{flag} {}", quoted(&OsString::from(word))))
}

/// Returns the bounds of adaptive scaling that are among `words`.
fn bounds(words: &[&str], command: &Command) -> Option<String> {
    if !(has(command, "min") && has(command, "max")) {
        return None;
    }
    let numbers = words.iter().filter_map(|word| parse_number(word).ok());
    match &numbers.collect::<Vec<_>>()[..] {
        [.., min, max] if min <= max => Some(format!("--min {min} --max {max}")),
        [.., max] => Some(format!("--max {max}")),
        [] => None,
    }
}

/// Returns the cluster option whose value is `word`, typed as a word of its own.
fn option_value(word: &str, words: &[OsString], items: &[Item]) -> Option<String> {
    items.windows(2).find_map(|pair| match pair {
        [
            Item {
                kind: ItemKind::Known(id, Some(key)),
                ..
            },
            value,
        ] if id == "options" && words.get(value.words.start)? == word => {
            let key = key.to_str().filter(|key| !key.contains('='))?;
            Some(format!("-s {}", quoted(&format!("{key}={word}").into())))
        }
        _ => None,
    })
}
