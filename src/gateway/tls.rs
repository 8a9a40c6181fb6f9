//! TLS with the system's certificate authorities, read at the first handshake that needs them:
//! an `http://` address never pays for them.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

/// The client's side of TLS 1.2 and 1.3, on ring.
///
/// # Errors
/// The provider supports neither version.
pub(super) fn client_config() -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Arc::new(SystemRoots {
        provider: Arc::clone(&provider),
        verifier: OnceLock::new(),
    });
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    // Said beforehand, a front end with another first choice speaks it too, or says that it can't.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// rustls' own verifier, made when it is first asked. It adds no rule and drops none.
#[derive(Debug)]
struct SystemRoots {
    provider: Arc<CryptoProvider>,
    verifier: OnceLock<Result<Arc<WebPkiServerVerifier>, Error>>,
}

impl SystemRoots {
    fn verifier(&self) -> Result<&WebPkiServerVerifier, Error> {
        self.verifier
            .get_or_init(|| {
                let mut roots = RootCertStore::empty();
                roots.add_parsable_certificates(system_certificates());
                if roots.is_empty() {
                    return Err(Error::General(
                        "no certificate authorities were found".to_owned(),
                    ));
                }
                let provider = Arc::clone(&self.provider);
                WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
                    .build()
                    .map_err(|error| Error::General(error.to_string()))
            })
            .as_ref()
            .map(AsRef::as_ref)
            .map_err(Clone::clone)
    }
}

/// What `SSL_CERT_FILE` and `SSL_CERT_DIR` name, else the system's bundle. Its folder of hundreds
/// of files holds the same certificates and takes ten times as long to read.
fn system_certificates() -> Vec<CertificateDer<'static>> {
    let mut named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter();
    let is_named = named.any(|name| std::env::var_os(name).is_some());
    let mut bundles = BUNDLES.iter().map(Path::new);
    match bundles.find(|path| path.exists()) {
        Some(bundle) if !is_named => {
            rustls_native_certs::load_certs_from_paths(Some(bundle), None).certs
        }
        _ => rustls_native_certs::load_native_certs().certs,
    }
}

/// The certificate authorities that this machine trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Roots {
    /// What names them: variables with their values, or the system's file.
    pub(crate) source: String,
    pub(crate) count: usize,
}

/// Which authorities a server's certificate is judged by.
pub(crate) fn roots() -> Roots {
    let named = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter();
    let named = named.filter_map(|name| {
        let value = std::env::var_os(name)?;
        Some(format!("{name}={}", value.display()))
    });
    let named = named.collect::<Vec<_>>();
    let mut bundles = BUNDLES.into_iter();
    let source = match bundles.find(|path| Path::new(path).exists()) {
        _ if !named.is_empty() => named.join(", "),
        Some(bundle) => bundle.to_owned(),
        None => "the system's".to_owned(),
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(system_certificates());
    Roots {
        source,
        count: roots.len(),
    }
}

/// Where distributions keep all authorities in one file.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
];

impl ServerCertVerifier for SystemRoots {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.verifier()?.verify_server_cert(
            end_entity,
            intermediates,
            server_name,
            ocsp_response,
            now,
        )
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier()?
            .verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier()?
            .verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
