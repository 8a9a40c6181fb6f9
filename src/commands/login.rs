//! `dgw login`

use super::interrupt::Interrupts;
use crate::cli::{GlobalArgs, LoginArgs};
use crate::config::{self, Address, Credentials, Environment, UserFile, WrittenFile};
use crate::error::{self, Error};
use crate::gateway::{self, AuthMethod, Gateway};
use crate::output::{Echo, Printer};

/// What is said of a secret that is asked for.
const UNSEEN: &str = " (it isn't shown)";

/// Gets credentials for a gateway, tries them, and keeps them in the user's configuration.
pub(super) async fn run(
    args: &LoginArgs,
    global: &GlobalArgs,
    environment: &Environment,
    printer: &Printer,
) -> Result<(), Error> {
    let draft = UserFile::read(environment, global.config.as_deref())?;
    let mut interrupts = Interrupts::listen()?;
    let work = async {
        let address = address(&draft, global).await?;
        if !args.force {
            draft.refuse_overwriting(&address)?;
        }
        let (credentials, gateway) = obtain(args, global, &draft, &address, printer).await?;
        if let Err(error) = gateway.options().await {
            return Err(Error::Untaken(gateway.told_apart(error).await));
        }
        let who = who(&credentials, &gateway, global).await;
        Ok((address, credentials, who))
    };
    let (address, credentials, who) = tokio::select! {
        done = work => done?,
        signal = interrupts.next() => {
            let note = "nothing was written".to_owned();
            return Err(Error::Interrupted { signal, note });
        }
    };
    // From here on signals wait: the file is written, or it isn't.
    let written = draft.write(&address, &credentials)?;
    report(&written, &address, who.as_deref(), printer);
    Ok(())
}

/// The gateway's address; asked for where nothing names it and somebody can be asked.
async fn address(draft: &UserFile<'_>, global: &GlobalArgs) -> Result<Address, Error> {
    match draft.address(global.address.as_deref()) {
        Err(config::Error::NoAddress) if Printer::can_ask() => {
            let what = "address of the gateway";
            let typed = Printer::ask(what, "", Echo::On).await?;
            let address = Address::parse(typed.trim());
            Ok(address.map_err(|problem| config::Error::Typed { what, problem })?)
        }
        address => Ok(address?),
    }
}

/// Credentials of the kind that the gateway wants, and a client that sends them.
async fn obtain(
    args: &LoginArgs,
    global: &GlobalArgs,
    draft: &UserFile<'_>,
    address: &Address,
    printer: &Printer,
) -> Result<(Credentials, Gateway), Error> {
    let stranger = Gateway::anonymous(address, &draft.http_proxy()?, global.request_timeout)?;
    let wanted = match stranger.wanted_authentication().await {
        Ok(wanted) => wanted,
        Err(error) => return Err(super::or_elsewhere(error, &stranger).await),
    };
    // Something to find out with whether the file can be changed, and how the secret travels.
    let (blank, says) = match &wanted {
        AuthMethod::JupyterHub => (
            config::token("x")?,
            format!(
                "the gateway at `{}` takes tokens of its JupyterHub: make one {}",
                address.as_str(),
                error::token_page(address.as_str())
            ),
        ),
        AuthMethod::Basic => (
            config::basic("x", "")?,
            format!(
                "the gateway at `{}` takes a user name and a password",
                address.as_str()
            ),
        ),
        AuthMethod::Kerberos if !cfg!(feature = "kerberos") => return Err(Error::WithoutKerberos),
        AuthMethod::Kerberos => {
            let principal = gateway::principal(global.request_timeout).await;
            let yours = principal.map_or_else(String::new, |name| format!(", yours is `{name}`'s"));
            let address = address.as_str();
            (
                Credentials::Kerberos,
                format!("the gateway at `{address}` takes Kerberos tickets{yours}"),
            )
        }
        AuthMethod::Other(name) => return Err(Error::Unsupported(name.clone())),
        AuthMethod::Nothing => return Err(Error::NoAuthentication(address.as_str().to_owned())),
    };
    draft.check(address, &blank)?;
    super::warn_of_clear_text(&draft.settings(address, blank)?, printer);
    if Printer::can_ask() {
        printer.note(&says);
    }
    let credentials = match wanted {
        AuthMethod::Kerberos => Credentials::Kerberos,
        AuthMethod::JupyterHub => config::token(&Printer::ask("token", UNSEEN, Echo::Off).await?)?,
        _ => {
            let username = username(args, draft).await?;
            let password = Printer::ask("password", UNSEEN, Echo::Off).await?;
            config::basic(&username, &password)?
        }
    };
    let settings = draft.settings(address, credentials.clone())?;
    let gateway = Gateway::new(&settings, global.request_timeout)?;
    Ok((credentials, gateway))
}

async fn username(args: &LoginArgs, draft: &UserFile<'_>) -> Result<String, Error> {
    if let Some(username) = &args.username {
        return Ok(username.clone());
    }
    let known = draft.username();
    if !Printer::can_ask() {
        return known.ok_or_else(|| {
            Error::Usage("say who you are: `--username` is needed here".to_owned())
        });
    }
    let note = known.as_ref().map(|known| format!(" [{known}]"));
    let typed = Printer::ask("user name", &note.unwrap_or_default(), Echo::On).await?;
    match (typed.trim(), known) {
        ("", Some(known)) => Ok(known),
        (typed, _) => Ok(typed.to_owned()),
    }
}

/// For whom the gateway takes one, where that is known.
async fn who(credentials: &Credentials, gateway: &Gateway, global: &GlobalArgs) -> Option<String> {
    match credentials {
        Credentials::Basic { username, .. } => Some(username.clone()),
        Credentials::JupyterHub { token } => gateway.hub_user(token).await,
        Credentials::Kerberos => gateway::principal(global.request_timeout).await,
    }
}

fn report(written: &WrittenFile, address: &Address, who: Option<&str>, printer: &Printer) {
    let path = written.path.display();
    let mode = match written.old_mode {
        Some(mode) if mode != 0o600 => format!(" (it was {mode:03o})"),
        _ => String::new(),
    };
    let who = who.map_or_else(String::new, |who| format!("as `{who}` "));
    printer.note(&format!("you are logged in {who}at `{}`", address.as_str()));
    printer.note(&format!("`{path}` is written, with mode 600{mode}"));
    if written.was_exposed {
        Printer::warn_always(
            "others could read the secret that was there before: see that it is revoked",
        );
    }
    for (key, source) in &written.overridden {
        Printer::warn_always(&format!(
            "`{key}` ({source}) goes over what was written: take that away"
        ));
    }
    for (key, source) in &written.left_over {
        Printer::warn_always(&format!(
            "`{key}` ({source}) is still set: check whether it belongs to this gateway"
        ));
    }
}
