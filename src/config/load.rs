//! Merges all files and variables, and types the result.

use std::path::Path;

use super::environment::Environment;
use super::error::Error;
use super::node::Node;
use super::settings::Settings;
use super::{find, read};

/// Loads the configuration from every file and variable that counts.
///
/// `file` replaces the user's files (`--config`), `address` the configured `gateway.address`
/// (`--address`).
///
/// # Errors
/// Fails if a file is refused or malformed, or if a value is missing or malformed.
pub(crate) fn load(
    environment: &Environment,
    file: Option<&Path>,
    address: Option<&str>,
) -> Result<Settings, Error> {
    Settings::new(&merged(environment, file)?, environment, address)
        .map_err(|error| explain_missing_address(error, environment, file))
}

/// Adds to [`Error::NoAddress`] the directory that can't be read and may hold the address.
pub(super) fn explain_missing_address(
    error: Error,
    environment: &Environment,
    file: Option<&Path>,
) -> Error {
    match (error, find::unreadable_directory(environment, file)) {
        (Error::NoAddress, Some(directory)) => Error::NoAddressReadable(directory),
        (error, _) => error,
    }
}

/// Merges the `gateway:` sections of all files and variables, as `dask.config.collect` does.
pub(super) fn merged(environment: &Environment, file: Option<&Path>) -> Result<Node, Error> {
    if let Some(name) = environment.undecodable_setting() {
        return Err(Error::VariableNotText(name.to_owned()));
    }
    find::check_exists(file)?;
    let mut sections = Vec::new();
    for candidate in find::candidates(environment, file) {
        if let Some(section) = read::gateway_section(&candidate)? {
            log::info!("configuration: {}", candidate.path.display());
            sections.push(section);
        }
    }
    Ok(merge(sections, environment.gateway_section()?))
}

/// Merges the `sections` of files, of which later ones win, with that of the environment, which wins
/// over all.
pub(super) fn merge(sections: Vec<Node>, environment: Node) -> Node {
    let mut merged = environment;
    for section in sections.into_iter().rev() {
        merged.merge_older(section);
    }
    merged
}
