//! Mistakes on the command line for which dgw knows better advice than clap.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Command};

use super::misplaced::{flag_for, missing_flag};
use super::mistake::{UsageMistake, has, text};
use super::separator::{command_of_connect, options_of_either};
use super::synonyms::{FLAGS, INSECURE, SECRETS, SUBCOMMANDS};
use super::words::{ItemKind, Named, items, named};
use crate::error::{ExitCode, Failure};

/// A mistake on the command line that clap has explained.
#[derive(Debug, thiserror::Error)]
#[error("wrong usage")]
pub(crate) struct PrintedMistake;

impl Failure for PrintedMistake {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }

    fn is_silent(&self) -> bool {
        true
    }
}

/// The words of this process's command line.
pub(crate) struct CommandLine(Vec<OsString>);

impl CommandLine {
    pub(crate) fn from_process() -> Self {
        Self(std::env::args_os().collect())
    }

    #[cfg(test)]
    pub(crate) fn of_words(words: Vec<OsString>) -> Self {
        Self(words)
    }

    pub(crate) fn words(&self) -> &[OsString] {
        &self.0
    }

    /// Explains the mistake that clap found, if dgw knows better advice. `root` is complete: global
    /// arguments are in every subcommand.
    pub(crate) fn explain(&self, mistake: &clap::Error, root: &Command) -> Option<UsageMistake> {
        let Self(words) = self;
        let Named { command, start } = named(words, root);
        match mistake.kind() {
            ErrorKind::InvalidSubcommand => {
                let word = text(mistake, ContextKind::InvalidSubcommand)?;
                Some(unknown_subcommand(word, mistake, root))
            }
            ErrorKind::UnknownArgument | ErrorKind::ValueValidation
                if command.get_positionals().any(Arg::is_last_set) && is_about_cluster(mistake) =>
            {
                command_of_connect(words, start, command)
            }
            ErrorKind::UnknownArgument => {
                let flag = text(mistake, ContextKind::InvalidArg)?;
                let mut behind = words.iter().skip_while(|word| *word != flag).skip(1);
                let value = behind.next().and_then(|word| word.to_str());
                unknown_flag(flag, value, command)
                    .or_else(|| missing_flag(mistake, words, start, command))
            }
            ErrorKind::InvalidValue => {
                let value = text(mistake, ContextKind::InvalidValue)?;
                let flag = text(mistake, ContextKind::InvalidArg)?;
                let is_option = value.contains('=') && has(command, "options");
                (is_option && flag.starts_with("--output")).then(|| UsageMistake {
                    message: format!("`{value}` is no output format"),
                    details: Vec::new(),
                    hint: "use `-s KEY=VALUE` for the cluster's options".to_owned(),
                })
            }
            _ => missing_flag(mistake, words, start, command),
        }
    }

    /// Finds options behind a COMMAND of `length` words, the last ones of the line, that has no `--`
    /// before it.
    ///
    /// # Errors
    /// There are such options.
    pub(crate) fn check_separator(
        &self,
        length: usize,
        root: &Command,
    ) -> Result<(), UsageMistake> {
        let Self(words) = self;
        let Named { command, .. } = named(words, root);
        options_of_either(words, length, command).map_or(Ok(()), Err)
    }

    /// Returns true if a shell is to evaluate what dgw prints, as far as the words tell.
    pub(crate) fn is_for_eval(&self, root: &Command) -> bool {
        let Self(words) = self;
        let Named { command, start } = named(words, root);
        let is_connect = command.get_name() == "connect";
        let flags = items(words, start, command)
            .into_iter()
            .chain(
                items(words, 1, root)
                    .into_iter()
                    .take_while(|item| item.words.end <= start),
            )
            .take_while(|item| item.kind != ItemKind::Separator)
            .collect::<Vec<_>>();
        let is_given = |name: &str| {
            let is_it = |kind: &ItemKind| matches!(kind, ItemKind::Known(id, _) if id == name);
            flags.iter().any(|item| is_it(&item.kind))
        };
        let is_for_program = |kind: &ItemKind| {
            matches!(kind, ItemKind::Known(id, Some(format))
                if id == "output" && !["table", "wide"].contains(&&*format.to_string_lossy()))
        };
        is_connect
            && (is_given("export") || is_given("unexport"))
            && !flags.iter().any(|item| is_for_program(&item.kind))
    }
}

