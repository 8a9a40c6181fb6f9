//! `dgw list`

use snapbox::str;

use crate::support::BASIC;

#[test]
fn empty_list_is_a_success() {
    let user = BASIC.user();
    user.dgw(&["list"])
        .success()
        .stdout_eq(str![])
        .stderr_eq(str![[r#"
no active clusters

"#]]);
    user.dgw(&["list", "-o", "json"])
        .success()
        .stdout_eq(str![[r#"
[]

"#]]);
    user.dgw(&["list", "-o", "csv", "-q"])
        .success()
        .stdout_eq(str![[r#"
name,status,start_time,stop_time,options,dashboard_link,scheduler_address,label

"#]]);
    user.dgw(&["list", "-o", "csv", "--wide", "-q"])
        .success()
        .stdout_eq(str![[r#"
name,status,start_time,stop_time,options,dashboard_link,scheduler_address,label,workers,threads,memory_used,memory_limit,tasks,clients,idle_since,kept,kept_until

"#]]);
    user.dgw(&["list", "-o", "csv", "-q", "--no-header"])
        .success()
        .stdout_eq("");
    user.dgw(&["list", "-q"])
        .success()
        .stdout_eq("")
        .stderr_eq("");
}

#[test]
fn lists_active_clusters_oldest_first_and_all_on_request() {
    let user = BASIC.user();
    let first = user.stdout(&["new", "-s", "worker_cores=2"]);
    let second = user.stdout(&["new", "--no-wait", "-s", "scheduler_start=slow"]);
    user.dgw(&["list"]).success().stdout_eq(str![[r#"
NAME                              STATUS   AGE  OPTIONS                                                                                      DASHBOARD
[NAME]  RUNNING  [AGE]worker_cores=2,worker_memory=1.0,profile=small,priority=0,spot=false,scheduler_start=normal  http://[HOST]/clusters/[NAME]/status
[NAME]  PENDING  [AGE]worker_cores=1,worker_memory=1.0,profile=small,priority=0,spot=false,scheduler_start=slow    -

"#]]).stderr_eq(str![]);
    user.dgw(&["list", "--no-header", "-o", "table"]).success().stdout_eq(str![[r#"
[NAME]  RUNNING  [AGE]worker_cores=2,worker_memory=1.0,profile=small,priority=0,spot=false,scheduler_start=normal  http://[HOST]/clusters/[NAME]/status
[NAME]  PENDING  [AGE]worker_cores=1,worker_memory=1.0,profile=small,priority=0,spot=false,scheduler_start=slow    -

"#]]);
    assert_eq!(
        user.stdout(&["ls", "-o", "name"]),
        format!("{first}\n{second}")
    );

    user.stdout(&["shutdown", &second]);
    assert_eq!(user.stdout(&["list", "-o", "name"]), first);
    assert_eq!(
        user.stdout(&["list", "--all", "-o", "name"]),
        format!("{first}\n{second}")
    );
    assert_eq!(
        user.stdout(&["list", "--status", "Stopped,failed", "-o", "name"]),
        second
    );
}

#[test]
fn selects_by_name_status_and_age_and_sorts() {
    let user = BASIC.user();
    let old = user.stdout(&["new"]);
    std::thread::sleep(std::time::Duration::from_secs(3));
    let young = user.stdout(&["new"]);

    assert_eq!(user.stdout(&["list", &old[..12], "-o", "name"]), old);
    let url = user.stdout(&["dashboard", &young]);
    assert_eq!(user.stdout(&["list", &url, "-o", "name"]), young);
    assert_eq!(
        user.stdout(&["list", "--older-than", "2s", "-o", "name"])
            .lines()
            .next(),
        Some(&*old)
    );
    assert_eq!(
        user.stdout(&["list", "--older-than", "1h", "-o", "name"]),
        ""
    );
    assert_eq!(
        user.stdout(&["list", "--sort-by", "AGE", "-o", "name"]),
        format!("{young}\n{old}")
    );
    for (by, first, second) in [
        ("-AGE", &old, &young),
        ("start_time", &old, &young),
        ("-Start_Time", &young, &old),
        ("-name", (&old).max(&young), (&old).min(&young)),
    ] {
        assert_eq!(
            user.stdout(&["list", "--sort-by", by, "-o", "name"]),
            format!("{first}\n{second}"),
            "{by}"
        );
    }
    let records = user.json(&["list", "--sort-by=-start_time"]);
    assert_eq!(records[0]["name"], young.as_str());
    assert_eq!(
        user.stdout(&["list", &old, "--status", "pending", "-o", "name"]),
        ""
    );
    assert_eq!(
        user.stdout(&["list", &old, "--status", "running", "-o", "name"]),
        old
    );
    user.dgw(&["list", "--sort-by", "size"])
        .code(2)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: no column `size` to sort by: the columns are label, name, status, age, options, dashboard, start_time, stop_time, dashboard_link, scheduler_address

"#]]);
    user.dgw(&["list", "--sort-by", "cores"])
        .code(2)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: no column `cores` to sort by without `-o wide`, or `--wide`

"#]]);
    user.dgw(&["list", "nosuch"])
        .code(5)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: no cluster matches `nosuch`
  [NAME]  RUNNING   [AGE]
  [NAME]  RUNNING   [AGE]

hint: `dgw list --all` also lists clusters that have ended

"#]]);
    user.dgw(&["list", "--status", "asleep"])
        .code(2)
        .stdout_eq("")
        .stderr_eq(str![[r#"
error: invalid value 'asleep' for '--status <STATUS,…>'
  [possible values: pending, running, stopping, stopped, failed]

For more information, try '--help'.

"#]]);
    user.dgw(&["list", "--older-than", "90"]).code(2).stdout_eq("").stderr_eq(str![[r#"
error: invalid value '90' for '--older-than <DURATION>': must be a number with a unit: 90s, 30m, 2h, 1d12h; or [DAYS-]HOURS:MM:SS

For more information, try '--help'.

"#]]);
}
