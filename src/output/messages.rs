//! Messages on stderr: notes, warnings, errors.

use std::io::{self, IsTerminal as _};

use anstyle::AnsiColor;

use super::escape;
use super::printer::Printer;
use super::progress::Progress;
use super::stderr::print_line;
use super::stdout::is_discarded;
use super::suggested_gateway::{in_hint, in_message};
use super::terminal::label;
use crate::error::Failure;

impl Printer {
    /// Prints the name of a new cluster on stderr too, even with `-q`, where stdout is lost.
    pub(crate) fn repeat_name_on_stderr(name: &str) {
        if is_discarded() {
            Self::note_always(&format!(
                "stdout is not connected: the new cluster is {name}; shut it down with `dgw \
                 shutdown {name}`"
            ));
        }
    }

    /// Prints what dgw did or does next. Silent with `-q`.
    pub(crate) fn note(&self, text: &str) {
        if !self.output_options.quiet {
            Self::note_always(text);
        }
    }

    /// Prints advice that is of no use to a script, on a terminal only. Silent with `-q`.
    pub(crate) fn advise(&self, text: &str) {
        if !self.output_options.quiet && io::stderr().is_terminal() {
            let head = label("hint", AnsiColor::Cyan);
            print_line(&format!("{head}: {}", escape::text(&in_hint(text))));
        }
    }

    /// Prints something that the user should know though all went well. Silent with `-q`.
    pub(crate) fn warn(&self, text: &str) {
        if !self.output_options.quiet {
            Self::warn_always(text);
        }
    }

    /// Prints something that the user must know, even with `-q`: a cluster that may be left behind,
    /// something that was not done.
    pub(crate) fn warn_always(text: &str) {
        let head = label("warning", AnsiColor::Yellow);
        print_line(&format!("{head}: {}", escape::message(&in_message(text))));
    }

    /// Prints a result where stdout belongs to another program, or what an option requested, even
    /// with `-q`.
    pub(crate) fn note_always(text: &str) {
        print_line(&escape::text(&in_message(text)));
    }

    /// Starts the display of a wait.
    pub(crate) fn progress(&self, phase: &str) -> Progress {
        Progress::start(phase, self.output_options.quiet, self.is_verbose())
    }

    /// Prints clap's own explanation of a mistake on the command line.
    pub(crate) fn print_mistake(mistake: &clap::Error) {
        // A failure can't be reported anywhere.
        let _ = mistake.print();
    }

    /// Prints why a command failed, even with `-q`: the message, the details and the hint.
    pub(crate) fn print_error(error: &dyn Failure) {
        if error.is_silent() {
            return;
        }
        let head = if error.is_warning() {
            label("warning", AnsiColor::Yellow)
        } else {
            label("error", AnsiColor::Red)
        };
        let mut text = format!(
            "{head}: {}",
            escape::message(&in_message(&error.to_string()))
        );
        for line in error.details() {
            text.push_str("\n  ");
            text.push_str(&escape::message(&in_message(&line)));
        }
        if let Some(hint) = error.hint() {
            let hint = in_hint(&hint);
            let lines = hint.lines().map(escape::message);
            let hint = lines.collect::<Vec<_>>().join("\n");
            text.push_str(&["\n\n", &label("hint", AnsiColor::Cyan), ": ", &hint].concat());
        }
        print_line(&text);
    }
}
