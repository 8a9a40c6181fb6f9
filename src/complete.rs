//! What the shell completes: silent, quick, never a prompt.
//!
//! The shell's stub calls dgw itself with `COMPLETE` set. Whatever goes wrong, from a refused
//! configuration to a gateway that is away, completes to nothing.

mod line;

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Command;
use clap_complete::engine::CompletionCandidate;
use clap_complete::env::{CompleteEnv, Shells};

use crate::age;
use crate::cli::value::ClusterName;
use crate::config::{self, Environment};
use crate::gateway::{Error, Gateway, OptionField, OptionType, Status};
use crate::output::{
    cluster_shape, escaped, option_shape, sort_names, top, wide_cluster_shape, worker_sort_names,
};
use crate::scheduler::Schedulers;

/// Longer, and a person would sooner have typed it.
const PATIENCE: Duration = Duration::from_millis(1_500);

/// Answers the shell and ends the process, if it's the shell that is asking.
pub(crate) fn answer_shell(command: fn() -> Command) {
    let command = || {
        if line::asks_for_flags() {
            command()
        } else {
            without_flags(command())
        }
    };
    let completer = CompleteEnv::with_factory(command).shells(SHELLS);
    let words = std::env::args_os();
    let is_script = words.len() < 2;
    if std::env::var_os("COMPLETE").is_some() && line::is_of_command() {
        std::process::exit(0);
    }
    match completer.try_complete(words, std::env::current_dir().ok().as_deref()) {
        Ok(false) => {}
        Ok(true) => std::process::exit(0),
        // Somebody reads the script, and nobody the line that is being typed.
        Err(error) if is_script => error.exit(),
        Err(_) => std::process::exit(1),
    }
}

const SHELLS: Shells<'static> = Shells(&[&line::BashLine, line::ZSH, line::FISH]);

/// Flags are offered to who has begun one, and where there's nothing else: two dozen would drown
/// the names of clusters.
fn without_flags(command: Command) -> Command {
    let command = command.mut_args(|arg| {
        let is_flag = arg.get_long().is_some() || arg.get_short().is_some();
        arg.hide(is_flag)
    });
    let command = command.disable_help_flag(true).disable_version_flag(true);
    command.mut_subcommands(without_flags)
}

/// The script that makes `shell` ask.
///
/// # Errors
/// The script can't be put together.
pub(crate) fn script(shell: &str) -> std::io::Result<String> {
    let mut script = Vec::new();
    if let Some(completer) = SHELLS.completer(shell) {
        completer.write_registration("COMPLETE", "dgw", "dgw", "dgw", &mut script)?;
    }
    String::from_utf8(script).map_err(std::io::Error::other)
}

/// The active clusters' names, with their status and age, but for those that the line has already.
pub(crate) fn clusters() -> Vec<CompletionCandidate> {
    let Some(listing) = ask(async |gateway| gateway.clusters(&Status::ACTIVE).await) else {
        return Vec::new();
    };
    let now = listing.now();
    let (others, _) = line::others_and_current();
    let clusters = listing.clusters.into_iter();
    clusters
        .filter(|cluster| !others.iter().any(|word| *word == *cluster.name))
        .map(|cluster| {
            let age = Duration::try_from(now.duration_since(cluster.start_time));
            let age = age::short(age.unwrap_or_default());
            let help = format!("{} {age}", cluster.status.as_str());
            CompletionCandidate::new(cluster.name).help(Some(help.into()))
        })
        .collect()
}

/// The keys of the gateway's options, as far as the `=`; after it, what may be chosen.
pub(crate) fn options(current: &OsStr) -> Vec<CompletionCandidate> {
    let fields = ask(async |gateway| gateway.options().await).unwrap_or_default();
    let current = current.to_string_lossy();
    let candidates = fields.into_iter().filter(|field| is_plain(&field.name));
    let candidates = candidates.flat_map(|field| match current.split_once('=') {
        Some((key, _)) if key == field.name => choices(&field),
        Some(_) => Vec::new(),
        None => {
            let help = format!("{} {}", field.label, field.spec.range());
            let help = escaped(&help).into_owned();
            vec![CompletionCandidate::new(format!("{}=", field.name)).help(Some(help.into()))]
        }
    });
    candidates
        .filter(|candidate| {
            let value = candidate.get_value().to_string_lossy();
            value.starts_with(&*current)
        })
        .collect()
}

