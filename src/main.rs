//! `dgw`: the command line for Dask Gateway.

mod attach;
mod cli;
mod commands;
mod config;
mod count;
mod dashboard;
mod duration;
mod error;
mod gateway;
#[cfg(test)]
mod hostile;
mod job;
mod lifecycle;
mod observed;
mod orphans;
mod output;
mod private;
mod scheduler;
mod session;
mod signals;
mod top;

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::commands::Cli;
use crate::output::Printer;

fn main() -> ExitCode {
    cli::complete::answer_shell(Cli::command);
    let done = match Cli::from_process() {
        Ok(cli) => commands::run(&cli),
        Err(mistake) if mistake.use_stderr() => mistake.exit(),
        Err(help) => Printer::help(&help).map_err(Into::into),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            Printer::print_error(error.as_failure());
            ExitCode::from(error.as_failure().exit_code().status())
        }
    }
}
