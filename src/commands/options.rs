//! `dgw options`

use clap::Args;

use crate::error::Error;
use crate::lifecycle::refused_defaults;
use crate::output::{OptionRow, option_schema};
use crate::session::{Invocation, Session};

/// List the cluster options that this gateway offers
///
/// YOURS shows your own defaults, from `gateway.cluster.options` in your configuration. Set an option
/// for one cluster with `dgw new -s KEY=VALUE`. The values of a mapping are not shown.
#[derive(Debug, Args)]
pub(crate) struct OptionsArgs {}

impl OptionsArgs {
    /// Lists the options that the gateway offers for a new cluster.
    pub(super) async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
        let Session {
            settings,
            gateway,
            printer,
            ..
        } = invocation.session_with_defaults()?;
        printer.check_sorting(&option_schema())?;
        let fields = gateway.options().await?;
        if fields.is_empty() {
            printer.note("this gateway offers no options");
        }
        let source = |key: &str| settings.option_sources.get(key).map(ToString::to_string);
        let refused = refused_defaults(&fields, &settings.cluster_options, source);
        let rows = fields
            .into_iter()
            .map(|field| {
                let default = settings.cluster_options.get(&field.name).cloned();
                let is_refused = refused.iter().any(|fault| fault.key == field.name);
                OptionRow::new(field, default, is_refused)
            })
            .collect();
        printer.records(rows, &option_schema())?;
        for fault in refused {
            printer.warn(&fault.to_string());
        }
        Ok(())
    }
}
