//! Results to stdout, talk to stderr.

use std::io::{self, IsTerminal as _, Write as _};

use anstyle::AnsiColor;
use anyhow::Context as _;
use serde::Serialize;

use super::doctor::{self, Check};
use super::escape;
use super::format::Format;
use super::label::label;
use super::logger;
use super::logs::{self, LogLine};
use super::progress::Progress;
use super::show::{self, ClusterDetails};
use super::sorting::{RowSchema, SortBy};
use super::stdout::{leads_nowhere, redraw, write};
use super::table;
use super::terminal;
use crate::error::Error;

/// Whether to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Even into a pipe
    Always,
    /// Not at all
    Never,
}

/// How to print, as the command line asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct OutputOptions {
    pub(crate) format: Format,
    pub(crate) header: bool,
    pub(crate) sort_by: Option<SortBy>,
    pub(crate) colour: Colour,
    pub(crate) quiet: bool,
    pub(crate) verbosity: u8,
}

/// Prints, and knows where to.
#[derive(Clone, Debug)]
pub(crate) struct Printer {
    output_options: OutputOptions,
    is_series: bool,
}

impl Printer {
    /// Settles colour and logging for the process.
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

    /// For results that follow each other: on a terminal each takes the place of the one before.
    pub(crate) fn in_series(&self) -> Self {
        Self {
            is_series: true,
            ..self.clone()
        }
    }

    /// Prints `rows` as a table of the columns of `shape`, or in the format asked for.
    ///
    /// # Errors
    /// `--sort-by` names neither a column nor a field, or stdout can't be written.
    pub(crate) fn records<T: Serialize>(
        &self,
        mut rows: Vec<T>,
        shape: &RowSchema<T>,
    ) -> Result<(), Error> {
        if let Some(by) = &self.output_options.sort_by {
            rows = by.sort(rows, shape)?;
        }
        self.render_with(&rows, &shape.fields, || {
            let header = self.output_options.header && !rows.is_empty();
            let colour = colours(&io::stdout());
            table::render(&rows, &shape.columns, header, width(), colour)
        })
    }

    /// Finds out whether `--sort-by` names what rows of `shape` have; worth it before anything is
    /// requested.
    ///
    /// # Errors
    /// It names neither a column of theirs nor a field.
    pub(crate) fn check_sorting<T>(&self, shape: &RowSchema<T>) -> Result<(), Error> {
        let by = self.output_options.sort_by.as_ref();
        by.map_or(Ok(()), |by| by.check(shape))
    }

    /// The same of the workers of a cluster in full.
    ///
    /// # Errors
    /// As above.
    pub(crate) fn check_worker_sorting(&self) -> Result<(), Error> {
        self.check_sorting(&show::shape())
    }

    /// Returns the order that `--sort-by` requests.
    pub(crate) fn sort_by(&self) -> Option<&SortBy> {
        self.output_options.sort_by.as_ref()
    }

    /// Whether `--sort-by` names the column `title`.
    pub(crate) fn sorts_by(&self, title: &str) -> bool {
        let asked = self.output_options.sort_by.as_ref();
        asked.is_some_and(|asked| asked.is(title))
    }

    /// Whether it's a person who sees the results, on a terminal.
    pub(crate) fn is_for_terminal() -> bool {
        io::stdout().is_terminal()
    }

    /// Returns true if `-v` logs to stderr.
    pub(crate) fn is_verbose(&self) -> bool {
        self.output_options.verbosity > 0
    }

    /// Returns true if stdout is coloured.
    pub(crate) fn has_colour() -> bool {
        colours(&io::stdout())
    }

    /// Prints `value` in the format asked for; `human` is what people get instead.
    ///
    /// # Errors
    /// stdout can't be written.
    pub(crate) fn result(
        &self,
        value: &impl Serialize,
        human: impl FnOnce() -> String,
    ) -> Result<(), Error> {
        self.render(value, || {
            let text = human();
            let lines = text.split('\n').map(escape::text);
            lines.collect::<Vec<_>>().join("\n")
        })
    }

    /// Prints a cluster in full, or in the format asked for.
    ///
    /// # Errors
    /// `--sort-by` names nothing that workers have, or stdout can't be written.
    pub(crate) fn cluster(&self, mut shown: ClusterDetails) -> Result<(), Error> {
        let by_name = SortBy::from("worker");
        shown.sort_workers(self.output_options.sort_by.as_ref().unwrap_or(&by_name))?;
        self.result(&shown, || shown.text(width()))
    }

    /// Prints a step of many for people, who see it at once; the other formats have all of them in
    /// the end, by [`Printer::steps`].
    ///
    /// # Errors
    /// stdout can't be written.
    pub(crate) fn step(&self, step: &Check) -> Result<(), Error> {
        match self.output_options.format {
            Format::Table | Format::Wide => write(&step.text(doctor::is_unicode(), width())),
            _ => Ok(()),
        }
    }

    /// Prints all steps in the format asked for, unless people have seen them one by one.
    ///
    /// # Errors
    /// stdout can't be written.
    pub(crate) fn steps(&self, steps: &[Check]) -> Result<(), Error> {
        match self.output_options.format {
            Format::Table | Format::Wide => Ok(()),
            _ => self.render(&steps, String::new),
        }
    }

