use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;

use super::*;
use crate::config::{self, Environment};
use crate::output::OutputOptions;

const NAME: &str = "0123456789abcdef0123456789abcdef";

/// A gateway whose one cluster has stopped, and the requests it gets.
fn gateway() -> (Gateway, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    let (sender, requests) = mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let lines = BufReader::new(stream.try_clone().expect("a second handle")).lines();
            let head = lines
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty());
            let request = head.take(1).collect::<String>();
            let _ = sender.send(request);
            let body = format!(
                r#"{{"name": "{NAME}", "status": "STOPPED", "start_time": 1, "stop_time": 2}}"#
            );
            let length = body.len();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
            );
        }
    });
    let folder = tempfile::tempdir().expect("a folder");
    let environment = Environment::from_iter([
        ("DASK_ROOT_CONFIG".to_owned(), "/nonexistent".to_owned()),
        ("USER".to_owned(), "ada".to_owned()),
    ]);
    let address = format!("http://{address}");
    let settings = config::load(&environment, Some(folder.path()), Some(&address));
    let gateway = Gateway::new(&settings.expect("settings"), Duration::from_secs(5));
    (gateway.expect("a gateway"), requests)
}

/// Whether a panic of `work` comes out, and the cluster was asked to end before.
async fn survives(work: impl AsyncFnOnce(OwnedCluster, &Gateway, &mut Interrupts, &Printer)) {
    let (gateway, requests) = gateway();
    let started = OwnedCluster {
        name: NAME.to_owned(),
        since: Instant::now(),
    };
    let printer = Printer::new(OutputOptions {
        quiet: true,
        ..OutputOptions::default()
    });
    let mut interrupts = Interrupts::listen().expect("signals");
    let all = work(started, &gateway, &mut interrupts, &printer);
    assert!(AssertUnwindSafe(all).catch_unwind().await.is_err());
    let request = requests.try_recv().expect("a request");
    assert!(request.starts_with("DELETE"), "{request}");
}

#[tokio::test]
async fn a_panic_shuts_down_what_was_started() {
    survives(async |started, gateway, interrupts, printer| {
        let work = async { panic!("while it starts") };
        let _ = started
            .or_shut_down::<()>(gateway, interrupts, printer, work)
            .await;
    })
    .await;
    survives(async |started, gateway, interrupts, printer| {
        let work = async |_: &mut Interrupts| panic!("while COMMAND runs");
        let _ = started
            .then_shut_down::<()>(gateway, interrupts, printer, work)
            .await;
    })
    .await;
}