/// Returns true if a command line that may lack `--` has an unknown word, or one that can't be a cluster's name.
fn is_about_cluster(mistake: &clap::Error) -> bool {
    mistake.kind() == ErrorKind::UnknownArgument
        || text(mistake, ContextKind::InvalidArg).is_some_and(|arg| arg.contains("CLUSTER"))
}

/// Suggests the subcommand that does what another program calls `word`, or a similar one.
fn unknown_subcommand(word: &str, mistake: &clap::Error, root: &Command) -> UsageMistake {
    let synonym = |is_meant: &dyn Fn(&str) -> bool| {
        let found = SUBCOMMANDS
            .iter()
            .find(|(words, _)| words.iter().any(|word| is_meant(word)));
        found.map(|(_, hint)| (*hint).to_owned())
    };
    let is_like = |known: &str| strsim::jaro(known, word) > 0.9;
    let mut visible = root.get_subcommands().filter(|it| !it.is_hide_set());
    let slip = visible.find(|it| strsim::osa_distance(it.get_name(), word) == 1);
    let slip = slip.map(Command::get_name);
    let similar = match mistake.get(ContextKind::SuggestedSubcommand) {
        Some(ContextValue::String(name)) => vec![name],
        Some(ContextValue::Strings(names)) => names.iter().collect(),
        _ => Vec::new(),
    };
    let is_visible = |name: &&String| {
        let command = root.find_subcommand(name.as_str());
        command.is_some_and(|command| !command.is_hide_set())
    };
    let similar = similar.into_iter().rfind(is_visible).map(String::as_str);
    let hint = synonym(&|known| known == word)
        .or_else(|| {
            slip.or(similar)
                .map(|name| format!("did you mean `dgw {name}`?"))
        })
        .or_else(|| synonym(&is_like))
        .unwrap_or_else(|| "`dgw --help` lists the subcommands".to_owned());
    UsageMistake {
        message: format!("dgw has no subcommand `{word}`"),
        details: Vec::new(),
        hint,
    }
}

/// Suggests what does in `command` what another program calls `flag`; `value` is the word behind it.
fn unknown_flag(flag: &str, value: Option<&str>, command: &Command) -> Option<UsageMistake> {
    let known = FLAGS
        .iter()
        .find(|(flags, name, _)| flags.contains(&flag) && has(command, name));
    // `-n` is a number for some programs, and a name for others.
    let by_value = value
        .filter(|_| flag == "-n" && known.is_some())
        .and_then(|value| flag_for(value, command))
        .map(|flag| format!("use `{flag}`"));
    let hint = by_value.or_else(|| known.map(|(_, _, hint)| (*hint).to_owned()));
    let mistake = |message: String, hint: &str| UsageMistake {
        message,
        details: Vec::new(),
        hint: hint.to_owned(),
    };
    if let Some(hint) = hint {
        let name = match command.get_name() {
            "dgw" => "dgw".to_owned(),
            name => format!("dgw {name}"),
        };
        return Some(mistake(format!("`{name}` has no option `{flag}`"), &hint));
    }
    if SECRETS.contains(&flag) {
        return Some(mistake(
            format!("dgw has no option `{flag}`, because everyone on this machine sees arguments"),
            "`dgw login` asks for the secret, or reads it from stdin: `dgw login < FILE`",
        ));
    }
    INSECURE.contains(&flag).then(|| {
        mistake(
            format!("dgw has no option `{flag}`: it checks every certificate"),
            "set SSL_CERT_FILE to a file with the certificates that you trust",
        )
    })
}
