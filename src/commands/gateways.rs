//! `dgw gateways`

use std::time::Instant;

use clap::Args;
use futures_util::future::join_all;

use crate::config::Credentials;
use crate::error::Error;
use crate::gateway::{self, Status};
use crate::output::{GatewayResponse, GatewayRow, gateway_schema};
use crate::session::{GatewaysFailed, Invocation, NamedSession, Session, warn_about_clear_text};

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
        let results = rows.iter().map(|row| {
            let result = row.error.clone().map_or(Ok(()), Err);
            (row.name.clone(), result)
        });
        let outcome = GatewaysFailed::check(results);
        printer.records(rows, &schema)?;
        Ok(outcome?)
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
