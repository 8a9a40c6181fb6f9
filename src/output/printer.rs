//! Results to stdout, in the format that `-o` names.

use std::io::{self, IsTerminal as _};

use anyhow::Context as _;
use serde::Serialize;
use serde_json::Value;

use super::doctor::Check;
use super::error::Error;
use super::escape;
use super::events;
use super::format::Format;
use super::logger;
use super::logs::{self, LogLine};
use super::option_values::hide_values;
use super::show::ClusterDetails;
use super::sorting::{RowSchema, SortBy};
use super::stderr::print_line;
use super::stdout::{redraw, write};
use super::table::{self, Layout, Table};
use super::terminal::{has_colour, is_dumb, width};
use crate::scheduler::ClusterEvent;

/// When to print in colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Also into a pipe
    Always,
    /// Not at all
    Never,
}

/// The command line's options about printing.
#[derive(Clone, Debug, Default)]
pub(crate) struct OutputOptions {
    pub(crate) format: Format,
    pub(crate) header: bool,
    pub(crate) sort_by: Option<SortBy>,
    pub(crate) colour: Colour,
    pub(crate) quiet: bool,
    pub(crate) verbosity: u8,
    /// True if records have the values of options that are mappings.
    pub(crate) shows_values: bool,
}

/// Prints results to stdout and messages to stderr.
#[derive(Clone, Debug)]
pub(crate) struct Printer {
    pub(super) output_options: OutputOptions,
    is_series: bool,
}

impl Printer {
    /// Sets colour and logging for the process.
    pub(crate) fn new(output_options: OutputOptions) -> Self {
        match output_options.colour {
            Colour::Auto => anstream::ColorChoice::Auto,
            Colour::Always => anstream::ColorChoice::Always,
            Colour::Never => anstream::ColorChoice::Never,
        }
        .write_global();
        logger::install(output_options.verbosity);
        Self {
            output_options,
            is_series: false,
        }
    }

    pub(crate) fn format(&self) -> Format {
        self.output_options.format
    }

    /// A printer of results that follow each other: on a terminal each replaces the one before.
    pub(crate) fn in_series(&self) -> Self {
        Self {
            is_series: true,
            ..self.clone()
        }
    }

    /// Prints `rows` as a table with the columns of `schema`, or in the format asked for.
    ///
    /// # Errors
    /// Fails if `--sort-by` names neither a column nor a field, or stdout can't be written.
    pub(crate) fn records<T: Serialize>(
        &self,
        mut rows: Vec<T>,
        schema: &RowSchema<T>,
    ) -> Result<(), Error> {
        if let Some(by) = &self.output_options.sort_by {
            rows = by.sort(rows, schema)?;
        }
        if self.format().is_table() {
            let header = self.output_options.header && !rows.is_empty();
            return self.print_table(&rows, &schema.fields, |layout| {
                table::render(&rows, &schema.columns, header, layout)
            });
        }
        let records = serde_json::to_value(&rows).context("can't render the result")?;
        // Thousands of clusters are not kept twice.
        drop(rows);
        self.write(&self.rendered(records, &schema.fields)?)
    }

    /// Checks `--sort-by` against the columns and fields of `schema`, before anything is requested.
    ///
    /// # Errors
    /// Fails if it names neither a column nor a field.
    pub(crate) fn check_sorting<T>(&self, schema: &RowSchema<T>) -> Result<(), Error> {
        let by = self.output_options.sort_by.as_ref();
        by.map_or(Ok(()), |by| by.check(schema))
    }

    /// Returns the order that `--sort-by` requests.
    pub(crate) fn sort_by(&self) -> Option<&SortBy> {
        self.output_options.sort_by.as_ref()
    }

    /// Returns true if `--sort-by` names the column `title`.
    pub(crate) fn sorts_by(&self, title: &str) -> bool {
        let by = self.output_options.sort_by.as_ref();
        by.is_some_and(|by| by.is(title))
    }

    /// Returns true if stdout is a terminal.
    pub(crate) fn is_for_terminal() -> bool {
        io::stdout().is_terminal()
    }

    /// Warns if `--show-values` can't have an effect.
    pub(crate) fn check_values(&self) {
        let is_without_records = self.format().is_table() || self.format() == Format::Name;
        if self.output_options.shows_values && is_without_records {
            self.warn("`--show-values` shows values in records only: add `-o json`");
        }
    }

    /// Returns true if `--show-values` was given.
    pub(crate) fn shows_values(&self) -> bool {
        self.output_options.shows_values
    }

    /// Returns true if `-q` was given.
    pub(crate) fn is_quiet(&self) -> bool {
        self.output_options.quiet
    }

    /// Returns true if `-v` was given.
    pub(crate) fn is_verbose(&self) -> bool {
        self.output_options.verbosity > 0
    }

    /// Returns true if stdout gets colour.
    pub(crate) fn has_colour() -> bool {
        has_colour()
    }

    /// Prints `value` in the format asked for, or its text for people.
    ///
    /// # Errors
    /// Fails if stdout can't be written.
    pub(crate) fn result(
        &self,
        value: &impl Serialize,
        human: impl FnOnce() -> String,
    ) -> Result<(), Error> {
        self.print(value, &[], || {
            let text = human();
            let lines = text.split('\n').map(escape::text);
            lines.collect::<Vec<_>>().join("\n")
        })
    }

