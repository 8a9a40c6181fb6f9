//! What the shell completes: silent, quick, never a prompt.
//!
//! The shell's stub calls dgw itself with `COMPLETE` set. Whatever goes wrong, from a refused
//! configuration to a gateway that is away, completes to nothing.

use std::path::PathBuf;
use std::time::Duration;

use clap_complete::engine::CompletionCandidate;
use clap_complete::env::{CompleteEnv, Shells};

use crate::config::{self, Environment};
use crate::gateway::{Error, Gateway, Status};
use crate::output::escaped;

/// Longer, and a person would sooner have typed it.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// Answers the shell and ends the process, if it's the shell that is asking.
pub(crate) fn answer_shell(command: fn() -> clap::Command) {
    CompleteEnv::with_factory(command).complete();
}

/// The script that makes `shell` ask.
///
/// # Errors
/// The script can't be put together.
pub(crate) fn script(shell: &str) -> std::io::Result<String> {
    let mut script = Vec::new();
    if let Some(completer) = Shells::builtins().completer(shell) {
        completer.write_registration("COMPLETE", "dgw", "dgw", "dgw", &mut script)?;
    }
    String::from_utf8(script).map_err(std::io::Error::other)
}

/// The active clusters' names, with their status.
pub(crate) fn clusters() -> Vec<CompletionCandidate> {
    let listing = ask(async |gateway| gateway.clusters(&Status::ACTIVE).await);
    let clusters = listing.map(|listing| listing.clusters).unwrap_or_default();
    clusters
        .into_iter()
        .map(|cluster| {
            CompletionCandidate::new(cluster.name).help(Some(cluster.status.as_str().into()))
        })
        .collect()
}

/// The keys of the gateway's options, as far as the `=`.
pub(crate) fn options() -> Vec<CompletionCandidate> {
    let fields = ask(async |gateway| gateway.options().await).unwrap_or_default();
    fields
        .into_iter()
        .filter(|field| is_plain(&field.name))
        .map(|field| {
            let range = field.spec.range();
            let help = format!("{} {range}", field.label);
            let help = escaped(&help).into_owned();
            CompletionCandidate::new(format!("{}=", field.name)).help(Some(help.into()))
        })
        .collect()
}

/// Whether a shell takes it as it stands.
fn is_plain(word: &str) -> bool {
    word.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// An answer of the gateway that the command line so far means, if it comes in time.
fn ask<T>(question: impl AsyncFnOnce(&Gateway) -> Result<T, Error>) -> Option<T> {
    let (file, address) = named_on_the_line();
    let environment = Environment::of_process();
    let settings = config::load(&environment, file.as_deref(), address.as_deref()).ok()?;
    let gateway = Gateway::new(&settings, PATIENCE).ok()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .ok()?;
    let answer = runtime.block_on(async {
        let answer = tokio::time::timeout(PATIENCE, question(&gateway)).await;
        answer.ok()?.ok()
    });
    // It would wait for a look-up of a host's name.
    runtime.shutdown_background();
    answer
}

/// `--config` and `--address` of the line that is being completed, which follows `--`.
fn named_on_the_line() -> (Option<PathBuf>, Option<String>) {
    let line = std::env::args_os().skip_while(|word| word != "--").skip(1);
    let words = line
        .filter_map(|word| word.into_string().ok())
        .collect::<Vec<_>>();
    let value = |flag: &str| {
        words
            .iter()
            .enumerate()
            .find_map(|(at, word)| match word.strip_prefix(flag)? {
                "" => words.get(at + 1).cloned(),
                joined => joined.strip_prefix('=').map(str::to_owned),
            })
    };
    (value("--config").map(PathBuf::from), value("--address"))
}
