//! A relay from a local port to a cluster's scheduler.
//!
//! Clients of distributed can't send the server name by which the gateway's proxy finds the
//! cluster. The relay sends it for them: it terminates their TLS, opens a TLS connection of its own,
//! and copies between the two. A client must present the cluster's own certificate, as the scheduler
//! itself would demand: on a machine with several users, an open port would give all of them access
//! to the user's account.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use backon::{ConstantBuilder, Retryable as _};
use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::accept::{Unauthenticated, UnauthenticatedConnections};
use crate::gateway::TlsIdentity;
use crate::scheduler::{Connector, HandshakeFault, SchedulerError, acceptor};

/// The time limit of a TLS handshake, on either side.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// The buffer of one direction of a connection: a few TLS records of 16 KiB.
const BUFFER: usize = 64 * 1024;

/// How long the other direction may continue when one has ended, for data in transit.
const LINGER: Duration = Duration::from_secs(1);

/// Kubernetes' proxy learns of a new cluster some seconds after the gateway calls it running.
const ROUTE_PAUSE: Duration = Duration::from_millis(250);
const ROUTE_TRIES: usize = 40;

/// A peer that does not respond to keep-alive probes for this long is gone, as for
/// `distributed.comm.timeouts.tcp`.
const SILENCE_LIMIT: Duration = Duration::from_secs(30);
const PROBES: u32 = 3;

/// A relay that serves until it is dropped.
pub(super) struct Relay {
    address: SocketAddr,
    endpoints: Arc<Endpoints>,
    serving: JoinHandle<()>,
}

/// Both sides of a relay.
struct Endpoints {
    clients: TlsAcceptor,
    scheduler: Connector,
    /// The number of clients that are connected to the scheduler.
    connected: AtomicUsize,
    lost_connections: Notify,
    has_lost: AtomicBool,
}

/// Counts one more client as connected until it is dropped.
struct Connected<'a>(&'a AtomicUsize);

impl<'a> Connected<'a> {
    fn count_in(connected: &'a AtomicUsize) -> Self {
        connected.fetch_add(1, Ordering::Relaxed);
        Self(connected)
    }
}

impl Drop for Connected<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The side that ended a direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EndedBy {
    Source,
    Sink,
}

impl Relay {
    /// Listens on a free loopback port.
    ///
    /// # Errors
    /// There is no free port, or no loopback interface.
    pub(super) fn listen() -> io::Result<TcpListener> {
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
    }

    /// Relays connections of `listener` to the scheduler of `cluster`, by the `host:port` of the
    /// gateway's scheduler proxy. Must be called within a runtime, and ends with it.
    ///
    /// # Errors
    /// The identity or the listener can't be used.
    pub(super) fn start(
        listener: TcpListener,
        proxy: &str,
        cluster: &str,
        identity: &TlsIdentity,
    ) -> Result<Self, SchedulerError> {
        let endpoints = Arc::new(Endpoints {
            clients: acceptor(identity)?,
            scheduler: Connector::new(proxy, cluster, identity)?,
            connected: AtomicUsize::new(0),
            lost_connections: Notify::new(),
            has_lost: AtomicBool::new(false),
        });
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        Ok(Self {
            address: listener.local_addr()?,
            serving: tokio::spawn(serve(listener, Arc::clone(&endpoints))),
            endpoints,
        })
    }

    /// Returns the address on which it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Checks that the scheduler can be reached; waits for a route that is new.
    ///
    /// # Errors
    /// The scheduler can't be reached.
    pub(super) async fn check_scheduler(&self) -> Result<(), SchedulerError> {
        let pauses = ConstantBuilder::default()
            .with_delay(ROUTE_PAUSE)
            .with_max_times(ROUTE_TRIES);
        (|| self.endpoints.connect())
            .retry(pauses)
            .when(|fault| {
                // What doesn't speak TLS won't lead to the cluster in a moment either.
                let is_tls = !matches!(
                    fault,
                    SchedulerError::Handshake {
                        fault: HandshakeFault::NoTls,
                        ..
                    } | SchedulerError::ProxySilent { .. }
                );
                is_tls && (fault.is_of_proxy() || matches!(fault, SchedulerError::Connection(_)))
            })
            .await
            .map(drop)
    }

