//! Older releases of dask-gateway-server. `cargo test -- --ignored servers` installs them in
//! target/gateway/servers and runs dgw's commands on each.

use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{OLDER_SERVERS, TestGateway, User};

#[test]
#[ignore = "installs five releases of dask-gateway-server, and takes some minutes"]
fn works_with_older_servers() {
    assert!(OLDER_SERVERS.len() >= 5);
    for release in OLDER_SERVERS {
        let gateway = TestGateway::start(&["--server", release, "--prefix", "/dg"]);
        assert_serves(release, &gateway);
        let hub = TestGateway::start(&["--server", release, "--auth", "jupyterhub"]);
        assert_rejects_bad_tokens(release, &hub);
    }
}

fn assert_serves(release: &str, gateway: &TestGateway) {
    let user = gateway.user();
    let offered = user.json(&["options"]);
    let names = offered.as_array().expect("options").iter();
    let names = names
        .map(|option| option["name"].as_str())
        .collect::<Vec<_>>();
    assert!(
        names.contains(&Some("worker_cores")),
        "{release}: {names:?}"
    );

    user.dgw(&["new", "-s", "worker_cores=99"]).code(2);
    let name = user.stdout(&[
        "new",
        "-s",
        "worker_cores=1",
        "-s",
        "profile=medium",
        "--workers",
        "1",
        "--wait-workers",
        "1",
    ]);
    let clusters = user.json(&["list", "--wide"]);
    assert_eq!(clusters[0]["name"], name.as_str(), "{release}");
    assert_eq!(clusters[0]["workers"], 1, "{release}: {clusters}");
    assert_eq!(clusters[0]["options"]["profile"], "medium", "{release}");
    assert!(
        user.stdout(&["dashboard"]).contains("/dg/clusters/"),
        "{release}"
    );

    user.dgw(&["scale", "9"]).code(8);
    user.stdout(&["scale", "2", "--wait"]);
    user.stdout(&["adapt", "--min", "0", "--max", "1"]);
    user.stdout(&["scale", "1", "--wait"]);
    let shown = user.json(&["show"]);
    assert_eq!(
        shown["worker_details"].as_array().map(Vec::len),
        Some(1),
        "{release}: {shown}"
    );
    assert!(user.stdout(&["logs"]).contains("Scheduler at"), "{release}");
    assert!(
        user.stdout(&["logs", "--all-workers"])
            .contains("Registered to"),
        "{release}"
    );

    let other_user = gateway.user();
    other_user.dgw(&["show", &name]).code(4);
    other_user.dgw(&["shutdown", &name]).code(5);
    user.dgw(&["show", "ffffffffffffffffffffffffffffffff"])
        .code(5);
    user.dgw(&["shutdown", "ffffffffffffffffffffffffffffffff"])
        .code(5);
    User::basic(gateway.fact("address"), "ada", "wrong")
        .dgw(&["list"])
        .code(4);
    User::basic(&gateway.fact("address").replace("/dg", ""), "ada", "pw")
        .dgw(&["list"])
        .code(9);

    assert_eq!(user.stdout(&["shutdown", &name]), name, "{release}");
    user.dgw(&["scale", &name, "1"]).code(6);
    let started = Instant::now();
    while user.history() != [(name.clone(), "STOPPED".to_owned())] {
        assert!(started.elapsed() < Duration::from_secs(30), "{release}");
        thread::sleep(Duration::from_millis(200));
    }
}

fn assert_rejects_bad_tokens(release: &str, gateway: &TestGateway) {
    let user = gateway.user();
    assert_eq!(user.json(&["list"]), Value::Array(Vec::new()), "{release}");
    for token in ["0123456789abcdef", gateway.fact("revoked_token")] {
        User::jupyterhub(gateway.fact("address"), token, None)
            .dgw(&["list"])
            .code(4)
            .stdout_eq("");
    }
}
