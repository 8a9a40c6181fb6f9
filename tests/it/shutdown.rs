//! `dgw shutdown`

use snapbox::str;

use crate::support::{BASIC, Stub, User, answer, json_answer};

#[test]
fn shuts_down_named_clusters_and_prints_their_names() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    user.dgw(&["shutdown", &name[..10]])
        .success()
        .stdout_eq(str![[r#"
[NAME]

"#]])
        .stderr_eq(str![[r#"
shutting down 1 cluster
1 cluster shut down ([ELAPSED])

"#]]);
    assert_eq!(user.history(), [(name.clone(), "STOPPED".to_owned())]);
    user.dgw(&["shutdown", &name])
        .success()
        .stdout_eq("")
        .stderr_eq(str![[r#"
cluster [NAME] is already STOPPED
no cluster to shut down

"#]]);
}

#[test]
fn an_unknown_name_is_an_error_and_does_not_stop_the_rest() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    let unknown = "0123456789abcdef0123456789abcdef";
    user.dgw(&["shutdown", unknown])
        .code(5)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: no cluster matches `[NAME]`
  [NAME]  RUNNING   [AGE]

hint: `dgw list --all` also lists clusters that have ended

"#]]);
    assert!(user.has_active_clusters());
    user.dgw(&["shutdown", unknown, &name, "nosuch", "-q"])
        .code(5)
        .stdout_eq(str![[r#"
[NAME]

"#]])
        .stderr_eq(str![[r#"
error: no cluster matches `[NAME]`

hint: `dgw list --all` lists every cluster that the gateway still knows
error: no cluster matches `nosuch`

hint: `dgw list --all` lists every cluster that the gateway still knows

"#]]);
    assert!(!user.has_active_clusters());
    user.dgw(&["shutdown"])
        .code(2)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: the following required arguments were not provided:
  <CLUSTER|--all|--status <STATUS,…>|--older-than <DURATION>|--idle-for <DURATION>>

Usage: dgw shutdown [OPTIONS] <CLUSTER>...
       dgw shutdown [OPTIONS] <SELECTORS>

For more information, try '--help'.

"#]]);
    user.dgw(&["shutdown", &name, "--all"])
        .code(2)
        .stdout_eq("");
}

#[test]
fn selectors_need_yes_and_a_dry_run_changes_nothing() {
    let user = BASIC.user();
    let first = user.stdout(&["new"]);
    let second = user.stdout(&["new", "--no-wait", "-s", "scheduler_start=slow"]);
    user.dgw(&["shutdown", "--all"])
        .code(2)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: refused to shut down clusters without confirmation

hint: add `--yes`; `--dry-run` shows which clusters

"#]]);
    user.dgw(&["shutdown", "--all", "--dry-run"])
        .success()
        .stdout_eq(str![[r#"
[NAME]
[NAME]

"#]])
        .stderr_eq(str![[r#"
dry run: nothing is shut down

"#]]);
    assert_eq!(
        user.stdout(&["list", "-o", "name"]),
        format!("{first}\n{second}")
    );

    assert_eq!(
        user.stdout(&["shutdown", "--status", "pending", "--yes"]),
        second
    );
    user.dgw(&["shutdown", "--older-than", "1h", "-y"])
        .success()
        .stdout_eq("")
        .stderr_eq(str![[r#"
no cluster to shut down

"#]]);
    let stopped = user.json(&["stop", "--all", "--yes"]);
    assert_eq!(stopped[0]["name"], first);
    user.dgw(&["shutdown", "--all", "-yq"])
        .success()
        .stdout_eq("")
        .stderr_eq("");
}

#[test]
fn shuts_down_many_at_once() {
    let user = BASIC.user();
    let mut names = (0..5)
        .map(|_| user.stdout(&["new", "--no-wait", "-s", "scheduler_start=slow"]))
        .collect::<Vec<_>>();
    let printed = user.stdout(&["shutdown", "--all", "--yes"]);
    let mut stopped = printed.lines().collect::<Vec<_>>();
    names.sort_unstable();
    stopped.sort_unstable();
    assert_eq!(stopped, names);
    assert!(!user.has_active_clusters());
}

#[test]
fn no_wait_only_requests_the_shutdown() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    user.dgw(&["shutdown", "--no-wait", &name])
        .success()
        .stdout_eq(str![[r#"
[NAME]

"#]])
        .stderr_eq("");
}

/// Where nobody can be asked, a selection needs `--yes` whether or not it matches anything.
#[test]
fn refuses_to_select_without_confirmation_before_anything_is_sent() {
    let stub = Stub::always(json_answer("{}"));
    let user = User::basic(&stub.address, "ada", "pw");
    for selector in [
        &["--all"][..],
        &["--status", "running"],
        &["--older-than", "1h"],
        &["--idle-for", "1h"],
    ] {
        user.dgw(&[&["shutdown"], selector].concat())
            .code(2)
            .stdout_eq("")
            .stderr_eq(str![[r#"
error: refused to shut down clusters without confirmation

hint: add `--yes`; `--dry-run` shows which clusters

"#]]);
    }
    assert_eq!(stub.seen(), Vec::<String>::new());
    assert!(!user.home().join(".local").exists());
}

fn records(names: &[&str]) -> String {
    let record = |name: &&str| {
        format!(
            r#""{name}": {{"name": "{name}", "status": "RUNNING", "start_time": 1000, "stop_time": null,
                "options": {{}}, "dashboard_route": null}}"#
        )
    };
    format!(
        "{{{}}}",
        names.iter().map(record).collect::<Vec<_>>().join(",")
    )
}

#[test]
fn one_failure_does_not_stop_the_rest() {
    let stub = Stub::new(|head| {
        if head.starts_with("DELETE") && head.contains("/b ") {
            answer(
                "500 Internal Server Error",
                "",
                "Server got itself in trouble",
            )
        } else if head.starts_with("DELETE") {
            answer("204 No Content", "", "")
        } else if head.contains("stopping") {
            json_answer("{}")
        } else {
            json_answer(&records(&["a", "b", "c"]))
        }
    });
    let user = User::basic(&stub.address, "ada", "pw");
    user.dgw(&["shutdown", "--all", "--yes", "-q"])
        .code(8)
        .stdout_eq(str![[r#"
a
c

"#]])
        .stderr_eq(str![[r#"
error: 1 of 3 clusters could not be shut down
  b: the gateway failed with status 500: Internal Server Error

hint: run the command again for the remaining clusters

"#]]);
}

#[test]
fn the_failure_of_a_single_cluster_keeps_its_exit_code() {
    let stub = Stub::new(|head| match head.split(' ').next() {
        Some("DELETE") => answer("403 Forbidden", "", r#"{"error": "not yours"}"#),
        _ => json_answer(&records(&["a"])),
    });
    let user = User::basic(&stub.address, "ada", "pw");
    user.dgw(&["shutdown", "a"])
        .code(4)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: the gateway at `http://[HOST]` denied permission for cluster `a`: not yours

hint: `dgw doctor` shows which user the gateway takes you for; if that is right, ask its administrators for permission

"#]]);
}

#[test]
fn prints_what_is_gone_even_if_the_gateway_goes_away() {
    let lists = std::sync::atomic::AtomicUsize::new(0);
    let stub = Stub::new(move |head| match head.split(' ').next() {
        Some("DELETE") => answer("204 No Content", "", ""),
        _ => match lists.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
            0 => json_answer(&records(&["a", "b"])),
            1 => json_answer(&records(&["b"])),
            _ => Vec::new(),
        },
    });
    let user = User::basic(&stub.address, "ada", "pw");
    user.dgw(&["shutdown", "a", "b", "-o", "json", "-q"])
        .code(9)
        .stdout_eq(str![[r#"
[
  {
    "name": "a",
    "status": "RUNNING",
    "start_time": "[TIME]",
    "stop_time": null,
    "options": {},
    "dashboard_link": null,
    "scheduler_address": "gateway://[HOST]/a"
  }
]

"#]])
        .stderr_eq(str![[r#"
warning: shutdown requested but not confirmed: b
error: the response from `http://[HOST]/api/v1/clusters/?status=pending,running,stopping` was lost: connection closed before message completed

hint: try again; if it fails again, check the network and proxies between this machine and the gateway

"#]]);
}

#[test]
fn selecting_by_age_needs_the_gateways_clock() {
    let stub = Stub::new(|_| json_answer(&records(&["a"])));
    let user = User::basic(&stub.address, "ada", "pw");
    user.dgw(&["shutdown", "--older-than", "1h", "--yes"])
        .code(9)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: the gateway's responses have no Date header, so the age of its clusters is unknown

hint: name the clusters instead of using `--older-than`

"#]]);
    assert_eq!(stub.seen().len(), 1);
}

#[test]
fn times_out_if_a_cluster_never_goes() {
    let stub = Stub::new(|head| match head.split(' ').next() {
        Some("DELETE") => answer("204 No Content", "", ""),
        _ => json_answer(&records(&["a"])),
    });
    let user = User::basic(&stub.address, "ada", "pw");
    user.dgw(&["shutdown", "a", "--timeout", "1s"])
        .code(7)
        .stdout_eq("")
        .stderr_eq(str![[r#"
shutting down 1 cluster
warning: shutdown requested but not confirmed: a
error: timed out after [ELAPSED]: 1 of 1 cluster had not shut down yet

hint: set a longer limit with `--timeout`

"#]]);
}

/// By its prefix and by its full name, however long ago it ended.
#[test]
fn an_ended_cluster_is_found_by_prefix_and_by_name() {
    let user = BASIC.user();
    let name = user.stdout(&["new"]);
    let other = user.stdout(&["new"]);
    let prefix = &name[..6];
    let mut watch = user
        .command(&["list", prefix, "-w", "1s", "-o", "jsonl"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("dgw runs");
    let requested = user.json(&["shutdown", &name, "--no-wait"]);
    assert_ne!(requested[0]["status"], "RUNNING");
    assert_eq!(
        user.json(&["wait", prefix, "--for", "stopped"])["status"],
        "STOPPED"
    );
    for pattern in [prefix, &name] {
        assert_eq!(user.json(&["show", pattern])["status"], "STOPPED");
        let listed = user.json(&["list", pattern]);
        assert_eq!(listed[0]["name"], name, "{listed}");
        assert_eq!(listed.as_array().map(Vec::len), Some(1));
        for args in [
            &["connect", pattern][..],
            &["scale", pattern, "1"],
            &["adapt", pattern, "--off"],
            &["logs", pattern],
            &["keep", pattern],
            &["wait", pattern, "--for", "running"],
        ] {
            user.dgw(args).code(6).stdout_eq("");
        }
    }
    assert_eq!(
        user.json(&["list", &other[..6], prefix])
            .as_array()
            .map(Vec::len),
        Some(2)
    );
    // The watch lists the cluster several times after its end.
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert!(
        watch.try_wait().expect("its state").is_none(),
        "the watch ended"
    );
    watch.kill().expect("it ends");
    let mut watched = String::new();
    let mut stdout = watch.stdout.take().expect("piped");
    std::io::Read::read_to_string(&mut stdout, &mut watched).expect("text");
    watch.wait().expect("it ends");
    assert!(
        watched
            .lines()
            .last()
            .is_some_and(|last| last.contains("STOPPED")),
        "{watched}"
    );
    // The error offers only clusters that were not shut down.
    user.dgw(&["shutdown", &other, "nosuch", "-q"])
        .code(5)
        .stderr_eq(str![[r#"
error: no cluster matches `nosuch`

hint: `dgw list --all` lists every cluster that the gateway still knows

"#]]);
}
