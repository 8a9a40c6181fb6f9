//! `dgw options`

use serde_json::Value;

use crate::config::Settings;
use crate::error::{DefaultFault, Error};
use crate::gateway::{Gateway, OptionField, check_option};
use crate::output::{OptionRow, Printer, option_shape};

/// Lists the options that the gateway offers for a new cluster.
pub(super) async fn run(
    settings: &Settings,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    printer.check_sorting(&option_shape())?;
    let fields = gateway.options().await?;
    if fields.is_empty() {
        printer.note("this gateway offers no options");
    }
    let source = |key: &str| settings.option_sources.get(key).map(ToString::to_string);
    let refused = refused(&fields, &settings.cluster_options, source);
    let rows = fields.into_iter().map(|field| {
        let yours = settings.cluster_options.get(&field.name).cloned();
        let is_refused = refused.iter().any(|fault| fault.key == field.name);
        OptionRow::new(field, yours, is_refused)
    });
    printer.records(rows.collect(), &option_shape())?;
    for fault in refused {
        printer.warn(&fault.to_string());
    }
    Ok(())
}

/// Those of one's own defaults that the gateway doesn't take. `source` tells where each is set.
pub(super) fn refused<'a>(
    fields: &[OptionField],
    defaults: impl IntoIterator<Item = (&'a String, &'a Value)>,
    source: impl Fn(&str) -> Option<String>,
) -> Vec<DefaultFault> {
    let faults = defaults.into_iter().filter_map(|(key, value)| {
        let fault = check_option(fields, key, value).err()?;
        let set_in = source(key).unwrap_or_else(|| "your configuration".to_owned());
        let key = key.clone();
        Some(DefaultFault { key, set_in, fault })
    });
    faults.collect()
}
