//! `dgw completions`

use anyhow::Context as _;

use crate::cli::CompletionsArgs;
use crate::complete;
use crate::error::Error;
use crate::output::Printer;

/// Prints a shell's completion script.
pub(super) fn run(args: &CompletionsArgs) -> Result<(), Error> {
    let script = complete::script(args.shell.name()).context("can't put the script together")?;
    Ok(Printer::text(&script)?)
}
