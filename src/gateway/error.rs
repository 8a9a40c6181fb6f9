//! What can go wrong between dgw and a gateway.

use std::time::Duration;

use super::kerberos;

/// A request that did not do what it was for. Texts from the server are kept as they came;
/// whoever prints them escapes them.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Nothing listens there, the name doesn't resolve, the TLS handshake fails.
    #[error("can't reach the gateway at `{address}`")]
    Unreachable {
        address: String,
        cause: Option<String>,
        /// What is wrong with the server's certificate, if that is it.
        certificate: Option<Certificate>,
        /// Whether it may have been an HTTP proxy that couldn't be reached.
        by_proxy: bool,
    },
    /// Nothing but HTTP/1.1 is spoken here, and something else there.
    #[error("what answers at `{address}` doesn't speak HTTP/1.1: HTTP/2 only, it seems")]
    OtherProtocol { address: String },
    /// The connection broke after the request went out.
    #[error("the answer from `{url}` was lost: {what}")]
    Lost { url: String, what: String },
    /// The request went out, and no whole answer came in time.
    #[error("no answer from `{url}` within {} s", limit.as_secs_f32())]
    Silent { url: String, limit: Duration },
    #[error("{}", auth_text(.0))]
    Authentication(Box<AuthFailure>),
    /// 403, in the gateway's own words.
    #[error("the gateway at `{address}` does not permit it{}: {reason}", about(cluster.as_deref()))]
    Forbidden {
        address: String,
        cluster: Option<String>,
        reason: String,
    },
    #[error("no such cluster: `{0}`")]
    NoSuchCluster(String),
    /// 422: the request's values, in the gateway's own words.
    #[error("the gateway refused the request: {0}")]
    Rejected(String),
    /// 409, in the gateway's own words.
    #[error("the gateway at `{address}` can't do it now{}: {reason}", about(cluster.as_deref()))]
    Conflict {
        address: String,
        cluster: Option<String>,
        reason: String,
    },
    /// What it agreed to do isn't done when it should be.
    #[error("it takes longer than expected")]
    Slow,
    /// Something answers there that doesn't speak the gateway's API.
    #[error("`{url}` is not a gateway's answer: {what}")]
    NotGateway { url: String, what: String },
    /// 5xx and what else is left.
    #[error("the gateway failed with status {status}: {message}")]
    Server {
        status: u16,
        message: String,
        retry_after: Option<Duration>,
    },
    #[error("can't set up a connection to the gateway: {0}")]
    Setup(String),
}

/// Why a server's certificate was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Certificate {
    /// No authority that this machine trusts has signed it.
    UnknownIssuer,
    /// Expired, of another name, revoked, malformed.
    Unfit,
    /// This machine trusts nobody.
    NoAuthorities,
}

/// What the gateway said of one's credentials.
#[derive(Debug)]
pub(crate) enum AuthFailure {
    /// 401. `wanted` is its `WWW-Authenticate`.
    Refused {
        address: String,
        sent: &'static str,
        wanted: Option<String>,
    },
    /// The hub that the gateway asked doesn't know the token. Servers since 2025.4 dress this as
    /// a 500.
    TokenUnknown { address: String },
    /// 401 to a token that the hub knows: it may not use the gateway, which is a service of the
    /// hub's (2026.3.0).
    NoAccess { address: String },
    /// Kerberos gives nothing to send, or what was answered isn't the gateway's.
    Kerberos(kerberos::KerberosError),
    /// 407.
    ProxyRefused,
    /// A login page stands in front.
    LoginPage { url: String, to: String },
}

/// What [`AuthFailure::Refused`] says was sent where no credentials were.
pub(super) const NOBODY: &str = "nothing";

fn about(cluster: Option<&str>) -> String {
    cluster.map_or_else(String::new, |name| format!(", for cluster `{name}`"))
}

fn auth_text(trouble: &AuthFailure) -> String {
    match trouble {
        AuthFailure::Refused { address, sent, .. } if *sent == NOBODY => {
            format!("the gateway at `{address}` wants to know who you are")
        }
        AuthFailure::Refused {
            address,
            sent,
            wanted: Some(wanted),
        } if !wanted.eq_ignore_ascii_case(sent) => format!(
            "the gateway at `{address}` wants {wanted} authentication, the configuration says {sent}"
        ),
        AuthFailure::Refused { address, sent, .. } if *sent == "jupyterhub" => {
            format!("the gateway at `{address}` did not accept the JupyterHub token")
        }
        AuthFailure::Refused { address, sent, .. } if *sent == "kerberos" => {
            format!("the gateway at `{address}` did not accept the Kerberos ticket")
        }
        AuthFailure::Refused { address, .. } => {
            format!("the gateway at `{address}` did not accept the user name and password")
        }
        AuthFailure::TokenUnknown { address } => format!(
            "the JupyterHub of the gateway at `{address}` does not know the token: it is wrong, \
             expired or revoked"
        ),
        AuthFailure::NoAccess { address } => format!(
            "the token is valid, but lacks access to the gateway at `{address}`, a service of its \
             JupyterHub"
        ),
        AuthFailure::Kerberos(fault) => fault.to_string(),
        AuthFailure::ProxyRefused => {
            "the HTTP proxy on the way to the gateway wants a user name and password".to_owned()
        }
        AuthFailure::LoginPage { url, to } => {
            format!("`{url}` leads to a login page (`{to}`), not to a gateway")
        }
    }
}