/// `KEY=CHOICE` for each that there is.
fn choices(field: &OptionField) -> Vec<CompletionCandidate> {
    let choices = match &field.spec {
        OptionType::Select { options } => options.clone(),
        OptionType::Bool => ["true", "false"].map(str::to_owned).into(),
        _ => Vec::new(),
    };
    let choices = choices.into_iter().filter(|choice| is_plain(choice));
    choices
        .map(|choice| CompletionCandidate::new(format!("{}={choice}", field.name)))
        .collect()
}

/// What `dgw wait` can wait for.
pub(crate) fn conditions(current: &OsStr) -> Vec<CompletionCandidate> {
    let all = ["running", "stopped", "workers=", "idle"];
    // A number is the person's to say.
    beginning_with(
        current,
        all.into_iter()
            .filter(|it| *current != **it || !it.ends_with('=')),
    )
}

/// The statuses that a list of them, of which `current` is the last, has not yet.
pub(crate) fn statuses(current: &OsStr) -> Vec<CompletionCandidate> {
    let (_, word) = line::others_and_current();
    let word = word.to_string_lossy();
    let list = word.rsplit('=').next().unwrap_or_default();
    let mut there = list.split(',').collect::<Vec<_>>();
    there.pop();
    let is_new = |status: &str| !there.iter().any(|it| it.eq_ignore_ascii_case(status));
    let all = Status::ALL.map(|status| status.as_str().to_lowercase());
    beginning_with(current, all.into_iter().filter(|status| is_new(status)))
}

/// What `--sort-by` takes in the command that the line names, either way round.
pub(crate) fn columns(current: &OsStr) -> Vec<CompletionCandidate> {
    let words = words();
    let names = words.iter().find_map(|word| match word.as_str() {
        "list" | "ls" if is_wide(&words) => Some(sort_names(&wide_cluster_shape(true))),
        "list" | "ls" => Some(sort_names(&cluster_shape())),
        "options" => Some(sort_names(&option_shape())),
        "show" => Some(worker_sort_names()),
        "top" => Some(
            top::titles(false)
                .into_iter()
                .map(str::to_lowercase)
                .collect(),
        ),
        _ => None,
    });
    let sign = if current.as_encoded_bytes().starts_with(b"-") {
        "-"
    } else {
        ""
    };
    let names = names.unwrap_or_default().into_iter();
    beginning_with(current, names.map(|name| format!("{sign}{name}")))
}

fn is_wide(words: &[String]) -> bool {
    let is_flag = |word: &String| ["--wide", "wide", "-owide", "--output=wide"].contains(&&**word);
    words.iter().any(is_flag)
}

fn beginning_with<T: AsRef<str>>(
    current: &OsStr,
    all: impl Iterator<Item = T>,
) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    let fitting = all.filter(|it| it.as_ref().starts_with(&*current));
    fitting
        .map(|it| CompletionCandidate::new(it.as_ref()))
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
            gateway.base_url().to_owned(),
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
    let words = words()
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
    let environment = Environment::from_process();
    // Nobody has pressed Enter yet: credentials go only where they belong, and where nobody can read
    // them on the way. There is no place for a warning here.
    let settings = config::load(&environment, file.as_deref(), None).ok()?;
    if settings.secret_goes_in_clear() {
        return None;
    }
    if let Some(address) = address {
        let named = config::load(&environment, file.as_deref(), Some(&address)).ok()?;
        if named.address.as_str() != settings.address.as_str() {
            return None;
        }
    }
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

/// The words of the line, as far as they can be read.
fn words() -> Vec<String> {
    let words = line::words().into_iter();
    words.filter_map(|word| word.into_string().ok()).collect()
}

/// `--config` and `--address` of the line.
fn named_on_the_line() -> (Option<PathBuf>, Option<String>) {
    let words = words();
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
