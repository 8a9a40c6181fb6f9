//! `dgw completions`

use anyhow::Context as _;
use clap::Args;

use crate::cli::complete;
use crate::error::Error;
use crate::output::Printer;
use crate::session::Invocation;

/// Print a shell's completion script
///
/// While you type, dgw asks the gateway for the names of clusters and workers, and for options and
/// their values. A COMMAND after `--` completes as it does without dgw.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw completions bash > ~/.local/share/bash-completion/completions/dgw
  dgw completions zsh > ~/.zfunc/_dgw
  dgw completions fish > ~/.config/fish/completions/dgw.fish")]
pub(crate) struct CompletionsArgs {
    /// Shell to complete in
    shell: Shell,
}

/// The shells that dgw completes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl CompletionsArgs {
    /// Prints a shell's completion script.
    #[expect(clippy::unused_async, reason = "called like every other subcommand")]
    pub(super) async fn run(&self, _: &Invocation) -> Result<(), Error> {
        let shell = match self.shell {
            Shell::Bash => "bash",
            Shell::Zsh => "zsh",
            Shell::Fish => "fish",
        };
        let script = complete::script(shell).context("can't write the completion script")?;
        Ok(Printer::text(&script)?)
    }
}
