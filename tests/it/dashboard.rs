//! `dgw dashboard`

use std::fs;

use snapbox::str;

use crate::support::{BASIC, Serving, Stub, User, json_answer};

#[test]
fn prints_the_url() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    user.dgw(&["dashboard"])
        .success()
        .stdout_eq(str![[r#"
http://[HOST]/clusters/[NAME]/status

"#]])
        .stderr_eq("");
    user.dgw(&["dashboard", &name])
        .success()
        .stdout_eq(str![[r#"
http://[HOST]/clusters/[NAME]/status

"#]]);
    let user = user.with("DASK_GATEWAY__PUBLIC_ADDRESS", "/services/dask-gateway/");
    user.dgw(&["dashboard"])
        .success()
        .stdout_eq(str![[r#"
/services/dask-gateway/clusters/[NAME]/status

"#]])
        .stderr_eq(str![[r#"
warning: `gateway.public-address` is a path: put your hub's address before this URL

"#]]);
    user.stdout(&["shutdown", &name]);
    user.dgw(&["dashboard", &name])
        .code(6)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: cluster `[NAME]` is STOPPED, not RUNNING

hint: `dgw new` starts another one

"#]]);
}

#[test]
fn pending_cluster_has_no_dashboard() {
    let user = BASIC.user();
    user.stdout(&["new", "--no-wait", "-s", "scheduler_start=slow"]);
    user.dgw(&["dashboard"])
        .code(1)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: cluster `[NAME]` is PENDING, not RUNNING

hint: `dgw connect [NAME]` waits until it is running

"#]]);
}

#[test]
fn running_cluster_without_a_valid_url_is_served_only() {
    let record = r#"{"name": "ab12", "status": "RUNNING", "start_time": 1, "stop_time": null,
        "options": {}, "dashboard_route": "evil.example"}"#;
    let stub = Stub::new(move |head| {
        if head.starts_with("GET /api/v1/clusters/ab12 ") {
            return json_answer(record);
        }
        json_answer(&format!(r#"{{"ab12": {record}}}"#))
    });
    let user = User::basic(&stub.address, "ada", "pw");
    user.dgw(&["dashboard"])
        .code(9)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: the gateway sent no valid path for the dashboard of cluster `ab12`

hint: `dgw dashboard ab12 --serve` serves it on this machine

"#]]);
    let serving = Serving::start(&user, &[]);
    assert!(serving.url.starts_with("http://dgw-"), "{}", serving.url);
}

#[test]
fn browser_gets_the_url_and_no_secret() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    let user = with_browser(user, "echo \"$@\" > \"$HOME/seen\"; env >> \"$HOME/seen\"")
        .with("JUPYTERHUB_API_TOKEN", "s3cret")
        .with(
            "DASK_GATEWAY__AUTH__KWARGS__PASSWORD",
            BASIC.fact("password"),
        );
    user.dgw(&["dashboard", "--open"])
        .success()
        .stdout_eq(str![[r#"
http://[HOST]/clusters/[NAME]/status

"#]])
        .stderr_eq("");
    let seen = fs::read_to_string(user.home().join("seen")).expect("the browser ran");
    let url = user.stdout(&["dashboard"]);
    assert_eq!(seen.lines().next(), Some(url.as_str()));
    assert!(seen.contains("HOME="), "{seen}");
    assert!(
        !seen.contains("s3cret") && !seen.contains(BASIC.fact("password")),
        "{seen}"
    );
}

#[test]
fn refuses_to_open_a_url_without_a_host() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    let user = with_browser(user, "touch \"$HOME/seen\"")
        .with("DASK_GATEWAY__PUBLIC_ADDRESS", "/services/dask-gateway");
    user.dgw(&["dashboard", "--open"])
        .code(3)
        .stdout_eq(str![[r#"
/services/dask-gateway/clusters/[NAME]/status

"#]])
        .stderr_eq(str![[r#"
error: the dashboard's URL has no host: `/services/dask-gateway/clusters/[NAME]/status`

hint: set `gateway.public-address` to a full URL, or open this path on your hub

"#]]);
    assert!(!user.home().join("seen").exists());
}

#[test]
fn does_not_wait_for_a_browser_that_stays_open() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    let user = with_browser(user, "sleep 30");
    let started = std::time::Instant::now();
    user.dgw(&["dashboard", "--open"]).success();
    assert!(started.elapsed() < std::time::Duration::from_secs(15));
}

#[test]
fn prints_the_url_if_no_browser_can_be_opened() {
    let user = BASIC.user();
    user.stdout(&["new"]);
    let user = with_browser(user, "exit 3");
    user.dgw(&["dashboard", "--open"])
        .code(1)
        .stdout_eq(str![[r#"
http://[HOST]/clusters/[NAME]/status

"#]])
        .stderr_eq(str![[r#"
error: no browser could be opened on this machine

hint: open the URL in a browser on your own machine

"#]]);
}

/// Makes the system of `user` open URLs by running `script`.
pub(crate) fn with_browser(user: User, script: &str) -> User {
    let bin = user.home().join("bin");
    fs::create_dir(&bin).expect("a directory for programs");
    let opener = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let path = bin.join(opener);
    fs::write(&path, format!("#!/bin/sh\nPATH=/usr/bin:/bin\n{script}\n")).expect("a script");
    crate::support::set_mode(&path, 0o700);
    user.with("PATH", &bin.display().to_string())
}
