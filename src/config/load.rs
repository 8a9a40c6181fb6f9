//! Reads all files and variables, and types the result.

use std::path::Path;

use super::environment::Environment;
use super::error::Error;
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
}
