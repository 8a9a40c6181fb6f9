//! TLS to a scheduler, through the gateway's proxy.
//!
//! The proxy reads the cluster from the server name in the first TLS message, and passes on all
//! that follows; TLS ends at the scheduler. Scheduler, workers and clients of a cluster share one
//! self-signed certificate, made for that cluster alone, and each side demands it of the other.

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

use super::SchedulerError;
use crate::gateway::TlsIdentity;

/// What the proxy takes off the server name to find the cluster (`dask_gateway.comm`).
const PREFIX: &str = "daskgateway-";

/// The name that every cluster's certificate bears (`dask_gateway_server.tls`).
const CERTIFIED_NAME: &str = "dask-internal";

/// What connects to the scheduler of one cluster.
pub(super) struct Connector {
    tls: TlsConnector,
    name: ServerName<'static>,
    proxy: String,
}

impl Connector {
    /// By the `host:port` of the gateway's proxy. Connects nothing yet.
    ///
    /// # Errors
    /// The identity or the name can't be used.
    pub(super) fn new(
        proxy: &str,
        cluster: &str,
        identity: &TlsIdentity,
    ) -> Result<Self, SchedulerError> {
        Ok(Self {
            tls: TlsConnector::from(Arc::new(config(identity)?)),
            name: ServerName::try_from(format!("{PREFIX}{cluster}"))
                .map_err(|_| SchedulerError::Identity("name"))?,
            proxy: proxy.to_owned(),
        })
    }

    /// A new connection.
    ///
    /// # Errors
    /// Nothing answers there, or nobody who holds the cluster's key.
    pub(super) async fn connect(&self) -> Result<TlsStream<TcpStream>, SchedulerError> {
        let stream = TcpStream::connect(&self.proxy).await?;
        // Questions are one short write each.
        stream.set_nodelay(true)?;
        Ok(self.tls.connect(self.name.clone(), stream).await?)
    }
}

/// A connection to the scheduler of `cluster`, by the `host:port` of the gateway's proxy.
///
/// # Errors
/// As of [`Connector`].
pub(super) async fn connect(
    proxy: &str,
    cluster: &str,
    identity: &TlsIdentity,
) -> Result<TlsStream<TcpStream>, SchedulerError> {
    Connector::new(proxy, cluster, identity)?.connect().await
}

/// What lets in those who hold the cluster's key, and shows them that it holds it too, as the
/// scheduler itself would.
///
/// # Errors
/// The identity can't be used.
pub(super) fn acceptor(identity: &TlsIdentity) -> Result<TlsAcceptor, SchedulerError> {
    let Parts {
        certificate,
        key,
        roots,
        provider,
    } = Parts::of(identity)?;
    let clients = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider))
        .build()
        .map_err(|_| SchedulerError::Identity("certificate"))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| SchedulerError::Identity("certificate"))?
        .with_client_cert_verifier(clients)
        .with_single_cert(vec![certificate], key)
        .map_err(|_| SchedulerError::Identity("key"))?;
    // distributed resumes no sessions.
    config.send_tls13_tickets = 0;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// An identity, parsed.
struct Parts {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    /// The certificate alone.
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
}

impl Parts {
    fn of(identity: &TlsIdentity) -> Result<Self, SchedulerError> {
        let certificate = CertificateDer::from_pem_slice(identity.certificate.expose().as_bytes())
            .map_err(|_| SchedulerError::Identity("certificate"))?;
        let key = PrivateKeyDer::from_pem_slice(identity.key.expose().as_bytes())
            .map_err(|_| SchedulerError::Identity("key"))?;
        let mut roots = RootCertStore::empty();
        roots
            .add(certificate.clone())
            .map_err(|_| SchedulerError::Identity("certificate"))?;
        Ok(Self {
            certificate,
            key,
            roots: Arc::new(roots),
            provider: Arc::new(ring::default_provider()),
        })
    }
}

fn config(identity: &TlsIdentity) -> Result<ClientConfig, SchedulerError> {
    let Parts {
        certificate,
        key,
        roots,
        provider,
    } = Parts::of(identity)?;
    let verifier = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider))
        .build()
        .map_err(|_| SchedulerError::Identity("certificate"))?;
    let name =
        ServerName::try_from(CERTIFIED_NAME).map_err(|_| SchedulerError::Identity("name"))?;
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| SchedulerError::Identity("certificate"))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(OwnCertificate { verifier, name }))
        .with_client_auth_cert(vec![certificate], key)
        .map_err(|_| SchedulerError::Identity("key"))
}

/// rustls' own verifier, with the cluster's certificate as the only root. It asks for the name in
/// the certificate, where rustls would ask for the one that was sent, which only the proxy knows.
#[derive(Debug)]
struct OwnCertificate {
    verifier: Arc<WebPkiServerVerifier>,
    name: ServerName<'static>,
}

impl ServerCertVerifier for OwnCertificate {
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
    fn what_is_no_certificate_is_told_without_its_text() {
        let identity = TlsIdentity {
            certificate: Secret::new("s3cret-certificate".to_owned()),
            key: Secret::new("s3cret-key".to_owned()),
        };
        let fault = config(&identity).expect_err("no certificate");
        assert_eq!(fault.to_string(), "the cluster's certificate can't be used");
        assert!(!format!("{identity:?}").contains("s3cret"), "{identity:?}");
    }
}
