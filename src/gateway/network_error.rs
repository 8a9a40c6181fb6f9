//! From a request that failed without a response to an error.

use std::time::Duration;

use super::error::{AuthFailure, CertificateFault, Error};

type Cause = dyn std::error::Error + 'static;

/// The server that requests go to, as errors describe it.
#[derive(Clone)]
pub(super) struct Destination {
    /// The gateway's address, without a trailing slash.
    pub(super) address: String,
    /// The setting that the address comes from, for hints.
    pub(super) setting: &'static str,
    /// True if requests may go through an HTTP proxy.
    pub(super) by_proxy: bool,
}

impl Destination {
    /// Explains why a request to `url` got no response within `limit`.
    pub(super) fn network_error(
        &self,
        error: &reqwest::Error,
        url: String,
        limit: Duration,
    ) -> Error {
        if is_refused_by_proxy(error) {
            return AuthFailure::ProxyRefused.into();
        }
        let address = self.address.clone();
        let setting = self.setting;
        if is_other_protocol(error) {
            return Error::OtherProtocol { address, setting };
        }
        let certificate = std::error::Error::source(error).and_then(certificate_fault);
        if error.is_connect() || certificate.is_some() {
            return Error::Unreachable {
                address,
                setting,
                cause: cause(error),
                certificate,
                by_proxy: self.by_proxy,
            };
        }
        if error.is_timeout() {
            return Error::NoResponse { url, limit };
        }
        Error::Lost {
            url,
            reason: cause(error).unwrap_or_else(|| "the connection broke".to_owned()),
        }
    }
}

/// The innermost cause of a failed request. The outer ones are the HTTP library's, and repeat the
/// URL.
pub(super) fn cause(error: &reqwest::Error) -> Option<String> {
    Some(causes(error).last()?.to_string())
}

/// The causes of a failed request, the outermost first.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &Cause> {
    chain(std::error::Error::source(error))
}

/// Returns `first` and its causes. The source of an `io::Error` is its inner error's source, never the
/// inner error.
fn chain(first: Option<&Cause>) -> impl Iterator<Item = &Cause> {
    std::iter::successors(first, |cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
            .map_or_else(|| cause.source(), |inner| Some(inner))
    })
}

/// Returns true if the server refused HTTP/1.1, or responded in another protocol. In the latter case
/// hyper publishes nothing but the text of its error; a test with such a server checks it.
fn is_other_protocol(error: &reqwest::Error) -> bool {
    use rustls::AlertDescription::NoApplicationProtocol;
    causes(error).any(|cause| {
        let tls = cause.downcast_ref::<rustls::Error>();
        tls.is_some_and(|error| *error == rustls::Error::AlertReceived(NoApplicationProtocol))
            || (cause.is::<hyper::Error>() && cause.to_string() == "invalid HTTP version parsed")
    })
}

/// Returns true if an HTTP proxy refused a tunnel for want of credentials. hyper-util publishes
/// nothing but the text of this error; a test with a real proxy checks it.
fn is_refused_by_proxy(error: &reqwest::Error) -> bool {
    cause(error).is_some_and(|cause| cause.ends_with("proxy authorization required"))
}

/// Returns why the server's certificate was not accepted, if `first` or a cause of it says so.
pub(super) fn certificate_fault(first: &Cause) -> Option<CertificateFault> {
    match chain(Some(first)).find_map(|cause| cause.downcast_ref::<rustls::Error>())? {
        rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer) => {
            Some(CertificateFault::UnknownIssuer)
        }
        rustls::Error::InvalidCertificate(_) => Some(CertificateFault::Invalid),
        // From `tls.rs`.
        rustls::Error::General(_) => Some(CertificateFault::NoAuthorities),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::CertificateError;

    #[test]
    fn finds_certificate_fault_inside_io_errors() {
        let fault = |error: rustls::Error| {
            let nested = std::io::Error::other(std::io::Error::other(error));
            certificate_fault(&nested)
        };
        for (error, expected) in [
            (
                CertificateError::UnknownIssuer,
                CertificateFault::UnknownIssuer,
            ),
            (CertificateError::Expired, CertificateFault::Invalid),
        ] {
            assert_eq!(fault(error.into()), Some(expected));
        }
        let general = rustls::Error::General("no authorities".to_owned());
        assert_eq!(fault(general), Some(CertificateFault::NoAuthorities));
        assert_eq!(fault(rustls::Error::DecryptError), None);
        assert_eq!(certificate_fault(&std::io::Error::other("text")), None);
    }
}
