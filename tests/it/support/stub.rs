//! A server for responses that no real gateway sends: broken, hostile or missing ones.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A server on loopback that answers each request with the bytes that a function returns for its head,
/// and closes the connection. If there are none, it closes without a response.
pub(crate) struct Stub {
    pub(crate) address: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Stub {
    pub(crate) fn new(answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::serving(None, answer)
    }

    fn serving(
        idle: Option<Duration>,
        answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("the port").port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let answer = Arc::new(answer);
        let log = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, log) = (Arc::clone(&answer), Arc::clone(&log));
                thread::spawn(move || {
                    while serve(&stream, &*answer, &log) && idle.is_some() {
                        stream.set_read_timeout(idle).expect("a time limit");
                    }
                });
            }
        });
        Self {
            address: format!("http://127.0.0.1:{port}"),
            seen,
        }
    }

    /// Creates a server that keeps connections open for the time `idle` for another request.
    pub(crate) fn closing_when_idle(
        idle: Duration,
        answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let keep = "Connection: keep-alive";
        Self::serving(Some(idle), move |head| {
            let answer = String::from_utf8(answer(head)).expect("a text");
            answer.replacen("Connection: close", keep, 1).into_bytes()
        })
    }

    /// Creates a server that always sends the same response.
    pub(crate) fn always(answer: Vec<u8>) -> Self {
        Self::new(move |_| answer.clone())
    }

    /// Starts a server that sends these bytes as soon as a client has sent something, whatever it is.
    /// Returns its `host:port`.
    pub(crate) fn tcp(bytes: &'static [u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("the port").to_string();
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(bytes);
            }
        });
        address
    }

    /// Returns the heads of the requests so far.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().expect("no panic while locked").clone()
    }
}

/// Answers one request; returns false if the client closes the connection first.
fn serve(stream: &TcpStream, answer: &dyn Fn(&str) -> Vec<u8>, log: &Mutex<Vec<String>>) -> bool {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    loop {
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(0) | Err(_) => return false,
            Ok(_) if line == "\r\n" => break,
            Ok(_) => head.push_str(&line),
        }
    }
    let length = head.lines().find_map(|line| {
        line.to_lowercase()
            .strip_prefix("content-length: ")?
            .parse()
            .ok()
    });
    let _ = reader.read_exact(&mut vec![0; length.unwrap_or(0)]);
    log.lock()
        .expect("no panic while locked")
        .push(head.clone());
    let mut writer = stream;
    let _ = writer.write_all(&answer(&head));
    let _ = writer.flush();
    true
}

/// Creates an HTTP response.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{headers}\r\n{body}"
    )
    .into_bytes()
}

pub(crate) fn json_answer(body: &str) -> Vec<u8> {
    answer(
        "200 OK",
        "Content-Type: application/json; charset=utf-8\r\n",
        body,
    )
}

/// Starts an HTTP proxy that connects every CONNECT to `host_and_port`, whatever the requested name.
/// Returns its URL.
pub(crate) fn tunnel_to(host_and_port: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("the port").port();
    let target = host_and_port.to_owned();
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            let mut server = TcpStream::connect(&target).expect("the target listens");
            let mut reader = BufReader::new(client.try_clone().expect("a second handle"));
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            let _ = client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n");
            let mut upstream = server.try_clone().expect("a second handle");
            thread::spawn(move || std::io::copy(&mut reader, &mut upstream));
            thread::spawn(move || std::io::copy(&mut server, &mut client));
        }
    });
    format!("http://127.0.0.1:{port}")
}
