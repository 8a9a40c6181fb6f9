//! `dgw connect`

use std::process::Command;

use snapbox::str;

use crate::support::{BASIC, HUB, TestGateway, User};

#[test]
fn prints_addresses_and_python() {
    let user = BASIC.user();
    user.dgw(&["connect"])
        .code(5)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: you have no active cluster

hint: `dgw new` starts one

"#]]);
    let name = user.stdout(&["new"]);
    user.dgw(&["connect"])
        .success()
        .stdout_eq(str![[r#"
cluster    [NAME]
scheduler  gateway://[HOST]/[NAME]
dashboard  http://[HOST]/clusters/[NAME]/status

from dask_gateway import Gateway

cluster = Gateway().connect("[NAME]")
client = cluster.get_client()

"#]])
        .stderr_eq("");
    user.dgw(&["connect", &name]).success().stdout_eq(str![[r#"
cluster    [NAME]
scheduler  gateway://[HOST]/[NAME]
dashboard  http://[HOST]/clusters/[NAME]/status

from dask_gateway import Gateway

cluster = Gateway().connect("[NAME]")
client = cluster.get_client()

"#]]);
    let address = BASIC.fact("address");
    user.dgw(&["connect", "--address", address])
        .success()
        .stdout_eq(str![[r#"
cluster    [NAME]
scheduler  gateway://[HOST]/[NAME]
dashboard  http://[HOST]/clusters/[NAME]/status

from dask_gateway import Gateway

cluster = Gateway(
    address="http://[HOST]",
    proxy_address="[HOST]",
    public_address="http://[HOST]",
).connect("[NAME]")
client = cluster.get_client()

"#]]);
    user.dgw(&["connect", "-o", "name"])
        .success()
        .stdout_eq(str![[r#"
[NAME]

"#]]);
}

#[test]
fn waits_for_a_pending_cluster() {
    let user = BASIC.user();
    let name = user.stdout(&["new", "--no-wait", "-s", "scheduler_start=slow"]);
    user.dgw(&["connect", "--timeout", "1s"])
        .code(7)
        .stdout_eq("")
        .stderr_eq(str![[r#"
cluster [NAME] is PENDING
error: timed out after [ELAPSED]: cluster `[NAME]` is still PENDING

hint: set a longer limit with `--timeout`

"#]]);
    assert!(
        user.has_active_clusters(),
        "`connect` must not shut the cluster down"
    );
    user.dgw(&["connect", &name[..6]])
        .success()
        .stdout_eq(str![[r#"
cluster    [NAME]
scheduler  gateway://[HOST]/[NAME]
dashboard  http://[HOST]/clusters/[NAME]/status

from dask_gateway import Gateway

cluster = Gateway().connect("[NAME]")
client = cluster.get_client()

"#]])
        .stderr_eq(str![[r#"
cluster [NAME] is PENDING
cluster [NAME] is running ([ELAPSED])

"#]]);
}

#[test]
fn rejects_clusters_that_have_ended() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    user.stdout(&["shutdown", &name]);
    user.dgw(&["connect", &name])
        .code(6)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: cluster `[NAME]` is STOPPED, not RUNNING

hint: `dgw new` starts another one

"#]]);
    user.dgw(&["connect", "work.py"])
        .code(5)
        .stderr_eq(str![[r#"
error: no cluster matches `work.py`

hint: to run it connected to your cluster: `dgw connect -- python work.py`

"#]]);
    // With a COMMAND, the word is meant as a cluster.
    user.dgw(&["connect", "work.py", "--", "true"])
        .code(5)
        .stderr_eq(str![[r#"
error: no cluster matches `work.py`

hint: `dgw list --all` lists every cluster that the gateway still knows

"#]]);
    user.dgw(&["connect", "0123456789abcdef0123456789abcdef"])
        .code(5)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: no cluster matches `[NAME]`

hint: `dgw list --all` lists every cluster that the gateway still knows

"#]]);
}

#[test]
fn lists_the_clusters_to_choose_from() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    user.stdout(&["new"]);
    for args in [
        &["connect"][..],
        &["dashboard"],
        &["scale", "1"],
        &["adapt", "--off"],
    ] {
        user.dgw(args).code(5).stdout_eq("").stderr_eq(str![[r#"
error: you have 2 active clusters: name one
  [NAME]  RUNNING   [AGE]
  [NAME]  RUNNING   [AGE]

"#]]);
    }
}

#[test]
fn printed_python_computes_on_the_cluster() {
    assert_printed_python_computes(&BASIC, &BASIC.user());
}

#[test]
fn printed_python_computes_behind_a_hub() {
    assert_printed_python_computes(&HUB, &HUB.user());
}

/// Runs the Python code that `dgw connect` prints, and a computation, in a Python with dask-gateway.
fn assert_printed_python_computes(gateway: &TestGateway, user: &User) {
    user.stdout(&["new", "--workers", "2"]);
    let printed = user.stdout(&["connect"]);
    let from = printed
        .find("from dask_gateway")
        .expect("Python is printed");
    let script = format!(
        "{}\nclient.wait_for_workers(2, timeout=60)\n\
         print(sum(client.gather(client.map(lambda x: x * x, range(10)))))\n",
        &printed[from..]
    );
    let output = Command::new(gateway.python())
        .args(["-c", &script])
        .env_clear()
        .envs(user.environment())
        .output()
        .expect("python runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        "285",
        "{stderr}"
    );
}
