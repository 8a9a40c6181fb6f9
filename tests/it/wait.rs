//! `dgw wait`, `dgw scale --wait` and `dgw new --wait-workers`

use std::io::Read as _;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use snapbox::str;

use crate::support::{BASIC, Faulty, Frozen, Harm, User, When, answer, send, spawned};

#[test]
fn waits_for_workers() {
    let user = BASIC.user();
    user.dgw(&["new", "--workers", "2", "--wait-workers", "2", "-q"])
        .success()
        .stdout_eq(str![[r#"
[NAME]

"#]]);
    assert_eq!(user.json(&["show"])["workers"], 2);
    user.stdout(&["scale", "1", "--wait", "--timeout", "60s"]);
    assert_eq!(user.json(&["show"])["workers"], 1);
    user.stdout(&["wait", "--for", "workers=1"]);
    user.dgw(&["wait", "--for", "workers=3", "--timeout", "2s"])
        .code(7)
        .stdout_eq("")
        .stderr_eq(str![[r#"
waiting for cluster [NAME]
cluster [NAME]: 1/3 workers
error: timed out after [ELAPSED]: cluster [NAME]: 1/3 workers

hint: set a longer limit with `--timeout`

"#]]);
}

#[test]
fn waits_for_the_workers_that_the_gateway_grants() {
    let user = BASIC.user();
    let args = ["new", "--workers", "9", "--wait-workers", "3", "-q"];
    user.dgw(&args).success().stdout_eq(str![[r#"
[NAME]

"#]]);
    assert!(user.json(&["show"])["workers"].as_u64() >= Some(3));
    user.stdout(&["scale", "0", "--wait"]);
    user.dgw(&["scale", "9", "--wait"])
        .code(8)
        .stdout_eq("")
        .stderr_eq(str![[r#"
cluster [NAME] is scaling to 4 workers; adaptive scaling is off
waiting for the workers of cluster [NAME]
...
cluster [NAME] has 4 workers ([ELAPSED])
warning: the gateway granted less than requested for cluster `[NAME]`: Scale request of 9 workers would exceed resource limit of 4 workers. Scaling to 4 instead.

"#]]);
    assert_eq!(user.json(&["show"])["workers"], 4);
}

#[test]
fn shuts_the_cluster_down_if_its_workers_do_not_arrive_in_time() {
    let user = BASIC.user();
    let stall = user.home().join("stall.py");
    std::fs::write(&stall, "import time; time.sleep(60)").expect("a file");
    let stall = stall.display();
    let workers_stall = format!("environment=DASK_DISTRIBUTED__WORKER__PRELOAD={stall}");
    // Long enough for the scheduler to start, however busy the machine is.
    user.dgw(&[
        "new",
        "-s",
        &workers_stall,
        "--workers",
        "1",
        "--wait-workers",
        "1",
        "--timeout",
        "25s",
    ])
    .code(7)
    .stdout_eq("")
    .stderr_eq(str![[r#"
requesting a cluster
cluster [NAME] is PENDING
cluster [NAME]: 0/1 worker
shutting down cluster [NAME]
cluster [NAME] was shut down ([ELAPSED])
error: timed out after [ELAPSED]: cluster [NAME]: 0/1 worker

hint: set a longer limit with `--timeout`

"#]]);
    assert!(!user.has_active_clusters());
}

#[test]
fn waits_for_each_condition() {
    let user = BASIC.user();
    let name = user.stdout(&["new", "--no-wait", "-s", "scheduler_start=slow"]);
    user.dgw(&["wait", &name, "--for", "running", "--timeout", "1s"])
        .code(7);
    user.dgw(&["wait", &name, "--for", "running"])
        .success()
        .stdout_eq("")
        .stderr_eq(str![[r#"
waiting for cluster [NAME]
...
cluster [NAME] is running ([ELAPSED])

"#]]);
    user.dgw(&["wait", "--for", "idle"])
        .success()
        .stdout_eq("")
        .stderr_eq(str![[r#"
waiting for cluster [NAME]
cluster [NAME] is idle ([ELAPSED])

"#]]);
    user.dgw(&["wait", "--for", "stopped", "--timeout", "1s"])
        .code(7)
        .stderr_eq(str![[r#"
waiting for cluster [NAME]
cluster [NAME] is RUNNING
error: timed out after [ELAPSED]: cluster [NAME] has not ended

hint: set a longer limit with `--timeout`

"#]]);
    let mut workers = user.command(&["wait", &name, "--for", "workers=1"]);
    let waiting = workers.stderr(Stdio::piped()).spawn().expect("dgw runs");
    thread::sleep(Duration::from_secs(2));
    user.stdout(&["shutdown", &name]);
    let waited = waiting.wait_with_output().expect("dgw ends");
    let stderr = String::from_utf8(waited.stderr).expect("UTF-8");
    let end =
        " was shut down from elsewhere while dgw waited for it: the gateway reports STOPPED\n";
    assert!(stderr.contains(end), "{stderr}");
    assert_eq!(waited.status.code(), Some(6), "{stderr}");
    user.dgw(&["wait", &name, "--for", "stopped"])
        .success()
        .stdout_eq("")
        .stderr_eq(str![[r#"
waiting for cluster [NAME]
cluster [NAME] is STOPPED ([ELAPSED])

"#]]);
    assert_eq!(
        user.json(&["wait", &name, "--for", "stopped"])["status"],
        "STOPPED"
    );
    user.dgw(&["wait", &name, "--for", "running"])
        .code(6)
        .stdout_eq("")
        .stderr_eq(str![[r#"
waiting for cluster [NAME]
error: cluster `[NAME]` is STOPPED, not RUNNING

hint: `dgw new` starts another one

"#]]);
    user.dgw(&["wait", &name, "--for", "sunshine"])
        .code(2)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: invalid value 'sunshine' for '--for <CONDITION>': must be running, stopped, workers=N or idle

For more information, try '--help'.

"#]]);
}

#[test]
fn the_time_limit_holds_whatever_hangs() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    let frozen = Frozen::scheduler_of(&name);
    for args in [
        &["wait", &name, "--for", "idle", "--timeout", "1s"][..],
        &[
            "wait",
            "--for",
            "workers=1",
            "--probe-timeout",
            "30s",
            "--timeout",
            "1s",
        ],
        &["scale", "1", "--force", "--wait", "--timeout", "1s"],
    ] {
        let started = Instant::now();
        user.dgw(args).code(7).stdout_eq("");
        assert!(started.elapsed() < Duration::from_secs(3), "{args:?}");
    }
    drop(frozen);
    // The gateway never responds to the first request.
    let behind_silence = behind(&user, Harm::Silence, When { after: 0, times: 1 });
    for args in [
        &["wait", &name, "--for", "running", "--timeout", "1s"][..],
        &["connect", &name, "--timeout", "1s"],
        &["scale", &name, "1", "--wait", "--timeout", "1s"],
    ] {
        let proxied = &behind_silence();
        let started = Instant::now();
        proxied.dgw(args).code(7).stdout_eq("");
        assert!(started.elapsed() < Duration::from_secs(3), "{args:?}");
    }
}

#[test]
fn tolerates_an_outage_and_reports_each_change_once() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    let unavailable = answer("503 Service Unavailable", "", "");
    // The first request finds the cluster; each later one is sent three times while it fails.
    let outage = When { after: 1, times: 9 };
    let proxied = behind(&user, Harm::Replaced(unavailable), outage);
    let limit = ["--timeout", "20s"];
    let out = proxied()
        .command(&[&["wait", &name, "--for", "stopped"][..], &limit].concat())
        .output()
        .expect("dgw runs");
    let printed = String::from_utf8_lossy(&out.stderr).replace(&name, "NAME");
    assert_eq!(
        printed.lines().take(5).collect::<Vec<_>>(),
        [
            "waiting for cluster NAME",
            "cluster NAME is RUNNING",
            "the gateway does not respond",
            "cluster NAME is RUNNING",
            "error: timed out after 20s: cluster NAME has not ended",
        ],
        "{printed}"
    );
    let args = [&["wait", &name, "--for", "workers=0"][..], &limit].concat();
    proxied().dgw(&args).success();
    // Without a time limit too.
    proxied()
        .dgw(&["wait", &name, "--for", "workers=0"])
        .success();
}

/// Creates users like `user`, each with a new faulty proxy in front of the gateway.
fn behind(user: &User, harm: Harm, when: When) -> impl Fn() -> User {
    let gateway = BASIC.fact("address");
    let yaml = std::fs::read_to_string(user.configuration()).expect("a configuration");
    move || {
        let host_and_port = gateway.strip_prefix("http://").expect("plain HTTP");
        let faulty = Faulty::new(host_and_port, harm.clone(), when);
        let address = format!("{}\n  proxy-address: {host_and_port}", faulty.address);
        User::new().configured(&yaml.replacen(gateway, &address, 1))
    }
}

#[test]
fn says_that_the_gateway_continues_to_scale_after_the_wait() {
    let user = BASIC.user();
    let stall = user.home().join("stall.py");
    std::fs::write(&stall, "import time; time.sleep(60)").expect("a file");
    let stall = format!(
        "environment=DASK_DISTRIBUTED__WORKER__PRELOAD={}",
        stall.display()
    );
    user.stdout(&["new", "-s", &stall]);
    let args = ["scale", "1", "--wait", "--timeout", "5s"];
    user.dgw(&args).code(7).stdout_eq("").stderr_eq(str![[r#"
cluster [NAME] is scaling to 1 worker; adaptive scaling is off
waiting for the workers of cluster [NAME]
cluster [NAME]: 0/1 worker
the gateway continues to scale cluster [NAME] to 1 worker
error: timed out after [ELAPSED]: cluster [NAME]: 0/1 worker

hint: set a longer limit with `--timeout`

"#]]);
    let mut command = user.command(&["scale", "1", "--wait"]);
    let (mut child, mut stderr) = spawned(&mut command, "0/1 worker");
    send(&child, Signal::INT);
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let mut printed = String::new();
    stderr.read_to_string(&mut printed).expect("text");
    assert!(
        printed.contains("interrupted: the gateway continues to scale cluster"),
        "{printed}"
    );
}
