//! The server: accepts connections, checks requests, passes them on.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{
    ACCEPT, CACHE_CONTROL, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY, X_FRAME_OPTIONS,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use reqwest::Body;
use rustix::io::Errno;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use super::error::Error;
use super::guard::{Access, Guard};
use super::socket::PrivateSocket;
use super::{forward, page};
use crate::accept::{Unauthenticated, UnauthenticatedConnections};
use crate::gateway::DashboardClient;

/// Memory of a connection for a request's head, or for a response that the browser does not read.
/// Browsers send the cookies of every server on this machine.
const BUFFER: usize = 64 * 1024;

/// Time limit for a head, from its first byte or the response before it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Attempts to find a port that is free at both loopback addresses.
const PORT_ATTEMPTS: usize = 16;

/// A cluster's dashboard, served on this machine.
pub(crate) struct Server {
    ipv4: TcpListener,
    /// `None` on a machine without IPv6.
    ipv6: Option<TcpListener>,
    unix: Option<PrivateSocket>,
    port: u16,
    unauthenticated: Arc<UnauthenticatedConnections>,
    shared: Arc<Shared>,
}

/// State shared by all connections.
struct Shared {
    pages: DashboardClient,
    guard: Guard,
    link_used: Notify,
    request_failed: Notify,
    /// How the cluster ended.
    end: OnceLock<String>,
}

impl Server {
    /// Listens on `port` of the loopback addresses, or any free port, and at the path `socket` too.
    ///
    /// # Errors
    /// Fails if the port or the path is in use or can't be used.
    pub(crate) async fn listen(
        pages: DashboardClient,
        port: Option<u16>,
        socket: Option<&Path>,
    ) -> Result<Self, Error> {
        let unix = socket
            .map(|path| {
                PrivateSocket::listen(path).map_err(|fault| Error::Socket {
                    path: path.to_owned(),
                    fault,
                })
            })
            .transpose()?;
        let port = port.unwrap_or(0);
        let failed = |source| Error::Port { port, source };
        let (ipv4, ipv6) = bind(port).await.map_err(failed)?;
        Ok(Self {
            port: ipv4.local_addr().map_err(failed)?.port(),
            ipv4,
            ipv6,
            unix,
            unauthenticated: Arc::default(),
            shared: Arc::new(Shared {
                pages,
                guard: Guard::new()?,
                link_used: Notify::new(),
                request_failed: Notify::new(),
                end: OnceLock::new(),
            }),
        })
    }

    /// Returns the port on the loopback addresses.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns the link that opens the dashboard once. It holds a secret.
    pub(crate) fn link(&self) -> String {
        self.shared.guard.link(self.port)
    }

    /// Waits until the link is used; then there is another.
    pub(crate) async fn link_used(&self) {
        self.shared.link_used.notified().await;
    }

    /// Waits until the gateway or the cluster fails to respond.
    pub(crate) async fn request_failed(&self) {
        self.shared.request_failed.notified().await;
    }

    /// Makes every page say that the cluster has ended, and how.
    pub(crate) fn set_ended(&self, how: &str) {
        // A second call changes nothing.
        let _ = self.shared.end.set(how.to_owned());
    }

    /// Serves until this is dropped.
    pub(crate) async fn run(&self) -> Infallible {
        tokio::select! {
            never = self.serve_tcp(Some(&self.ipv4)) => never,
            never = self.serve_tcp(self.ipv6.as_ref()) => never,
            never = self.serve_unix() => never,
        }
    }

    async fn serve_tcp(&self, listener: Option<&TcpListener>) -> Infallible {
        let Some(listener) = listener else {
            return std::future::pending().await;
        };
        self.unauthenticated
            .serve(
                |context| listener.poll_accept(context),
                |(stream, _), connection| {
                    // WebSocket messages are small and should arrive at once.
                    let _ = stream.set_nodelay(true);
                    Arc::clone(&self.shared).serve(stream, connection)
                },
            )
            .await
    }