    /// Returns true if a client is connected to the scheduler.
    pub(super) fn is_in_use(&self) -> bool {
        self.endpoints.connected.load(Ordering::Relaxed) > 0
    }

    /// Waits until the scheduler ends a connection, or can't be reached.
    pub(super) async fn lost_connection(&self) {
        self.endpoints.lost_connections.notified().await;
    }

    /// Returns true if the scheduler has ended a connection, or could not be reached, at least once.
    pub(super) fn has_lost_connection(&self) -> bool {
        self.endpoints.has_lost.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Accepts connections for ever; they end with it.
async fn serve(listener: tokio::net::TcpListener, endpoints: Arc<Endpoints>) {
    let unauthenticated = Arc::new(UnauthenticatedConnections::default());
    let serving = unauthenticated.serve(
        |context| listener.poll_accept(context),
        |(stream, _), connection| Arc::clone(&endpoints).relay(stream, connection),
    );
    match serving.await {}
}

impl Endpoints {
    async fn connect(&self) -> Result<tokio_rustls::client::TlsStream<TcpStream>, SchedulerError> {
        self.scheduler.connect_within(HANDSHAKE_LIMIT).await
    }

    /// Copies both ways until one side ends, then ends the other. Connects to the scheduler only for
    /// a client that has presented the certificate.
    async fn relay(self: Arc<Self>, stream: TcpStream, connection: Unauthenticated) {
        let _ = stream.set_nodelay(true);
        let client = match timeout(HANDSHAKE_LIMIT, self.clients.accept(stream)).await {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return log::info!("relay: refused a client: {error}"),
            Err(_) => return log::info!("relay: refused a client that sent nothing"),
        };
        connection.set_authenticated();
        let scheduler = match self.connect().await {
            Ok(scheduler) => scheduler,
            Err(fault) => {
                log::info!("relay: can't reach the scheduler: {fault}");
                self.report_loss();
                return;
            }
        };
        let _connected = Connected::count_in(&self.connected);
        if let Err(error) = detect_silence(scheduler.get_ref().0) {
            log::info!("relay: {error}");
        }
        let (from_client, to_client) = split(client);
        let (from_scheduler, to_scheduler) = split(scheduler);
        let mut up = pin!(copy(from_client, to_scheduler));
        let mut down = pin!(copy(from_scheduler, to_client));
        let is_lost = tokio::select! {
            end = &mut up => {
                let _ = timeout(LINGER, down).await;
                end == EndedBy::Sink
            }
            end = &mut down => {
                let _ = timeout(LINGER, up).await;
                end == EndedBy::Source
            }
        };
        if is_lost {
            self.report_loss();
        }
    }

    fn report_loss(&self) {
        self.has_lost.store(true, Ordering::Relaxed);
        self.lost_connections.notify_one();
    }
}

/// Copies until either side ends or breaks, and ends the other.
async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> EndedBy {
    let mut buffer = vec![0; BUFFER];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else {
            let _ = to.shutdown().await;
            return EndedBy::Source;
        };
        let written = async {
            to.write_all(&buffer[..read]).await?;
            to.flush().await
        };
        if written.await.is_err() {
            return EndedBy::Sink;
        }
    }
}

/// Turns a peer or a network that vanished into an error, by TCP keep-alive.
fn detect_silence(stream: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, SILENCE_LIMIT / 2)?;
    sockopt::set_tcp_keepintvl(stream, SILENCE_LIMIT / 2 / PROBES)?;
    sockopt::set_tcp_keepcnt(stream, PROBES)?;
    #[cfg(target_os = "linux")]
    sockopt::set_tcp_user_timeout(
        stream,
        u32::try_from(SILENCE_LIMIT.as_millis()).unwrap_or(u32::MAX),
    )?;
    Ok(())
}