    /// Prints a cluster in full, or in the format asked for.
    ///
    /// # Errors
    /// Fails if `--sort-by` names nothing that workers have, or stdout can't be written.
    pub(crate) fn cluster(&self, mut cluster: ClusterDetails) -> Result<(), Error> {
        let by_name = SortBy::from("worker");
        cluster.sort_workers(self.output_options.sort_by.as_ref().unwrap_or(&by_name))?;
        self.print_table(&cluster, &[], |layout| cluster.table(layout))
    }

    /// Prints a record in the machine-readable formats; nothing in the table format.
    ///
    /// # Errors
    /// Fails if stdout can't be written.
    pub(crate) fn record(&self, value: &impl Serialize) -> Result<(), Error> {
        self.print(value, &[], String::new)
    }

    /// Prints a check as soon as it is done, for people; [`Printer::all_checks`] prints all of them
    /// in the other formats.
    ///
    /// # Errors
    /// Fails if stdout can't be written.
    pub(crate) fn check(&self, check: &Check) -> Result<(), Error> {
        if self.output_options.format.is_table() {
            write(&check.text(width()))?;
        }
        Ok(())
    }

    /// Prints all checks in the format asked for, unless [`Printer::check`] has printed them.
    ///
    /// # Errors
    /// Fails if stdout can't be written.
    pub(crate) fn all_checks(&self, checks: &[Check]) -> Result<(), Error> {
        self.record(&checks)
    }

    /// Prints log entries, a line each, with `has_names` after the names of who logged them; or in
    /// the format asked for.
    ///
    /// # Errors
    /// Fails if stdout can't be written.
    pub(crate) fn log(&self, lines: &[LogLine], has_names: bool) -> Result<(), Error> {
        self.print(&lines, &logs::FIELDS, || logs::text(lines, has_names))
    }

    /// Prints events, a line each; or in the format asked for.
    ///
    /// # Errors
    /// Fails if stdout can't be written.
    pub(crate) fn events(&self, events: &[ClusterEvent]) -> Result<(), Error> {
        self.print(&events, &events::FIELDS, || events::text(events))
    }

    /// Prints a value like [`Printer::print`], and says which columns the table has no room for.
    fn print_table(
        &self,
        value: &impl Serialize,
        fields: &[&str],
        table: impl FnOnce(Layout) -> Table,
    ) -> Result<(), Error> {
        let layout = Layout {
            width: width(),
            has_colour: has_colour(),
            is_for_terminal: Self::is_for_terminal(),
        };
        if !self.output_options.format.is_table() {
            return self.print(value, fields, String::new);
        }
        let Table { text, omitted } = table(layout);
        let note = omission_note(&omitted).filter(|_| !self.output_options.quiet);
        if self.is_redrawn() {
            let footer = note.map(|note| table::shortened(&note, layout.width.unwrap_or(80)));
            return redraw(&text, footer.as_deref());
        }
        write(&text)?;
        if let Some(note) = note {
            Self::note_always(&note);
        }
        Ok(())
    }

    /// Returns true if each result replaces the one before.
    fn is_redrawn(&self) -> bool {
        self.is_series && Self::is_for_terminal() && !is_dumb()
    }

    /// `fields` are those of every record, for the formats that name them even without records.
    fn print(
        &self,
        value: &impl Serialize,
        fields: &[&str],
        human: impl FnOnce() -> String,
    ) -> Result<(), Error> {
        let text = if self.format().is_table() {
            human()
        } else {
            let value = serde_json::to_value(value).context("can't render the result")?;
            self.rendered(value, fields)?
        };
        self.write(&text)
    }

    fn rendered(&self, mut value: Value, fields: &[&str]) -> Result<String, Error> {
        let OutputOptions {
            format,
            header,
            shows_values,
            ..
        } = self.output_options;
        if !shows_values {
            hide_values(&mut value);
        }
        Ok(format.render(&value, fields, header)?)
    }

    fn write(&self, text: &str) -> Result<(), Error> {
        if self.is_redrawn() {
            redraw(text, None)
        } else {
            write(text)
        }
    }

    /// Prints text of dgw's own that has no other format.
    ///
    /// # Errors
    /// Fails if stdout can't be written.
    pub(crate) fn text(text: &str) -> Result<(), Error> {
        write(text)
    }

    /// Prints the help or the version; to stderr if a shell is to evaluate stdout.
    ///
    /// # Errors
    /// Fails if stdout can't be written.
    pub(crate) fn help(help: &clap::Error, is_for_eval: bool) -> Result<(), Error> {
        if is_for_eval {
            print_line(&help.render().ansi().to_string());
            return Ok(());
        }
        help.print().map_err(Error::Stdout)
    }
}

/// Says that a table has no room for these columns, and how to see them.
fn omission_note(titles: &[&str]) -> Option<String> {
    let shown = titles.join(", ");
    (!titles.is_empty()).then(|| format!("no room for {shown}; `-o json` shows everything"))
}
