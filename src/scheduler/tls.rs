//! TLS to a scheduler, through the gateway's proxy.
//!
//! The proxy reads the cluster's name from the server name in the first TLS message and passes on
//! everything after it; TLS ends at the scheduler. Scheduler, workers and clients of a cluster share
//! one self-signed certificate, made for that cluster alone, and each side requires it of the other.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, ServerConfig, SignatureScheme,
};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::error::SchedulerError;
use crate::gateway::TlsIdentity;

/// Prefix of the server name, which the proxy removes to find the cluster (`dask_gateway.comm`).
const PREFIX: &str = "daskgateway-";

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

    /// Opens a connection.
    ///
    /// # Errors
    /// Fails if the proxy can't be reached or the peer does not have the cluster's key.
    pub(crate) async fn connect(&self) -> Result<TlsStream<TcpStream>, SchedulerError> {
        let stream = TcpStream::connect(&self.proxy).await.map_err(|source| {
            SchedulerError::ProxyUnreachable {
                proxy: self.proxy.clone(),
                source,
            }
        })?;
        // Each request is one short write.
        stream.set_nodelay(true)?;
        Ok(self.tls.connect(self.name.clone(), stream).await?)
    }
}

/// Connects to the scheduler of `cluster` through the `host:port` of the gateway's proxy.
///
/// # Errors
/// Fails like [`Connector::new`] and [`Connector::connect`].
pub(super) async fn connect(
    proxy: &str,
    cluster: &str,
    identity: &TlsIdentity,
) -> Result<TlsStream<TcpStream>, SchedulerError> {
    Connector::new(proxy, cluster, identity)?.connect().await
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
        provider,
    } = ParsedIdentity::parse(identity)?;
    let clients = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider))
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
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
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
            roots: Arc::new(roots),
            provider: Arc::new(ring::default_provider()),
        })
    }
}

fn client_config(identity: &TlsIdentity) -> Result<ClientConfig, SchedulerError> {
    let ParsedIdentity {
        certificate,
        key,
        roots,
        provider,
    } = ParsedIdentity::parse(identity)?;
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
        .build()
        .map_err(|_| SchedulerError::InvalidIdentity("certificate"))?;
    let name = ServerName::try_from(CERTIFIED_NAME)
        .map_err(|_| SchedulerError::InvalidIdentity("name"))?;
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| SchedulerError::InvalidIdentity("certificate"))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(ClusterVerifier { verifier, name }))
        .with_client_auth_cert(vec![certificate], key)
        .map_err(|_| SchedulerError::InvalidIdentity("key"))
}

/// rustls' own verifier with the cluster's certificate as the only root. It checks for the name in
/// the certificate. rustls would check for the server name that was sent, which only the proxy
/// knows.
#[derive(Debug)]
struct ClusterVerifier {
    verifier: Arc<WebPkiServerVerifier>,
    name: ServerName<'static>,
}

impl ServerCertVerifier for ClusterVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _sent: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verifier
            .verify_server_cert(end_entity, intermediates, &self.name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier
            .verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier
            .verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
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
