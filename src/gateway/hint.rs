//! Exit codes and hints of failed requests.

use super::error::{AuthFailure, CertificateFault, Error, other_method};
use crate::config;
use crate::duration;
use crate::error::{ExitCode, Failure};

/// What a token needs for a gateway that is a service of its hub.
const CHECK_ACCESS: &str = "check that it has access to the gateway's service (the scope \
                            `access:services!service=…`)";

impl Failure for Error {
    fn exit_code(&self) -> ExitCode {
        match self {
            Self::Authentication(failure) => match **failure {
                AuthFailure::Withheld { .. } => ExitCode::Configuration,
                _ => ExitCode::Permission,
            },
            Self::Forbidden { .. } | Self::StartRefused(_) => ExitCode::Permission,
            Self::NoSuchCluster(_) => ExitCode::NoCluster,
            Self::Rejected(_) => ExitCode::Usage,
            Self::Setup(_) => ExitCode::Configuration,
            Self::Conflict { .. } | Self::Slow | Self::Panicked => ExitCode::Other,
            Self::Unreachable { .. }
            | Self::OtherProtocol { .. }
            | Self::Lost { .. }
            | Self::NoResponse { .. }
            | Self::NotGateway { .. }
            | Self::Server { .. } => ExitCode::Gateway,
        }
    }

    fn details(&self) -> Vec<String> {
        self.cause().map(str::to_owned).into_iter().collect()
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Authentication(failure) => return Some(failure.hint(false)),
            Self::Unreachable {
                certificate,
                by_proxy,
                setting,
                ..
            } => return Some(unreachable_hint(*certificate, *by_proxy, setting)),
            Self::OtherProtocol { setting, .. } => &format!(
                "check the port in `{setting}`; if it is right, ask the gateway's administrators \
                 to allow HTTP/1.1 on its front end"
            ),
            Self::NotGateway { setting, .. } => {
                &format!("check `{setting}`: behind a JupyterHub it ends in /services/dask-gateway")
            }
            Self::Server {
                retry_after: Some(pause),
                ..
            } => &format!(
                "try again in {}, as the gateway asks",
                duration::short(*pause)
            ),
            Self::Conflict {
                cluster: Some(name),
                ..
            } => &format!("`dgw show {name}` shows the cluster's state"),
            Self::NoResponse { .. } => {
                "the gateway may be busy: try again, or set a longer `--request-timeout`"
            }
            Self::NoSuchCluster(_) => "`dgw list --all` shows what the gateway still knows",
            Self::StartRefused(reason) => start_refused_hint(reason),
            Self::Rejected(_) => "`dgw options` shows what this gateway accepts, and your defaults",
            Self::Server { .. } | Self::Conflict { .. } => {
                "try again later; if it fails again, contact the gateway's administrators"
            }
            Self::Lost { .. } => {
                "try again; if it fails again, check the network and proxies between this machine \
                 and the gateway"
            }
            Self::Forbidden { .. } => {
                "`dgw doctor` shows which user the gateway takes you for; if that is right, ask its \
                 administrators for permission"
            }
            Self::Slow | Self::Setup(_) | Self::Panicked => return None,
        };
        Some(hint.to_owned())
    }
}

/// Returns the hint for a cluster that a site's limit or rule does not allow, by the words of its
/// explanation.
fn start_refused_hint(reason: &str) -> &'static str {
    let reason = reason.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    // The server's own limits for one cluster (`ClusterConfig.cluster_max_memory` and `…_cores`).
    let is_about_one = has(&["scheduler memory request", "scheduler cores request"]);
    if !is_about_one && has(&["clusters", "quota", "already"]) {
        "`dgw shutdown CLUSTER` frees what a cluster of yours uses, and `--reuse` uses that cluster \
         instead of a new one"
    } else if is_about_one
        || has(&[
            "limit", "exceed", "maximum", "at most", "too many", "too much",
        ])
    {
        "request less: `dgw options` shows what you can set"
    } else {
        "if the gateway's explanation does not help, ask its administrators"
    }
}

