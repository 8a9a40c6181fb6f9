//! Failures between dgw and a gateway.

use std::time::Duration;

use crate::duration;

/// A request that failed. Texts from the server are kept unchanged; whoever prints them escapes
/// them.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Nothing listens there, the name does not resolve, or the TLS handshake fails.
    #[error("can't reach the gateway at `{address}`")]
    Unreachable {
        address: String,
        /// The setting that the address comes from.
        setting: &'static str,
        cause: Option<String>,
        /// Set if the server's certificate was not accepted.
        certificate: Option<CertificateFault>,
        /// True if it may be an HTTP proxy that can't be reached.
        by_proxy: bool,
    },
    /// The server does not speak HTTP/1.1, the only version that dgw speaks.
    #[error("the server at `{address}` does not speak HTTP/1.1; it may speak only HTTP/2")]
    OtherProtocol {
        address: String,
        /// The setting that the address comes from.
        setting: &'static str,
    },
    /// The connection broke after the request was sent.
    #[error("the response from `{url}` was lost: {reason}")]
    Lost { url: String, reason: String },
    /// The request was sent, and no complete response arrived in time.
    #[error("no response from `{url}` within {}", duration::exact(*limit))]
    NoResponse { url: String, limit: Duration },
    #[error("{0}")]
    Authentication(Box<AuthFailure>),
    /// 403, with the gateway's own explanation.
    #[error("the gateway at `{address}` denied permission{}: {reason}", about(cluster.as_deref()))]
    Forbidden {
        address: String,
        cluster: Option<String>,
        reason: String,
    },
    #[error("no such cluster: `{0}`")]
    NoSuchCluster(String),
    /// 422: invalid values in the request, with the gateway's own explanation.
    #[error("the gateway refused the request: {0}")]
    Rejected(String),
    /// 422 to the request for a cluster: the options are in order, but a limit or a rule of the site
    /// does not allow the cluster. With the gateway's own explanation.
    #[error("the gateway refused to start the cluster: {0}")]
    StartRefused(String),
    /// 409, with the gateway's own explanation.
    #[error("the gateway at `{address}` refused the request for now{}: {reason}", about(cluster.as_deref()))]
    Conflict {
        address: String,
        cluster: Option<String>,
        reason: String,
    },
    /// The gateway accepted the shutdown of a cluster but has not finished it in the expected time.
    #[error("the gateway has not finished shutting it down yet")]
    Slow,
    /// The response does not follow the gateway's API.
    #[error("`{url}` did not respond like a Dask gateway: {reason}")]
    NotGateway {
        url: String,
        reason: String,
        /// The setting that the gateway's address comes from.
        setting: &'static str,
    },
    /// 5xx, 429 and every other status.
    #[error("the gateway failed with status {status}: {message}")]
    Server {
        status: u16,
        message: String,
        retry_after: Option<Duration>,
    },
    #[error("can't set up a connection to the gateway: {0}")]
    Setup(String),
    /// dgw itself, as at a limit of the system.
    #[error("dgw panicked during the request")]
    Panicked,
}

/// Why a server's certificate was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CertificateFault {
    /// It is not signed by an authority that this machine trusts.
    UnknownIssuer,
    /// It is expired, revoked, malformed, or for another name.
    Invalid,
    /// This machine trusts no authorities.
    NoAuthorities,
}

/// Why authentication failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuthFailure {
    /// 401.
    #[error("the gateway at `{address}` {}", refusal(*sent, wanted.as_deref()))]
    Refused {
        address: String,
        /// The authentication method that dgw used, if any.
        sent: Option<&'static str>,
        /// The method that `WWW-Authenticate` asks for.
        wanted: Option<String>,
    },
    /// 401, and no password is configured, as after `dgw logout`.
    #[error("the gateway at `{address}` requires a password, and none is configured")]
    NoPassword { address: String },
    /// The gateway requires credentials, and the configured ones are for another address.
    #[error(
        "the gateway at `{address}` requires authentication, and dgw did not send your {secret} \
         there, because it {}",
        belongs_to(configured_for.as_deref())
    )]
    Withheld {
        address: String,
        /// The word for what is secret in the configured credentials.
        secret: &'static str,
        /// The address that they are configured for; none if no address is configured.
        configured_for: Option<String>,
    },
    /// The hub that the gateway asked does not know the token. Servers since 2025.4 report this
    /// with status 500.
    #[error(
        "the JupyterHub of the gateway at `{address}` does not know the token: it is wrong, expired or revoked"
    )]
    TokenUnknown { address: String },
    /// There is no Kerberos token, or the response does not prove that it is the gateway's.
    #[error("{}", .0.message)]
    Kerberos(KerberosError),
    /// 407.
    #[error("the HTTP proxy requires a user name and a password")]
    ProxyRefused,
    /// The request was redirected to a login page.
    #[error("`{url}` redirects to a login page (`{to}`), not to a gateway")]
    LoginPage {
        url: String,
        to: String,
        /// The setting that the gateway's address comes from.
        setting: &'static str,
    },
}

