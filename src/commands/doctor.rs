//! `dgw doctor`

mod cluster;
mod configuration;
mod network;
mod server;

use std::time::Duration;

use crate::cli::GlobalArgs;
use crate::config::{self, Environment, Inspection};
use crate::error::Error;
use crate::gateway::{Gateway, ServerInfo, Status, reach};
use crate::output::{Check, CheckState, Printer};

/// What takes longer to connect is not going to, as for every request.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Goes from the configuration to the answer of a cluster, and says of each step how it went.
pub(super) async fn run(
    global: &GlobalArgs,
    environment: &Environment,
    printer: &Printer,
) -> Result<(), Error> {
    let found = config::inspect(
        environment,
        global.config.as_deref(),
        global.address.as_deref(),
    );
    let mut report = DoctorReport {
        printer,
        steps: Vec::new(),
    };
    report.add(configuration::files(&found))?;
    report.add(configuration::values(&found))?;
    report.add(configuration::address(&found, global.address.is_some()))?;
    if let Ok(address) = &found.address {
        let stranger = Gateway::anonymous(address, &found.http_proxy, global.request_timeout)?;
        // Asked once, for what several steps need to know.
        let greeting = stranger.server_info().await;
        let way = network::Way {
            address,
            proxy: reach::http_proxy_for(address, &found.http_proxy),
            greeting: &greeting,
            limit: CONNECT_TIMEOUT.min(global.request_timeout),
        };
        network::steps(&way, &mut report).await?;
        let (step, greeting) = server::version(greeting, &stranger).await;
        report.add(step)?;
        on_gateway(
            &found,
            greeting.as_ref(),
            global.request_timeout,
            &mut report,
        )
        .await?;
    } else {
        for name in ["dns", "tcp", "tls", "proxy", "version"] {
            report.add(Check::skipped(name, "there is no address"))?;
        }
        on_gateway(&found, None, global.request_timeout, &mut report).await?;
    }
    report.finish()
}

/// The steps that need to say who one is.
async fn on_gateway(
    found: &Inspection,
    greeting: Option<&ServerInfo>,
    request_timeout: Duration,
    report: &mut DoctorReport<'_>,
) -> Result<(), Error> {
    let settings = match (&found.settings, greeting) {
        (Ok(settings), Some(_)) => settings,
        (settings, _) => {
            let why = if settings.is_err() {
                "nothing is sent before the configuration is in order"
            } else {
                "there is no gateway to ask"
            };
            report.add(Check::skipped("authentication", why))?;
            report.add(Check::skipped("options", why))?;
            report.add(server::clock(greeting))?;
            report.add(Check::skipped("scheduler", why))?;
            return report.add(Check::skipped("dashboards", why));
        }
    };
    let gateway = Gateway::new(settings, request_timeout)?;
    let (step, listing) = server::authentication(settings, &gateway, request_timeout).await;
    report.add(step)?;
    report.add(match listing {
        Some(_) => server::options(found, &gateway).await,
        None => Check::skipped("options", "the gateway lets nobody in"),
    })?;
    report.add(server::clock(greeting))?;
    let running = listing.and_then(|(listing, mut identities)| {
        let mut clusters = listing.clusters.into_iter();
        let cluster = clusters.find(|cluster| cluster.status == Status::Running)?;
        let identity = identities.remove(&cluster.name);
        Some((cluster, identity))
    });
    let running = running.as_ref();
    let limit = CONNECT_TIMEOUT.min(request_timeout);
    report.add(cluster::scheduler(settings, &gateway, running, limit).await)?;
    report.add(cluster::dashboards(settings, &gateway, running, limit).await)
}

/// The steps so far.
struct DoctorReport<'a> {
    printer: &'a Printer,
    steps: Vec<Check>,
}

impl DoctorReport<'_> {
    fn add(&mut self, step: Check) -> Result<(), Error> {
        self.printer.step(&step)?;
        self.steps.push(step);
        Ok(())
    }

    fn finish(self) -> Result<(), Error> {
        self.printer.steps(&self.steps)?;
        let is_failed = |step: &&Check| step.state == CheckState::Failed;
        let failed = self.steps.iter().filter(is_failed).collect::<Vec<_>>();
        match failed.first() {
            None => Ok(()),
            Some(first) => Err(Error::Unwell {
                exit_status: first.exit_status,
                failed: failed.iter().map(|step| step.name).collect(),
                of: self.steps.len(),
            }),
        }
    }
}
