//! DNS, TCP, TLS, and the HTTP proxy in front of the gateway.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::TcpStream;

use super::DoctorReport;
use crate::config::Address;
use crate::error::{Error, ExitCode, Failure as _};
use crate::gateway::reach::{self, ConnectError};
use crate::gateway::{self, AuthFailure, ServerInfo};
use crate::output::{Check, escaped};

/// How requests reach the gateway, and the result of the first one.
pub(super) struct Route<'a> {
    pub(super) address: &'a Address,
    /// The setting that the address comes from.
    pub(super) setting: &'static str,
    /// Host and port of the HTTP proxy that requests go through.
    pub(super) proxy: Option<(String, u16)>,
    pub(super) server: &'a Result<ServerInfo, gateway::Error>,
    pub(super) limit: Duration,
}

/// Checks the way to the gateway. Through an HTTP proxy, name and connection are the proxy's: only
/// the proxy looks the gateway up.
pub(super) async fn check(route: &Route<'_>, report: &mut DoctorReport<'_>) -> Result<(), Error> {
    let (host, port) = match &route.proxy {
        Some(proxy) => proxy.clone(),
        None => (route.address.host().to_owned(), route.address.port()),
    };
    let (check, addresses) = route.check_name(&host, port).await;
    report.add(check)?;
    let (check, stream) = route.check_connection(&host, port, &addresses).await;
    report.add(check)?;
    report.add(route.check_tls(stream, &host).await)?;
    report.add(route.check_http_proxy())
}

fn is_address(ip: IpAddr, host: &str) -> bool {
    host.trim_matches(['[', ']']).parse::<IpAddr>() == Ok(ip)
}

impl Route<'_> {
    async fn check_name(&self, host: &str, port: u16) -> (Check, Vec<SocketAddr>) {
        const NAME: &str = "dns";
        let whose = self.whose();
        match reach::resolve(host, port, self.limit).await {
            Ok(addresses) => {
                let is_name = addresses
                    .iter()
                    .all(|address| !is_address(address.ip(), host));
                let check = if is_name {
                    let addresses = addresses
                        .iter()
                        .map(|address| address.ip().to_string())
                        .collect::<Vec<_>>()
                        .join(", ");
                    Check::ok(NAME, format!("{whose}`{host}` resolves to {addresses}"))
                } else {
                    Check::skipped(NAME, format!("{whose}`{host}` is an IP address"))
                };
                (check, addresses)
            }
            Err(error) => {
                let message = format!("can't resolve {whose}`{host}`");
                let hint = "check the spelling of the name, and whether this machine is in the \
                            right network (VPN)";
                (self.failed(NAME, &message, &error, hint), Vec::new())
            }
        }
    }

    async fn check_connection(
        &self,
        host: &str,
        port: u16,
        addresses: &[SocketAddr],
    ) -> (Check, Option<TcpStream>) {
        const NAME: &str = "tcp";
        if addresses.is_empty() {
            return (
                Check::skipped(NAME, "not checked: the name can't be resolved"),
                None,
            );
        }
        let whose = self.whose();
        match reach::connect(addresses, self.limit).await {
            Ok(stream) => {
                let detail = format!("{whose}`{host}` accepts connections on port {port}");
                (Check::ok(NAME, detail), Some(stream))
            }
            Err(error) => {
                let message = format!("{whose}`{host}` does not accept connections on port {port}");
                let hint =
                    "check the port, and whether a firewall blocks it (try a VPN or another node)";
                (self.failed(NAME, &message, &error, hint), None)
            }
        }
    }

    fn whose(&self) -> &'static str {
        match self.proxy {
            Some(_) => "the HTTP proxy ",
            None => "",
        }
    }

    /// Creates a check that failed before anything was sent.
    fn failed(&self, name: &'static str, message: &str, error: &ConnectError, hint: &str) -> Check {
        let settings = match self.proxy {
            Some(_) => {
                "the proxy is set by `gateway.http-client.proxy`, or HTTP_PROXY and similar variables"
            }
            None => "the address is set by `gateway.address` or `--address`",
        };
        let detail = format!("{message}: {}", escaped(&error.cause));
        let exit_code = self.unreachable(error).exit_code();
        Check::faulty(name, detail, format!("{hint}; {settings}"), exit_code)
    }

    fn unreachable(&self, error: &ConnectError) -> gateway::Error {
        gateway::Error::Unreachable {
            address: self.address.as_str().to_owned(),
            setting: self.setting,
            cause: Some(error.cause.clone()),
            certificate: error.certificate,
            by_proxy: self.proxy.is_some(),
        }
    }

    async fn check_tls(&self, stream: Option<TcpStream>, host: &str) -> Check {
        const NAME: &str = "tls";
        if !self.address.is_encrypted() {
            let note = if self.address.is_loopback() {
                ""
            } else {
                ", and secrets are sent unencrypted"
            };
            return Check::skipped(NAME, format!("none: the address is `http://`{note}"));
        }
        let roots = gateway::roots();
        let trust = format!(
            "this machine trusts {} certificate authorities from {}",
            roots.count, roots.source
        );
        let failed = |error: &gateway::Error| {
            let check = Check::failed(NAME, error);
            let detail = format!("{}\n{trust}", check.detail);
            Check { detail, ..check }
        };
        if self.proxy.is_some() {
            return match self.server {
                Err(gateway::Error::Unreachable {
                    certificate: Some(certificate),
                    cause,
                    ..
                }) => failed(&self.unreachable(&ConnectError {
                    cause: cause.clone().unwrap_or_default(),
                    certificate: Some(*certificate),
                })),
                Err(gateway::Error::Unreachable { .. }) => {
                    Check::skipped(NAME, "the HTTP proxy did not reach the gateway")
                }
                _ => Check::ok(NAME, format!("the certificate is valid; {trust}")),
            };
        }
        let Some(stream) = stream else {
            return Check::skipped(NAME, "not checked: there is no connection");
        };
        match reach::handshake(stream, host, self.limit).await {
            Ok(protocol) => Check::ok(
                NAME,
                format!("{protocol}, the certificate is valid; {trust}"),
            ),
            Err(error) => match self.server {
                Err(other @ gateway::Error::OtherProtocol { .. }) => failed(other),
                _ => failed(&self.unreachable(&error)),
            },
        }
    }

    fn check_http_proxy(&self) -> Check {
        const NAME: &str = "proxy";
        let Some((host, port)) = &self.proxy else {
            return Check::skipped(NAME, "none: requests go directly to the gateway");
        };
        let (error, hint, exit_code) = match self.server {
            Err(error @ gateway::Error::Authentication(failure))
                if matches!(**failure, AuthFailure::ProxyRefused) =>
            {
                let hint =
                    "set them in `gateway.http-client.proxy`: http://USER:PASSWORD@HOST:PORT";
                (error, hint, ExitCode::Permission)
            }
            Err(
                error @ gateway::Error::Unreachable {
                    certificate: None, ..
                },
            ) => {
                let hint = "if the gateway can be reached without the proxy, set \
                            `gateway.http-client.proxy` to false or add the host to NO_PROXY; \
                            otherwise set the right proxy";
                (error, hint, ExitCode::Gateway)
            }
            _ => {
                let detail = format!("requests go through the HTTP proxy `{host}:{port}`");
                return Check::ok(NAME, detail);
            }
        };
        let cause = error
            .cause()
            .map_or_else(String::new, |cause| format!(": {cause}"));
        let message = escaped(&format!("{error}{cause}")).into_owned();
        let detail = format!("through the HTTP proxy `{host}:{port}`: {message}");
        Check::faulty(NAME, detail, hint, exit_code)
    }
}
