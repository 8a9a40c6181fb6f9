//! `dgw gateways`

use std::time::Instant;

use clap::Args;
use futures_util::future::join_all;

use crate::config::Credentials;
use crate::count;
use crate::error::{Error, ExitCode, Failure};
use crate::gateway::{self, Status};
use crate::output::{GatewayResponse, GatewayRow, gateway_schema};
use crate::session::{Invocation, NamedSession, Session, warn_about_clear_text};

/// List your gateways
///
/// Lists the gateway of dask's own configuration, `default`, and those that you named with
/// `dgw login -g NAME`. DEFAULT marks the one that other commands talk to if you give no --gateway:
/// `default`, or that of `DGW_GATEWAY`. Without --check, dgw sends nothing.
///
/// A gateway that can't be used, or does not respond, hides no other. The exit code is 8 then.
#[derive(Debug, Args)]
#[command(after_long_help = "\
Examples:
  dgw gateways
  dgw gateways --check
  dgw login -g work --address https://gateway.example.org
  dgw list -g work")]
pub(crate) struct GatewaysArgs {
    /// Ask each gateway, all at the same time: its version, your user, and how long it takes
    #[arg(long)]
    check: bool,
}

/// Some of the gateways can't be used.
#[derive(Debug, thiserror::Error)]
#[error("{} of {} can't be used", .failed.len(), count::of(*.total, "gateway"))]
struct SomeFailed {
    total: usize,
    /// Names and errors.
    failed: Vec<(String, String)>,
}

impl Failure for SomeFailed {
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

impl GatewaysArgs {
    /// Lists the gateways, and asks each if requested.
    pub(super) async fn run(&self, invocation: &Invocation) -> Result<(), Error> {
        let printer = &invocation.printer;
        let schema = gateway_schema(self.check);
        printer.check_sorting(&schema)?;
        let rows = invocation.all_sessions()?.into_iter();
        let rows = join_all(rows.map(|named| self.row(named))).await;
        if rows.is_empty() {
            printer.note("no gateway is configured: `dgw login --address URL` configures one");
        }
        let failed = rows
            .iter()
            .filter_map(|row| Some((row.name.clone(), row.error.clone()?)));
        let outcome = SomeFailed {
            total: rows.len(),
            failed: failed.collect(),
        };
        printer.records(rows, &schema)?;
        if outcome.failed.is_empty() {
            Ok(())
        } else {
            Err(outcome.into())
        }
    }

    async fn row(&self, named: NamedSession) -> GatewayRow {
        let mut row = GatewayRow {
            name: named.name,
            is_default: named.is_selected,
            address: None,
            user: None,
            auth: None,
            error: None,
            response: self.check.then(GatewayResponse::default),
        };
        match named.session {
            Ok(session) => {
                let settings = &session.settings;
                row.address = Some(settings.address.as_str().to_owned());
                row.auth = Some(settings.credentials.kind());
                row.user = match &settings.credentials {
                    Credentials::Basic { username, .. } => Some(username.clone()),
                    _ => None,
                };
                if self.check {
                    ask(&session, &mut row).await;
                }
            }
            Err(error) => row.error = Some(error.as_failure().to_string()),
        }
        row
    }
}

/// Asks a gateway, and writes its response into its row.
async fn ask(session: &Session, row: &mut GatewayRow) {
    let Session {
        settings, gateway, ..
    } = session;
    warn_about_clear_text(settings, &session.printer);
    let started = Instant::now();
    let answered = async {
        gateway.clusters(&Status::ACTIVE).await?;
        Ok::<_, gateway::Error>(started.elapsed())
    };
    let (answered, server) = tokio::join!(answered, gateway.server_info());
    match answered {
        Ok(latency) => {
            row.response = Some(GatewayResponse {
                version: server.ok().map(|server| server.version),
                latency: Some(latency),
            });
            row.user = match &settings.credentials {
                Credentials::JupyterHub { token } => gateway.hub_user(token).await,
                Credentials::Kerberos => {
                    gateway::principal(session.overrides.request_timeout).await
                }
                _ => row.user.take(),
            };
        }
        Err(error) => row.error = Some(error.to_string()),
    }
}
