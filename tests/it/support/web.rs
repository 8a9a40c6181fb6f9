//! A minimal HTTP and `WebSocket` client that plays the browser.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Time limit for reading a response.
const PATIENCE: Duration = Duration::from_secs(60);

/// A complete response.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the first value of a header, if there is one.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

/// Connects to `host`, a name and a port. As in browsers, names below `localhost` are this machine.
pub(crate) fn connect(host: &str) -> TcpStream {
    let (name, port) = host.split_once(':').expect("a port");
    let name = if name.ends_with(".localhost") {
        "127.0.0.1"
    } else {
        name
    };
    let stream = TcpStream::connect(format!("{name}:{port}")).expect("a server listens");
    stream
        .set_read_timeout(Some(PATIENCE))
        .expect("a time limit");
    stream
}

/// Sends `request`, such as `GET /status`, to `host` with these headers, and reads the response.
pub(crate) fn ask(host: &str, request: &str, headers: &[(&str, &str)]) -> Response {
    ask_by(connect(host), host, request, headers)
}

/// Sends `request` over an existing connection. A `Host` among the headers replaces `host`.
pub(crate) fn ask_by(
    stream: impl Read + Write,
    host: &str,
    request: &str,
    headers: &[(&str, &str)],
) -> Response {
    ask_with(stream, host, request, headers, b"")
}

/// Sends `request` with a body, whose length must be among the headers.
pub(crate) fn ask_with(
    mut stream: impl Read + Write,
    host: &str,
    request: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Response {
    let close = [("Connection", "close")];
    send(&mut stream, host, request, &[&close, headers].concat());
    stream.write_all(body).expect("the request can be sent");
    let head = read_head(&mut stream);
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_it = name.eq_ignore_ascii_case("content-length");
        is_it.then(|| value.trim().parse::<u64>().ok()).flatten()
    });
    let mut body = Vec::new();
    // Not every server closes the connection.
    let read = stream
        .take(length.unwrap_or(u64::MAX))
        .read_to_end(&mut body);
    read.expect("a body");
    parse(head, &body)
}

pub(crate) fn send(stream: &mut impl Write, host: &str, request: &str, headers: &[(&str, &str)]) {
    let mut lines = vec![format!("{request} HTTP/1.1")];
    if headers.iter().all(|(name, _)| *name != "Host") {
        lines.push(format!("Host: {host}"));
    }
    lines.extend(
        headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}")),
    );
    let text = lines.join("\r\n") + "\r\n\r\n";
    stream
        .write_all(text.as_bytes())
        .expect("the request can be sent");
}

/// Reads the head of a response byte by byte, so that the rest stays in the stream.
pub(crate) fn read_head(stream: &mut impl Read) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).expect("a whole head");
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("a text")
}

fn parse(head: String, body: &[u8]) -> Response {
    let status = head.split(' ').nth(1).and_then(|text| text.parse().ok());
    let is_chunked = head.to_lowercase().contains("transfer-encoding: chunked");
    Response {
        status: status.expect("a status"),
        body: if is_chunked {
            decode_chunks(body)
        } else {
            body.to_vec()
        },
        head,
    }
}

fn decode_chunks(mut chunked: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = chunked.windows(2).position(|two| two == b"\r\n");
        let line = line.expect("a chunk's size");
        let size = std::str::from_utf8(&chunked[..line]).expect("a text");
        let size = usize::from_str_radix(size, 16).expect("a size");
        if size == 0 {
            return body;
        }
        body.extend_from_slice(&chunked[line + 2..][..size]);
        chunked = &chunked[line + 2 + size + 2..];
    }
}

/// Requests a WebSocket at `path`. Returns the head of the response, and the connection.
pub(crate) fn websocket(host: &str, path: &str, headers: &[(&str, &str)]) -> (String, TcpStream) {
    let mut stream = connect(host);
    let upgrade = [
        ("Connection", "keep-alive, Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let request = format!("GET {path}");
    send(&mut stream, host, &request, &[&upgrade, headers].concat());
    (read_head(&mut stream), stream)
}

/// Reads the next message, which must be shorter than 64 KiB.
pub(crate) fn message(stream: &mut TcpStream) -> String {
    let mut frame = [0; 2];
    stream.read_exact(&mut frame).expect("a frame");
    let length = match frame[1] {
        126 => {
            let mut length = [0; 2];
            stream.read_exact(&mut length).expect("a length");
            usize::from(u16::from_be_bytes(length))
        }
        length => usize::from(length),
    };
    let mut text = vec![0; length];
    stream.read_exact(&mut text).expect("a message");
    String::from_utf8_lossy(&text).into_owned()
}
