//! The command line to complete, as each shell passes it.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::Path;

use clap::Command;
use clap_complete::env::{Bash, EnvCompleter, Fish, Zsh};

/// Variable with the index of the current word in bash and zsh; in fish it is the last word.
const INDEX: &str = "_CLAP_COMPLETE_INDEX";

/// Variable with the separator by which bash splits candidates.
const SEPARATOR: &str = "_CLAP_IFS";

/// The shells' scripts. The library's own do not know that a COMMAND follows `--`, and the one for
/// bash drops an `=` before the cursor.
const SCRIPTS: [&str; 3] = [
    include_str!("../../../completions/dgw.bash"),
    include_str!("../../../completions/_dgw"),
    include_str!("../../../completions/dgw.fish"),
];

/// Returns the words of the line, which follow `--` in the arguments.
pub(super) fn words() -> Vec<OsString> {
    std::env::args_os()
        .skip_while(|word| word != "--")
        .skip(1)
        .collect()
}

/// Returns true if the current word begins like a flag.
pub(super) fn is_in_flag() -> bool {
    let words = words();
    let word = index().map_or_else(|| words.last(), |index| words.get(index));
    word.is_some_and(|word| word.as_encoded_bytes().starts_with(b"-"))
}

/// Returns true if the current word belongs to a COMMAND after `--`, which dgw does not complete.
pub(super) fn is_in_command() -> bool {
    let words = words();
    let position = index().unwrap_or_else(|| words.len().saturating_sub(1));
    let before = &words[..position.min(words.len())];
    let mut parts = before.splitn(2, |word| word == "--");
    let own = parts.next().unwrap_or_default();
    parts.next().is_some()
        && own
            .iter()
            .any(|word| word == "run" || word == "connect" || word == "packages")
}

/// Returns the other words of the line, and the current word up to the cursor.
pub(super) fn others_and_current() -> (Vec<OsString>, OsString) {
    let mut words = words();
    let position = index().unwrap_or_else(|| words.len().saturating_sub(1));
    let current = (position < words.len()).then(|| words.remove(position));
    (words, current.unwrap_or_default())
}

fn index() -> Option<usize> {
    std::env::var(INDEX).ok()?.parse().ok()
}

/// bash, which also splits words at each `=`, and inserts a candidate after it.
pub(super) struct BashLine;

impl EnvCompleter for BashLine {
    fn name(&self) -> &'static str {
        Bash.name()
    }

    fn is(&self, name: &str) -> bool {
        Bash.is(name)
    }

    fn write_registration(
        &self,
        _var: &str,
        _name: &str,
        _bin: &str,
        _completer: &str,
        buf: &mut dyn Write,
    ) -> io::Result<()> {
        buf.write_all(SCRIPTS[0].as_bytes())
    }

    fn write_complete(
        &self,
        cmd: &mut Command,
        args: Vec<OsString>,
        current_dir: Option<&Path>,
        buf: &mut dyn Write,
    ) -> io::Result<()> {
        let split_index = index().unwrap_or_default();
        let typed = args.get(split_index).cloned();
        let (words, index) = join_at_equals(args, split_index);
        let word = words
            .get(index)
            .and_then(|word| word.to_str())
            .unwrap_or_default()
            .to_owned();
        // The whole word if `=` is not in COMP_WORDBREAKS.
        let typed = typed.as_ref().and_then(|typed| typed.to_str());
        let kept = typed.map_or("", |typed| {
            // bash inserts candidates after the `=`, but in the place of an `@`.
            let replaced = typed.strip_prefix('=').filter(|_| is_break(typed.as_ref()));
            word.strip_suffix(replaced.unwrap_or(typed))
                .unwrap_or_default()
        });
        let candidates = clap_complete::engine::complete(cmd, words, index, current_dir)?
            .iter()
            .map(|candidate| {
                let value = candidate.get_value().to_string_lossy();
                value.strip_prefix(kept).unwrap_or(&value).to_owned()
            })
            .collect::<Vec<_>>();
        let separator = std::env::var(SEPARATOR).unwrap_or_else(|_| "\n".to_owned());
        buf.write_all(candidates.join(&separator).as_bytes())
    }
}

