//! `dgw`: the command line for Dask Gateway.

mod activity;
mod age;
mod cli;
mod commands;
mod complete;
mod config;
mod dashboard;
mod error;
mod gateway;
mod job;
mod output;
mod scheduler;

use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::cli::Cli;
use crate::output::Printer;

fn main() -> ExitCode {
    complete::answer_shell(Cli::command);
    let cli = Cli::of_process();
    let printer = Printer::new(cli.global.manner());
    match commands::run(&cli, &printer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            Printer::failure(&error);
            ExitCode::from(error.exit_status())
        }
    }
}
