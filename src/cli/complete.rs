//! Shell completion: silent, quick, never a prompt.
//!
//! The shell's stub calls dgw itself with `COMPLETE` set. Any failure, from a refused configuration
//! to a gateway that is away, completes to nothing.

mod line;

use std::ffi::OsStr;
use std::time::Duration;

use clap::Command;
use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter as _};
use clap_complete::env::{CompleteEnv, Shells};

use crate::config::{self, ConfigSelection, DEFAULT_GATEWAY, Environment, GatewayName};
use crate::descriptors;
use crate::duration;
use crate::gateway::{ClusterPattern, Error, Gateway, OptionField, OptionType, Status};
use crate::lifecycle::{Labels, resolve};
use crate::output::{
    cluster_schema, escaped, gateway_schema, name_of, option_schema, package_schema,
    protected_schema, sort_names, wide_cluster_schema, with_gateway, worker_schema,
};
use crate::scheduler::Schedulers;
use crate::top::{ViewTable, titles};

/// The time limit of a request: after it, a person would rather type.
const TIMEOUT: Duration = Duration::from_millis(1_500);

/// Prints completions and ends the process, if the shell's stub called it.
pub(crate) fn answer_shell(command: fn() -> Command) {
    let command = || {
        if line::is_in_flag() {
            command()
        } else {
            without_flags(command())
        }
    };
    let completer = CompleteEnv::with_factory(command).shells(SHELLS);
    let words = std::env::args_os();
    let is_script = words.len() < 2;
    if std::env::var_os("COMPLETE").is_some() && line::is_in_command() {
        std::process::exit(0);
    }
    match completer.try_complete(words, std::env::current_dir().ok().as_deref()) {
        Ok(false) => {}
        Ok(true) => std::process::exit(0),
        // A person reads the error of a script, but not one while they type.
        Err(error) if is_script => error.exit(),
        Err(_) => std::process::exit(1),
    }
}

const SHELLS: Shells<'static> = Shells(&[&line::BashLine, line::ZSH, line::FISH]);

/// Hides flags unless one was begun or nothing else can follow: two dozen would drown the names of
/// clusters.
fn without_flags(command: Command) -> Command {
    let command = command.mut_args(|arg| {
        let is_flag = arg.get_long().is_some() || arg.get_short().is_some();
        arg.hide(is_flag)
    });
    let command = command.disable_help_flag(true).disable_version_flag(true);
    command.mut_subcommands(without_flags)
}

/// Returns the script that registers completion in `shell`.
///
/// # Errors
/// The script can't be written.
pub(crate) fn script(shell: &str) -> std::io::Result<String> {
    let mut script = Vec::new();
    if let Some(completer) = SHELLS.completer(shell) {
        completer.write_registration("COMPLETE", "dgw", "dgw", "dgw", &mut script)?;
    }
    String::from_utf8(script).map_err(std::io::Error::other)
}

/// Completes the names of active clusters, the gateway's and the user's own, with status and age, except those on the line already.
pub(crate) fn clusters() -> Vec<CompletionCandidate> {
    let listing = request(async |gateway| {
        let listing = gateway.clusters(&Status::ACTIVE).await?;
        Ok((listing, Labels::read(gateway).unwrap_or_default()))
    });
    let Some(listing) = listing else {
        return Vec::new();
    };
    let (listing, labels) = listing;
    let now = listing.now();
    let (others, _) = line::others_and_current();
    listing
        .clusters
        .into_iter()
        .flat_map(|cluster| {
            let age = Duration::try_from(now.duration_since(cluster.start_time));
            let age = duration::short(age.unwrap_or_default());
            let help = format!("{} {age}", cluster.status.as_str());
            let label = labels.of(&cluster.name).map(ToString::to_string);
            let names = label.into_iter().chain([cluster.name]);
            names.map(move |name| (name, help.clone()))
        })
        .filter(|(name, _)| !others.iter().any(|word| *word == **name))
        .map(|(name, help)| CompletionCandidate::new(name).help(Some(help.into())))
        .collect()
}

