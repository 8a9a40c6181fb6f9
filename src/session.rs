//! The context of every command: how dgw was called, and the gateway that it talks to.

use std::time::Duration;

use futures_util::future::join_all;

use crate::config::{self, ConfigSelection, Environment, Settings};
use crate::count;
use crate::error::{Error, ExitCode, Failure, UsageError};
use crate::gateway::Gateway;
use crate::output::Printer;
use crate::scheduler::Schedulers;

/// Settings of the command line that replace configured ones.
#[derive(Clone, Debug)]
pub(crate) struct Overrides {
    /// The configuration that counts.
    pub(crate) config: ConfigSelection,
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
            config, address, ..
        } = &self.overrides;
        let settings = config::load(&self.environment, config, address.as_deref())?;
        warn_about_clear_text(&settings, &self.printer);
        self.session_with(settings, self.overrides.clone())
    }

    /// Does the same for commands that need the defaults for new clusters.
    ///
    /// # Errors
    /// The defaults are refused, too.
    pub(crate) fn session_with_defaults(&self) -> Result<Session, Error> {
        let mut session = self.session()?;
        session.settings.check_cluster_options()?;
        Ok(session)
    }

    fn session_with(&self, settings: Settings, overrides: Overrides) -> Result<Session, Error> {
        Ok(Session {
            gateway: Gateway::new(&settings, overrides.request_timeout)?
                .with_address_setting(overrides.address_setting()),
            settings,
            printer: self.printer.clone(),
            overrides,
        })
    }

    /// Returns every gateway by its name: the default one, if it is configured, and the named ones.
    /// Sends nothing yet. A configuration that is refused is an error in the place of its session.
    ///
    /// # Errors
    /// `--config` or `--address` is given, or the named gateways can't be listed.
    pub(crate) fn all_sessions(&self) -> Result<Vec<NamedSession>, Error> {
        let is_path = matches!(self.overrides.config, ConfigSelection::Path(_));
        if is_path || self.overrides.address.is_some() {
            let mistake = "omit `--config` and `--address`: this is about all gateways";
            return Err(UsageError(mistake.to_owned()).into());
        }
        let named = config::gateway_names(&self.environment)?.into_iter();
        let all = [ConfigSelection::Dask]
            .into_iter()
            .chain(named.map(ConfigSelection::Gateway));
        let sessions = all.filter_map(|config| {
            let settings = match config::load(&self.environment, &config, None) {
                Err(config::Error::NoAddress) => return None,
                settings => settings.map_err(Error::from),
            };
            Some(NamedSession {
                name: config.name().unwrap_or_default().to_owned(),
                is_selected: config == self.overrides.config,
                session: settings.and_then(|settings| {
                    let overrides = Overrides {
                        config: config.clone(),
                        ..self.overrides.clone()
                    };
                    self.session_with(settings, overrides)
                }),
            })
        });
        Ok(sessions.collect())
    }

    /// Returns the gateways that `--all-gateways` is about. Sends nothing yet.
    ///
    /// # Errors
    /// The command line selects one gateway, none is configured, or they can't be listed.
    pub(crate) fn sessions_of_all_gateways(&self) -> Result<Vec<NamedSession>, Error> {
        let default = ConfigSelection::of_environment(&self.environment)?;
        if self.overrides.config != default || self.overrides.address.is_some() {
            let mistake = "`--all-gateways` excludes `--gateway`, `--config` and `--address`";
            return Err(UsageError(mistake.to_owned()).into());
        }
        let gateways = self.all_sessions()?;
        if gateways.is_empty() {
            return Err(config::Error::NoAddress.into());
        }
        for session in gateways
            .iter()
            .filter_map(|named| named.session.as_ref().ok())
        {
            warn_about_clear_text(&session.settings, &self.printer);
        }
        Ok(gateways)
    }
}

/// One of several gateways.
pub(crate) struct NamedSession {
    pub(crate) name: String,
    /// True if it is the one that a command without `--gateway` talks to.
    pub(crate) is_selected: bool,
    pub(crate) session: Result<Session, Error>,
}

/// The results of something that was done on each gateway, in their order, or why it failed there.
pub(crate) type GatewayResults<T> = Vec<Result<T, String>>;

/// Does `work` on all `gateways` at the same time.
pub(crate) async fn on_each_gateway<'a, T>(
    gateways: &'a [NamedSession],
    work: impl AsyncFn(&'a NamedSession, &'a Session) -> Result<T, Error>,
) -> GatewayResults<T> {
    let work = &work;
    let results = gateways.iter().map(async |named| match &named.session {
        Ok(session) => work(named, session)
            .await
            .map_err(|error| described(error.as_failure())),
        Err(error) => Err(described(error.as_failure())),
    });
    join_all(results).await
}

/// Returns an error in one line, with its causes.
pub(crate) fn described(failure: &dyn Failure) -> String {
    let details = failure.details();
    if details.is_empty() {
        failure.to_string()
    } else {
        format!("{failure}: {}", details.join("; "))
    }
}

/// Some of several gateways failed.
#[derive(Debug, thiserror::Error)]
#[error("{} of {} failed", .failed.len(), count::of(*.total, "gateway"))]
pub(crate) struct GatewaysFailed {
    total: usize,
    /// Names, and why.
    failed: Vec<(String, String)>,
}

impl GatewaysFailed {
    /// Checks `results`, each with the name of its gateway.
    ///
    /// # Errors
    /// Some are failures.
    pub(crate) fn check<T>(
        results: impl IntoIterator<Item = (String, Result<T, String>)>,
    ) -> Result<(), Self> {
        let results = results.into_iter().collect::<Vec<_>>();
        let total = results.len();
        let failed = results
            .into_iter()
            .filter_map(|(name, result)| Some((name, result.err()?)))
            .collect::<Vec<_>>();
        if failed.is_empty() {
            return Ok(());
        }
        Err(Self { total, failed })
    }
}

impl Failure for GatewaysFailed {
    fn exit_code(&self) -> ExitCode {
        ExitCode::Partly
    }

    fn details(&self) -> Vec<String> {
        let failed = self.failed.iter();
        failed
            .map(|(name, error)| format!("{name}: {error}"))
            .collect()
    }

    fn hint(&self) -> Option<String> {
        let (name, _) = self.failed.first()?;
        Some(format!("`dgw doctor -g {name}` explains how to fix it"))
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
