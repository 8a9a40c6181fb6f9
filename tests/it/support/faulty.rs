//! A proxy in front of a real gateway that damages its responses.

use std::fmt;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use super::stub::{answer, json_answer};

/// What the proxy does to a response.
#[derive(Clone)]
pub(crate) enum Harm {
    /// Delays it.
    Late(Duration),
    /// Resets the connection before it reads the request.
    ResetBefore,
    /// Forwards the request, and closes the connection without a response.
    Lost,
    /// Closes the connection in the middle of it.
    Cut,
    /// Sends nothing and keeps the connection open.
    Silence,
    /// Sends a byte at a time, too slowly to finish.
    Drip,
    /// Sends these bytes instead, without forwarding the request.
    Replaced(Vec<u8>),
    /// Cuts its JSON in the middle, in a valid HTTP response.
    Truncated,
    /// Sends JSON without end.
    Endless,
    /// Replaces the value at this index of [`places`] in its JSON.
    Mistyped(usize, Value),
}

impl fmt::Debug for Harm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Late(pause) => write!(f, "a response {pause:?} later"),
            Self::ResetBefore => f.write_str("a reset"),
            Self::Lost => f.write_str("a lost response"),
            Self::Cut => f.write_str("a cut response"),
            Self::Silence => f.write_str("silence"),
            Self::Drip => f.write_str("a slow drip"),
            Self::Replaced(bytes) => write!(f, "{:?}", String::from_utf8_lossy(bytes)),
            Self::Truncated => f.write_str("truncated JSON"),
            Self::Endless => f.write_str("endless JSON"),
            Self::Mistyped(place, value) => write!(f, "{value} at {place}"),
        }
    }
}

/// Which responses are damaged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct When {
    /// Number of responses before the first damaged one.
    pub(crate) after: usize,
    /// Number of damaged responses; later ones are forwarded unchanged.
    pub(crate) times: usize,
}

impl When {
    pub(crate) const ALWAYS: Self = Self {
        after: 0,
        times: usize::MAX,
    };
}

/// The proxy, on a port of its own.
pub(crate) struct Faulty {
    pub(crate) address: String,
}

impl Faulty {
    /// Starts a proxy in front of the gateway at `host_and_port`.
    pub(crate) fn new(host_and_port: &str, harm: Harm, when: When) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("the port").port();
        let host_and_port = host_and_port.to_owned();
        let count = Arc::new(AtomicUsize::new(0));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let number = count.fetch_add(1, Ordering::SeqCst);
                let is_harmed = number >= when.after && number - when.after < when.times;
                let (harm, gateway) = (harm.clone(), host_and_port.clone());
                thread::spawn(move || {
                    let _ = if is_harmed {
                        harm.exchange(client, &gateway)
                    } else {
                        forward_unharmed(client, &gateway)
                    };
                });
            }
        });
        Self {
            address: format!("http://127.0.0.1:{port}"),
        }
    }
}

impl Harm {
    fn exchange(self, mut client: TcpStream, gateway: &str) -> std::io::Result<()> {
        match self {
            // Closing a connection with unread data resets it.
            Self::ResetBefore => client.read_exact(&mut [0]),
            Self::Late(pause) => {
                thread::sleep(pause);
                forward_unharmed(client, gateway)
            }
            Self::Lost => {
                let request = read_request(&client)?;
                forward(gateway, &request).map(drop)
            }
            Self::Cut => {
                let whole = forward(gateway, &read_request(&client)?)?;
                client.write_all(&whole[..whole.len() - (whole.len() / 4).max(1)])
            }
            Self::Silence => {
                read_request(&client)?;
                // Returns when the client closes the connection.
                client.read_exact(&mut [0])
            }
            Self::Drip => {
                let whole = forward(gateway, &read_request(&client)?)?;
                for byte in whole {
                    client.write_all(&[byte])?;
                    thread::sleep(Duration::from_millis(100));
                }
                Ok(())
            }
            Self::Replaced(bytes) => {
                read_request(&client)?;
                client.write_all(&bytes)
            }
            Self::Truncated => {
                let whole = forward(gateway, &read_request(&client)?)?;
                let body = body_of(&whole);
                let end = (0..=body.len() / 2).rfind(|end| body.is_char_boundary(*end));
                client.write_all(&json_answer(&body[..end.unwrap_or_default()]))
            }
            Self::Endless => {
                read_request(&client)?;
                client.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{\"a\": \"")?;
                let part = vec![b'x'; 65536];
                loop {
                    client.write_all(&part)?;
                }
            }
            Self::Mistyped(place, value) => {
                let whole = forward(gateway, &read_request(&client)?)?;
                let Ok(mut json) = serde_json::from_str::<Value>(&body_of(&whole)) else {
                    return client.write_all(&whole);
                };
                if let Some(place) = places(&json).get(place) {
                    *json.pointer_mut(place).expect("a value") = value;
                }
                client.write_all(&json_answer(&json.to_string()))
            }
        }
    }
}

/// Returns the JSON pointers of all values, the root last.
pub(crate) fn places(json: &Value) -> Vec<String> {
    let inner = match json {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| (key.clone(), value))
            .collect(),
        Value::Array(list) => list
            .iter()
            .enumerate()
            .map(|(at, value)| (at.to_string(), value))
            .collect(),
        _ => Vec::new(),
    };
    let mut found = Vec::new();
    for (key, value) in inner {
        let key = key.replace('~', "~0").replace('/', "~1");
        found.extend(places(value).iter().map(|place| format!("/{key}{place}")));
    }
    found.push(String::new());
    found
}

/// Creates the web page with which sites ask for a login.
pub(crate) fn login_page() -> Vec<u8> {
    answer(
        "200 OK",
        "Content-Type: text/html\r\n",
        "<html>Sign in</html>",
    )
}

fn forward_unharmed(mut client: TcpStream, gateway: &str) -> std::io::Result<()> {
    let request = read_request(&client)?;
    client.write_all(&forward(gateway, &request)?)
}

/// Reads a request, and replaces its `Connection` header by `close`.
fn read_request(client: &TcpStream) -> std::io::Result<Vec<u8>> {
    let mut reader = BufReader::new(client);
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? <= 2 {
            break;
        }
        let (name, value) = line.split_once(':').unwrap_or((&line, ""));
        match name.to_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "connection" => continue,
            _ => {}
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let head = format!("{head}Connection: close\r\n\r\n");
    Ok([head.into_bytes(), body].concat())
}

fn forward(gateway: &str, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut upstream = TcpStream::connect(gateway)?;
    upstream.write_all(request)?;
    let mut response = Vec::new();
    upstream.read_to_end(&mut response)?;
    Ok(response)
}

fn body_of(whole: &[u8]) -> String {
    let whole = String::from_utf8_lossy(whole);
    let (_, body) = whole.split_once("\r\n\r\n").expect("a head and a body");
    body.to_owned()
}
