//! The way to a gateway, step by step, for whoever looks for where it ends.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use reqwest::Url;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::error::{Certificate, certificate_of};
use super::tls;
use crate::config::{Address, HttpProxy};

/// Why a step failed, in the system's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stuck {
    pub(crate) cause: String,
    /// What is wrong with the server's certificate, if that is it.
    pub(crate) certificate: Option<Certificate>,
}

/// A TLS connection that came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handshake {
    /// As `TLSv1_3`.
    pub(crate) version: String,
    /// How many certificates the server sent.
    pub(crate) chain: usize,
}

impl From<io::Error> for Stuck {
    fn from(error: io::Error) -> Self {
        let certificate = certificate_of(&error);
        let cause = match error.get_ref() {
            Some(inner) => inner.to_string(),
            None => error.to_string(),
        };
        Self { cause, certificate }
    }
}

/// `host:port` of the HTTP proxy by which requests to `address` go, if they do.
pub(crate) fn http_proxy_for(address: &Address, http_proxy: &HttpProxy) -> Option<(String, u16)> {
    match http_proxy {
        HttpProxy::Direct => None,
        HttpProxy::FromEnvironment { .. } if address.is_loopback() => None,
        HttpProxy::FromEnvironment { .. } => {
            // What the HTTP client asks itself.
            let target = address.as_str().parse::<Uri>().ok()?;
            let proxy = Matcher::from_system().intercept(&target)?;
            let uri = proxy.uri();
            let is_encrypted = uri.scheme_str() == Some("https");
            let port = uri
                .port_u16()
                .unwrap_or(if is_encrypted { 443 } else { 80 });
            Some((uri.host()?.to_owned(), port))
        }
        HttpProxy::Url(url) => {
            let url = url.expose();
            let url = if url.contains("://") {
                Url::parse(url)
            } else {
                Url::parse(&format!("http://{url}"))
            };
            let url = url.ok()?;
            Some((url.host_str()?.to_owned(), url.port_or_known_default()?))
        }
    }
}

/// The addresses of a host.
///
/// # Errors
/// There's no such host, or nobody who knows answers in time.
pub(crate) async fn resolve(
    host: &str,
    port: u16,
    limit: Duration,
) -> Result<Vec<SocketAddr>, Stuck> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let found = timeout(limit, tokio::net::lookup_host((bare, port))).await;
    Ok(found.map_err(|_| late(limit))??.collect())
}

/// A connection to the first of `addresses` that takes it.
///
/// # Errors
/// None does in time; of the last that was tried.
pub(crate) async fn connect(addresses: &[SocketAddr], limit: Duration) -> Result<TcpStream, Stuck> {
    let mut last = late(limit);
    for address in addresses {
        match timeout(limit, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error.into(),
            Err(_) => last = late(limit),
        }
    }
    Err(last)
}

/// A TLS handshake, with the same roots as for every request.
///
/// # Errors
/// It fails, or takes too long.
pub(crate) async fn handshake(
    stream: TcpStream,
    host: &str,
    limit: Duration,
) -> Result<Handshake, Stuck> {
    let setup = |cause: &dyn std::fmt::Display| Stuck {
        cause: cause.to_string(),
        certificate: None,
    };
    let config = tls::client_config().map_err(|error| setup(&error))?;
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(bare.to_owned()).map_err(|error| setup(&error))?;
    let connecting = TlsConnector::from(Arc::new(config)).connect(name, stream);
    let stream = timeout(limit, connecting)
        .await
        .map_err(|_| late(limit))??;
    let (_, session) = stream.get_ref();
    Ok(Handshake {
        version: session
            .protocol_version()
            .map_or_else(|| "TLS".to_owned(), |version| format!("{version:?}")),
        chain: session.peer_certificates().map_or(0, <[_]>::len),
    })
}

fn late(limit: Duration) -> Stuck {
    Stuck {
        cause: format!("no answer within {} s", limit.as_secs_f32()),
        certificate: None,
    }
}
