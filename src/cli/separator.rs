//! A COMMAND that is named without the `--` before it.

use std::ffi::OsString;

use clap::Command;

use super::mistake::UsageMistake;
use super::words::{ItemKind, items};
use crate::gateway::ClusterPattern;

/// Finds options behind a COMMAND that has no `--` before it: they can be dgw's or COMMAND's, and a
/// wrong guess costs a cluster. `length` is the number of COMMAND's words, the last ones of `words`.
pub(super) fn options_of_either(
    words: &[OsString],
    length: usize,
    command: &Command,
) -> Option<UsageMistake> {
    let first = words.len().checked_sub(length)?;
    let has_separator = words.get(first.checked_sub(1)?)? == "--";
    let is_option = |word: &OsString| word.len() > 1 && word.as_encoded_bytes().starts_with(b"-");
    let behind = words.get(first + 1..)?;
    let has_options = behind.iter().any(is_option);
    (has_options && !has_separator).then(|| missing_separator(words, first, command))
}

/// Finds the COMMAND of `dgw connect`, or the like, in a command line that clap refuses because it lacks `--`.
/// `start` is the index of the word behind the subcommand.
pub(super) fn command_of_connect(
    words: &[OsString],
    start: usize,
    command: &Command,
) -> Option<UsageMistake> {
    let mut positionals = Vec::new();
    for item in items(words, start, command) {
        match item.kind {
            ItemKind::Separator => return None,
            ItemKind::UnknownFlag if positionals.is_empty() => return None,
            ItemKind::Word => positionals.push(item.words.start),
            ItemKind::UnknownFlag | ItemKind::Known(..) => {}
        }
    }
    let is_cluster = |index: &usize| {
        ClusterPattern::parse(&words[*index].to_string_lossy())
            .is_ok_and(|pattern| pattern.is_hexadecimal())
    };
    let first = match &positionals[..] {
        [cluster, first, ..] if is_cluster(cluster) => *first,
        [first, ..] if !is_cluster(first) => *first,
        _ => return None,
    };
    Some(missing_separator(words, first, command))
}

/// Explains how to write a command line whose COMMAND begins at the index `first`.
fn missing_separator(words: &[OsString], first: usize, command: &Command) -> UsageMistake {
    let (before, rest) = words.split_at(first);
    let dgw = OsString::from("dgw");
    let own = [&dgw].into_iter().chain(before.iter().skip(1));
    let own = own.collect::<Vec<_>>();
    let (mut moved, mut kept) = (Vec::new(), vec![&rest[0]]);
    let mut is_behind_separator = false;
    for item in items(rest, 1, command) {
        is_behind_separator |= item.kind == ItemKind::Separator;
        let is_own = matches!(item.kind, ItemKind::Known(..)) && !is_behind_separator;
        let side = if is_own { &mut moved } else { &mut kept };
        side.extend(&rest[item.words]);
    }
    let line = |own: &[&OsString], flags: &[&OsString], command: &[&OsString]| {
        let separator = OsString::from("--");
        let all = [own, flags, &[&separator], command].concat();
        let words = all.into_iter().map(quoted);
        words.collect::<Vec<_>>().join(" ")
    };
    let theirs = line(&own, &[], &rest.iter().collect::<Vec<_>>());
    let name = rest[0].to_string_lossy();
    let program = last_value_name(command);
    match moved.first() {
        None => UsageMistake {
            message: format!("there is no `--` before the {program} `{name}`"),
            details: Vec::new(),
            hint: format!("`{theirs}`"),
        },
        Some(option) => UsageMistake {
            message: format!(
                "`{}` behind the COMMAND `{name}` can be an option of dgw or of COMMAND",
                option.to_string_lossy()
            ),
            details: vec![
                format!("of dgw:      {}", line(&own, &moved, &kept)),
                format!("of COMMAND:  {theirs}"),
            ],
            hint: "put `--` before COMMAND, as in one of these lines".to_owned(),
        },
    }
}

/// Returns how the help calls the words behind `--`.
fn last_value_name(command: &Command) -> &str {
    let last = command.get_positionals().find(|arg| arg.is_last_set());
    let names = last.and_then(|arg| arg.get_value_names());
    names
        .and_then(<[_]>::first)
        .map_or("COMMAND", |name| name.as_str())
}

