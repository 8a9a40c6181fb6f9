//! Reads all files and variables, and types the result.

use std::path::Path;

use super::environment::Environment;
use super::error::Error;
use super::find;
use super::layers::Layers;
use super::settings::Settings;

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
    Settings::new(&Layers::read(environment, file)?, environment, address)
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
