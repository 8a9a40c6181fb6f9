//! The steps of a connection to a gateway, one by one, to find the one that fails.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::error::CertificateFault;
use super::network_error::certificate_fault;
use super::resolver;
use super::tls;
use crate::config::{Address, HttpProxy, mask};
use crate::duration;

/// A step that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConnectError {
    /// The system's explanation.
    pub(crate) cause: String,
    /// Set if the server's certificate was not accepted.
    pub(crate) certificate: Option<CertificateFault>,
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        let certificate = certificate_fault(&error);
        let cause = match error.get_ref() {
            Some(inner) => inner.to_string(),
            None => error.to_string(),
        };
        Self { cause, certificate }
    }
}

/// Host and port of the HTTP proxy that requests to `address` go through, if any.
pub(crate) fn http_proxy_for(address: &Address, http_proxy: &HttpProxy) -> Option<(String, u16)> {
    let proxy = intercept(address, http_proxy)?;
    let default_port = match proxy.uri().scheme_str() {
        Some("https") => 443,
        _ => 80,
    };
    let port = proxy.uri().port_u16().unwrap_or(default_port);
    Some((proxy.uri().host()?.to_owned(), port))
}

/// Masks the password of the HTTP proxy, and the header with it, in whatever is printed from now on.
pub(super) fn mask_proxy_credentials(address: &Address, http_proxy: &HttpProxy) {
    let proxy = intercept(address, http_proxy);
    let header = proxy.as_ref().and_then(Intercept::basic_auth);
    let header = header.and_then(|header| header.to_str().ok());
    let Some(pair) = header.and_then(|header| header.strip_prefix("Basic ")) else {
        return;
    };
    mask(pair);
    let decoded = STANDARD.decode(pair).ok();
    let decoded = decoded.and_then(|pair| String::from_utf8(pair).ok());
    if let Some((_, password)) = decoded.as_deref().and_then(|pair| pair.split_once(':')) {
        mask(password);
        // As it stands in the proxy's URL.
        mask(&utf8_percent_encode(password, NON_ALPHANUMERIC).to_string());
    }
}

fn intercept(address: &Address, http_proxy: &HttpProxy) -> Option<Intercept> {
    // The HTTP client decides by the same matcher.
    let matcher = match http_proxy {
        HttpProxy::Direct => return None,
        HttpProxy::FromEnvironment if address.is_loopback() => return None,
        HttpProxy::FromEnvironment => Matcher::from_system(),
        HttpProxy::Url(url) => Matcher::builder().all(url.expose()).build(),
    };
    let target = address.as_str().parse::<Uri>().ok()?;
    matcher.intercept(&target)
}

/// Looks up the addresses of a host.
///
/// # Errors
/// Fails if there is no such host, or no response in time.
pub(crate) async fn resolve(
    host: &str,
    port: u16,
    limit: Duration,
) -> Result<Vec<SocketAddr>, ConnectError> {
    let looking_up = resolver::resolve(host, port);
    let found = timeout(limit, looking_up).await;
    Ok(found.map_err(|_| timed_out(limit))??)
}

/// Connects to the first of `addresses` that accepts the connection.
///
/// # Errors
/// Fails with the error of the last address if none accepts in time.
pub(crate) async fn connect(
    addresses: &[SocketAddr],
    limit: Duration,
) -> Result<TcpStream, ConnectError> {
    let mut last = timed_out(limit);
    for address in addresses {
        match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error.into(),
            Err(_) => last = timed_out(limit),
        }
    }
    Err(last)
}

/// Makes a TLS handshake with the same roots as requests, and returns the version, such as
/// `TLSv1_3`.
///
/// # Errors
/// Fails if the handshake fails or takes longer than `limit`.
pub(crate) async fn handshake(
    stream: TcpStream,
    host: &str,
    limit: Duration,
) -> Result<String, ConnectError> {
    let config = tls::client_config().map_err(io::Error::other)?;
    let name = ServerName::try_from(without_brackets(host).to_owned()).map_err(io::Error::other)?;
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    let stream = timeout(limit, connecting)
        .await
        .map_err(|_| timed_out(limit))??;
    let version = stream.get_ref().1.protocol_version();
    Ok(version.map_or_else(|| "TLS".to_owned(), |version| format!("{version:?}")))
}

/// The host of a URL without the brackets around an IPv6 address.
fn without_brackets(host: &str) -> &str {
    host.trim_matches(['[', ']'])
}

fn timed_out(limit: Duration) -> ConnectError {
    ConnectError {
        cause: format!("no response within {}", duration::exact(limit)),
        certificate: None,
    }
}
