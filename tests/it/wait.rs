//! `dgw wait`, and the waiting of `scale` and `new`

use snapbox::str;

use crate::support::BASIC;

#[test]
fn workers_are_waited_for() {
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

hint: `--timeout` gives it longer

"#]]);
}

#[test]
fn of_more_workers_than_allowed_those_that_come_are_waited_for() {
    let user = BASIC.user();
    let args = ["new", "--workers", "9", "--wait-workers", "3", "-q"];
    user.dgw(&args).code(8).stdout_eq(str![[r#"
[NAME]

"#]]);
    assert!(user.json(&["show"])["workers"].as_u64() >= Some(3));
    user.stdout(&["scale", "0", "--wait"]);
    user.dgw(&["scale", "9", "--wait"])
        .code(8)
        .stdout_eq("")
        .stderr_eq(str![[r#"
cluster [NAME] scales to 4 workers, adaptive scaling is off
waiting for the workers of cluster [NAME]
...
cluster [NAME] has 4 workers ([ELAPSED])
warning: the gateway did less for cluster `[NAME]` than asked for: Scale request of 9 workers would exceed resource limit of 4 workers. Scaling to 4 instead.

"#]]);
    assert_eq!(user.json(&["show"])["workers"], 4);
}

#[test]
fn a_cluster_whose_workers_do_not_come_in_time_is_shut_down() {
    let user = BASIC.user();
    let stall = user.home().join("stall.py");
    std::fs::write(&stall, "import time; time.sleep(20)").expect("a file");
    let stall = stall.display();
    let workers_stall = format!("environment=DASK_DISTRIBUTED__WORKER__PRELOAD={stall}");
    user.dgw(&[
        "new",
        "-s",
        &workers_stall,
        "--workers",
        "1",
        "--wait-workers",
        "1",
        "--timeout",
        "5s",
    ])
    .code(7)
    .stdout_eq("")
    .stderr_eq(str![[r#"
asking the gateway for a cluster
cluster [NAME] is PENDING
cluster [NAME]: 0/1 workers
shutting down cluster [NAME]
cluster [NAME] is shut down ([ELAPSED])
error: timed out after [ELAPSED]: cluster [NAME]: 0/1 workers

hint: `--timeout` gives it longer

"#]]);
    assert!(!user.has_active_clusters());
}

#[test]
fn each_condition_is_met_in_its_time() {
    let user = BASIC.user();
    let name = user.stdout(&["new", "--no-wait", "-s", "scheduler_start=slow"]);
    user.dgw(&["wait", &name, "--for", "running", "--timeout", "1s"])
        .code(7);
    user.dgw(&["wait", &name, "--for", "running"])
        .success()
        .stdout_eq("")
        .stderr_eq(str![[r#"
waiting for cluster [NAME]
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

hint: `--timeout` gives it longer

"#]]);
    user.stdout(&["shutdown", &name]);
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

hint: `dgw new` starts another

"#]]);
    user.dgw(&["wait", &name, "--for", "sunshine"])
        .code(2)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: invalid value 'sunshine' for '--for <CONDITION>': a condition is running, stopped, workers=N or idle

For more information, try '--help'.

"#]]);
}
