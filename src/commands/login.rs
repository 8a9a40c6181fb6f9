//! `dgw login`

use std::time::Duration;

use clap::Args;

use crate::config::{self, Address, Credentials, UserFile, WrittenFile};
use crate::error::{Error, ExitCode, Failure, UsageError};
use crate::gateway::{self, AuthMethod, Gateway};
use crate::output::{Echo, Printer};
use crate::scheduler::{ProxyKind, SchedulerError, probe_proxy};
use crate::session::{Invocation, Overrides, warn_about_clear_text};
use crate::signals::Interrupts;

/// The note after the prompt for a secret.
const HIDDEN_INPUT: &str = " (input is hidden)";

/// How long the scheduler proxy has to respond: nothing depends on it yet.
const PROBE_LIMIT: Duration = Duration::from_secs(5);

/// Log in to a gateway and save the credentials
///
/// dgw asks the gateway which authentication it requires, and then asks you for a token, or for a
/// user name and a password. On a terminal it does not show secrets as you type them; otherwise it
/// reads them from a line on stdin. dgw tests the credentials and saves them in
/// ~/.config/dask/gateway.yaml with mode 600, where dask's Python client finds them too. It keeps
/// other keys and comments in that file; if anything fails, it leaves the file unchanged. If the
/// gateway accepts Kerberos tickets, a dgw that is built with Kerberos tests yours and asks for
/// nothing.
///
/// The gateway is that of --address, or else the configured one. --config names another file or
/// directory; --gateway NAME is for a further gateway, whose address and credentials dgw saves in
/// ~/.config/dask/gateways/NAME.yaml. `dgw list -g NAME` uses it then, as does every other command.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw login --address https://hub.example.org/services/dask-gateway
  dgw login -g work --address https://gateway.example.org
  dgw login --force
  pass show dask-gateway | dgw login --address https://gateway.example.org --username ada")]
pub(crate) struct LoginArgs {
    /// Overwrite the token, password or address in the file
    #[arg(long)]
    force: bool,

    /// User name, for a gateway that requires one; dgw asks for it on a terminal
    ///
    /// Elsewhere the default is the configured user name, or else that of your account here.
    #[arg(long, value_name = "NAME")]
    username: Option<String>,

    /// Address of the scheduler proxy, which programs connect through
    ///
    /// Needed if that is not the gateway's own address; dgw asks for it on a terminal. dgw tries it and
    /// saves it as gateway.proxy-address.
    #[arg(long, value_name = "HOST:PORT", value_parser = host_and_port)]
    proxy_address: Option<String>,
}

/// Parses the address of a scheduler proxy, with or without dask's scheme.
fn host_and_port(text: &str) -> Result<String, &'static str> {
    let address = text.split_once("://").map_or(text, |(_, rest)| rest);
    match address.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
            Ok(address.to_owned())
        }
        _ => Err("it must be HOST:PORT"),
    }
}

/// Why a login failed.
#[derive(Debug, thiserror::Error)]
enum LoginError {
    /// The gateway does not accept the credentials that were typed.
    #[error(transparent)]
    Refused(gateway::Error),
    #[error("the gateway requires {0} authentication, which dgw does not support")]
    Unsupported(String),
    #[error("the gateway requires Kerberos authentication, but this dgw is built without it")]
    WithoutKerberos,
    #[error("the gateway at `{0}` needs no authentication, so there is nothing to save")]
    NoAuthentication(String),
}

impl Failure for LoginError {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Refused(error) => error.exit_code(),
            Self::Unsupported(_) | Self::WithoutKerberos => ExitCode::Permission,
            Self::NoAuthentication(_) => ExitCode::Other,
        }
    }

    fn details(&self) -> Vec<String> {
        match self {
            Self::Refused(error) => error.details(),
            _ => Vec::new(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Refused(error) => {
                let next = error.hint_at_prompt();
                let next = next.map_or_else(String::new, |next| format!(": {next}"));
                Some(format!("nothing was saved{next}"))
            }
            Self::WithoutKerberos => Some(config::WITH_KERBEROS.to_owned()),
            Self::Unsupported(_) | Self::NoAuthentication(_) => None,
        }
    }
}

