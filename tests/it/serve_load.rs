//! `dgw dashboard --serve` with large responses and many connections.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::web::{ask, connect, read_head, send};
use crate::support::{BASIC, Serving, User, until};

const MEBIBYTE: u64 = 1024 * 1024;

/// Starts a gateway whose only cluster has a page of `size` bytes. Returns its address and the count
/// of the bytes sent.
fn serve_large_page(size: u64) -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = format!("http://{}", listener.local_addr().expect("the port"));
    let sent = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&sent);
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let counter = Arc::clone(&counter);
            thread::spawn(move || {
                let head = read_head(&mut stream);
                let record = r#"{"name": "ab12", "status": "RUNNING", "start_time": 1,
                    "stop_time": null, "dashboard_route": "/clusters/ab12/status"}"#;
                let is_list = head.starts_with("GET /api/v1/clusters/ ");
                let body = match head.contains(" /api/") {
                    true if is_list => format!(r#"{{"ab12": {record}}}"#),
                    true => record.to_owned(),
                    false => String::new(),
                };
                let length = if body.is_empty() {
                    size
                } else {
                    body.len() as u64
                };
                let head = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                );
                let _ = stream.write_all(&[head.as_bytes(), body.as_bytes()].concat());
                let zeros = vec![b'0'; 64 * 1024];
                let mut left = length - body.len() as u64;
                while left > 0 && stream.write_all(&zeros).is_ok() {
                    left -= zeros.len() as u64;
                    counter.fetch_add(zeros.len() as u64, Ordering::SeqCst);
                }
            });
        }
    });
    (address, sent)
}

/// Returns the memory of a process in bytes.
fn resident_memory(pid: u32) -> u64 {
    let status =
        std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process is running");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().split(' ').next()?.parse::<u64>().ok());
    kilobytes.expect("a size") * 1024
}

#[test]
fn streams_large_responses_and_buffers_little_for_slow_readers() {
    let size = 512 * MEBIBYTE;
    let (address, sent) = serve_large_page(size);
    let user = User::basic(&address, "ada", "pw");
    let serving = Serving::start(&user, &["ab12"]).logged_in();
    let before = resident_memory(serving.pid());
    let mut slow = (0..4)
        .map(|_| {
            let mut stream = connect(&serving.host);
            send(
                &mut stream,
                &serving.host,
                "GET /large",
                &[serving.cookie()],
            );
            assert!(read_head(&mut stream).starts_with("HTTP/1.1 200 "));
            stream
        })
        .collect::<Vec<_>>();
    let has_stalled = || {
        let so_far = sent.load(Ordering::SeqCst);
        thread::sleep(Duration::from_secs(1));
        so_far == sent.load(Ordering::SeqCst)
    };
    until(has_stalled, || "all of it is buffered somewhere".to_owned());
    let (taken, after) = (sent.load(Ordering::SeqCst), resident_memory(serving.pid()));
    assert!(taken < 100 * MEBIBYTE, "{taken} bytes are buffered");
    assert!(after < before + 8 * MEBIBYTE, "{before} → {after} bytes");
    // A slow reader that continues gets every byte.
    let mut stream = slow.pop().expect("a reader");
    let mut buffer = vec![0; 256 * 1024];
    let mut read = 0;
    while read < size {
        let got = stream.read(&mut buffer).expect("more");
        assert_ne!(got, 0, "{read} bytes of {size}");
        read += got as u64;
    }
    let after = resident_memory(serving.pid());
    assert!(after < before + 8 * MEBIBYTE, "{before} → {after} bytes");
}

#[test]
fn serves_a_hundred_connections_beside_idle_ones() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    let serving = Serving::start(&user, &[]).logged_in();
    // Connections without a request, or with half of one.
    let idle = (0..400)
        .map(|number| {
            let mut stream = connect(&serving.host);
            if number % 2 == 0 {
                let _ = stream.write_all(b"GET /status HTTP/1.1\r\n");
            }
            stream
        })
        .collect::<Vec<_>>();
    let mut own = (0..100)
        .map(|_| {
            let mut stream = connect(&serving.host);
            send(
                &mut stream,
                &serving.host,
                "GET /health",
                &[serving.cookie()],
            );
            stream
        })
        .collect::<Vec<_>>();
    for _ in 0..3 {
        for stream in &mut own {
            let head = read_head(stream);
            assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
            let mut body = [0; 2];
            stream.read_exact(&mut body).expect("a body");
            assert_eq!(&body, b"ok");
            send(stream, &serving.host, "GET /health", &[serving.cookie()]);
        }
    }
    let held = resident_memory(serving.pid());
    assert!(held < 64 * MEBIBYTE, "{held} bytes");
    drop(idle);
    let health = ask(&serving.host, "GET /health", &[serving.cookie()]);
    assert_eq!(health.status, 200);
}
