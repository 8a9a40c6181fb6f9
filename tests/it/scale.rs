//! `dgw scale`

use std::time::{Duration, Instant};

use snapbox::str;

use crate::support::{BASIC, Frozen, Terminal, User};

#[test]
fn sets_the_number_of_workers() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    user.dgw(&["scale", "2"])
        .success()
        .stdout_eq("")
        .stderr_eq(str![[r#"
cluster [NAME] is scaling to 2 workers; adaptive scaling is off

"#]]);
    wait_for_workers(&user, 2);
    user.dgw(&["scale", "x", "99"]).code(5);
    let mut terminal = Terminal::new(&user, 80, &["scale", &name, "99"]);
    terminal.wait_for("from 2 to 99 workers? [y/N]");
    terminal.type_("n\n");
    let (shown, code) = terminal.rest();
    assert!(shown.contains("nothing was scaled"), "{shown}");
    assert_eq!(code, Some(0));
    // Scripts are not asked.
    user.dgw(&["scale", "99"]).code(8);
    user.dgw(&["scale", &name, "1", "-q"])
        .success()
        .stdout_eq("")
        .stderr_eq("");
    wait_for_workers(&user, 1);
    user.dgw(&["scale", &name[..8], "0", "-o", "json"])
        .success()
        .stdout_eq(str![[r#"
{
  "name": "[NAME]",
  "workers": 0,
  "adaptive": false,
  "minimum": null,
  "maximum": null,
  "clamped": null
}

"#]])
        .stderr_eq(str![[r#"
cluster [NAME] is scaling to 0 workers; adaptive scaling is off

"#]]);
    wait_for_workers(&user, 0);
}

#[test]
fn warns_if_the_gateway_grants_fewer_workers() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    user.dgw(&["scale", "9"]).code(8).stdout_eq("").stderr_eq(str![[r#"
cluster [NAME] is scaling to 4 workers; adaptive scaling is off
warning: the gateway granted less than requested for cluster `[NAME]`: Scale request of 9 workers would exceed resource limit of 4 workers. Scaling to 4 instead.

"#]]);
    user.dgw(&["scale", "9", "-o", "json"]).code(8).stdout_eq(str![[r#"
{
  "name": "[NAME]",
  "workers": 4,
  "adaptive": false,
  "minimum": null,
  "maximum": null,
  "clamped": "Scale request of 9 workers would exceed resource limit of 4 workers. Scaling to 4 instead."
}

"#]]);
}

#[test]
fn refuses_to_scale_a_cluster_that_is_not_running() {
    let user = BASIC.user();
    user.dgw(&["scale", "1"])
        .code(5)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: you have no active cluster

hint: `dgw new` starts one

"#]]);
    let name = user.stdout(&["new", "--no-wait", "-s", "scheduler_start=slow"]);
    user.dgw(&["scale", "1"])
        .code(1)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: cluster `[NAME]` is PENDING, not RUNNING

hint: `dgw connect [NAME]` waits until it is running

"#]]);
    user.stdout(&["shutdown", &name]);
    user.dgw(&["scale", &name, "1"])
        .code(6)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: cluster `[NAME]` is STOPPED, not RUNNING

hint: `dgw new` starts another one

"#]]);
}

#[test]
fn refuses_an_invalid_number() {
    let user = BASIC.user();
    for number in ["-1", "1.5", "many", ""] {
        user.dgw(&["scale", "--", number]).code(2).stdout_eq("");
    }
    user.dgw(&["scale"])
        .code(2)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: the following required arguments were not provided:
  <N>

Usage: dgw scale [CLUSTER] <N>

For more information, try '--help'.

"#]]);
}

/// Waits for the scheduler's own count, through the route that the gateway forwards.
fn wait_for_workers(user: &User, count: u64) {
    let dashboard = user.stdout(&["dashboard"]);
    let route = dashboard.replace("/status", "/json/counts.json");
    let started = Instant::now();
    loop {
        let output = std::process::Command::new(BASIC.python())
            .args([
                "-c",
                "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())",
            ])
            .arg(&route)
            .output()
            .expect("python runs");
        let counts = serde_json::from_slice::<serde_json::Value>(&output.stdout).expect("JSON");
        if counts["workers"] == count {
            return;
        }
        assert!(
            started.elapsed() < Duration::from_secs(60),
            "{count} workers: {counts}"
        );
        std::thread::sleep(Duration::from_millis(300));
    }
}

#[test]
fn does_not_scale_if_the_scheduler_is_silent_unless_forced() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    let frozen = Frozen::scheduler_of(&name);
    user.dgw(&["scale", "1", "--probe-timeout", "1s"])
        .code(1)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: the scheduler of cluster `[NAME]` does not respond: no response within 1s

hint: the gateway would mark the whole cluster as failed if dgw sent the request now; `--force` sends it anyway

"#]]);
    user.dgw(&["adapt", &name, "--max", "1", "--probe-timeout", "1s"])
        .code(1);
    assert_eq!(user.history(), [(name.clone(), "RUNNING".to_owned())]);
    drop(frozen);
    user.dgw(&["scale", "1"]).success();
}
