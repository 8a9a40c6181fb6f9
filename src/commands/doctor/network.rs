//! DNS, TCP, TLS, and the HTTP proxy before the gateway.

use std::net::IpAddr;
use std::time::Duration;

use super::DoctorReport;
use crate::config::Address;
use crate::error::Error;
use crate::gateway::reach::{self, Stuck};
use crate::gateway::{self, AuthFailure, ServerInfo};
use crate::output::{Check, escaped};

/// How requests get to the gateway, and how the first one fared.
pub(super) struct Way<'a> {
    pub(super) address: &'a Address,
    /// `host:port` of an HTTP proxy that stands in between.
    pub(super) proxy: Option<(String, u16)>,
    pub(super) greeting: &'a Result<ServerInfo, gateway::Error>,
    pub(super) limit: Duration,
}

/// With an HTTP proxy, name and connection are the proxy's: only it looks for the gateway.
pub(super) async fn steps(way: &Way<'_>, report: &mut DoctorReport<'_>) -> Result<(), Error> {
    let (host, port) = match &way.proxy {
        Some(proxy) => proxy.clone(),
        None => (way.address.host().to_owned(), way.address.port()),
    };
    let whose = match way.proxy {
        Some(_) => "the HTTP proxy ",
        None => "",
    };
    let addresses = match reach::resolve(&host, port, way.limit).await {
        Ok(addresses) => {
            let listed = addresses.iter().map(|address| address.ip().to_string());
            let listed = listed.collect::<Vec<_>>().join(", ");
            let is_name = addresses
                .iter()
                .all(|address| !is_same(address.ip(), &host));
            report.add(if is_name {
                Check::ok("dns", format!("{whose}`{host}` is {listed}"))
            } else {
                Check::skipped("dns", format!("{whose}`{host}` is no name"))
            })?;
            addresses
        }
        Err(stuck) => {
            report.add(way.stuck(
                "dns",
                &format!("{whose}`{host}` can't be found"),
                &stuck,
                "check the spelling of its name, and whether this machine is in the right network \
                 (VPN)",
            ))?;
            Vec::new()
        }
    };
    let stream = if addresses.is_empty() {
        report.add(Check::skipped("tcp", "there is nobody to connect to"))?;
        None
    } else {
        match reach::connect(&addresses, way.limit).await {
            Ok(stream) => {
                let detail = format!("{whose}`{host}` accepts connections on port {port}");
                report.add(Check::ok("tcp", detail))?;
                Some(stream)
            }
            Err(stuck) => {
                report.add(way.stuck(
                    "tcp",
                    &format!("{whose}`{host}` takes no connection on port {port}"),
                    &stuck,
                    "check the port, and whether a firewall lets this machine out to it (VPN, \
                     another node)",
                ))?;
                None
            }
        }
    };
    report.add(way.tls(stream, &host).await)?;
    report.add(way.http_proxy())
}

fn is_same(ip: IpAddr, host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<IpAddr>() == Ok(ip)
}

impl Way<'_> {
    /// A step that got stuck before anything was asked.
    fn stuck(&self, name: &'static str, what: &str, stuck: &Stuck, mend: &str) -> Check {
        let set_in = match self.proxy {
            Some(_) => "`gateway.http-client.proxy`, or HTTP_PROXY and the like",
            None => "`gateway.address`, or `--address`",
        };
        let error = self.unreachable(stuck);
        let detail = format!("{what}: {}", escaped(&stuck.cause));
        Check::faulty(
            name,
            detail,
            format!("{mend}; it is set by {set_in}"),
            Error::from(error).exit_status(),
        )
    }

    fn unreachable(&self, stuck: &Stuck) -> gateway::Error {
        gateway::Error::Unreachable {
            address: self.address.as_str().to_owned(),
            cause: Some(stuck.cause.clone()),
            certificate: stuck.certificate,
            by_proxy: self.proxy.is_some(),
        }
    }

    async fn tls(&self, stream: Option<tokio::net::TcpStream>, host: &str) -> Check {
        const NAME: &str = "tls";
        if !self.address.is_encrypted() {
            let note = if self.address.is_loopback() {
                ""
            } else {
                ", and secrets go there unencrypted"
            };
            return Check::skipped(NAME, format!("none: the address is `http://`{note}"));
        }
        let roots = gateway::roots();
        let trust = format!(
            "{} authorities of {} are trusted",
            roots.count, roots.source
        );
        let failed = |error: gateway::Error| {
            let step = Check::failed(NAME, &Error::from(error));
            let detail = format!("{}\n{trust}", step.detail);
            Check { detail, ..step }
        };
        if self.proxy.is_some() {
            return match self.greeting {
                Err(gateway::Error::Unreachable {
                    certificate: Some(certificate),
                    cause,
                    ..
                }) => failed(self.unreachable(&Stuck {
                    cause: cause.clone().unwrap_or_default(),
                    certificate: Some(*certificate),
                })),
                Err(gateway::Error::Unreachable { .. }) => {
                    Check::skipped(NAME, "the HTTP proxy did not get to the gateway")
                }
                _ => Check::ok(NAME, format!("the certificate is good; {trust}")),
            };
        }
        let Some(stream) = stream else {
            return Check::skipped(NAME, "there is no connection");
        };
        match reach::handshake(stream, host, self.limit).await {
            Ok(handshake) => Check::ok(
                NAME,
                format!("{}, the certificate is good; {trust}", handshake.version),
            ),
            Err(stuck) => failed(match self.greeting {
                Err(gateway::Error::OtherProtocol { address }) => {
                    let address = address.clone();
                    gateway::Error::OtherProtocol { address }
                }
                _ => self.unreachable(&stuck),
            }),
        }
    }

    fn http_proxy(&self) -> Check {
        const NAME: &str = "proxy";
        let Some((host, port)) = &self.proxy else {
            return Check::skipped(NAME, "none: requests go straight to the gateway");
        };
        let refused = match self.greeting {
            Err(error @ gateway::Error::Authentication(trouble)) => {
                matches!(**trouble, AuthFailure::ProxyRefused).then_some(error)
            }
            Err(
                error @ gateway::Error::Unreachable {
                    certificate: None, ..
                },
            ) => Some(error),
            _ => None,
        };
        match refused {
            Some(error) => {
                let mend = match error {
                    gateway::Error::Authentication(_) => {
                        "put them into `gateway.http-client.proxy`: http://USER:PASSWORD@HOST:PORT"
                    }
                    _ => {
                        "set `gateway.http-client.proxy` to false, or the host into NO_PROXY, if \
                         the gateway can be reached without it; or to the right proxy"
                    }
                };
                let cause = error
                    .cause()
                    .map_or_else(String::new, |cause| format!(": {cause}"));
                let fault = format!("{error}{cause}");
                let detail = format!("by the HTTP proxy `{host}:{port}`: {}", escaped(&fault));
                let exit_status = match error {
                    gateway::Error::Authentication(_) => crate::error::ExitCode::Permission,
                    _ => crate::error::ExitCode::Gateway,
                };
                Check::faulty(NAME, detail, mend, exit_status as u8)
            }
            None => Check::ok(
                NAME,
                format!("requests go by the HTTP proxy `{host}:{port}`"),
            ),
        }
    }
}