impl LoginArgs {
    /// Gets credentials for a gateway, tests them, and saves them in the user's configuration.
    pub(super) async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
        let Invocation {
            environment,
            overrides,
            printer,
        } = invocation;
        let file = UserFile::read(environment, &overrides.config)?
            .with_scheduler_proxy(self.proxy_address.clone());
        let mut interrupts = Interrupts::listen()?;
        let work = async {
            let address = gateway_address(&file, overrides).await?;
            if !self.force {
                file.refuse_overwriting(&address)?;
            }
            let (credentials, gateway) = self
                .credentials(&file, &address, overrides, printer)
                .await?;
            gateway.options().await.map_err(LoginError::Refused)?;
            let (user, proxy) = tokio::join!(
                authenticated_user(&credentials, &gateway, overrides),
                probe_proxy(
                    gateway.scheduler_proxy(),
                    PROBE_LIMIT.min(overrides.request_timeout)
                )
            );
            let proxy = (gateway.scheduler_proxy().to_owned(), proxy);
            Ok::<_, Error>((address, credentials, user, proxy))
        };
        let (address, credentials, user, (proxy, kind)) =
            interrupts.run("nothing was saved", work).await?;
        // From here on signals have no effect: the file is written, or it is not.
        let written = file.write(&address, &credentials)?;
        report(&written, &address, user.as_deref(), printer);
        let needs_proxy = kind.is_err() && Printer::can_ask();
        report_proxy(&proxy, kind, printer);
        if !needs_proxy {
            return Ok(());
        }
        let work = ask_for_proxy(PROBE_LIMIT.min(overrides.request_timeout), printer);
        let proxy = interrupts
            .run("the credentials were saved, another address was not", work)
            .await?;
        if proxy.is_some() {
            let file = UserFile::read(environment, &overrides.config)?;
            let file = file.with_scheduler_proxy(proxy);
            let path = file.write(&address, &credentials)?.path;
            printer.note(&format!("saved the address in `{}`", path.display()));
        }
        Ok(())
    }

    /// Gets credentials of the kind that the gateway requires, and a client that sends them.
    async fn credentials(
        &self,
        file: &UserFile<'_>,
        address: &Address,
        overrides: &Overrides,
        printer: &Printer,
    ) -> Result<(Credentials, Gateway), Error> {
        let timeout = overrides.request_timeout;
        let setting = overrides.address_setting();
        let anonymous = Gateway::anonymous(address, &file.http_proxy()?, timeout)?
            .with_address_setting(setting);
        let method = anonymous.auth_method().await?;
        let url = address.as_str();
        // Placeholders show whether the file can be changed, and whether the secret is sent in clear.
        let (placeholder, introduction) = match &method {
            AuthMethod::JupyterHub => (
                config::token("x")?,
                format!(
                    "the gateway at `{url}` accepts tokens of its JupyterHub: create one {}",
                    gateway::token_page(url)
                ),
            ),
            AuthMethod::Basic => (
                config::basic("x", "")?,
                format!("the gateway at `{url}` accepts a user name and a password"),
            ),
            AuthMethod::Kerberos if !cfg!(feature = "kerberos") => {
                return Err(LoginError::WithoutKerberos.into());
            }
            AuthMethod::Kerberos => {
                let principal = gateway::principal(timeout).await;
                let principal =
                    principal.map_or_else(String::new, |name| format!("; yours is for `{name}`"));
                (
                    Credentials::Kerberos,
                    format!("the gateway at `{url}` accepts Kerberos tickets{principal}"),
                )
            }
            AuthMethod::Other(name) => return Err(LoginError::Unsupported(name.clone()).into()),
            AuthMethod::Nothing => return Err(LoginError::NoAuthentication(url.to_owned()).into()),
        };
        file.check(address, &placeholder)?;
        warn_about_clear_text(&file.settings(address, placeholder)?, printer);
        if Printer::can_ask() {
            printer.note(&introduction);
        }
        let credentials = match method {
            AuthMethod::Kerberos => Credentials::Kerberos,
            AuthMethod::JupyterHub => {
                config::token(&Printer::ask("token", HIDDEN_INPUT, Echo::Off).await?)?
            }
            _ => {
                let username = self.username(file).await?;
                let password = Printer::ask("password", HIDDEN_INPUT, Echo::Off).await?;
                config::basic(&username, &password)?
            }
        };
        let settings = file.settings(address, credentials.clone())?;
        let gateway = Gateway::new(&settings, timeout)?.with_address_setting(setting);
        Ok((credentials, gateway))
    }

    async fn username(&self, file: &UserFile<'_>) -> Result<String, Error> {
        if let Some(username) = &self.username {
            return Ok(username.clone());
        }
        let default = file.username();
        if !Printer::can_ask() {
            let missing = "no user name: set it with `--username`";
            return Ok(default.ok_or_else(|| UsageError(missing.to_owned()))?);
        }
        let note = default
            .as_ref()
            .map_or_else(String::new, |default| format!(" [{default}]"));
        let typed = Printer::ask("user name", &note, Echo::On).await?;
        match (typed.trim(), default) {
            ("", Some(default)) => Ok(default),
            (typed, _) => Ok(typed.to_owned()),
        }
    }
}