fn about(cluster: Option<&str>) -> String {
    cluster.map_or_else(String::new, |name| format!(" for cluster `{name}`"))
}

fn belongs_to(configured_for: Option<&str>) -> String {
    configured_for.map_or_else(
        || "is not configured for any address".to_owned(),
        |address| format!("is configured for `{address}`"),
    )
}

/// A failure of the Kerberos library.
#[derive(Debug)]
pub(crate) struct KerberosError {
    pub(super) message: String,
    /// The library's message, which contains only names of principals, realms and files.
    pub(super) cause: Option<String>,
    pub(super) hint: &'static str,
    /// True if a later attempt may succeed without any change.
    pub(super) is_temporary: bool,
}

/// The method that the gateway wants, if it is not the one that was used.
pub(super) fn other_method<'a>(sent: Option<&str>, wanted: Option<&'a str>) -> Option<&'a str> {
    wanted.filter(|wanted| !sent.is_some_and(|sent| wanted.eq_ignore_ascii_case(sent)))
}

fn refusal(sent: Option<&str>, wanted: Option<&str>) -> String {
    match (sent, other_method(sent, wanted)) {
        (None, _) => "requires authentication",
        (Some(sent), Some(wanted)) => {
            return format!("requires {wanted} authentication, but {sent} is configured");
        }
        (Some("jupyterhub"), None) => "did not accept the JupyterHub token",
        (Some("kerberos"), None) => "did not accept the Kerberos ticket",
        _ => "did not accept the user name and password",
    }
    .to_owned()
}

impl From<AuthFailure> for Error {
    fn from(failure: AuthFailure) -> Self {
        Self::Authentication(Box::new(failure))
    }
}

impl Error {
    /// Tells a cluster that the gateway does not allow from options that it does not accept.
    pub(super) fn about_start(self) -> Self {
        match self {
            Self::Rejected(reason) if !is_option_fault(&reason) => Self::StartRefused(reason),
            error => error,
        }
    }

    /// Returns true if a later attempt may succeed without any change.
    pub(crate) fn is_temporary(&self) -> bool {
        match self {
            Self::Unreachable { certificate, .. } => certificate.is_none(),
            Self::Lost { .. } | Self::NoResponse { .. } | Self::Server { .. } | Self::Panicked => {
                true
            }
            Self::Authentication(failure) => {
                matches!(&**failure, AuthFailure::Kerberos(error) if error.is_temporary)
            }
            _ => false,
        }
    }

    /// Returns true if a GET request should be repeated at once.
    pub(super) fn is_retryable(&self) -> bool {
        match self {
            Self::Server { status, .. } => matches!(status, 429 | 502..=504),
            // It has used up a whole time limit already.
            Self::NoResponse { .. } | Self::Authentication(_) => false,
            error => error.is_temporary(),
        }
    }

    /// Returns true if the gateway may have carried out the request although it did not confirm it.
    pub(crate) fn may_have_succeeded(&self) -> bool {
        match self {
            Self::Lost { .. }
            | Self::NoResponse { .. }
            | Self::NotGateway { .. }
            | Self::Panicked => true,
            Self::Server { status, .. } => *status >= 500,
            _ => false,
        }
    }