impl Error {
    /// Whether the trouble may pass by itself.
    pub(crate) fn is_temporary(&self) -> bool {
        match self {
            Self::Unreachable { certificate, .. } => certificate.is_none(),
            Self::Lost { .. } | Self::Silent { .. } | Self::Server { .. } => true,
            Self::Authentication(trouble) => {
                matches!(&**trouble, AuthFailure::Kerberos(fault) if fault.is_temporary())
            }
            _ => false,
        }
    }

    /// Whether to ask again at once. Never applied to what changes anything.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Server { status, .. } => matches!(status, 429 | 502..=504),
            // It has cost a whole time limit already.
            Self::Silent { .. } | Self::Authentication(_) => false,
            error => error.is_temporary(),
        }
    }

    /// Whether the gateway may have done what it was asked, though it didn't say so.
    pub(crate) fn leaves_doubt(&self) -> bool {
        match self {
            Self::Lost { .. } | Self::Silent { .. } | Self::NotGateway { .. } => true,
            Self::Server { status, .. } => *status >= 500,
            _ => false,
        }
    }

    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Server { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What lies beneath.
    pub(crate) fn cause(&self) -> Option<&str> {
        match self {
            Self::Unreachable { cause, .. } => cause.as_deref(),
            Self::Authentication(trouble) => match &**trouble {
                AuthFailure::Kerberos(fault) => fault.cause(),
                _ => None,
            },
            _ => None,
        }
    }
}

/// Why a request to `url` got no answer within `limit`; `address` is the gateway's.
pub(super) fn network(
    error: &reqwest::Error,
    address: &str,
    by_proxy: bool,
    url: String,
    limit: Duration,
) -> Error {
    if is_proxys_refusal(error) {
        return Error::Authentication(Box::new(AuthFailure::ProxyRefused));
    }
    if is_other_protocols(error) {
        return Error::OtherProtocol {
            address: address.to_owned(),
        };
    }
    let certificate = certificate(error);
    if error.is_connect() || certificate.is_some() {
        return Error::Unreachable {
            address: address.to_owned(),
            cause: cause(error),
            certificate,
            by_proxy,
        };
    }
    if error.is_timeout() {
        return Error::Silent { url, limit };
    }
    Error::Lost {
        url,
        what: cause(error).unwrap_or_else(|| "the connection broke".to_owned()),
    }
}

/// What a failed request comes down to: the innermost cause. What wraps it is the HTTP library's,
/// and repeats the URL.
pub(super) fn cause(error: &reqwest::Error) -> Option<String> {
    Some(causes(error).last()?.to_string())
}

/// What lies beneath a failed request, the outermost first.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(error), |cause| beneath(*cause))
}

/// Whether a server refused to speak HTTP/1.1, or began to speak something else. Of the latter hyper
/// makes nothing public but its text; a test with such a server holds it.
fn is_other_protocols(error: &reqwest::Error) -> bool {
    use rustls::AlertDescription::NoApplicationProtocol;
    causes(error).any(|cause| {
        let tls = cause.downcast_ref::<rustls::Error>();
        tls.is_some_and(|error| *error == rustls::Error::AlertReceived(NoApplicationProtocol))
            || (cause.is::<hyper::Error>() && cause.to_string() == "invalid HTTP version parsed")
    })
}

/// Whether a proxy that was asked for a tunnel wants other credentials. Of this error hyper-util
/// makes nothing public but its text; a test with a real proxy holds it.
pub(super) fn is_proxys_refusal(error: &reqwest::Error) -> bool {
    cause(error).is_some_and(|cause| cause.ends_with("proxy authorization required"))
}

/// What is wrong with the server's certificate, if that is what `error` comes from.
pub(super) fn certificate(error: &reqwest::Error) -> Option<Certificate> {
    certificate_of(std::error::Error::source(error)?)
}

/// The same of any error.
pub(super) fn certificate_of(first: &(dyn std::error::Error + 'static)) -> Option<Certificate> {
    let mut causes = std::iter::successors(Some(first), |cause| beneath(*cause));
    match causes.find_map(|cause| cause.downcast_ref::<rustls::Error>())? {
        rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => {
            Some(Certificate::UnknownIssuer)
        }
        rustls::Error::InvalidCertificate(_) => Some(Certificate::Unfit),
        // The verifier's own.
        rustls::Error::General(_) => Some(Certificate::NoAuthorities),
        _ => None,
    }
}

/// The next cause. An `io::Error` shows its inner error's source, never the inner error itself.
fn beneath<'a>(
    cause: &'a (dyn std::error::Error + 'static),
) -> Option<&'a (dyn std::error::Error + 'static)> {
    let inner = cause
        .downcast_ref::<std::io::Error>()
        .and_then(std::io::Error::get_ref);
    match inner {
        Some(inner) => Some(inner),
        None => cause.source(),
    }
}
