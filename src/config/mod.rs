//! The configuration: what dask itself would see, and what dgw needs of it.
//!
//! Files and environment are found ([`find`]), opened and judged ([`guard`]), read ([`read`]),
//! merged as `dask.config` merges them ([`tree`]) and typed ([`typed`], [`settings`]). Nothing here talks to
//! the network, and nothing is sent before all of it has succeeded.

mod address;
mod credentials;
mod draft;
mod edit;
mod environment;
mod error;
mod find;
mod guard;
mod http_proxy;
mod inspect;
mod literal;
mod plain;
mod read;
mod secret;
mod secret_variables;
mod settings;
mod template;
mod tree;
mod typed;
mod yaml;

#[cfg(test)]
mod differential;
#[cfg(test)]
mod strange_files;

use std::path::Path;

pub(crate) use address::Address;
pub(crate) use credentials::{Credentials, KNOWN_TYPES};
pub(crate) use draft::{Draft, Written, basic, token};
pub(crate) use environment::Environment;
pub(crate) use error::{Error, WITH_KERBEROS};
pub(crate) use http_proxy::HttpProxy;
pub(crate) use inspect::{InspectedFile, Inspection, inspect};
pub(crate) use secret::Secret;
pub(crate) use secret_variables::secret_variables;
pub(crate) use settings::Settings;
use tree::Tree;

/// Reads every file and variable that counts and types the result.
///
/// `file` stands in for the user's files (`--config`), `address` for the merged
/// `gateway.address` (`--address`).
///
/// # Errors
/// A file that is refused or can't be understood, or a value that is missing or malformed.
pub(crate) fn load(
    environment: &Environment,
    file: Option<&Path>,
    address: Option<&str>,
) -> Result<Settings, Error> {
    let settings = Settings::new(&merged(environment, file)?, environment, address);
    settings.map_err(|error| or_hidden(error, environment, file))
}

/// `error`, or that what it misses may be where nobody can look.
fn or_hidden(error: Error, environment: &Environment, file: Option<&Path>) -> Error {
    match (error, find::hidden(environment, file)) {
        (Error::NoAddress, Some(folder)) => Error::Hidden(folder),
        (error, _) => error,
    }
}

/// Every file's and variable's `gateway:` section in one, as `dask.config.collect` merges them.
fn merged(environment: &Environment, file: Option<&Path>) -> Result<Tree, Error> {
    if let Some(name) = environment.garbled_setting() {
        return Err(Error::Garbled(name.to_owned()));
    }
    let mut sections = Vec::new();
    for candidate in find::candidates(environment, file)? {
        if let Some(section) = read::gateway_section(&candidate)? {
            log::info!("configuration: {}", candidate.path.display());
            sections.push(section);
        }
    }
    Ok(over(sections, environment.gateway_section()?))
}

/// What the environment sets, over the `sections` of the files, whose last goes over the first.
fn over(sections: Vec<Tree>, environment: Tree) -> Tree {
    let mut tree = environment;
    for section in sections.into_iter().rev() {
        tree.lay_under(section);
    }
    tree
}
