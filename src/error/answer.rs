//! What the gateway's failures end with, and what to do about them.

use super::ExitCode;
use crate::age;
use crate::config;
use crate::gateway::{self, AuthFailure, Certificate};

/// What a command ends with that the gateway's answer, or the want of one, brings down.
pub(super) fn code(error: &gateway::Error) -> ExitCode {
    use gateway::Error as E;
    match error {
        E::Authentication(_) | E::Forbidden { .. } => ExitCode::Permission,
        E::NoSuchCluster(_) => ExitCode::NoCluster,
        E::Rejected(_) => ExitCode::Usage,
        E::Setup(_) => ExitCode::Configuration,
        E::Conflict { .. } | E::Slow => ExitCode::Other,
        E::Unreachable { .. }
        | E::OtherProtocol { .. }
        | E::Lost { .. }
        | E::Silent { .. }
        | E::NotGateway { .. }
        | E::Server { .. } => ExitCode::Gateway,
    }
}

/// What to do about it, where the gateway's address comes from `setting`.
pub(super) fn hint(error: &gateway::Error, setting: &str) -> Option<String> {
    address_hint(error, setting).or_else(|| other_hint(error))
}

/// Where the address may be what is wrong.
fn address_hint(error: &gateway::Error, setting: &str) -> Option<String> {
    use gateway::Error as E;
    let check = format!("check `{setting}`");
    match error {
        E::Unreachable {
            certificate: Some(Certificate::Unfit),
            ..
        } => Some(format!(
            "{check} and this machine's clock; if both are right, tell those who run the gateway"
        )),
        E::Unreachable {
            certificate: None,
            by_proxy: false,
            ..
        } => Some(format!(
            "{check}, and whether this machine can reach it (VPN, firewall, proxy)"
        )),
        E::OtherProtocol { .. } => Some(format!(
            "check the port in `{setting}`; if it is right, ask those who run the gateway to let its \
             front end speak HTTP/1.1 too"
        )),
        E::NotGateway { .. } => Some(format!(
            "{check}: behind a JupyterHub it ends in /services/dask-gateway"
        )),
        E::Authentication(trouble) if matches!(**trouble, AuthFailure::LoginPage { .. }) => {
            Some(format!(
                "{check}: it must lead to the gateway itself, behind a JupyterHub it ends in \
                 /services/dask-gateway"
            ))
        }
        _ => None,
    }
}

fn other_hint(error: &gateway::Error) -> Option<String> {
    use gateway::Error as E;
    let hint = match error {
        E::Authentication(trouble) => return Some(trouble_hint(trouble)),
        E::Unreachable {
            certificate: Some(Certificate::UnknownIssuer),
            ..
        } => "name the site's certificate authority: SSL_CERT_FILE=/path/to/ca.pem",
        E::Unreachable {
            certificate: Some(Certificate::NoAuthorities),
            ..
        } => "check SSL_CERT_FILE and SSL_CERT_DIR, or install the system's CA certificates",
        E::Unreachable { by_proxy: true, .. } => {
            "requests go by an HTTP proxy (`gateway.http-client.proxy`, or HTTP_PROXY and the \
             like): check that too"
        }
        E::Silent { .. } => {
            "the gateway may be busy: try again, or give it more \
                             `--request-timeout`"
        }
        E::NoSuchCluster(_) => "`dgw list --all` shows what the gateway still knows",
        E::Rejected(_) => "`dgw options` shows what this gateway takes, and your own defaults",
        E::Server {
            retry_after: Some(pause),
            ..
        } => {
            return Some(format!(
                "it asks to be left alone for {}",
                age::short(*pause)
            ));
        }
        E::Conflict {
            cluster: Some(name),
            ..
        } => return Some(format!("`dgw show {name}` tells how the cluster is")),
        E::Server { .. } | E::Conflict { .. } => {
            "try again in a while; if it stays, tell those who run the gateway"
        }
        E::Lost { .. } => "try again; if it stays, something on the way cuts connections",
        E::Forbidden { .. } => {
            "`dgw doctor` tells for whom the gateway takes you; if that is you, ask those who run it"
        }
        E::Unreachable { .. }
        | E::OtherProtocol { .. }
        | E::NotGateway { .. }
        | E::Slow
        | E::Setup(_) => return None,
    };
    Some(hint.to_owned())
}

fn trouble_hint(trouble: &AuthFailure) -> String {
    match trouble {
        AuthFailure::Refused {
            sent,
            wanted: Some(wanted),
            ..
        } if !wanted.eq_ignore_ascii_case(sent) => {
            match wanted.as_str() {
                "kerberos" if !cfg!(feature = "kerberos") => config::WITH_KERBEROS.to_owned(),
                "basic" | "jupyterhub" | "kerberos" => {
                    format!("`dgw login --force` sets up {wanted} authentication")
                }
                _ => format!("this dgw knows {}", config::KNOWN_TYPES),
            }
        }
        AuthFailure::ProxyRefused => {
            "put them into `gateway.http-client.proxy`: http://USER:PASSWORD@HOST:PORT".to_owned()
        }
        AuthFailure::Refused { sent, .. } if *sent == "basic" => {
            "`dgw login --force` asks for them again, and tries them before it keeps them"
                .to_owned()
        }
        AuthFailure::Refused { sent, .. } if *sent == "kerberos" => {
            "`kinit` gets a new ticket; if that is refused too, tell those who run the gateway: its \
             own keytab may be out of date"
                .to_owned()
        }
        AuthFailure::Refused { address, .. } => format!(
            "{}. A valid token is refused too where it lacks access to the gateway's service",
            new_token(address)
        ),
        AuthFailure::TokenUnknown { address } => new_token(address),
        AuthFailure::NoAccess { address } => format!("{}, {WITH_ACCESS}", new_token(address)),
        AuthFailure::Kerberos(fault) => fault.hint(),
        AuthFailure::LoginPage { .. } => {
            "check `gateway.address`: it must lead to the gateway itself, behind a JupyterHub it \
             ends in /services/dask-gateway"
                .to_owned()
        }
    }
}

/// What to type instead of what `dgw login` was given.
pub(super) fn next_try(trouble: &AuthFailure) -> String {
    let other_token = |address: &str| format!("make a new token {}", token_page(address));
    match trouble {
        AuthFailure::TokenUnknown { address } => other_token(address),
        AuthFailure::NoAccess { address } => format!("{}, {WITH_ACCESS}", other_token(address)),
        AuthFailure::Refused { address, sent, .. } if *sent == "jupyterhub" => other_token(address),
        AuthFailure::Refused { sent, .. } if *sent == "basic" => "try again".to_owned(),
        other => trouble_hint(other),
    }
}

/// How a token comes to have access to a gateway that is a service of its hub's.
const WITH_ACCESS: &str = "without narrowing its scopes; if that one is refused too, ask those who \
                           run the hub for the scope `access:services!service=…` of the gateway";

/// How to get another token than the one that is refused.
fn new_token(address: &str) -> String {
    format!(
        "make a new token {} and give it to `dgw login --force`",
        token_page(address)
    )
}

/// Where tokens are made: on the hub that the gateway is a service of, where the address shows it.
pub(crate) fn token_page(address: &str) -> String {
    address.split_once("/services/").map_or_else(
        || "on your JupyterHub's token page".to_owned(),
        |(hub, _)| format!("at {hub}/hub/token"),
    )
}
