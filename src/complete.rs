//! What the shell completes: silent, quick, never a prompt.
//!
//! The shell's stub calls dgw itself with `COMPLETE` set. Whatever goes wrong, from a refused
//! configuration to a gateway that is away, completes to nothing.

use std::path::PathBuf;
use std::time::Duration;

use clap_complete::engine::CompletionCandidate;
use clap_complete::env::{CompleteEnv, Shells};

use crate::cli::value::ClusterName;
use crate::config::{self, Environment};
use crate::gateway::{Error, Gateway, Status};
use crate::output::escaped;
use crate::scheduler::Schedulers;

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

/// The names of the workers of the cluster that the line names, or of the only one that runs, with
/// their addresses.
pub(crate) fn workers() -> Vec<CompletionCandidate> {
    let workers = ask(async |gateway| {
        let (listing, identities) = gateway.clusters_with_identities(&[Status::Running]).await?;
        let names = listing.clusters.into_iter().map(|cluster| cluster.name);
        let Some(name) = the_one_on_the_line(names.collect()) else {
            return Ok(Vec::new());
        };
        let schedulers = Schedulers::new(
            gateway.http(),
            gateway.base().to_owned(),
            gateway.scheduler_proxy().to_owned(),
            PATIENCE,
        );
        let workers = schedulers.workers(&name, identities.get(&name)).await;
        Ok(workers.unwrap_or_default())
    });
    let workers = workers.unwrap_or_default().into_iter();
    let workers = workers.filter(|(_, name)| is_plain(name));
    workers
        .map(|(address, name)| {
            CompletionCandidate::new(name).help(Some(escaped(&address).into_owned().into()))
        })
        .collect()
}

/// The one of `names` that a word of the line fits, or the only one.
fn the_one_on_the_line(mut names: Vec<String>) -> Option<String> {
    let words = line()
        .into_iter()
        .filter_map(|word| ClusterName::parse(&word).ok());
    let words = words.collect::<Vec<_>>();
    if names.len() > 1 {
        names.retain(|name| words.iter().any(|word| word.fits(name)));
    }
    if names.len() == 1 { names.pop() } else { None }
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

/// The words of the line that is being completed, which follows `--`.
fn line() -> Vec<String> {
    let line = std::env::args_os().skip_while(|word| word != "--").skip(1);
    line.filter_map(|word| word.into_string().ok()).collect()
}

/// `--config` and `--address` of the line.
fn named_on_the_line() -> (Option<PathBuf>, Option<String>) {
    let words = line();
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
