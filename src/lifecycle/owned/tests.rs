use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;

use super::*;
use crate::config::{ConfigSelection, Environment};
use crate::output::OutputOptions;
use crate::session::{Invocation, Overrides};

const NAME: &str = "0123456789abcdef0123456789abcdef";

/// Starts a gateway whose one cluster has stopped; returns a session with it and the requests that it
/// gets.
fn stopped_cluster() -> (Session, mpsc::Receiver<String>) {
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
    let directory = tempfile::tempdir().expect("a directory");
    let invocation = Invocation {
        environment: Environment::from_iter([
            ("DASK_ROOT_CONFIG".to_owned(), "/nonexistent".to_owned()),
            ("USER".to_owned(), "ada".to_owned()),
        ]),
        overrides: Overrides {
            config: ConfigSelection::Path(directory.path().to_owned()),
            address: Some(format!("http://{address}")),
            request_timeout: Duration::from_secs(5),
        },
        printer: Printer::new(OutputOptions {
            quiet: true,
            ..OutputOptions::default()
        }),
    };
    let session = invocation.session();
    (session.expect("a session"), requests)
}

/// Checks that a panic of `work` propagates after a request to shut the cluster down.
async fn shuts_down_before_panic(work: impl AsyncFnOnce(OwnedCluster, &Session, &mut Interrupts)) {
    let (session, requests) = stopped_cluster();
    let owned = OwnedCluster::new(NAME.to_owned());
    let mut interrupts = Interrupts::listen().expect("signals");
    let work = work(owned, &session, &mut interrupts);
    assert!(AssertUnwindSafe(work).catch_unwind().await.is_err());
    let request = requests.try_recv().expect("a request");
    assert!(request.starts_with("DELETE"), "{request}");
}

#[tokio::test]
async fn panic_while_starting_shuts_down() {
    shuts_down_before_panic(async |owned, session, interrupts| {
        let work = async |_: &OwnedCluster| panic!("while it starts");
        let _ = owned
            .run_or_shut_down::<(), Error>(session, interrupts, work)
            .await;
    })
    .await;
}

#[tokio::test]
async fn panic_while_command_runs_shuts_down() {
    shuts_down_before_panic(async |owned, session, interrupts| {
        let work = async |_: &OwnedCluster, _: &mut Interrupts| panic!("while COMMAND runs");
        let _ = owned
            .run_then_shut_down::<(), Error>(session, interrupts, work)
            .await;
    })
    .await;
}
