//! The words of a command line, as far as they can be told apart where clap refuses them.

use std::ffi::OsString;
use std::ops::Range;

use clap::{Arg, Command};

/// A flag with its value, or another word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// The indices of its words.
    pub(super) words: Range<usize>,
    pub(super) kind: ItemKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ItemKind {
    /// A flag of this command: its name for clap, and its value.
    Known(String, Option<OsString>),
    /// A word that begins like a flag, and is none of this command.
    UnknownFlag,
    /// `--`.
    Separator,
    Word,
}

/// Splits `words` from the index `start` on into the flags of `command` and other words.
pub(super) fn items(words: &[OsString], start: usize, command: &Command) -> Vec<Item> {
    let mut items = Vec::new();
    let mut index = start;
    while let Some(word) = words.get(index) {
        let (kind, length) = item(word, words.get(index + 1), command);
        let end = words.len().min(index + length);
        items.push(Item {
            words: index..end,
            kind,
        });
        index = end;
    }
    items
}

/// Returns what `word` is, and how many words belong to it.
fn item(word: &OsString, next: Option<&OsString>, command: &Command) -> (ItemKind, usize) {
    let text = word.to_string_lossy();
    if text == "--" {
        return (ItemKind::Separator, 1);
    }
    if let Some(name) = text.strip_prefix("--") {
        let (name, joined) = match name.split_once('=') {
            Some((name, value)) => (name, Some(OsString::from(value))),
            None => (name, None),
        };
        let arg = command
            .get_arguments()
            .find(|arg| arg.get_long() == Some(name));
        return arg.map_or((ItemKind::UnknownFlag, 1), |arg| known(arg, joined, next));
    }
    let Some(letters) = text.strip_prefix('-').filter(|rest| !rest.is_empty()) else {
        return (ItemKind::Word, 1);
    };
    for (position, letter) in letters.char_indices() {
        let arg = command
            .get_arguments()
            .find(|arg| arg.get_short() == Some(letter));
        let rest = &letters[position + letter.len_utf8()..];
        match arg {
            None => break,
            Some(arg) if takes_value(arg) || rest.is_empty() => {
                let joined = (!rest.is_empty()).then(|| OsString::from(rest));
                return known(arg, joined, next);
            }
            Some(_) => {}
        }
    }
    (ItemKind::UnknownFlag, 1)
}

fn known(arg: &Arg, joined: Option<OsString>, next: Option<&OsString>) -> (ItemKind, usize) {
    let id = arg.get_id().to_string();
    if joined.is_some() || !takes_value(arg) {
        return (ItemKind::Known(id, joined), 1);
    }
    (ItemKind::Known(id, next.cloned()), 2)
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values()
}

/// The subcommand that a command line names.
pub(super) struct Named<'a> {
    pub(super) command: &'a Command,
    /// The index of the word behind its name.
    pub(super) start: usize,
}

/// Finds the subcommand that `words` name; `root` itself where they name none.
pub(super) fn named<'a>(words: &[OsString], root: &'a Command) -> Named<'a> {
    items(words, 1, root)
        .into_iter()
        .find(|item| item.kind == ItemKind::Word)
        .and_then(|item| {
            let command = root.find_subcommand(words.get(item.words.start)?)?;
            Some(Named {
                command,
                start: item.words.end,
            })
        })
        .unwrap_or(Named {
            command: root,
            start: 1,
        })
}
