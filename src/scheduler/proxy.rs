//! What listens at the address of the gateway's scheduler proxy, whether or not a cluster is running.

use std::time::Duration;

use super::error::{HandshakeFault, SchedulerError};
use super::tls::Connector;

/// A server that speaks TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ProxyKind {
    /// It closes the connection if it is asked for a cluster that does not exist, as dask-gateway's own
    /// proxy does.
    Gateways,
    /// It presents a certificate of its own, as an HTTPS server does; and Traefik, which stands in for the
    /// proxy on Kubernetes.
    Other,
}

/// Asks the server at `proxy`, a `host:port`, for a cluster that does not exist.
///
/// # Errors
/// Fails if nothing responds there within `limit`, or something that doesn't speak TLS.
pub(crate) async fn probe_proxy(proxy: &str, limit: Duration) -> Result<ProxyKind, SchedulerError> {
    match Connector::without_cluster(proxy)?
        .connect_within(limit)
        .await
    {
        Err(SchedulerError::Handshake { fault, .. }) if fault != HandshakeFault::NoTls => {
            Ok(match fault {
                HandshakeFault::Closed => ProxyKind::Gateways,
                _ => ProxyKind::Other,
            })
        }
        Err(error) => Err(error),
        Ok(_) => Ok(ProxyKind::Other),
    }
}