    /// Prints entries of logs, a line each, after the names of who logged them if there are
    /// several; or in the format asked for.
    ///
    /// # Errors
    /// stdout can't be written.
    pub(crate) fn log(&self, lines: &[LogLine], has_names: bool) -> Result<(), Error> {
        self.render_with(&lines, &logs::FIELDS, || logs::text(lines, has_names))
    }

    fn render(&self, value: &impl Serialize, human: impl FnOnce() -> String) -> Result<(), Error> {
        self.render_with(value, &[], human)
    }

    /// `fields` are those of every record, for the formats that tell them though there is none.
    fn render_with(
        &self,
        value: &impl Serialize,
        fields: &[&str],
        human: impl FnOnce() -> String,
    ) -> Result<(), Error> {
        let text = match self.output_options.format {
            Format::Table | Format::Wide => human(),
            format => {
                let value = serde_json::to_value(value).context("can't render the result")?;
                format.render(&value, fields, self.output_options.header)?
            }
        };
        if self.is_series && io::stdout().is_terminal() && !terminal::is_dumb() {
            redraw(&text).map_err(Error::Stdout)
        } else {
            write(&text)
        }
    }

    /// Prints text of dgw's own that has no other format.
    ///
    /// # Errors
    /// stdout can't be written.
    pub(crate) fn text(text: &str) -> Result<(), Error> {
        write(text)
    }

    /// Prints the help or the version that was asked for.
    ///
    /// # Errors
    /// stdout can't be written.
    pub(crate) fn help(help: &clap::Error) -> Result<(), Error> {
        help.print().map_err(Error::Stdout)
    }

    /// Tells the name of a new cluster on stderr, too, `-q` or not, where whatever is printed is lost.
    pub(crate) fn rescue_name(name: &str) {
        if leads_nowhere() {
            talk(&format!("stdout leads nowhere: the new cluster is {name}"));
        }
    }

    /// A line of talk: what was done, what happens next. Silent with `-q`.
    pub(crate) fn note(&self, text: &str) {
        if !self.output_options.quiet {
            talk(&escape::text(text));
        }
    }

    /// Something the user should know though all went well. Silent with `-q`.
    pub(crate) fn warn(&self, text: &str) {
        if !self.output_options.quiet {
            Self::warn_always(text);
        }
    }

    /// Something the user must know, `-q` or not: what may be left behind, what was not done.
    pub(crate) fn warn_always(text: &str) {
        talk(&format!(
            "{}: {}",
            label("warning", AnsiColor::Yellow),
            escape::text(text)
        ));
    }

    /// What was asked for, where stdout belongs to somebody else. `-q` doesn't silence it.
    pub(crate) fn note_always(text: &str) {
        talk(&escape::text(text));
    }

    /// A way to show how a wait goes on.
    pub(crate) fn progress(&self, what: &str) -> Progress {
        Progress::start(
            what,
            self.output_options.quiet,
            self.output_options.verbosity > 0,
        )
    }

    /// Why the command failed: the message, what lies beneath, and what to do. `-q` doesn't
    /// silence it.
    pub(crate) fn print_error(error: &Error) {
        if error.is_silent() {
            return;
        }
        let head = if error.is_warning() {
            label("warning", AnsiColor::Yellow)
        } else {
            label("error", AnsiColor::Red)
        };
        let mut text = format!("{head}: {}", escape::text(&error.to_string()));
        for line in error.details() {
            text.push_str("\n  ");
            text.push_str(&escape::text(&line));
        }
        if let Some(hint) = error.hint() {
            let lines = hint.lines().map(escape::text);
            let hint = lines.collect::<Vec<_>>().join("\n");
            text.push_str(&["\n\n", &label("hint", AnsiColor::Cyan), ": ", &hint].concat());
        }
        talk(&text);
    }

    /// Shows what a question is about and asks it, on stderr; only a clear yes is one. However long
    /// the answer takes, the connection to the gateway is looked after meanwhile.
    ///
    /// # Errors
    /// stdin is no terminal, so that nobody can answer.
    pub(crate) async fn confirm(subject: &[String], question: &str) -> Result<bool, Error> {
        for line in subject {
            talk(&format!("  {}", escape::text(line)));
        }
        if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return Err(Error::NeedsYes);
        }
        let mut stderr = anstream::stderr();
        let _ = write!(stderr, "{} [y/N] ", escape::text(question));
        let _ = stderr.flush();
        let answer = tokio::task::spawn_blocking(|| {
            let mut answer = String::new();
            io::stdin().read_line(&mut answer).map(|_| answer)
        });
        let answer = answer.await.context("can't wait for the answer")?;
        let answer = answer.context("can't read the answer")?;
        Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
    }
}

/// A line on stderr. There's nobody to tell if that fails.
fn talk(text: &str) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// How wide the terminal is; `None` where stdout is none.
fn width() -> Option<usize> {
    let is_terminal = io::stdout().is_terminal();
    let size = is_terminal.then(terminal_size::terminal_size).flatten();
    size.map(|(width, _)| usize::from(width.0))
}

/// Whether `stream` gets colour, by `--color`, `NO_COLOR`, `CLICOLOR_FORCE` and what it is.
fn colours(stream: &impl anstream::stream::RawStream) -> bool {
    !matches!(
        anstream::AutoStream::choice(stream),
        anstream::ColorChoice::Never
    )
}
