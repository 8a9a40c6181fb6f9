//! The command line that is being completed, as each shell hands it over.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;

use clap::Command;
use clap_complete::env::{Bash, EnvCompleter, Fish, Zsh};

/// Where the word is that the cursor is in, in bash and zsh; in fish it is the last.
const INDEX: &str = "_CLAP_COMPLETE_INDEX";

/// What bash reads candidates apart by.
const SEPARATOR: &str = "_CLAP_IFS";

/// The shells' scripts. The library's own know nothing of what stands behind `--`, and that of bash
/// drops a `=` that the cursor is behind.
const SCRIPTS: [&str; 3] = [
    include_str!("../../completions/dgw.bash"),
    include_str!("../../completions/_dgw"),
    include_str!("../../completions/dgw.fish"),
];

/// The words of the line, which follow `--`.
pub(super) fn words() -> Vec<OsString> {
    let line = std::env::args_os().skip_while(|word| word != "--");
    line.skip(1).collect()
}

/// Whether the word that the cursor is in begins like a flag.
pub(super) fn asks_for_flags() -> bool {
    let words = words();
    let word = index().map_or_else(|| words.last(), |index| words.get(index));
    word.is_some_and(|word| word.as_encoded_bytes().starts_with(b"-"))
}

/// Whether the word that the cursor is in belongs to a COMMAND behind `--`, which isn't dgw's to
/// complete.
pub(super) fn is_of_command() -> bool {
    let words = words();
    let before = index().unwrap_or_else(|| words.len().saturating_sub(1));
    let before = &words[..before.min(words.len())];
    let mut parts = before.splitn(2, |word| word == "--");
    let own = parts.next().unwrap_or_default();
    parts.next().is_some() && own.iter().any(|word| word == "run" || word == "connect")
}

/// The words of the line but for the one that the cursor is in, and that one as far as it is there,
/// as the shell hands them over.
pub(super) fn others_and_current() -> (Vec<OsString>, OsString) {
    let mut words = words();
    let at = index().unwrap_or_else(|| words.len().saturating_sub(1));
    let current = (at < words.len()).then(|| words.remove(at));
    (words, current.unwrap_or_default())
}

fn index() -> Option<usize> {
    std::env::var(INDEX).ok()?.parse().ok()
}

/// bash takes a line apart at each `=`, too, and puts a candidate in place of what follows it.
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
        let at = index().unwrap_or_default();
        let typed = args.get(at).cloned();
        let (words, index) = joined(args, at);
        let word = words.get(index).and_then(|word| word.to_str());
        let word = word.unwrap_or_default().to_owned();
        // Where `=` is none of the characters that words end at, a word is in one piece.
        let is_whole = typed.is_none_or(|typed| *typed == *word);
        let kept = word.rfind('=').filter(|_| !is_whole);
        let kept = &word[..kept.map_or(0, |sign| sign + 1)];
        let candidates = clap_complete::engine::complete(cmd, words, index, current_dir)?;
        let candidates = candidates.iter().map(|candidate| {
            let candidate = candidate.get_value().to_string_lossy();
            let rest = candidate.strip_prefix(kept).unwrap_or(&candidate);
            rest.to_owned()
        });
        let separator = std::env::var(SEPARATOR).unwrap_or_else(|_| "\n".to_owned());
        let candidates = candidates.collect::<Vec<_>>();
        buf.write_all(candidates.join(&separator).as_bytes())
    }
}

/// A shell that takes no line apart, with a script of dgw's own.
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

/// The words as they were before bash took them apart, and where the one at `index` has come to.
fn joined(words: Vec<OsString>, index: usize) -> (Vec<OsString>, usize) {
    let mut whole = Vec::<OsString>::new();
    let mut place = index;
    let mut goes_on = false;
    for (at, word) in words.into_iter().enumerate() {
        let is_sign = word == "=";
        match whole.last_mut() {
            Some(last) if (is_sign || goes_on) && at > 1 => last.push(word),
            _ => whole.push(word),
        }
        goes_on = is_sign;
        if at == index {
            place = whole.len() - 1;
        }
    }
    (whole, place)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejoined(line: &str, index: usize) -> (Vec<String>, usize) {
        let words = line.split(' ').map(OsString::from).collect();
        let (words, place) = joined(words, index);
        let words = words
            .into_iter()
            .map(|word| word.into_string().expect("UTF-8"));
        (words.collect(), place)
    }

    #[test]
    fn what_bash_takes_apart_is_one_word_again() {
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
        fn no_line_is_too_strange(
            words in proptest::collection::vec(proptest::prop_oneof![
                crate::hostile::text(), proptest::strategy::Just("=".to_owned()),
            ], 0..9),
            index in 0_usize..12,
        ) {
            let words = words.into_iter().map(OsString::from).collect::<Vec<_>>();
            let count = words.len();
            let (whole, place) = joined(words, index);
            proptest::prop_assert!(whole.len() <= count);
            proptest::prop_assert!(index >= count || place < whole.len());
        }
    }
}