/// Returns the gateway's address; asks for it if nothing names it and someone can be asked.
async fn gateway_address(file: &UserFile<'_>, overrides: &Overrides) -> Result<Address, Error> {
    match file.address(overrides.address.as_deref()) {
        Err(config::Error::NoAddress) if Printer::can_ask() => {
            let what = "address of the gateway";
            let typed = Printer::ask(what, "", Echo::On).await?;
            let address = Address::parse(typed.trim());
            Ok(address.map_err(|problem| config::Error::Typed { what, problem })?)
        }
        address => Ok(address?),
    }
}

/// Returns the user that the gateway authenticates, if it is known.
async fn authenticated_user(
    credentials: &Credentials,
    gateway: &Gateway,
    overrides: &Overrides,
) -> Option<String> {
    match credentials {
        Credentials::Basic { username, .. } => Some(username.clone()),
        Credentials::JupyterHub { token } => gateway.hub_user(token).await,
        Credentials::Kerberos => gateway::principal(overrides.request_timeout).await,
        Credentials::Withheld { .. } => None,
    }
}

/// Asks for the address of the scheduler proxy until one responds, or none is typed.
async fn ask_for_proxy(limit: Duration, printer: &Printer) -> Result<Option<String>, Error> {
    loop {
        let what = "address of the scheduler proxy";
        let note = " (HOST:PORT, or Enter to go on without it)";
        let typed = Printer::ask(what, note, Echo::On).await?;
        if typed.trim().is_empty() {
            return Ok(None);
        }
        let address = match host_and_port(typed.trim()) {
            Ok(address) => address,
            Err(problem) => {
                Printer::warn_always(&format!("the address can't be used: {problem}"));
                continue;
            }
        };
        let kind = probe_proxy(&address, limit).await;
        let responds = kind.is_ok();
        report_proxy(&address, kind, printer);
        if responds {
            return Ok(Some(address));
        }
    }
}

/// Warns if programs can't connect to clusters: the gateway may have its scheduler proxy elsewhere.
fn report_proxy(proxy: &str, kind: Result<ProxyKind, SchedulerError>, printer: &Printer) {
    const ELSEWHERE: &str = "ask the gateway's administrators for its address, and save it \
                             with `dgw login --force --proxy-address HOST:PORT`";
    match kind {
        Ok(ProxyKind::Gateways) => {}
        Ok(ProxyKind::Other) => printer.note(&format!(
            "`{proxy}` speaks TLS, but not as the gateway's scheduler proxy does; if `dgw connect` \
             fails, {ELSEWHERE}"
        )),
        Err(error) => Printer::warn_always(&format!(
            "programs can't connect to this gateway's clusters: {error}; {ELSEWHERE}"
        )),
    }
}

fn report(written: &WrittenFile, address: &Address, user: Option<&str>, printer: &Printer) {
    let path = written.path.display();
    let old_mode = match written.old_mode {
        Some(mode) if mode != 0o600 => format!("; it was {mode:03o}"),
        _ => String::new(),
    };
    let user = user.map_or_else(String::new, |user| format!(" as `{user}`"));
    printer.note(&format!("logged in to `{}`{user}", address.as_str()));
    printer.note(&format!(
        "saved the credentials in `{path}` (mode 600{old_mode})"
    ));
    if written.was_exposed {
        Printer::warn_always(
            "the previous secret was readable by others: make sure that it is revoked",
        );
    }
    for (key, source) in &written.overridden {
        Printer::warn_always(&format!(
            "`{key}` ({source}) overrides what was saved: remove it"
        ));
    }
    for (key, source) in &written.left_over {
        Printer::warn_always(&format!(
            "`{key}` ({source}) is still set: check that it belongs to this gateway"
        ));
    }
}
