//! TLS with the system's certificate authorities. They are read at the first handshake that needs
//! them, and never for an `http://` address.

use std::path::Path;
use std::sync::{Arc, LazyLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WantsClientCert, WebPkiServerVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    ClientConfig, ConfigBuilder, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

/// The variables that name certificate authorities.
const VARIABLES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// The files in which distributions keep all certificate authorities.
const BUNDLES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
];

/// TLS 1.2 and 1.3 with the system's certificate authorities.
///
/// # Errors
/// Fails if the provider supports neither version.
pub(super) fn client_config() -> Result<ClientConfig, Error> {
    let mut config = client_config_builder(system_roots, None)?.with_no_client_auth();
    // Some front ends prefer another protocol. Named here, they speak this one or say that they can't.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Begins the configuration of a TLS client that trusts the certificate authorities that `roots`
/// returns, which is called at the first handshake. Certificates are checked for `name` if it is
/// given, else for the server name that is sent.
///
/// # Errors
/// Fails if the provider supports neither TLS 1.2 nor 1.3.
pub(crate) fn client_config_builder(
    roots: impl FnOnce() -> RootCertStore + Send + 'static,
    name: Option<ServerName<'static>>,
) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, Error> {
    let provider = Arc::new(ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
    let build = move || {
        let roots = roots();
        if roots.is_empty() {
            return Err(Error::General(
                "no certificate authorities were found".to_owned(),
            ));
        }
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|error| Error::General(error.to_string()))
    };
    Ok(builder
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(LazyVerifier {
            algorithms,
            verifier: LazyLock::new(Box::new(build)),
            name,
        })))
}

type BuiltVerifier = Result<Arc<WebPkiServerVerifier>, Error>;

/// rustls' own verifier, built when it is first needed. It adds no rule and drops none.
#[derive(Debug)]
struct LazyVerifier {
    algorithms: WebPkiSupportedAlgorithms,
    verifier: LazyLock<BuiltVerifier, Box<dyn FnOnce() -> BuiltVerifier + Send>>,
    /// The name to check certificates for, in place of the server name that is sent.
    name: Option<ServerName<'static>>,
}

impl LazyVerifier {
    fn verifier(&self) -> Result<&WebPkiServerVerifier, Error> {
        self.verifier.as_deref().map_err(Clone::clone)
    }
}

impl ServerCertVerifier for LazyVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        sent_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let name = self.name.as_ref().unwrap_or(sent_name);
        self.verifier()?
            .verify_server_cert(end_entity, intermediates, name, ocsp_response, now)
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
        self.algorithms.supported_schemes()
    }
}

/// The certificate authorities that this machine trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TrustedRoots {
    /// The variables that name them, with their values, or the system's file.
    pub(crate) source: String,
    pub(crate) count: usize,
}

/// The certificate authorities that servers' certificates are checked against.
pub(crate) fn roots() -> TrustedRoots {
    let named = VARIABLES
        .into_iter()
        .filter_map(|name| Some(format!("{name}={}", std::env::var_os(name)?.display())))
        .collect::<Vec<_>>();
    let source = match system_bundle() {
        _ if !named.is_empty() => named.join(", "),
        Some(bundle) => bundle.to_owned(),
        None => "the system".to_owned(),
    };
    TrustedRoots {
        source,
        count: system_roots().len(),
    }
}

/// The certificate authorities that [`VARIABLES`] name, else those in the system's bundle. Its
/// directory of hundreds of files contains the same certificates and takes ten times as long to read.
fn system_roots() -> RootCertStore {
    let is_named = VARIABLES
        .iter()
        .any(|name| std::env::var_os(name).is_some());
    let loaded = match system_bundle() {
        Some(bundle) if !is_named => {
            rustls_native_certs::load_certs_from_paths(Some(Path::new(bundle)), None)
        }
        _ => rustls_native_certs::load_native_certs(),
    };
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(loaded.certs);
    roots
}

fn system_bundle() -> Option<&'static str> {
    BUNDLES.into_iter().find(|path| Path::new(path).exists())
}
