//! A gateway behind a JupyterHub, with the hub's tokens.

use snapbox::str;

use crate::support::{HUB, User};

fn with_token(token: &str) -> User {
    User::jupyterhub(HUB.fact("address"), token, None)
}

#[test]
fn runs_a_cluster_behind_a_hub() {
    let user = HUB.user();
    user.dgw(&["new", "--workers", "1"])
        .success()
        .stdout_eq(str![[r#"
[NAME]

"#]])
        .stderr_eq(str![[r#"
requesting a cluster
cluster [NAME] is PENDING
cluster [NAME] is running ([ELAPSED])

"#]]);
    user.dgw(&["list"]).success().stdout_eq(str![[r#"
NAME                              STATUS   AGE  OPTIONS                                                                                      DASHBOARD
[NAME]  RUNNING  [AGE]worker_cores=1,worker_memory=1.0,profile=small,priority=0,spot=false,scheduler_start=normal  http://[HOST]/services/dask-gateway/clusters/[NAME]/status

"#]]);
    user.dgw(&["dashboard"]).success().stdout_eq(str![[r#"
http://[HOST]/services/dask-gateway/clusters/[NAME]/status

"#]]);
    user.dgw(&["connect"]).success().stdout_eq(str![[r#"
cluster    [NAME]
scheduler  gateway://[HOST]/[NAME]
dashboard  http://[HOST]/services/dask-gateway/clusters/[NAME]/status

from dask_gateway import Gateway

cluster = Gateway().connect("[NAME]")
client = cluster.get_client()

"#]]);
    user.dgw(&["scale", "2"]).success().stderr_eq(str![[r#"
cluster [NAME] is scaling to 2 workers; adaptive scaling is off

"#]]);
    user.dgw(&["shutdown", "--all", "--yes"])
        .success()
        .stdout_eq(str![[r#"
[NAME]

"#]]);
}

#[test]
fn reads_token_from_the_environment() {
    let token = HUB.facts["users"][11]["token"].as_str().expect("a token");
    let user = User::new()
        .with("DASK_GATEWAY__ADDRESS", HUB.fact("address"))
        .with("DASK_GATEWAY__AUTH__TYPE", "jupyterhub")
        .with("JUPYTERHUB_API_TOKEN", token);
    user.dgw(&["list"]).success();
}

#[test]
fn rejects_each_kind_of_bad_token() {
    let assert_rejected = |token: &str, stderr: snapbox::data::Inline| {
        let user = with_token(token);
        user.dgw(&["list"]).code(4).stdout_eq("").stderr_eq(stderr);
        user.dgw(&["new"]).code(4).stdout_eq("");
    };
    assert_rejected(
        "0123456789abcdef",
        str![[r#"
error: the JupyterHub of the gateway at `http://[HOST]/services/dask-gateway` does not know the token: it is wrong, expired or revoked

hint: create a new token at http://[HOST]/hub/token and give it to `dgw login --force`

"#]],
    );
    assert_rejected(
        HUB.fact("revoked_token"),
        str![[r#"
error: the JupyterHub of the gateway at `http://[HOST]/services/dask-gateway` does not know the token: it is wrong, expired or revoked

hint: create a new token at http://[HOST]/hub/token and give it to `dgw login --force`

"#]],
    );
    assert_rejected(
        HUB.fact("token_without_scope"),
        str![[r#"
error: the gateway at `http://[HOST]/services/dask-gateway` did not accept the JupyterHub token

hint: create a new token at http://[HOST]/hub/token and give it to `dgw login --force`; check that it has access to the gateway's service (the scope `access:services!service=…`)

"#]],
    );
    let user = User::basic(HUB.fact("address"), "ada", "pw");
    user.dgw(&["list"]).code(4).stdout_eq("").stderr_eq(str![[r#"
error: the gateway at `http://[HOST]/services/dask-gateway` requires jupyterhub authentication, but basic is configured

hint: `dgw login --force` sets up jupyterhub authentication

"#]]);
}

#[test]
fn rejects_another_path_of_the_hub() {
    let address = HUB.fact("address").replace("/services/dask-gateway", "");
    let user = User::jupyterhub(&address, "t0ken", None);
    for args in [&["list"][..], &["new"], &["shutdown", "--all", "--yes"]] {
        let output = user.command(args).output().expect("dgw runs");
        let code = output.status.code();
        assert!(
            matches!(code, Some(4 | 9)),
            "{args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    user.dgw(&["list"]).stdout_eq("").stderr_eq(str![[r#"
error: `http://[HOST]/api/v1/clusters/` did not respond like a Dask gateway: it redirects to `http://[HOST]/hub/api/v1/clusters/`

hint: check `gateway.address`: behind a JupyterHub it ends in /services/dask-gateway

"#]]);
}
