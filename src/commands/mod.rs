//! One file a subcommand, each one `run`.

mod adapt;
mod completions;
mod connect;
mod dashboard;
mod interrupt;
mod list;
mod new;
mod options;
mod scale;
mod selection;
mod show;
mod shutdown;
mod started;
mod waiting;

use anyhow::Context as _;

use crate::cli::{Cli, Command, Probe};
use crate::config::{self, Credentials, Environment, Settings};
use crate::error::Error;
use crate::gateway::Gateway;
use crate::output::Printer;
use crate::scheduler::Schedulers;

/// Does what the command line says.
///
/// # Errors
/// Whatever ends the process with another status than 0.
pub(crate) fn run(cli: &Cli, printer: &Printer) -> Result<(), Error> {
    if let Command::Completions(args) = &cli.command {
        return completions::run(args);
    }
    let global = &cli.global;
    let environment = Environment::of_process();
    let settings = config::load(
        &environment,
        global.config.as_deref(),
        global.address.as_deref(),
    )?;
    warn_of_clear_text(&settings, printer);
    let gateway = Gateway::new(&settings, global.request_timeout)?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("can't start the asynchronous runtime")?
        .block_on(dispatch(&cli.command, &settings, &gateway, printer))
}

async fn dispatch(
    command: &Command,
    settings: &Settings,
    gateway: &Gateway,
    printer: &Printer,
) -> Result<(), Error> {
    match command {
        Command::List(args) => list::run(args, gateway, printer).await,
        Command::Show(args) => show::run(args, gateway, printer).await,
        Command::New(args) => new::run(args, settings, gateway, printer).await,
        Command::Connect(args) => connect::run(args, settings, gateway, printer).await,
        Command::Scale(args) => scale::run(args, gateway, printer).await,
        Command::Adapt(args) => adapt::run(args, gateway, printer).await,
        Command::Shutdown(args) => shutdown::run(args, gateway, printer).await,
        Command::Dashboard(args) => dashboard::run(args, gateway, printer).await,
        Command::Options(_) => options::run(settings, gateway, printer).await,
        Command::Completions(args) => completions::run(args),
    }
}

/// The way to the schedulers behind `gateway`, as the command line asks for it.
fn schedulers(gateway: &Gateway, probe: &Probe) -> Schedulers {
    Schedulers::new(
        gateway.http(),
        gateway.base().to_owned(),
        gateway.scheduler_proxy().to_owned(),
        probe.probe_timeout,
    )
}

/// Some sites have nothing but `http://`: it's allowed, and said each time.
fn warn_of_clear_text(settings: &Settings, printer: &Printer) {
    if settings.address.is_in_clear() {
        let secret = match settings.credentials {
            Credentials::Basic { .. } => "password",
            Credentials::JupyterHub { .. } => "token",
        };
        printer.warn(&format!(
            "your {secret} goes to `{}` unencrypted: `gateway.address` is http://",
            settings.address.host()
        ));
    }
}