impl Error {
    /// The hint for a user who has just typed the credentials that this error refuses.
    pub(crate) fn hint_at_prompt(&self) -> Option<String> {
        match self {
            Self::Authentication(failure) => Some(failure.hint(true)),
            error => error.hint(),
        }
    }
}

fn unreachable_hint(
    certificate: Option<CertificateFault>,
    by_proxy: bool,
    setting: &str,
) -> String {
    let hint = match certificate {
        Some(CertificateFault::Invalid) => &format!(
            "check `{setting}` and this machine's clock; if both are right, contact the gateway's \
             administrators"
        ),
        Some(CertificateFault::UnknownIssuer) => {
            "name the site's certificate authority: SSL_CERT_FILE=/path/to/ca.pem"
        }
        Some(CertificateFault::NoAuthorities) => {
            "check SSL_CERT_FILE and SSL_CERT_DIR, or install the system's CA certificates"
        }
        None if by_proxy => {
            "check the HTTP proxy that requests go through (`gateway.http-client.proxy`, or \
             HTTP_PROXY and similar variables)"
        }
        None => &format!(
            "check `{setting}`, and whether this machine can reach it (VPN, firewall, proxy)"
        ),
    };
    hint.to_owned()
}

impl AuthFailure {
    /// The hint, for a user at the prompt of `dgw login` or for one elsewhere.
    fn hint(&self, at_prompt: bool) -> String {
        let new_token = |address: &str| {
            let page = token_page(address);
            let login = if at_prompt {
                ""
            } else {
                " and give it to `dgw login --force`"
            };
            format!("create a new token {page}{login}")
        };
        let hint = match self {
            Self::Refused {
                address,
                sent,
                wanted,
            } => match (other_method(*sent, wanted.as_deref()), *sent) {
                (Some("kerberos"), _) if !cfg!(feature = "kerberos") => config::WITH_KERBEROS,
                (Some(wanted @ ("basic" | "jupyterhub" | "kerberos")), _) => {
                    &format!("`dgw login --force` sets up {wanted} authentication")
                }
                (Some(_), _) => &format!(
                    "ask the gateway's administrators for one of these: {}",
                    config::KNOWN_TYPES
                ),
                (None, Some("basic")) if at_prompt => "try again",
                (None, Some("basic")) => "log in again with `dgw login --force`",
                (None, Some("kerberos")) => {
                    "get a new ticket with `kinit`; if that is refused too, contact the gateway's \
                     administrators: its keytab may be out of date"
                }
                _ => &format!("{}; {CHECK_ACCESS}", new_token(address)),
            },
            Self::NoPassword { .. } => "`dgw login` saves one",
            Self::Withheld { address, .. } => &format!(
                "log in there, with a NAME of your choice: `dgw login -g NAME --address {address}`"
            ),
            Self::TokenUnknown { address } => &new_token(address),
            Self::Kerberos(error) => error.hint,
            Self::ProxyRefused => {
                "set them in `gateway.http-client.proxy`: http://USER:PASSWORD@HOST:PORT"
            }
            Self::LoginPage { setting, .. } => &format!(
                "check `{setting}`: it must lead to the gateway itself, behind a JupyterHub it \
                 ends in /services/dask-gateway"
            ),
        };
        hint.to_owned()
    }
}

