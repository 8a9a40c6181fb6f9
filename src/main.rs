//! `dgw`: the command line for Dask Gateway.

mod accept;
mod attach;
mod capture;
mod cli;
mod commands;
mod config;
mod count;
mod dashboard;
mod descriptors;
mod duration;
mod error;
#[cfg(any(test, fuzzing))]
mod fuzzed;
mod gateway;
#[cfg(test)]
mod hostile;
mod job;
mod lifecycle;
mod observed;
mod orphans;
mod output;
mod packages;
mod private;
mod scheduler;
mod session;
mod signals;
mod similar;
mod thread;
mod top;
mod workers;

use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use clap::CommandFactory as _;

use crate::commands::{Cli, NotRun};
use crate::error::Panic;
use crate::output::Printer;

fn main() -> ExitCode {
    private::forbid_core_dumps();
    cli::complete::answer_shell(Cli::command);
    Panic::record();
    let (done, is_for_eval) = match Cli::from_process() {
        Ok(cli) => {
            let done = panic::catch_unwind(AssertUnwindSafe(|| commands::run(&cli)));
            let done = done.unwrap_or_else(|_| Err(Panic::recorded().into()));
            (done, cli.is_for_eval())
        }
        Err(NotRun::Help { help, is_for_eval }) => {
            let printed = Printer::help(&help, is_for_eval);
            (printed.map_err(Into::into), false)
        }
        Err(NotRun::Mistake { error, is_for_eval }) => (Err(error), is_for_eval),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let status = error.as_failure().exit_code().status();
            Printer::print_error(error.as_failure());
            if is_for_eval && status != 0 {
                // Nothing else can be done if stdout is closed.
                let _ = Printer::text(&attach::failing_code(status));
            }
            ExitCode::from(status)
        }
    }
}