/// Quotes a word for a shell.
pub(super) fn quoted(word: &OsString) -> String {
    let quote = |text: &str| {
        let quoted = shlex::try_quote(text).map(String::from);
        quoted.unwrap_or_else(|_| text.to_owned())
    };
    let text = word.to_string_lossy();
    match text.split_once('=') {
        // shlex quotes every `=`; a shell has no need of that here.
        Some((key, value)) if quote(key) == key => format!("{key}={}", quote(value)),
        _ => quote(&text),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Arg, ArgAction};

    use super::*;

    fn command() -> Command {
        Command::new("run")
            .arg(Arg::new("workers").long("workers").short('n'))
            .arg(
                Arg::new("quiet")
                    .long("quiet")
                    .short('q')
                    .action(ArgAction::SetTrue),
            )
    }

    fn words(line: &str) -> Vec<OsString> {
        let words = shlex::split(line).expect("a line");
        words.into_iter().map(OsString::from).collect()
    }

    /// The lines that are offered for a line whose last `length` words are COMMAND's.
    fn lines(line: &str, length: usize) -> Vec<String> {
        let mistake = options_of_either(&words(line), length, &command());
        let Some(UsageMistake { details, hint, .. }) = mistake else {
            return Vec::new();
        };
        if details.is_empty() {
            return vec![hint];
        }
        let commands = details.iter().filter_map(|line| line.split_once("  "));
        commands
            .map(|(_, line)| line.trim_start().to_owned())
            .collect()
    }

    #[test]
    fn options_behind_command_have_two_readings() {
        for (line, length, own, theirs) in [
            (
                "/bin/dgw run true --workers 1",
                3,
                "dgw run --workers 1 -- true",
                "dgw run -- true --workers 1",
            ),
            (
                "dgw run -q python -c 'a b' -qn2 x",
                5,
                "dgw run -q -qn2 -- python -c 'a b' x",
                "dgw run -q -- python -c 'a b' -qn2 x",
            ),
            (
                "dgw run true --workers",
                2,
                "dgw run --workers -- true",
                "dgw run -- true --workers",
            ),
            (
                "dgw run true --quiet -- -q",
                4,
                "dgw run --quiet -- true -- -q",
                "dgw run -- true --quiet -- -q",
            ),
        ] {
            assert_eq!(lines(line, length), [own, theirs], "{line}");
        }
    }

    #[test]
    fn other_options_have_one_reading() {
        for (line, length, expected) in [
            ("dgw run python -c x", 3, "`dgw run -- python -c x`"),
            ("dgw run true --worker 1", 3, "`dgw run -- true --worker 1`"),
        ] {
            assert_eq!(lines(line, length), [expected], "{line}");
        }
    }

    #[test]
    fn nothing_is_wrong_behind_a_separator_or_without_options() {
        for (line, length) in [
            ("dgw run -- true --workers 1", 3),
            ("dgw run true x -", 3),
            ("dgw run -q true", 1),
        ] {
            assert_eq!(lines(line, length), [""; 0], "{line}");
        }
    }

    #[test]
    fn connect_has_a_command_without_separator() {
        let line = |line: &str| {
            let mistake = command_of_connect(&words(line), 2, &command());
            mistake.map(|mistake| mistake.hint)
        };
        for (typed, expected) in [
            (
                "dgw connect python work.py",
                "`dgw connect -- python work.py`",
            ),
            ("dgw connect -q ./x.py", "`dgw connect -q -- ./x.py`"),
            ("dgw connect 22ab sh -c x", "`dgw connect 22ab -- sh -c x`"),
        ] {
            assert_eq!(line(typed).as_deref(), Some(expected));
        }
        for typed in [
            "dgw connect 22ab --what",
            "dgw connect --what x",
            "dgw connect x -- y --what",
            "dgw connect",
        ] {
            assert_eq!(line(typed), None, "{typed}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_words_are_explained(
            words in proptest::collection::vec(proptest::prop_oneof![
                crate::hostile::text(), "-{1,2}[a-z]{0,8}(=[a-z])?",
            ], 0..9),
            length in 0_usize..9,
        ) {
            let words = words.into_iter().map(OsString::from).collect::<Vec<_>>();
            let _ = options_of_either(&words, length, &command());
            let _ = command_of_connect(&words, length, &command());
        }
    }
}
