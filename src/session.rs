//! The context of every command: how dgw was called, and the gateway that it talks to.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::{self, Environment, Settings};
use crate::error::Error;
use crate::gateway::Gateway;
use crate::output::Printer;
use crate::scheduler::Schedulers;

/// Settings of the command line that replace configured ones.
#[derive(Clone, Debug)]
pub(crate) struct Overrides {
    /// The file or directory that replaces the user's configuration.
    pub(crate) config: Option<PathBuf>,
    /// The gateway's address.
    pub(crate) address: Option<String>,
    /// The time limit of a single request.
    pub(crate) request_timeout: Duration,
}

impl Overrides {
    /// Returns the setting that the gateway's address comes from, for hints.
    pub(crate) fn address_setting(&self) -> &'static str {
        if self.address.is_some() {
            "--address"
        } else {
            "gateway.address"
        }
    }
}

/// How dgw was called, before anything is read or sent.
pub(crate) struct Invocation {
    pub(crate) environment: Environment,
    pub(crate) overrides: Overrides,
    pub(crate) printer: Printer,
}

/// A configured gateway, for the commands that need one.
pub(crate) struct Session {
    pub(crate) settings: Settings,
    pub(crate) gateway: Gateway,
    pub(crate) printer: Printer,
    pub(crate) overrides: Overrides,
}

impl Invocation {
    /// Reads the configuration and sets up a client for its gateway. Sends nothing yet.
    ///
    /// # Errors
    /// The configuration is refused, or no client can be made of it.
    pub(crate) fn session(&self) -> Result<Session, Error> {
        let Overrides {
            config,
            address,
            request_timeout,
        } = &self.overrides;
        let settings = config::load(&self.environment, config.as_deref(), address.as_deref())?;
        warn_about_clear_text(&settings, &self.printer);
        Ok(Session {
            gateway: Gateway::new(&settings, *request_timeout)?
                .with_address_setting(self.overrides.address_setting()),
            settings,
            printer: self.printer.clone(),
            overrides: self.overrides.clone(),
        })
    }
}

impl Session {
    /// Returns the same session for results that replace each other on a terminal.
    pub(crate) fn in_series(self) -> Self {
        Self {
            printer: self.printer.in_series(),
            ..self
        }
    }

    /// Creates the client for the schedulers behind the gateway; `timeout` limits each request to
    /// one of them.
    pub(crate) fn schedulers(&self, timeout: Duration) -> Schedulers {
        Schedulers::behind(&self.gateway, timeout)
    }
}

/// Warns each time that a secret is sent over `http://`: some sites have nothing else.
pub(crate) fn warn_about_clear_text(settings: &Settings, printer: &Printer) {
    if settings.secret_goes_in_clear() {
        let secret = settings.credentials.secret_name();
        printer.warn(&format!(
            "dgw sends your {secret} to `{}` unencrypted, because the gateway's address is http://",
            settings.address.host()
        ));
    }
}