/// A shell that does not split words, with dgw's own script.
struct WithScript<S>(S, &'static str);

/// zsh.
pub(super) const ZSH: &dyn EnvCompleter = &WithScript(Zsh, SCRIPTS[1]);

/// fish.
pub(super) const FISH: &dyn EnvCompleter = &WithScript(Fish, SCRIPTS[2]);

impl<S: EnvCompleter> EnvCompleter for WithScript<S> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn is(&self, name: &str) -> bool {
        self.0.is(name)
    }

    fn write_registration(
        &self,
        _var: &str,
        _name: &str,
        _bin: &str,
        _completer: &str,
        buf: &mut dyn Write,
    ) -> io::Result<()> {
        buf.write_all(self.1.as_bytes())
    }

    fn write_complete(
        &self,
        cmd: &mut Command,
        args: Vec<OsString>,
        current_dir: Option<&Path>,
        buf: &mut dyn Write,
    ) -> io::Result<()> {
        self.0.write_complete(cmd, args, current_dir, buf)
    }
}

/// Returns true for what bash makes a word of its own between others that belong together.
fn is_break(word: &OsStr) -> bool {
    word == "=" || word == "=@"
}

/// Returns true for a word that ends at the beginning of a file's name.
fn ends_with_break(word: &OsString) -> bool {
    word.as_encoded_bytes().ends_with(b"=@")
}

/// Joins the words that bash split at `=`, and returns the new index of the word at `index`.
fn join_at_equals(words: Vec<OsString>, index: usize) -> (Vec<OsString>, usize) {
    let mut joined = Vec::<OsString>::new();
    let mut new_index = index;
    let mut follows_equals = false;
    for (position, word) in words.into_iter().enumerate() {
        let is_equals = is_break(&word);
        // bash splits behind the `@` as well, but has it in the word before the cursor, too.
        let word = match word.to_str().and_then(|word| word.strip_prefix('@')) {
            Some(rest) if joined.last().is_some_and(ends_with_break) => rest.into(),
            _ => word,
        };
        match joined.last_mut() {
            Some(last) if (is_equals || follows_equals) && position > 1 => last.push(word),
            _ => joined.push(word),
        }
        follows_equals = is_equals;
        if position == index {
            new_index = joined.len() - 1;
        }
    }
    (joined, new_index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejoined(line: &str, index: usize) -> (Vec<String>, usize) {
        let words = line.split(' ').map(OsString::from).collect();
        let (words, place) = join_at_equals(words, index);
        let words = words
            .into_iter()
            .map(|word| word.into_string().expect("UTF-8"));
        (words.collect(), place)
    }

    #[test]
    fn joins_words_that_bash_split() {
        let whole =
            |words: &[&str], at: usize| (words.iter().map(|word| (*word).to_owned()).collect(), at);
        assert_eq!(
            rejoined("dgw new -s profile = sm", 5),
            whole(&["dgw", "new", "-s", "profile=sm"], 3)
        );
        assert_eq!(
            rejoined("dgw new -s profile = -v", 4),
            whole(&["dgw", "new", "-s", "profile=-v"], 3)
        );
        assert_eq!(
            rejoined("dgw list --status = s x", 5),
            whole(&["dgw", "list", "--status=s", "x"], 3)
        );
        assert_eq!(rejoined("dgw list x", 2), whole(&["dgw", "list", "x"], 2));
    }

    proptest::proptest! {
        #[test]
        fn accepts_any_line(
            words in proptest::collection::vec(proptest::prop_oneof![
                crate::hostile::text(), proptest::strategy::Just("=".to_owned()),
            ], 0..9),
            index in 0_usize..12,
        ) {
            let words = words.into_iter().map(OsString::from).collect::<Vec<_>>();
            let count = words.len();
            let (whole, place) = join_at_equals(words, index);
            proptest::prop_assert!(whole.len() <= count);
            proptest::prop_assert!(index >= count || place < whole.len());
        }
    }
}
