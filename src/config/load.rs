//! Reads all files and variables, and types the result.

use super::environment::Environment;
use super::error::Error;
use super::layers::Layers;
use super::selection::ConfigSelection;
use super::settings::Settings;

/// Loads the configuration from every file and variable that counts. `address` replaces the
/// configured `gateway.address` (`--address`).
///
/// # Errors
/// Fails if a file is refused or malformed, or if a value is missing or malformed.
pub(crate) fn load(
    environment: &Environment,
    selection: &ConfigSelection,
    address: Option<&str>,
) -> Result<Settings, Error> {
    let layers = Layers::read(environment, selection)?;
    let settings = Settings::new(&layers, environment, address)
        .map_err(|error| error.of_gateway(selection.gateway()))?;
    Ok(Settings {
        named: selection.named(environment)?,
        ..settings
    })
}