    /// The underlying cause, where the message does not contain it.
    pub(crate) fn cause(&self) -> Option<&str> {
        match self {
            Self::Unreachable { cause, .. } => cause.as_deref(),
            Self::Authentication(failure) => match &**failure {
                AuthFailure::Kerberos(error) => error.cause.as_deref(),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Returns true if `reason` is one of the server's own messages about options (`options.py`). Every
/// other one comes from the site's function that turns options into a cluster, or from its limits.
fn is_option_fault(reason: &str) -> bool {
    ["Unknown fields ", "options must be "]
        .iter()
        .any(|start| reason.starts_with(start))
        || [
            " must be a string, got ",
            " must be a bool, got ",
            " must be an integer, got ",
            " must be a float, got ",
            " must be a mapping, got ",
            " must be >= ",
            " must be <= ",
            " is not a valid option for ",
        ]
        .iter()
        .any(|part| reason.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_the_site_are_not_about_options() {
        for reason in [
            "Unknown fields ['nope']",
            "options must be a dict, got 'list'",
            "worker_cores must be <= 4.000000, got 99",
            "worker_memory must be >= 1.000000, got 0.5",
            "worker_cores must be an integer, got '2'",
            "environment must be a mapping, got [1]",
            "'big' is not a valid option for profile",
        ] {
            let error = Error::Rejected(reason.to_owned()).about_start();
            assert!(matches!(error, Error::Rejected(text) if text == reason));
        }
        for reason in [
            "user ada already has 2 clusters, the most allowed",
            "Scheduler memory request of 4.00 GiB exceeds cluster memory limit of 2.00 GiB",
            "",
        ] {
            let error = Error::Rejected(reason.to_owned()).about_start();
            assert!(matches!(error, Error::StartRefused(text) if text == reason));
        }
        assert!(matches!(Error::Slow.about_start(), Error::Slow));
    }

    fn server(status: u16) -> Error {
        Error::Server {
            status,
            message: String::new(),
            retry_after: None,
        }
    }

    fn unreachable(certificate: Option<CertificateFault>) -> Error {
        Error::Unreachable {
            address: String::new(),
            setting: "gateway.address",
            cause: None,
            certificate,
            by_proxy: false,
        }
    }

    fn lost() -> Error {
        Error::Lost {
            url: String::new(),
            reason: String::new(),
        }
    }

    fn no_response() -> Error {
        Error::NoResponse {
            url: String::new(),
            limit: Duration::ZERO,
        }
    }

    #[test]
    fn network_and_server_errors_are_temporary() {
        for error in [unreachable(None), lost(), no_response(), server(500)] {
            assert!(error.is_temporary(), "{error:?}");
        }
        for error in [
            unreachable(Some(CertificateFault::Invalid)),
            AuthFailure::ProxyRefused.into(),
            Error::Slow,
        ] {
            assert!(!error.is_temporary(), "{error:?}");
        }
    }

    #[test]
    fn repeats_requests_that_failed_in_passing() {
        for error in [
            unreachable(None),
            lost(),
            server(429),
            server(502),
            server(504),
        ] {
            assert!(error.is_retryable(), "{error:?}");
        }
        for error in [
            no_response(),
            server(500),
            server(505),
            AuthFailure::ProxyRefused.into(),
            Error::Slow,
        ] {
            assert!(!error.is_retryable(), "{error:?}");
        }
    }

    #[test]
    fn requests_without_proper_response_may_have_succeeded() {
        let not_gateway = Error::NotGateway {
            url: String::new(),
            reason: String::new(),
            setting: "gateway.address",
        };
        for error in [lost(), no_response(), not_gateway, server(500)] {
            assert!(error.may_have_succeeded(), "{error:?}");
        }
        for error in [unreachable(None), server(499), Error::Slow] {
            assert!(!error.may_have_succeeded(), "{error:?}");
        }
    }

    #[test]
    fn names_the_other_method_only_if_it_differs() {
        let refused = |sent, wanted: Option<&str>| AuthFailure::Refused {
            address: "https://h".to_owned(),
            sent,
            wanted: wanted.map(str::to_owned),
        };
        for (sent, wanted, other) in [
            (Some("basic"), Some("Basic"), None),
            (Some("basic"), Some("kerberos"), Some("kerberos")),
            (None, Some("basic"), Some("basic")),
            (Some("basic"), None, None),
        ] {
            assert_eq!(other_method(sent, wanted), other, "{sent:?} {wanted:?}");
        }
        for (sent, wanted, text) in [
            (None, None, "requires authentication"),
            (
                Some("basic"),
                Some("kerberos"),
                "requires kerberos authentication, but basic is configured",
            ),
            (
                Some("basic"),
                None,
                "did not accept the user name and password",
            ),
            (
                Some("jupyterhub"),
                None,
                "did not accept the JupyterHub token",
            ),
            (Some("kerberos"), None, "did not accept the Kerberos ticket"),
        ] {
            let message = refused(sent, wanted).to_string();
            assert_eq!(message, format!("the gateway at `https://h` {text}"));
        }
    }
}
