//! `dgw options`

use crate::config::Settings;
use crate::error::Error;
use crate::gateway::Gateway;
use crate::output::{OfferedOption, Printer, option_shape};

/// Lists the options that the gateway offers for a new cluster.
pub(super) async fn run(
    settings: &Settings,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    printer.check_sorting(&option_shape())?;
    let fields = gateway.options().await?;
    if fields.is_empty() {
        printer.say("this gateway offers no options");
    }
    let rows = fields.into_iter().map(|field| {
        let yours = settings.cluster_options.get(&field.name).cloned();
        OfferedOption::new(field, yours)
    });
    printer.records(rows.collect(), &option_shape())
}
