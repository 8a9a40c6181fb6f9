//! A scheduler for responses that no real one sends, behind a scheduler proxy for every cluster.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The certificate of the cluster, valid for a century, and its key.
pub(crate) const CERTIFICATE: &str = include_str!("scheduler.pem");
pub(crate) const KEY: &str = include_str!("scheduler.key");

/// A map of the handshake: `{"compression": nil, "pickle-protocol": 5}`.
const HANDSHAKE: &[u8] = b"\x82\xabcompression\xc0\xafpickle-protocol\x05";

/// Starts a scheduler that sends `response`, in `MessagePack`, to the first operation on each
/// connection, and nil to the others. Returns its `host:port`.
pub(crate) fn scheduler(response: &[u8]) -> String {
    let certificate = CertificateDer::from_pem_slice(CERTIFICATE.as_bytes()).expect("PEM");
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).expect("PEM");
    let provider = rustls::crypto::ring::default_provider();
    let tls = ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .expect("TLS")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("a key that fits");
    let tls = Arc::new(tls);
    let sent = [
        &packed(HANDSHAKE),
        &packed(response),
        &packed(b"\xc0").repeat(8)[..],
    ]
    .concat();
    let sent = Arc::new(sent);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("the port").to_string();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (tls, sent) = (Arc::clone(&tls), Arc::clone(&sent));
            thread::spawn(move || serve(stream, tls, &sent));
        }
    });
    address
}

fn serve(stream: TcpStream, tls: Arc<ServerConfig>, sent: &[u8]) {
    let connection = ServerConnection::new(tls).expect("TLS");
    let mut stream = StreamOwned::new(connection, stream);
    let _ = stream.write_all(sent).and_then(|()| stream.flush());
    // Until the client has read it all and leaves.
    let _ = stream.read_to_end(&mut Vec::new());
}

fn packed(message: &[u8]) -> Vec<u8> {
    let length = message.len() as u64;
    let numbers = [16 + length, 1, length].map(u64::to_le_bytes);
    [numbers.as_flattened(), message].concat()
}
