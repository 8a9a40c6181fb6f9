//! `dgw new` leaves nothing behind, whichever signal interrupts it and when.

use std::io::{BufReader, Read as _};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use snapbox::str;

use crate::support::{BASIC, Stub, User, answer, json_answer, send, spawned};

/// Starts `dgw new` with a slow scheduler; returns as soon as the cluster is PENDING.
fn spawn_until_pending(user: &User) -> (Child, BufReader<std::process::ChildStderr>) {
    let mut command = user.command(&["new", "-s", "scheduler_start=slow"]);
    spawned(&mut command, "PENDING")
}

#[test]
fn each_signal_shuts_the_started_cluster_down() {
    for (signal, code, word) in [
        (Signal::INT, 130, "interrupted"),
        (Signal::TERM, 143, "terminated"),
        (Signal::HUP, 129, "hung up"),
        (Signal::QUIT, 131, "quit"),
        (Signal::XCPU, 152, "out of CPU time"),
        (Signal::ALARM, 142, "SIGALRM"),
        (Signal::STKFLT, 144, "SIGSTKFLT"),
        (Signal::VTALARM, 154, "SIGVTALRM"),
        (Signal::PROF, 155, "SIGPROF"),
        (Signal::IO, 157, "SIGIO"),
        (Signal::POWER, 158, "SIGPWR"),
    ] {
        let user = BASIC.user();
        let (mut child, mut stderr) = spawn_until_pending(&user);
        // Batch systems send it as a warning; dgw ignores it.
        send(&child, Signal::USR1);
        send(&child, signal);
        assert_eq!(child.wait().expect("dgw ends").code(), Some(code));
        let mut printed = String::new();
        stderr.read_to_string(&mut printed).expect("stderr is text");
        assert!(
            printed.contains(word) && printed.contains("was shut down"),
            "{printed}"
        );
        assert_eq!(user.history().len(), 1);
        assert!(!user.has_active_clusters());
    }
}

/// A session manager sends two, and so does a wrapper that forwards a signal of the terminal.
#[test]
fn two_signals_within_a_second_count_once() {
    let user = BASIC.user();
    let (mut child, mut stderr) = spawn_until_pending(&user);
    send(&child, Signal::TERM);
    send(&child, Signal::HUP);
    let code = child.wait().expect("dgw ends").code();
    let mut printed = String::new();
    stderr.read_to_string(&mut printed).expect("stderr is text");
    assert!(matches!(code, Some(129 | 143)), "{code:?}: {printed}");
    assert!(printed.contains("was shut down"), "{printed}");
    assert!(!user.has_active_clusters());
}

#[test]
fn an_interrupt_during_the_request_shuts_the_cluster_down_once_it_is_named() {
    let name = "0123456789abcdef0123456789abcdef";
    let record = move |status: &str| {
        json_answer(&format!(
            r#"{{"name": "{name}", "status": "{status}", "start_time": 1, "stop_time": null,
                "options": {{}}, "dashboard_route": null}}"#
        ))
    };
    let stub = Stub::new(move |head| match head.split(' ').next() {
        Some("POST") => {
            std::thread::sleep(Duration::from_secs(2));
            json_answer(&format!(r#"{{"name": "{name}"}}"#))
        }
        Some("DELETE") => answer("204 No Content", "", ""),
        _ => record("STOPPED"),
    });
    let user = User::basic(&stub.address, "ada", "pw");
    let (mut child, mut stderr) = spawned(&mut user.command(&["new"]), "requesting");
    while stub.seen().is_empty() {
        std::thread::sleep(Duration::from_millis(20));
    }
    send(&child, Signal::INT);
    assert_eq!(child.wait().expect("dgw ends").code(), Some(130));
    let mut printed = String::new();
    stderr.read_to_string(&mut printed).expect("stderr is text");
    snapbox::assert_data_eq!(
        printed,
        str![[r#"
interrupted: waiting for the gateway's response, to shut down what it starts
error: interrupted: cluster 0123456789abcdef0123456789abcdef was shut down

"#]]
    );
    let methods = stub
        .seen()
        .iter()
        .map(|head| head.split(' ').next().unwrap_or("").to_owned())
        .collect::<Vec<_>>();
    assert_eq!(methods, ["POST", "DELETE", "GET"]);
}

#[test]
fn names_the_cluster_if_the_gateway_goes_away() {
    let name = "0123456789abcdef0123456789abcdef";
    let stub = Stub::new(move |head| match head.split(' ').next() {
        Some("POST") => json_answer(&format!(r#"{{"name": "{name}"}}"#)),
        _ => Vec::new(),
    });
    let user = User::basic(&stub.address, "ada", "pw");
    user.dgw(&["new"]).code(9).stdout_eq("").stderr_eq(str![[r#"
requesting a cluster
cluster [NAME] is PENDING
the gateway does not respond; cluster [NAME] is PENDING
shutting down cluster [NAME]
warning: cluster [NAME] may still exist (the response from `http://[HOST]/api/v1/clusters/[NAME]` was lost: connection closed before message completed): shut it down with `dgw shutdown [NAME]`
error: the response from `http://[HOST]/api/v1/clusters/[NAME]?wait` was lost: connection closed before message completed

hint: try again; if it fails again, check the network and proxies between this machine and the gateway

"#]]);
}

#[test]
fn a_second_interrupt_stops_the_shutdown() {
    let name = "0123456789abcdef0123456789abcdef";
    let stub = Stub::new(move |head| {
        if head.starts_with("POST") {
            return json_answer(&format!(r#"{{"name": "{name}"}}"#));
        }
        std::thread::sleep(Duration::from_secs(15));
        Vec::new()
    });
    let user = User::basic(&stub.address, "ada", "pw");
    let (mut child, mut stderr) = spawned(&mut user.command(&["new"]), "PENDING");
    let started = Instant::now();
    send(&child, Signal::INT);
    std::thread::sleep(Duration::from_millis(1_500));
    send(&child, Signal::INT);
    assert_eq!(child.wait().expect("dgw ends").code(), Some(130));
    assert!(started.elapsed() < Duration::from_secs(10));
    let mut printed = String::new();
    stderr.read_to_string(&mut printed).expect("stderr is text");
    snapbox::assert_data_eq!(
        printed,
        str![[r#"
interrupted: shutting down; interrupt again to leave cluster 0123456789abcdef0123456789abcdef
error: interrupted: cluster 0123456789abcdef0123456789abcdef may still exist (interrupted again): shut it down with `dgw shutdown 0123456789abcdef0123456789abcdef`

"#]]
    );
}

#[test]
fn a_signal_that_nohup_ignores_stays_ignored() {
    let user = BASIC.user();
    let dgw = env!("CARGO_BIN_EXE_dgw");
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            "trap '' HUP; exec \"$0\" new -s scheduler_start=slow",
            dgw,
        ])
        .env_clear()
        .envs(user.environment());
    let (child, _stderr) = spawned(&mut command, "PENDING");
    send(&child, Signal::HUP);
    let output = child.wait_with_output().expect("dgw ends");
    assert_eq!(output.status.code(), Some(0));
    assert!(user.has_active_clusters());
}
