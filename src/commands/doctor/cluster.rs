//! The ways to a cluster: the scheduler proxy and the dashboards.

use std::time::Duration;

use crate::config::Settings;
use crate::error::Error;
use crate::gateway::{Cluster, Gateway, TlsIdentity, reach};
use crate::output::Check;

/// A cluster that runs, with what its scheduler asks of its clients.
type Running<'a> = Option<&'a (Cluster, Option<TlsIdentity>)>;

/// Whether schedulers can be reached, as Python's clients do.
pub(super) async fn scheduler(
    settings: &Settings,
    gateway: &Gateway,
    running: Running<'_>,
    limit: Duration,
) -> Check {
    const NAME: &str = "scheduler";
    let proxy = &settings.scheduler_proxy;
    let failed = |fault: String| {
        let proxy = proxy.clone();
        Check::failed(NAME, &Error::NoSchedulerProxy { proxy, fault })
    };
    let Some((host, port)) = proxy.rsplit_once(':') else {
        return failed("it has no port".to_owned());
    };
    let addresses = match reach::resolve(host, port.parse().unwrap_or_default(), limit).await {
        Ok(addresses) => addresses,
        Err(stuck) => return failed(stuck.cause),
    };
    if let Err(stuck) = reach::connect(&addresses, limit).await {
        return failed(stuck.cause);
    }
    let Some((cluster, identity)) = running else {
        return Check::ok(
            NAME,
            format!(
                "`{proxy}` accepts connections; whether it leads to schedulers shows with a \
                 running cluster"
            ),
        );
    };
    let schedulers = super::super::patient_schedulers(gateway, limit);
    match schedulers
        .check_by_proxy(&cluster.name, identity.as_ref())
        .await
    {
        Ok(()) => Check::ok(
            NAME,
            format!(
                "`{proxy}` leads to the scheduler of cluster {}",
                cluster.name
            ),
        ),
        Err(fault) => failed(format!(
            "it leads to no scheduler of cluster {}: {fault}",
            cluster.name
        )),
    }
}

/// Whether dashboards can be reached, from here at least.
pub(super) async fn dashboards(
    settings: &Settings,
    gateway: &Gateway,
    running: Running<'_>,
    limit: Duration,
) -> Check {
    const NAME: &str = "dashboards";
    let public = &settings.public_address;
    if public.starts_with('/') {
        let detail =
            format!("links are paths on your hub (`{public}`), for a browser that is there");
        return Check::skipped(NAME, detail);
    }
    let link = running.and_then(|(cluster, _)| cluster.dashboard_link.as_ref());
    let url = match link {
        Some(link) => link.clone(),
        None => format!("{public}/clusters/"),
    };
    match (gateway.page(&url, limit).await, link) {
        (Ok(page), _) if page.is_login => Check::ok(
            NAME,
            format!("`{url}` asks for a login first: your browser gets there after it"),
        ),
        (Ok(page), Some(_)) if page.status < 400 => Check::ok(NAME, format!("`{url}` answers")),
        (Ok(page), Some(_)) => {
            let what = format!("status {}", page.status);
            Check::failed(NAME, &Error::NoDashboards { url, what })
        }
        (Ok(_), None) => Check::skipped(
            NAME,
            format!(
                "`{public}` answers; whether dashboards are there shows with a running cluster"
            ),
        ),
        (Err(what), _) => Check::failed(NAME, &Error::NoDashboards { url, what }),
    }
}
