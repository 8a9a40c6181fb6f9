//! The server: listens, judges, passes on.

use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, REFERRER_POLICY, X_FRAME_OPTIONS};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use reqwest::Body;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::guard::{Guard, Verdict};
use super::socket::PrivateSocket;
use super::strangers::Strangers;
use super::{Error, SocketFault, forward, page};
use crate::gateway::DashboardClient;

/// What a connection may hold in memory of a head, and of an answer that isn't read. Browsers send
/// the cookies of every server on this machine that they know.
const BUFFER: usize = 64 * 1024;

/// For a head, from its first byte or the answer before it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// No descriptor is left: some connection has to end first.
const OUT_OF_DESCRIPTORS: Duration = Duration::from_millis(100);

/// A cluster's dashboard, served on this machine.
pub(crate) struct Server {
    tcp: TcpListener,
    unix: Option<PrivateSocket>,
    port: u16,
    shared: Arc<Shared>,
}

/// What all connections have to do with.
struct Shared {
    pages: DashboardClient,
    guard: Guard,
    strangers: Strangers,
    opened: Notify,
    troubled: Notify,
    /// How the cluster ended.
    end: OnceLock<String>,
}

impl Server {
    /// Listens on `port` of 127.0.0.1, any free one for none, and at `socket` too.
    ///
    /// # Errors
    /// The port or the path is taken, or the system says no.
    pub(crate) async fn listen(
        pages: DashboardClient,
        port: Option<u16>,
        socket: Option<&Path>,
    ) -> Result<Self, Error> {
        let unix = socket.map(|path| {
            PrivateSocket::listen(path).map_err(|fault: SocketFault| Error::Socket {
                path: path.to_owned(),
                fault,
            })
        });
        let unix = unix.transpose()?;
        let port = port.unwrap_or(0);
        let failed = |source| Error::Port { port, source };
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
        let tcp = tcp.map_err(failed)?;
        Ok(Self {
            port: tcp.local_addr().map_err(failed)?.port(),
            tcp,
            unix,
            shared: Arc::new(Shared {
                pages,
                guard: Guard::new()?,
                strangers: Strangers::default(),
                opened: Notify::new(),
                troubled: Notify::new(),
                end: OnceLock::new(),
            }),
        })
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The link that opens the dashboard, once. It holds a secret.
    pub(crate) fn link(&self) -> String {
        format!("http://127.0.0.1:{}{}", self.port, self.shared.guard.link())
    }

    /// When the link was used, so that there is another.
    pub(crate) async fn opened(&self) {
        self.shared.opened.notified().await;
    }

    /// When the gateway or the cluster failed to answer.
    pub(crate) async fn troubled(&self) {
        self.shared.troubled.notified().await;
    }

    /// From now on every page says that the cluster has ended, and how.
    pub(crate) fn conclude(&self, how: &str) {
        // It ends once.
        let _ = self.shared.end.set(how.to_owned());
    }

    /// Serves, until this is dropped.
    pub(crate) async fn run(&self) -> Infallible {
        let mut connections = JoinSet::new();
        for number in 0.. {
            while connections.try_join_next().is_some() {}
            let accepted = tokio::select! {
                accepted = self.tcp.accept() => accepted.map(|(stream, _)| Stream::Tcp(stream)),
                accepted = accept(self.unix.as_ref()) => accepted.map(Stream::Unix),
            };
            let shared = Arc::clone(&self.shared);
            let connection = match accepted {
                Ok(Stream::Tcp(stream)) => {
                    // WebSocket messages are small, and somebody looks at them.
                    let _ = stream.set_nodelay(true);
                    connections.spawn(shared.serve(number, stream))
                }
                Ok(Stream::Unix(stream)) => connections.spawn(shared.serve(number, stream)),
                Err(_) => {
                    tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
                    continue;
                }
            };
            self.shared.strangers.meet(number, connection);
            // However many wait to be accepted, each may first show its cookie.
            tokio::task::yield_now().await;
        }
        std::future::pending().await
    }
}

enum Stream {
    Tcp(tokio::net::TcpStream),
    Unix(tokio::net::UnixStream),
}

async fn accept(socket: Option<&PrivateSocket>) -> io::Result<tokio::net::UnixStream> {
    match socket {
        Some(socket) => Ok(socket.listener().accept().await?.0),
        None => std::future::pending().await,
    }
}

impl Shared {
    /// Serves a connection to its end.
    async fn serve(
        self: Arc<Self>,
        number: u64,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    ) {
        let is_known = AtomicBool::new(false);
        let answer = async |request| {
            let answer = self.answer(request, || {
                if !is_known.swap(true, Ordering::Relaxed) {
                    self.strangers.forget(number);
                }
            });
            Ok::<_, Infallible>(answer.await)
        };
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(stream), service_fn(answer))
            .with_upgrades();
        if let Err(error) = connection.await {
            log::debug!("connection {number}: {error}");
        }
    }

    async fn answer(&self, request: Request<Incoming>, admit: impl Fn()) -> Response<Body> {
        let verdict = self.guard.judge(&request);
        let path = request.uri().path();
        let mut answer = match verdict {
            Verdict::Admitted => {
                admit();
                self.pass_on(request).await
            }
            Verdict::LoggedIn { by_new_link } => {
                if by_new_link {
                    self.opened.notify_one();
                }
                page::start(None)
            }
            Verdict::Login { cookie, is_foreign } => {
                self.opened.notify_one();
                if is_foreign {
                    page::start_over(cookie)
                } else {
                    page::start(Some(cookie))
                }
            }
            Verdict::Refused(refusal) => {
                log::info!("refused {} {path}: {refusal:?}", request.method());
                page::refused(refusal)
            }
        };
        protect(answer.headers_mut());
        answer
    }

    async fn pass_on(&self, request: Request<Incoming>) -> Response<Body> {
        if let Some(how) = self.end.get() {
            return page::ended(how);
        }
        let is_page = wants_page(request.headers());
        let answer = match forward::forward(&self.pages, request).await {
            Ok(answer) => answer,
            Err(error) => {
                self.troubled.notify_one();
                return page::unreachable(&error);
            }
        };
        match answer.status() {
            StatusCode::NOT_FOUND => self.troubled.notify_one(),
            status @ (StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT) => {
                self.troubled.notify_one();
                if is_page {
                    return page::no_scheduler(status);
                }
            }
            _ => {}
        }
        answer
    }
}

/// Whether a person is going to see the answer.
fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// Keeps the answer from other sites' pages: they can't put it in a frame, include it, or learn of
/// it by a link.
fn protect(headers: &mut HeaderMap) {
    const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("same-origin");
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    headers.insert(REFERRER_POLICY, SAME_ORIGIN);
    for name in ["cross-origin-resource-policy", "cross-origin-opener-policy"] {
        headers.insert(HeaderName::from_static(name), SAME_ORIGIN);
    }
}