/// Where users create tokens: on the hub that the gateway is a service of, if the address shows it.
pub(crate) fn token_page(address: &str) -> String {
    address.split_once("/services/").map_or_else(
        || "on your JupyterHub's token page".to_owned(),
        |(hub, _)| format!("at {hub}/hub/token"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = "https://h/services/dask-gateway";

    #[test]
    fn hints_blame_the_setting_that_the_address_comes_from() {
        let (address, url) = (SERVICE.to_owned(), SERVICE.to_owned());
        let setting = "--address";
        let errors = [
            Error::OtherProtocol { address, setting },
            Error::NotGateway {
                url: url.clone(),
                reason: String::new(),
                setting,
            },
            AuthFailure::LoginPage {
                to: url.clone(),
                url,
                setting,
            }
            .into(),
            unreachable(None, false),
            unreachable(Some(CertificateFault::Invalid), false),
        ];
        for error in errors {
            let hint = error.hint().expect("a hint");
            assert!(hint.contains("`--address`"), "{hint}");
        }
    }

    fn unreachable(certificate: Option<CertificateFault>, by_proxy: bool) -> Error {
        Error::Unreachable {
            address: SERVICE.to_owned(),
            setting: "--address",
            cause: Some("refused".to_owned()),
            certificate,
            by_proxy,
        }
    }

    #[test]
    fn hints_of_unreachable_gateways_name_certificates_or_proxy() {
        for (certificate, by_proxy, part) in [
            (Some(CertificateFault::Invalid), true, "clock"),
            (
                Some(CertificateFault::UnknownIssuer),
                false,
                "SSL_CERT_FILE=",
            ),
            (Some(CertificateFault::NoAuthorities), true, "SSL_CERT_DIR"),
            (None, true, "HTTP_PROXY"),
            (None, false, "VPN"),
        ] {
            let hint = unreachable(certificate, by_proxy).hint().expect("a hint");
            assert!(hint.contains(part), "{hint}");
        }
    }

    #[test]
    fn hints_at_the_prompt_do_not_send_users_to_login() {
        let refused = |sent| {
            Error::from(AuthFailure::Refused {
                address: SERVICE.to_owned(),
                sent: Some(sent),
                wanted: None,
            })
        };
        let token = "create a new token at https://h/hub/token";
        assert_eq!(
            refused("basic").hint_at_prompt().as_deref(),
            Some("try again")
        );
        let hint = refused("jupyterhub").hint_at_prompt().expect("a hint");
        assert!(hint.starts_with(token), "{hint}");
        assert!(!hint.contains("login"), "{hint}");
        for sent in ["basic", "jupyterhub"] {
            let hint = refused(sent).hint().expect("a hint");
            assert!(hint.contains("`dgw login --force`"), "{hint}");
        }
        assert_eq!(Error::Slow.hint_at_prompt(), None);
    }

    #[test]
    fn names_the_page_of_the_hub_that_the_address_shows() {
        assert_eq!(token_page(SERVICE), "at https://h/hub/token");
        assert_eq!(token_page("https://h"), "on your JupyterHub's token page");
    }

    #[test]
    fn hint_of_a_refused_start_fits_its_explanation() {
        for (reason, part) in [
            ("User ada already has 2 clusters", "`--reuse`"),
            ("Quota of 32 cores exceeded", "`dgw shutdown CLUSTER`"),
            ("at most 2 clusters per user", "`--reuse`"),
            (
                "Scheduler memory request of 4.00 GiB exceeds cluster memory limit of 2.00 GiB",
                "request less",
            ),
            ("64 cores are over the limit of 32", "request less"),
            ("no GPUs on weekdays", "administrators"),
        ] {
            let hint = Error::StartRefused(reason.to_owned()).hint();
            assert!(hint.is_some_and(|hint| hint.contains(part)), "{reason}");
        }
    }

    #[test]
    fn exit_codes_tell_permission_usage_and_gateway_apart() {
        for (error, code) in [
            (AuthFailure::ProxyRefused.into(), ExitCode::Permission),
            (Error::NoSuchCluster(String::new()), ExitCode::NoCluster),
            (Error::Rejected(String::new()), ExitCode::Usage),
            (Error::StartRefused(String::new()), ExitCode::Permission),
            (Error::Setup(String::new()), ExitCode::Configuration),
            (Error::Slow, ExitCode::Other),
            (unreachable(None, false), ExitCode::Gateway),
        ] {
            assert_eq!(error.exit_code(), code, "{error:?}");
        }
    }
}