/// Completes the names of gateways; sends nothing.
pub(crate) fn gateways() -> Vec<CompletionCandidate> {
    let names = config::gateway_names(&Environment::from_process()).unwrap_or_default();
    let names = names.iter().map(GatewayName::as_str);
    [DEFAULT_GATEWAY]
        .into_iter()
        .chain(names)
        .map(CompletionCandidate::new)
        .collect()
}

/// Completes the keys of the gateway's options up to the `=`, and after it the choices, the variables
/// that a mapping can take from the environment, and files after an `@`.
pub(crate) fn options(current: &OsStr) -> Vec<CompletionCandidate> {
    if let Some((before, path)) = current.to_str().and_then(|word| word.split_once("=@")) {
        let files = PathCompleter::any().complete(OsStr::new(path)).into_iter();
        let prefix = format!("{before}=@");
        return files.map(|file| file.add_prefix(&prefix)).collect();
    }
    let fields = request(async |gateway| gateway.options().await).unwrap_or_default();
    let current = current.to_string_lossy();
    let candidates = fields
        .into_iter()
        .filter(|field| is_plain(&field.name))
        .flat_map(|field| match current.split_once('=') {
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

/// Returns `KEY=CHOICE` for each choice of an option.
fn choices(field: &OptionField) -> Vec<CompletionCandidate> {
    let choices = match &field.spec {
        OptionType::Select { options } => options.clone(),
        OptionType::Bool => ["true", "false"].map(str::to_owned).into(),
        OptionType::Mapping => std::env::vars_os()
            .filter_map(|(name, _)| name.into_string().ok())
            .collect(),
        _ => Vec::new(),
    };
    choices
        .into_iter()
        .filter(|choice| is_plain(choice))
        .map(|choice| CompletionCandidate::new(format!("{}={choice}", field.name)))
        .collect()
}

/// Completes the conditions of `dgw wait`.
pub(crate) fn conditions(current: &OsStr) -> Vec<CompletionCandidate> {
    let all = ["running", "stopped", "workers=", "idle"];
    // The number is the person's choice.
    with_prefix(
        current,
        all.into_iter()
            .filter(|it| *current != **it || !it.ends_with('=')),
    )
}

/// Completes the statuses that a comma-separated list does not have yet.
pub(crate) fn statuses(current: &OsStr) -> Vec<CompletionCandidate> {
    let (_, word) = line::others_and_current();
    let word = word.to_string_lossy();
    let list = word.rsplit('=').next().unwrap_or_default();
    let mut there = list.split(',').collect::<Vec<_>>();
    there.pop();
    let is_new = |status: &str| !there.iter().any(|it| it.eq_ignore_ascii_case(status));
    let all = Status::ALL.map(|status| status.as_str().to_lowercase());
    with_prefix(current, all.into_iter().filter(|status| is_new(status)))
}

/// Completes the columns that `--sort-by` accepts in the line's subcommand, in either order.
pub(crate) fn columns(current: &OsStr) -> Vec<CompletionCandidate> {
    let words = words();
    let has_gateway = words.iter().any(|word| word == "--all-gateways");
    let names = words.iter().find_map(|word| match word.as_str() {
        "list" | "ls" => {
            let schema = if is_wide(&words) {
                wide_cluster_schema(true, true)
            } else {
                cluster_schema(true)
            };
            Some(sort_names(&if has_gateway {
                with_gateway(schema)
            } else {
                schema
            }))
        }
        "keep" => Some(sort_names(&protected_schema())),
        "gateways" => Some(sort_names(&gateway_schema(true))),
        "options" => Some(sort_names(&option_schema())),
        "packages" => Some(sort_names(&package_schema())),
        "show" => Some(sort_names(&worker_schema())),
        "top" => {
            let table = if has_gateway {
                ViewTable::ClustersOfAllGateways
            } else {
                ViewTable::Clusters
            };
            Some(titles(table).into_iter().map(name_of).collect())
        }
        _ => None,
    });
    let sign = if current.as_encoded_bytes().starts_with(b"-") {
        "-"
    } else {
        ""
    };
    let names = names.unwrap_or_default().into_iter();
    with_prefix(current, names.map(|name| format!("{sign}{name}")))
}

fn is_wide(words: &[String]) -> bool {
    let is_flag = |word: &String| ["--wide", "wide", "-owide", "--output=wide"].contains(&&**word);
    words.iter().any(is_flag)
}

fn with_prefix<T: AsRef<str>>(
    current: &OsStr,
    all: impl Iterator<Item = T>,
) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    let fitting = all.filter(|it| it.as_ref().starts_with(&*current));
    fitting
        .map(|it| CompletionCandidate::new(it.as_ref()))
        .collect()
}

/// Completes the workers of the cluster on the line, or of the only running one, with their addresses.
pub(crate) fn workers() -> Vec<CompletionCandidate> {
    let workers = request(async |gateway| {
        let (listing, identities) = gateway.clusters_with_identities(&[Status::Running]).await?;
        let names = listing.clusters.into_iter().map(|cluster| cluster.name);
        let Some(name) = cluster_on_the_line(names.collect(), gateway) else {
            return Ok(Vec::new());
        };
        let schedulers = Schedulers::behind(gateway, TIMEOUT);
        let workers = schedulers.workers(&name, identities.get(&name)).await;
        Ok(workers.unwrap_or_default())
    });
    workers
        .unwrap_or_default()
        .into_iter()
        .filter(|(_, name)| is_plain(name))
        .map(|(address, name)| {
            CompletionCandidate::new(name).help(Some(escaped(&address).into_owned().into()))
        })
        .collect()
}

/// Returns the one of `names` that a word on the line matches, or the only one.
fn cluster_on_the_line(mut names: Vec<String>, gateway: &Gateway) -> Option<String> {
    let patterns = words()
        .into_iter()
        .filter_map(|word| resolve(&ClusterPattern::parse(&word).ok()?, gateway).ok())
        .collect::<Vec<_>>();
    if names.len() > 1 {
        names.retain(|name| patterns.iter().any(|pattern| pattern.matches(name)));
    }
    if names.len() == 1 { names.pop() } else { None }
}

/// Returns true if a shell accepts the word unquoted.
fn is_plain(word: &str) -> bool {
    word.bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

/// Sends a request to the gateway of the line, and returns its response if it arrives in time.
fn request<T>(request: impl AsyncFnOnce(&Gateway) -> Result<T, Error>) -> Option<T> {
    let environment = Environment::from_process();
    let (selection, address) = options_on_the_line(&environment)?;
    // Nobody has pressed Enter yet, and no warning can be printed: requests go only to the configured
    // address, and credentials never unencrypted.
    let settings = config::load(&environment, &selection, None).ok()?;
    if settings.secret_goes_in_clear() {
        return None;
    }
    if let Some(address) = address {
        let named = config::load(&environment, &selection, Some(&address)).ok()?;
        if named.address != settings.address {
            return None;
        }
    }
    let gateway = Gateway::new(&settings, TIMEOUT).ok()?;
    descriptors::check().ok()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .ok()?;
    let response = runtime.block_on(async {
        let response = tokio::time::timeout(TIMEOUT, request(&gateway)).await;
        response.ok()?.ok()
    });
    // Does not wait for a host name's look-up.
    runtime.shutdown_background();
    response
}

/// Returns the words of the line that are UTF-8.
fn words() -> Vec<String> {
    let words = line::words().into_iter();
    words.filter_map(|word| word.into_string().ok()).collect()
}

/// Returns the configuration that the line selects, and its `--address`.
fn options_on_the_line(environment: &Environment) -> Option<(ConfigSelection, Option<String>)> {
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
    let gateway = value("--gateway").or_else(|| value("-g"));
    let selection = match (value("--config"), gateway) {
        (Some(path), _) => ConfigSelection::Path(path.into()),
        (None, Some(name)) => ConfigSelection::of_flag(&name).ok()?,
        (None, None) => ConfigSelection::of_environment(environment).ok()?,
    };
    Some((selection, value("--address")))
}
