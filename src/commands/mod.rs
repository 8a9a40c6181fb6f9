//! One file a subcommand, each one `run`.

mod account;
mod adapt;
mod browser;
mod child;
mod completions;
mod condition;
mod connect;
mod connection;
mod dashboard;
mod doctor;
mod ending;
mod export;
mod here;
mod interrupt;
mod keep;
mod list;
mod login;
mod logs;
mod new;
mod options;
mod orphans;
mod private_folder;
mod probing;
mod protection;
mod relay;
mod run;
mod scale;
mod selection;
mod serve;
mod show;
mod shutdown;
mod start;
mod started;
mod top;
mod wait;
mod waiting;

use std::time::Duration;

use anyhow::Context as _;

use crate::cli::{Cli, Command, GatewayCommand, GlobalArgs, ProbeArgs};
use crate::config::{self, Credentials, Environment, Settings};
use crate::error::Error;
use crate::gateway::{self, Gateway};
use crate::output::Printer;
use crate::scheduler::Schedulers;

/// Does what the command line says.
///
/// # Errors
/// Whatever ends the process with another status than 0.
pub(crate) fn run(cli: &Cli, printer: &Printer) -> Result<(), Error> {
    let global = &cli.global;
    let environment = Environment::from_process();
    let done = match &cli.command {
        Command::Completions(args) => completions::run(args),
        Command::Login(args) => wait_for(login::run(args, global, &environment, printer)),
        Command::Doctor(_) => wait_for(doctor::run(global, &environment, printer)),
        // What is on this machine is ended here, whatever has become of the gateway.
        Command::OnGateway(GatewayCommand::Connect(args)) if args.unexport => {
            export::end(args, printer)
        }
        Command::OnGateway(command) => on_gateway(command, global, &environment, printer),
    };
    match done {
        Err(Error::Gateway(error)) if global.address.is_some() => Err(Error::AtNamed(error)),
        done => done,
    }
}

fn on_gateway(
    command: &GatewayCommand,
    global: &GlobalArgs,
    environment: &Environment,
    printer: &Printer,
) -> Result<(), Error> {
    let settings = config::load(
        environment,
        global.config.as_deref(),
        global.address.as_deref(),
    )?;
    warn_of_clear_text(&settings, printer);
    let gateway = Gateway::new(&settings, global.request_timeout)?;
    wait_for(async {
        let done = match command {
            GatewayCommand::List(args) => list::run(args, &gateway, printer).await,
            GatewayCommand::Show(args) => show::run(args, &gateway, printer).await,
            GatewayCommand::Top(args) => top::run(args, &gateway, printer).await,
            GatewayCommand::Logs(args) => logs::run(args, &gateway, printer).await,
            GatewayCommand::New(args) => new::run(args, &settings, &gateway, printer).await,
            GatewayCommand::Run(args) => {
                Box::pin(run::run(args, &settings, &gateway, printer)).await
            }
            GatewayCommand::Connect(args) => {
                connect::run(args, global, &settings, &gateway, printer).await
            }
            GatewayCommand::Scale(args) => scale::run(args, &gateway, printer).await,
            GatewayCommand::Adapt(args) => adapt::run(args, &gateway, printer).await,
            GatewayCommand::Shutdown(args) => shutdown::run(args, &gateway, printer).await,
            GatewayCommand::Keep(args) => keep::run(args, &gateway, printer).await,
            GatewayCommand::Wait(args) => wait::run(args, &gateway, printer).await,
            GatewayCommand::Dashboard(args) => {
                dashboard::run(args, &settings, &gateway, printer).await
            }
            GatewayCommand::Relay(args) => relay::run(args, &gateway).await,
            GatewayCommand::Options(_) => options::run(&settings, &gateway, printer).await,
        };
        match done {
            Err(Error::Gateway(error)) => Err(gateway.told_apart(error).await.into()),
            done => done,
        }
    })
}

fn wait_for(work: impl Future<Output = Result<(), Error>>) -> Result<(), Error> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("can't start the asynchronous runtime")?;
    let done = runtime.block_on(work);
    // A look-up of a host's name can't be called off, nor can a line that nobody types: nobody
    // waits for them.
    runtime.shutdown_background();
    done
}

/// `error`, or where the gateway is that was meant, if one answers on the hub whose address it is.
async fn or_elsewhere(error: gateway::Error, gateway: &Gateway) -> Error {
    use gateway::{AuthFailure, Error as E};
    let is_other_page = match &error {
        E::NotGateway { .. } => true,
        E::Authentication(trouble) => matches!(**trouble, AuthFailure::LoginPage { .. }),
        _ => false,
    };
    if is_other_page && let Some(address) = gateway.behind_hub().await {
        let source = error;
        return Error::Elsewhere { source, address };
    }
    error.into()
}

/// The way to the schedulers behind `gateway`, as the command line asks for it.
fn schedulers(gateway: &Gateway, probe: &ProbeArgs) -> Schedulers {
    patient_schedulers(gateway, probe.probe_timeout)
}

fn patient_schedulers(gateway: &Gateway, patience: Duration) -> Schedulers {
    Schedulers::new(
        gateway.http(),
        gateway.base_url().to_owned(),
        gateway.scheduler_proxy().to_owned(),
        patience,
    )
}

/// Some sites have nothing but `http://`: it's allowed, and said each time.
fn warn_of_clear_text(settings: &Settings, printer: &Printer) {
    if settings.secret_goes_in_clear() {
        let secret = match settings.credentials {
            Credentials::Basic { .. } => "password",
            Credentials::JupyterHub { .. } => "token",
            Credentials::Kerberos => "Kerberos token",
        };
        printer.warn(&format!(
            "your {secret} goes to `{}` unencrypted: `gateway.address` is http://",
            settings.address.host()
        ));
    }
}

/// So many clusters, in words.
fn counted(clusters: usize) -> String {
    match clusters {
        1 => "1 cluster".to_owned(),
        several => format!("{several} clusters"),
    }
}
