//! TLS to a scheduler, through the gateway's proxy.
//!
//! The proxy reads the cluster's name from the server name in the first TLS message and passes on
//! everything after it; TLS ends at the scheduler. Scheduler, workers and clients of a cluster share
//! one self-signed certificate, made for that cluster alone, and each side requires it of the other.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::error::{HandshakeFault, SchedulerError};
use crate::gateway::{TlsIdentity, client_config_builder, resolve};

/// Prefix of the server name, which the proxy removes to find the cluster (`dask_gateway.comm`).
const PREFIX: &str = "daskgateway-";

/// A name that no cluster has: gateways number clusters at random.
const NO_CLUSTER: &str = "00000000000000000000000000000000";

/// Name in every cluster's certificate (`dask_gateway_server.tls`).
const CERTIFIED_NAME: &str = "dask-internal";

/// Opens connections to the scheduler of one cluster.
pub(crate) struct Connector {
    tls: TlsConnector,
    name: ServerName<'static>,
    proxy: String,
}

impl Connector {
    /// Takes the `host:port` of the gateway's proxy. Opens no connection yet.
    ///
    /// # Errors
    /// Fails if the identity or the name can't be used.
    pub(crate) fn new(
        proxy: &str,
        cluster: &str,
        identity: &TlsIdentity,
    ) -> Result<Self, SchedulerError> {
        Ok(Self {
            tls: TlsConnector::from(Arc::new(client_config(identity)?)),
            name: ServerName::try_from(format!("{PREFIX}{cluster}"))
                .map_err(|_| SchedulerError::InvalidIdentity("name"))?,
            proxy: proxy.to_owned(),
        })
    }

    /// Makes a connector that asks `proxy` for a cluster that does not exist, and trusts nobody.
    ///
    /// # Errors
    /// Fails if there is no TLS.
    pub(super) fn without_cluster(proxy: &str) -> Result<Self, SchedulerError> {
        let config = client_config_builder(RootCertStore::empty, None)
            .map_err(|_| SchedulerError::InvalidIdentity("certificate"))?
            .with_no_client_auth();
        Ok(Self {
            tls: TlsConnector::from(Arc::new(config)),
            name: ServerName::try_from(format!("{PREFIX}{NO_CLUSTER}"))
                .map_err(|_| SchedulerError::InvalidIdentity("name"))?,
            proxy: proxy.to_owned(),
        })
    }

    /// Opens a connection within `limit`.
    ///
    /// # Errors
    /// Fails like [`Self::connect`], and if the proxy is silent.
    pub(crate) async fn connect_within(
        &self,
        limit: Duration,
    ) -> Result<TlsStream<TcpStream>, SchedulerError> {
        let connecting = tokio::time::timeout(limit, self.connect());
        connecting.await.unwrap_or_else(|_| {
            let proxy = self.proxy.clone();
            Err(SchedulerError::ProxySilent { proxy, limit })
        })
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// Fails if the proxy can't be reached or the peer does not have the cluster's key.
    pub(crate) async fn connect(&self) -> Result<TlsStream<TcpStream>, SchedulerError> {
        let stream =
            connect_to(&self.proxy)
                .await
                .map_err(|source| SchedulerError::ProxyUnreachable {
                    proxy: self.proxy.clone(),
                    source,
                })?;
        // Each request is one short write.
        stream.set_nodelay(true)?;
        let connecting = self.tls.connect(self.name.clone(), stream);
        connecting.await.map_err(|error| SchedulerError::Handshake {
            proxy: self.proxy.clone(),
            fault: HandshakeFault::of(&error),
        })
    }
}

impl HandshakeFault {
    fn of(error: &io::Error) -> Self {
        let inner = error.get_ref();
        match inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            // `General` is the verifier's, if there are no roots.
            Some(rustls::Error::InvalidCertificate(_) | rustls::Error::General(_)) => {
                Self::OtherCertificate
            }
            Some(rustls::Error::AlertReceived(_)) => Self::Refused,
            Some(_) => Self::NoTls,
            None => Self::Closed,
        }
    }
}

/// Connects to `proxy`, which is `host:port`.
async fn connect_to(proxy: &str) -> io::Result<TcpStream> {
    let invalid = || io::Error::new(io::ErrorKind::InvalidInput, "it is not `host:port`");
    let (host, port) = proxy.rsplit_once(':').ok_or_else(invalid)?;
    let port = port.parse().map_err(|_| invalid())?;
    let addresses = resolve(host, port).await?;
    TcpStream::connect(addresses.as_slice()).await
}

/// Returns an acceptor that, like the scheduler itself, proves to have the cluster's key and requires
/// the same of its clients.
///
/// # Errors
/// Fails if the identity can't be used.
pub(crate) fn acceptor(identity: &TlsIdentity) -> Result<TlsAcceptor, SchedulerError> {
    let ParsedIdentity {
        certificate,
        key,
        roots,
    } = ParsedIdentity::parse(identity)?;
    let provider = Arc::new(ring::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map_err(|_| SchedulerError::InvalidIdentity("certificate"))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| SchedulerError::InvalidIdentity("certificate"))?
        .with_client_cert_verifier(clients)
        .with_single_cert(vec![certificate], key)
        .map_err(|_| SchedulerError::InvalidIdentity("key"))?;
    // distributed resumes no sessions.
    config.send_tls13_tickets = 0;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// A cluster's parsed identity.
struct ParsedIdentity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    /// Holds only this certificate.
    roots: RootCertStore,
}

impl ParsedIdentity {
    fn parse(identity: &TlsIdentity) -> Result<Self, SchedulerError> {
        let certificate = CertificateDer::from_pem_slice(identity.certificate.expose().as_bytes())
            .map_err(|_| SchedulerError::InvalidIdentity("certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(identity.key.expose().as_bytes())
            .map_err(|_| SchedulerError::InvalidIdentity("key"))?;
        let mut roots = RootCertStore::empty();
        roots
            .add(certificate.clone())
            .map_err(|_| SchedulerError::InvalidIdentity("certificate"))?;
        Ok(Self {
            certificate,
            key,
            roots,
        })
    }
}

/// The certificate is checked for the name in it, not for the server name that is sent, which only the
/// proxy knows.
fn client_config(identity: &TlsIdentity) -> Result<ClientConfig, SchedulerError> {
    let ParsedIdentity {
        certificate,
        key,
        roots,
    } = ParsedIdentity::parse(identity)?;
    let name = ServerName::try_from(CERTIFIED_NAME)
        .map_err(|_| SchedulerError::InvalidIdentity("name"))?;
    client_config_builder(|| roots, Some(name))
        .map_err(|_| SchedulerError::InvalidIdentity("certificate"))?
        .with_client_auth_cert(vec![certificate], key)
        .map_err(|_| SchedulerError::InvalidIdentity("key"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Secret;

    #[test]
    fn error_does_not_quote_an_invalid_certificate() {
        let identity = TlsIdentity {
            certificate: Secret::new("s3cret-certificate".to_owned()),
            key: Secret::new("s3cret-key".to_owned()),
        };
        let error = client_config(&identity).expect_err("no certificate");
        assert_eq!(error.to_string(), "the cluster's certificate can't be used");
        assert!(!format!("{identity:?}").contains("s3cret"), "{identity:?}");
    }
}