    async fn serve_unix(&self) -> Infallible {
        let Some(socket) = &self.unix else {
            return std::future::pending().await;
        };
        self.unauthenticated
            .serve(
                |context| socket.listener().poll_accept(context),
                |(stream, _), connection| Arc::clone(&self.shared).serve(stream, connection),
            )
            .await
    }
}

/// Listens on `port`, or any free one, of both loopback addresses. Browsers connect to either of them
/// for a name below `localhost`, so another user of the machine must not have the port of one.
async fn bind(port: u16) -> io::Result<(TcpListener, Option<TcpListener>)> {
    let mut attempts = 1;
    loop {
        let ipv4 = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let same_port = ipv4.local_addr()?.port();
        match TcpListener::bind((Ipv6Addr::LOCALHOST, same_port)).await {
            Ok(ipv6) => return Ok((ipv4, Some(ipv6))),
            Err(error) if is_without_ipv6(&error) => return Ok((ipv4, None)),
            Err(error) if port != 0 || attempts == PORT_ATTEMPTS => return Err(error),
            Err(_) => attempts += 1,
        }
    }
}

/// Returns true if `error` says that the machine has no IPv6, or no IPv6 loopback address.
fn is_without_ipv6(error: &io::Error) -> bool {
    [Errno::AFNOSUPPORT, Errno::ADDRNOTAVAIL]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

impl Shared {
    /// Serves a connection to its end.
    async fn serve(
        self: Arc<Self>,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        connection: Unauthenticated,
    ) {
        let respond = async |request| {
            let response = self.respond(request, || connection.set_authenticated());
            Ok::<_, Infallible>(response.await)
        };
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(stream), service_fn(respond))
            .with_upgrades();
        if let Err(error) = served.await {
            log::debug!("connection of a browser: {error}");
        }
    }

    /// Returns the response to `request`; calls `on_granted` if it is the user's own.
    async fn respond(&self, request: Request<Incoming>, on_granted: impl Fn()) -> Response<Body> {
        let mut response = match self.guard.check(&request) {
            Access::Granted => {
                on_granted();
                self.pass_on(request).await
            }
            Access::LoggedIn { used_link } => {
                if used_link {
                    self.link_used.notify_one();
                }
                page::start(None)
            }
            Access::Login {
                cookie,
                is_cross_site,
            } => {
                self.link_used.notify_one();
                if is_cross_site {
                    page::start_by_refresh(cookie)
                } else {
                    page::start(Some(cookie))
                }
            }
            Access::Refused(refusal) => {
                let path = request.uri().path();
                log::info!("refused {} {path}: {refusal:?}", request.method());
                page::refused(refusal)
            }
        };
        isolate(response.headers_mut());
        response
    }

    async fn pass_on(&self, request: Request<Incoming>) -> Response<Body> {
        if let Some(how) = self.end.get() {
            return page::cluster_ended(how);
        }
        let is_page = accepts_html(request.headers());
        let response = match forward::forward(&self.pages, request).await {
            Ok(response) => response,
            Err(error) => {
                self.request_failed.notify_one();
                return page::gateway_failed(&error);
            }
        };
        match response.status() {
            StatusCode::NOT_FOUND => self.request_failed.notify_one(),
            status @ (StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT) => {
                self.request_failed.notify_one();
                if is_page {
                    return page::scheduler_failed(status);
                }
            }
            _ => {}
        }
        response
    }
}

/// Returns true if a person is going to see the response.
fn accepts_html(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// Isolates the response from other sites' pages: they can't frame it, include it, or learn of it
/// by a link. The browser keeps no copy.
fn isolate(headers: &mut HeaderMap) {
    const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    headers.insert(REFERRER_POLICY, SAME_ORIGIN);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    for name in ["cross-origin-resource-policy", "cross-origin-opener-policy"] {
        headers.insert(HeaderName::from_static(name), SAME_ORIGIN);
    }
}
