//! `dgw`: the command line for Dask Gateway.

mod age;
mod cli;
mod commands;
mod complete;
mod config;
mod dashboard;
mod error;
mod gateway;
mod job;
mod orphans;
mod output;
mod private;
mod scheduler;
#[cfg(test)]
mod strange;

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::cli::Cli;
use crate::output::Printer;

fn main() -> ExitCode {
    complete::answer_shell(Cli::command);
    let done = match Cli::of_process() {
        Ok(cli) => commands::run(&cli, &Printer::new(cli.global.output_options())),
        Err(mistake) if mistake.use_stderr() => mistake.exit(),
        Err(help) => Printer::help(&help),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            Printer::print_error(&error);
            ExitCode::from(error.exit_status())
        }
    }
}
