//! Global options.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, ValueHint};
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter};

use super::{complete, value};
use crate::config::{ConfigSelection, Environment};
use crate::error::{Error, UsageError};
use crate::output::{Colour, Format, OutputOptions, SortBy};
use crate::session::Overrides;

/// Options of every subcommand.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct GlobalArgs {
    /// Output format: table, wide, json, jsonl, yaml, csv or name
    #[arg(
        short,
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "table"
    )]
    #[arg(hide_possible_values = true)]
    output: Format,

    /// Omit the header line of tables and CSV
    #[arg(long, global = true)]
    no_header: bool,

    /// Sort by a column of the table or a field of the records; -COLUMN reverses the order
    #[arg(long, global = true, value_name = "COLUMN", allow_hyphen_values = true)]
    #[arg(add = ArgValueCompleter::new(complete::columns))]
    sort_by: Option<String>,

    /// Show the values of mapping options in records, which otherwise have `…` in their place
    #[arg(long, global = true)]
    show_values: bool,

    /// Print only results and errors
    #[arg(short, long, global = true)]
    quiet: bool,

    /// Log requests (-v) and response headers (-vv)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,

    /// When to use colour: auto, always or never
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    #[arg(hide_possible_values = true)]
    color: Colour,

    /// Use this file or directory instead of your configuration
    #[arg(long, global = true, value_name = "PATH", value_hint = ValueHint::AnyPath)]
    config: Option<PathBuf>,

    /// Use the gateway that you named so at `dgw login`; `default` is dask's own
    #[arg(short, long, global = true, value_name = "NAME")]
    #[arg(add = ArgValueCandidates::new(complete::gateways))]
    gateway: Option<String>,

    /// Use the gateway at this address; configured credentials go only to the configured address
    #[arg(long, global = true, value_name = "URL", value_hint = ValueHint::Url)]
    address: Option<String>,

    /// Time limit for a single request
    #[arg(long, global = true, value_name = "DURATION", default_value = "30s")]
    #[arg(value_parser = value::limit)]
    request_timeout: Duration,
}

impl GlobalArgs {
    /// Returns how to print.
    pub(crate) fn output_options(&self) -> OutputOptions {
        OutputOptions {
            format: self.output,
            header: !self.no_header,
            sort_by: self.sort_by.as_deref().map(SortBy::from),
            colour: self.color,
            quiet: self.quiet,
            verbosity: self.verbose,
            shows_values: self.show_values,
        }
    }

    /// Returns what replaces the configuration.
    ///
    /// # Errors
    /// Fails if a gateway's name can't be one, or if both it and a file are given.
    pub(crate) fn overrides(&self, environment: &Environment) -> Result<Overrides, Error> {
        let config = match (&self.config, &self.gateway) {
            (Some(_), Some(_)) => {
                let mistake = "`--gateway` and `--config` exclude each other";
                return Err(UsageError(mistake.to_owned()).into());
            }
            (Some(path), None) => ConfigSelection::Path(path.clone()),
            (None, Some(name)) => ConfigSelection::of_flag(name)?,
            (None, None) => ConfigSelection::of_environment(environment)?,
        };
        Ok(Overrides {
            config,
            address: self.address.clone(),
            request_timeout: self.request_timeout,
        })
    }
}
