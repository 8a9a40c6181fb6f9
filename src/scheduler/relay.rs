//! A port of this machine that leads to a cluster's scheduler.
//!
//! Clients of distributed can't send the server name by which the gateway's proxy finds the
//! cluster. The relay sends it for them: it ends their TLS, begins its own, and copies what goes
//! between. Whoever connects must hold the cluster's own certificate and key, as the scheduler itself
//! would demand: on a machine with several users, a bare port would hand one's account to all of
//! them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use backon::{ConstantBuilder, Retryable as _};
use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::net::TcpStream;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::SchedulerError;
use super::tls::{self, Connector};
use crate::gateway::TlsIdentity;

/// A handshake that takes longer, by either side, is not going to succeed.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// Connections that have yet to show their certificate. Strangers may keep so many waiting, no more:
/// each costs an open file.
const STRANGERS: usize = 128;

/// After a connection could not be taken, for want of open files: some will be closed by then.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a connection holds of data under way, for each direction: some TLS records of 16 KiB.
const BUFFER: usize = 64 * 1024;

/// How long the other direction may go on when one has ended: for what is under way.
const LINGER: Duration = Duration::from_secs(1);

/// Kubernetes' proxy learns of a new cluster some seconds after the gateway calls it running.
const ROUTE_PAUSE: Duration = Duration::from_millis(250);
const ROUTE_TRIES: usize = 40;

/// A peer that is silent so long, though asked, is gone: `distributed.comm.timeouts.tcp`.
const SILENCE_LIMIT: Duration = Duration::from_secs(30);
const PROBES: u32 = 3;

/// A relay, for as long as it isn't dropped.
pub(crate) struct Relay {
    address: SocketAddr,
    link: Arc<Link>,
    serving: JoinHandle<()>,
}

/// Both sides of a relay.
struct Link {
    clients: TlsAcceptor,
    scheduler: Connector,
    losses: Notify,
}

/// Which side of a direction ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Source,
    Sink,
}

impl Relay {
    /// A free port of this machine's own.
    ///
    /// # Errors
    /// There is none, or no loopback interface.
    pub(crate) fn listen() -> io::Result<TcpListener> {
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
    }

    /// Leads `listener` to the scheduler of `cluster`, by the `host:port` of the gateway's proxy.
    /// Must be called within a runtime, and lasts no longer than it.
    ///
    /// # Errors
    /// The identity can't be used, or the listener.
    pub(crate) fn start(
        listener: TcpListener,
        proxy: &str,
        cluster: &str,
        identity: &TlsIdentity,
    ) -> Result<Self, SchedulerError> {
        let link = Arc::new(Link {
            clients: tls::acceptor(identity)?,
            scheduler: Connector::new(proxy, cluster, identity)?,
            losses: Notify::new(),
        });
        listener.set_nonblocking(true)?;
        let listener = tokio::net::TcpListener::from_std(listener)?;
        Ok(Self {
            address: listener.local_addr()?,
            serving: tokio::spawn(serve(listener, Arc::clone(&link))),
            link,
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether the scheduler can be reached; a route that is new is waited for.
    ///
    /// # Errors
    /// It can't, and why.
    pub(crate) async fn reach(&self) -> Result<(), SchedulerError> {
        let pauses = ConstantBuilder::default()
            .with_delay(ROUTE_PAUSE)
            .with_max_times(ROUTE_TRIES);
        (|| self.link.reach())
            .retry(pauses)
            .when(|fault| {
                matches!(
                    fault,
                    SchedulerError::Connection(_) | SchedulerError::ProxyUnreachable { .. }
                )
            })
            .await
            .map(drop)
    }

    /// The next time that the scheduler ends a connection, or can't be reached.
    pub(crate) async fn loss(&self) {
        self.link.losses.notified().await;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Takes connections for ever; those that it has taken end with it.
async fn serve(listener: tokio::net::TcpListener, link: Arc<Link>) {
    let strangers = Arc::new(Semaphore::new(STRANGERS));
    let mut connections = JoinSet::new();
    loop {
        let accepting = async {
            let permit = Arc::clone(&strangers).acquire_owned().await;
            (permit, listener.accept().await)
        };
        tokio::select! {
            (permit, accepted) = accepting => match (permit, accepted) {
                (Ok(permit), Ok((stream, _))) => {
                    connections.spawn(Arc::clone(&link).relay(stream, permit));
                }
                (_, Err(error)) => {
                    log::info!("relay: {error}");
                    sleep(ACCEPT_PAUSE).await;
                }
                (Err(_), _) => return,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

impl Link {
    async fn reach(&self) -> Result<tokio_rustls::client::TlsStream<TcpStream>, SchedulerError> {
        let connecting = timeout(HANDSHAKE_LIMIT, self.scheduler.connect());
        connecting
            .await
            .unwrap_or(Err(SchedulerError::TimedOut(HANDSHAKE_LIMIT)))
    }

    /// Copies both ways until one of the sides ends it, then ends the other. The scheduler is
    /// bothered only for who has shown the certificate.
    async fn relay(self: Arc<Self>, stream: TcpStream, stranger: OwnedSemaphorePermit) {
        let _ = stream.set_nodelay(true);
        let client = match timeout(HANDSHAKE_LIMIT, self.clients.accept(stream)).await {
            Ok(Ok(client)) => client,
            Ok(Err(error)) => return log::info!("relay: refused a client: {error}"),
            Err(_) => return log::info!("relay: refused a client that said nothing"),
        };
        drop(stranger);
        let scheduler = match self.reach().await {
            Ok(scheduler) => scheduler,
            Err(fault) => {
                log::info!("relay: no way to the scheduler: {fault}");
                self.losses.notify_one();
                return;
            }
        };
        if let Err(error) = notice_silence(scheduler.get_ref().0) {
            log::info!("relay: {error}");
        }
        let (from_client, to_client) = split(client);
        let (from_scheduler, to_scheduler) = split(scheduler);
        let mut up = pin!(copy(from_client, to_scheduler));
        let mut down = pin!(copy(from_scheduler, to_client));
        let is_lost = tokio::select! {
            end = &mut up => {
                let _ = timeout(LINGER, down).await;
                end == End::Sink
            }
            end = &mut down => {
                let _ = timeout(LINGER, up).await;
                end == End::Source
            }
        };
        if is_lost {
            self.losses.notify_one();
        }
    }
}

/// Copies until either side ends or breaks, and passes the end on.
async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> End {
    let mut buffer = vec![0; BUFFER];
    loop {
        let Ok(read @ 1..) = from.read(&mut buffer).await else {
            let _ = to.shutdown().await;
            return End::Source;
        };
        let written = async {
            to.write_all(&buffer[..read]).await?;
            to.flush().await
        };
        if written.await.is_err() {
            return End::Sink;
        }
    }
}

/// Makes a peer that vanished, or a network that did, an error in place of a wait for ever.
fn notice_silence(stream: &TcpStream) -> io::Result<()> {
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
